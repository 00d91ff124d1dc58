/* SPDX-License-Identifier: Apache-2.0 */

/* LIMIT: an entry also ends at a time that no beat moves. */

#include "entry-fixture.h"

static void a_limit_ends_an_entry_that_has_its_beats(void **state) {
        GuardEntry e = armed();

        assert_true(guard_entry_limit(&e, 2 * SEC, 6 * SEC, 7 * SEC) & ENTRY_MARK);
        assert_int_equal(guard_entry_flags(&e), GUARD_FLAG_OPEN | GUARD_FLAG_LIMITED);
        guard_entry_beat(&e, 5 * SEC, 5 * SEC);
        assert_int_equal(guard_entry_next(&e, NOBODY), 6 * SEC);
        assert_int_equal(guard_entry_watchdog(&e, 5 * SEC), 6 * SEC + 100 * MS);
        assert_int_equal(tick(&e, 6 * SEC - 1), 0);
        assert_true(tick(&e, 6 * SEC) & ENTRY_CLOSE_GATE);
        assert_int_equal(guard_entry_flags(&e), GUARD_FLAG_LOST | GUARD_FLAG_LIMITED);
        assert_int_equal(e.kill_at, 7 * SEC);
        guard_entry_beat(&e, 6 * SEC, 6 * SEC); /* which comes too late */
        guard_entry_limit(&e, 6 * SEC, 16 * SEC, 17 * SEC);
        assert_true(tick(&e, 7 * SEC) & ENTRY_KILL);
}

static void a_limit_is_only_ever_put_off(void **state) {
        GuardEntry e = armed(), none = {};

        guard_entry_limit(&e, 2 * SEC, 5 * SEC, 6 * SEC);
        guard_entry_limit(&e, 3 * SEC, 7 * SEC, 7500 * MS);
        guard_entry_limit(&e, 3 * SEC, 4 * SEC, 5 * SEC);
        assert_int_equal(e.limit_stop, 7 * SEC);
        assert_int_equal(e.limit_kill, 7500 * MS);
        assert_false(guard_entry_limit(&none, SEC, SEC, SEC) & ENTRY_MARK);
        assert_int_equal(none.index, 0);
        guard_entry_arm(&e, 4 * SEC, 5, 11 * SEC, 13 * SEC, 7 * SEC, 9 * SEC);
        assert_int_equal(guard_entry_next(&e, NOBODY), 7 * SEC);
}

static void a_limit_lengthens_nothing(void **state) {
        GuardEntry e = armed();

        guard_entry_limit(&e, 2 * SEC, 9500 * MS, 9800 * MS);
        assert_true(tick(&e, 8 * SEC) & ENTRY_CLOSE_GATE);
        assert_int_equal(guard_entry_flags(&e), GUARD_FLAG_EXPIRED | GUARD_FLAG_LIMITED);
        assert_int_equal(e.kill_at, 9800 * MS); /* and not 10 s */
        e = armed();
        guard_entry_limit(&e, 9 * SEC, 0, 0);
        assert_true(guard_entry_is_stopping(&e));
}

static void a_limit_that_comes_late_or_is_over_ends_the_entry_at_once(void **state) {
        GuardEntry e = armed();

        assert_true(guard_entry_limit(&e, 3 * SEC, 0, 0) & ENTRY_CLOSE_GATE);
        assert_true(e.lost && e.kill_at <= 3 * SEC);
}

static void a_limit_counts_in_a_pause_of_the_cluster(void **state) {
        GuardEntry e = armed();

        guard_entry_limit(&e, 2 * SEC, 20 * SEC, 22 * SEC);
        guard_entry_keep_on(&e, 3 * SEC);
        assert_int_equal(guard_entry_next(&e, NOBODY), 20 * SEC);
        assert_int_equal(guard_entry_watchdog(&e, 3 * SEC), 20 * SEC + 100 * MS);
        assert_true(tick(&e, 20 * SEC) & ENTRY_CLOSE_GATE);
        assert_int_equal(e.kill_at, 22 * SEC);
        e = armed();
        guard_entry_limit(&e, 2 * SEC, 9 * SEC, 10 * SEC);
        guard_entry_keep_on(&e, 3 * SEC);
        guard_entry_lose(&e, 4 * SEC, 5, 12 * SEC);
        assert_int_equal(e.kill_at, 10 * SEC);
}

static void a_limit_follows_a_pause_of_the_machine_and_is_handed_on(void **state) {
        const UnitAnswer down = { .known = true, .asked_at = 5 * SEC + 1, .empty = true };
        GuardEntry e = armed(), next = {};
        EntryKept kept;

        guard_entry_limit(&e, 2 * SEC, 6 * SEC, 7 * SEC);
        guard_entry_move(&e, SEC);
        assert_int_equal(guard_entry_next(&e, NOBODY), 5 * SEC);
        kept = guard_entry_keep(&e);
        assert_true(guard_entry_kept_is_valid(&kept));
        guard_entry_take_over(&next, 3 * SEC, &kept);
        assert_int_equal(guard_entry_next(&next, NOBODY), 5 * SEC);
        tick(&next, 5 * SEC);
        assert_int_equal(next.kill_at, 6 * SEC);
        guard_entry_reported(&next, 5500 * MS, &down);
        guard_entry_arm(&next, 6 * SEC, 6, 12 * SEC, 14 * SEC, 7 * SEC, 9 * SEC); /* it is of the old entry */
        assert_int_equal(guard_entry_flags(&next), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_limit_ends_an_entry_that_has_its_beats),
                cmocka_unit_test(a_limit_is_only_ever_put_off),
                cmocka_unit_test(a_limit_lengthens_nothing),
                cmocka_unit_test(a_limit_that_comes_late_or_is_over_ends_the_entry_at_once),
                cmocka_unit_test(a_limit_counts_in_a_pause_of_the_cluster),
                cmocka_unit_test(a_limit_follows_a_pause_of_the_machine_and_is_handed_on),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
