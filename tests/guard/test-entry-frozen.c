/* SPDX-License-Identifier: Apache-2.0 */

/* An entry with OnOutage=freeze: what freezes it, what thaws it, and what ends it (law 15). */

#include "entry-fixture.h"

#define STOP_AT (8 * SEC)
#define KILL_AT (10 * SEC)

static unsigned arm(GuardEntry *e, usec_t now, uint64_t index, usec_t t0) {
        return guard_entry_arm(e, now, index, t0 + 7 * SEC, t0 + 9 * SEC, 7 * SEC, 9 * SEC);
}

static GuardEntry open_one(void) {
        GuardEntry e = {};

        arm(&e, SEC, 5, SEC);
        guard_entry_set_freezes(&e, true);
        gate(&e, SEC, guard_entry_open(&e, SEC, 5));
        return e;
}

static GuardEntry freezing(void) {
        GuardEntry e = open_one();

        assert_true(tick(&e, STOP_AT) & ENTRY_FREEZE);
        assert_int_equal(guard_entry_flags(&e), GUARD_FLAG_FROZEN);
        return e;
}

static GuardEntry frozen(void) {
        GuardEntry e = freezing();

        assert_int_equal(guard_entry_looked(&e, STOP_AT, FROST_PENDING), 0);
        assert_true(guard_entry_looked(&e, STOP_AT + 5 * MS, FROST_FROZEN) & ENTRY_TELL);
        return e;
}

static void at_stop_at_the_gate_closes_and_nothing_is_stopped(void **state) {
        GuardEntry e = open_one();
        unsigned actions = tick(&e, STOP_AT);

        assert_int_equal(actions & (ENTRY_FREEZE | ENTRY_CLOSE_GATE | ENTRY_MARK),
                        ENTRY_FREEZE | ENTRY_CLOSE_GATE | ENTRY_MARK);
        assert_false(actions & (ENTRY_STOP | ENTRY_KILL | ENTRY_THAW));
        assert_true(guard_entry_is_busy(&e));
}

static void what_is_frozen_outlives_its_kill_at(void **state) {
        GuardEntry e = frozen();

        for (usec_t now = STOP_AT + 25 * MS; now < 3600 * SEC; now += SEC) {
                assert_int_equal(tick(&e, now), ENTRY_LOOK);
                assert_int_equal(guard_entry_looked(&e, now, FROST_FROZEN), 0);
        }
        assert_int_equal(guard_entry_watchdog(&e, 3600 * SEC), USEC_INFINITY);
        assert_int_equal(guard_entry_alarm(&e, 3600 * SEC), USEC_INFINITY);
}

/* Where the kernel tells of each change, the groups are hardly read, and at once when it has told. */
static void what_the_kernel_watches_is_looked_at_when_it_tells(void **state) {
        GuardEntry e = frozen();
        usec_t now = STOP_AT + 50 * MS;

        assert_int_equal(guard_entry_looked(&e, now, FROST_WATCHED), 0);
        assert_int_equal(guard_entry_next(&e, NOBODY), now + 5 * SEC);
        assert_int_equal(tick(&e, now + 100 * MS), 0);
        guard_entry_look(&e, now + 200 * MS);
        assert_int_equal(tick(&e, now + 200 * MS), ENTRY_LOOK);
        assert_true(guard_entry_looked(&e, KILL_AT, FROST_PENDING) & ENTRY_KILL);
        guard_entry_look(&e, KILL_AT); /* told too late */
        assert_true(guard_entry_is_stopping(&e));
}

static void what_is_not_found_frozen_by_kill_at_is_killed(void **state) {
        GuardEntry e = freezing();

        assert_int_equal(guard_entry_looked(&e, KILL_AT - 1, FROST_PENDING), 0);
        assert_true(guard_entry_next(&e, NOBODY) <= KILL_AT);
        assert_true(guard_entry_watchdog(&e, KILL_AT - SEC) < KILL_AT);
        assert_true(guard_entry_looked(&e, KILL_AT, FROST_FROZEN) & ENTRY_KILL);
        assert_int_equal(guard_entry_flags(&e) & ~GUARD_FLAG_OPEN, GUARD_FLAG_EXPIRED);
}

static void what_cannot_be_frozen_is_stopped_while_there_is_time(void **state) {
        GuardEntry e = freezing();
        unsigned actions = guard_entry_looked(&e, STOP_AT, FROST_FAILED);

        assert_true(actions & ENTRY_THAW);
        assert_false(actions & ENTRY_KILL);
        assert_true(tick(&e, STOP_AT) & ENTRY_STOP);
        assert_true(tick(&e, KILL_AT) & ENTRY_KILL);
}

static void what_somebody_thaws_is_stopped_and_after_kill_at_killed_at_once(void **state) {
        GuardEntry early = frozen(), late = frozen();

        assert_false(guard_entry_looked(&early, KILL_AT - 1, FROST_PENDING) & ENTRY_KILL);
        assert_true(tick(&early, KILL_AT - 1) & ENTRY_STOP);
        assert_true(guard_entry_looked(&late, 20 * SEC, FROST_PENDING) & ENTRY_KILL);
        assert_false(guard_entry_is_live(&late));
}

static void a_committed_beat_at_the_same_index_thaws_it(void **state) {
        GuardEntry e = frozen();
        unsigned actions = arm(&e, 30 * SEC, 5, 29 * SEC);

        assert_int_equal(actions & (ENTRY_THAW | ENTRY_OPEN_GATE), ENTRY_THAW | ENTRY_OPEN_GATE);
        gate(&e, 30 * SEC, actions);
        assert_int_equal(guard_entry_flags(&e), GUARD_FLAG_OPEN);
        assert_int_equal(e.kill_at, 38 * SEC);
        assert_true(tick(&e, 36 * SEC) & ENTRY_FREEZE); /* and the next silence freezes it again */
}

static void nothing_else_thaws_it(void **state) {
        GuardEntry e = frozen();

        assert_int_equal(guard_entry_beat(&e, 30 * SEC, 30 * SEC), 0);
        assert_int_equal(guard_entry_keep_on(&e, 30 * SEC), 0);
        assert_int_equal(guard_entry_keep_off(&e, 30 * SEC, 30 * SEC), 0);
        assert_int_equal(arm(&e, 30 * SEC, 4, 30 * SEC), ENTRY_TELL);
        assert_int_equal(arm(&e, 30 * SEC, 6, 30 * SEC), ENTRY_TELL);
        assert_int_equal(arm(&e, 30 * SEC, 5, 23 * SEC), ENTRY_TELL); /* its stop_at has passed again */
        assert_int_equal(guard_entry_open(&e, 30 * SEC, 5), ENTRY_TELL);
        assert_int_equal(guard_entry_restore(&e, 30 * SEC, true), ENTRY_MARK);
        assert_int_equal(guard_entry_flags(&e), GUARD_FLAG_FROZEN);
}

static void whoever_loses_its_lease_is_killed_as_it_is(void **state) {
        GuardEntry e = frozen();
        unsigned actions = guard_entry_lose(&e, STOP_AT + 100 * MS, 5, KILL_AT);

        assert_true(actions & ENTRY_KILL);
        assert_false(actions & (ENTRY_THAW | ENTRY_STOP));
        assert_true(guard_entry_flags(&e) & GUARD_FLAG_LOST);
}

static void a_daemon_that_closes_or_disarms_has_it_ended(void **state) {
        GuardEntry closed = frozen(), disarmed = frozen();

        assert_true(guard_entry_close(&closed, 20 * SEC) & ENTRY_KILL);
        assert_true(guard_entry_disarm(&disarmed, 20 * SEC) & ENTRY_KILL);
        assert_true(guard_entry_is_stopping(&closed) && guard_entry_is_stopping(&disarmed));
}

static void one_that_is_kept_is_thawed_by_a_beat_that_keeps(void **state) {
        GuardEntry e = frozen();

        assert_true(guard_entry_arm_kept(&e, 30 * SEC, 5, 29 * SEC, 31 * SEC, 7 * SEC, 9 * SEC) & ENTRY_THAW);
        assert_int_equal(guard_entry_flags(&e) & GUARD_FLAG_KEEPS, GUARD_FLAG_KEEPS);
}

static void a_guard_that_comes_to_it_after_kill_at_freezes_nothing(void **state) {
        GuardEntry e = open_one();

        assert_false(tick(&e, KILL_AT) & ENTRY_FREEZE);
        assert_true(tick(&e, KILL_AT) & ENTRY_KILL || e.kill_next > KILL_AT);
}

static void whose_gate_was_never_opened_is_stopped(void **state) {
        GuardEntry e = {};

        arm(&e, SEC, 5, SEC);
        guard_entry_set_freezes(&e, true);
        assert_false(tick(&e, STOP_AT) & ENTRY_FREEZE);
        assert_int_equal(guard_entry_flags(&e), GUARD_FLAG_EXPIRED);
}

static void a_hand_over_carries_the_wish(void **state) {
        GuardEntry e = open_one(), next = {};
        EntryKept kept = guard_entry_keep(&e);

        guard_entry_take_over(&next, 2 * SEC, &kept);
        assert_true(tick(&next, STOP_AT) & ENTRY_FREEZE);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(at_stop_at_the_gate_closes_and_nothing_is_stopped),
                cmocka_unit_test(what_is_frozen_outlives_its_kill_at),
                cmocka_unit_test(what_the_kernel_watches_is_looked_at_when_it_tells),
                cmocka_unit_test(what_is_not_found_frozen_by_kill_at_is_killed),
                cmocka_unit_test(what_cannot_be_frozen_is_stopped_while_there_is_time),
                cmocka_unit_test(what_somebody_thaws_is_stopped_and_after_kill_at_killed_at_once),
                cmocka_unit_test(a_committed_beat_at_the_same_index_thaws_it),
                cmocka_unit_test(nothing_else_thaws_it),
                cmocka_unit_test(whoever_loses_its_lease_is_killed_as_it_is),
                cmocka_unit_test(a_daemon_that_closes_or_disarms_has_it_ended),
                cmocka_unit_test(one_that_is_kept_is_thawed_by_a_beat_that_keeps),
                cmocka_unit_test(a_guard_that_comes_to_it_after_kill_at_freezes_nothing),
                cmocka_unit_test(whose_gate_was_never_opened_is_stopped),
                cmocka_unit_test(a_hand_over_carries_the_wish),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
