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

/* With a short StopGrace=, half of the time from the stop to kill_at is shorter than what a silent PID 1 is granted.
 */
static void a_short_stop_makes_it_shout_in_the_midst_of_it(void **state) {
        static const usec_t kill_at[] = { 8 * SEC + 400 * MS, 8 * SEC + 20 * MS };

        for (size_t i = 0; i < ELEMENTSOF(kill_at); i++) {
                Heard heard = { 8 * SEC, 8 * SEC };
                usec_t middle = (8 * SEC + kill_at[i]) / 2;
                GuardEntry e = {};

                guard_entry_arm(&e, SEC, 5, 8 * SEC, kill_at[i], 7 * SEC, kill_at[i] - SEC);
                gate(&e, SEC, guard_entry_open(&e, SEC, 5));
                assert_true(tick(&e, 8 * SEC) & ENTRY_STOP);
                assert_false(guard_entry_tick(&e, middle, heard) & ENTRY_SHOUT); /* nobody has refused yet */
                guard_entry_stop_answered(&e, middle - 1, STOP_REFUSED);
                assert_true(guard_entry_next(&e, heard) <= middle);
                assert_false(guard_entry_tick(&e, middle - 1, heard) & ENTRY_SHOUT);
                assert_true(guard_entry_tick(&e, middle, heard) & ENTRY_SHOUT);
        }
}

/* As with a lease that another machine has already, or after a pause. */
static void a_refusal_after_kill_at_makes_it_shout_at_once(void **state) {
        Heard heard = { 3 * SEC, 3 * SEC };
        GuardEntry e = armed();

        gate(&e, 3 * SEC, guard_entry_lose(&e, 3 * SEC, 5, 3 * SEC));
        assert_true(guard_entry_tick(&e, 3 * SEC, heard) & ENTRY_STOP);
        assert_false(guard_entry_tick(&e, 3 * SEC + 1, heard) & ENTRY_SHOUT);
        guard_entry_stop_answered(&e, 3 * SEC + 1, STOP_REFUSED);
        assert_true(guard_entry_next(&e, heard) <= 3 * SEC + 1);
        assert_true(guard_entry_tick(&e, 3 * SEC + 1, heard) & ENTRY_SHOUT);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_pid_one_that_refuses_makes_it_shout_before_kill_at),
                cmocka_unit_test(a_pid_one_that_refuses_once_does_not_make_it_shout),
                cmocka_unit_test(a_short_stop_makes_it_shout_in_the_midst_of_it),
                cmocka_unit_test(a_refusal_after_kill_at_makes_it_shout_at_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
