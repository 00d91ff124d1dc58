/* SPDX-License-Identifier: Apache-2.0 */
/* An entry whose stop PID 1 refuses (law 7). */
#include "entry-fixture.h"

/* At 8 s; kill_at is 10 s. */
static GuardEntry expired(void) {
        GuardEntry e = armed();

        assert_true(tick(&e, 8 * SEC) & ENTRY_STOP);
        return e;
}

/* PID 1 answers all the time, and does not stop the unit. */
static void a_pid_one_that_refuses_makes_it_shout_before_kill_at(void **state) {
        GuardEntry e = expired();

        for (usec_t now = 8 * SEC; now < 8900 * MS; now += GUARD_ASK_EVERY) {
                Heard heard = { .bus = now, .pid_one = now };
                unsigned actions;

                guard_entry_stop_answered(&e, now, STOP_REFUSED);
                assert_true(guard_entry_next(&e, heard) <= now + GUARD_ASK_EVERY);
                actions = guard_entry_tick(&e, now + GUARD_ASK_EVERY, heard);
                assert_true(actions & ENTRY_STOP);
                assert_false(actions & ENTRY_SHOUT);
        }
        assert_true(guard_entry_tick(&e, 9 * SEC, (Heard){ 9 * SEC, 9 * SEC }) & ENTRY_SHOUT);
        assert_false(guard_entry_tick(&e, 9 * SEC + 1, (Heard){ 9 * SEC, 9 * SEC }) & ENTRY_SHOUT);
}

static void a_pid_one_that_refuses_once_does_not_make_it_shout(void **state) {
        static const StopAnswer then[] = { STOP_ACCEPTED, STOP_SILENT };

        for (size_t i = 0; i < ELEMENTSOF(then); i++) {
                GuardEntry e = expired();

                guard_entry_stop_answered(&e, 8 * SEC, STOP_REFUSED);
                assert_true(guard_entry_tick(&e, 8 * SEC + GUARD_ASK_EVERY, NOBODY) & ENTRY_STOP);
                guard_entry_stop_answered(&e, 8900 * MS, then[i]);
                assert_false(guard_entry_tick(&e, 9 * SEC, (Heard){ 9 * SEC, 9 * SEC }) & ENTRY_SHOUT);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_pid_one_that_refuses_makes_it_shout_before_kill_at),
                cmocka_unit_test(a_pid_one_that_refuses_once_does_not_make_it_shout),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
