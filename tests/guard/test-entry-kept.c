/* SPDX-License-Identifier: Apache-2.0 */

/* An entry that is kept beyond its deadlines during a pause (law 13). */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "guard/guard-entry.h"
#include "guard/protocol.h"

#define SEC USEC_PER_SEC

static const Heard NOBODY = {};

/* Armed at 1 s: stop_at 8 s, kill_at 10 s, its gate open. */
static GuardEntry armed(void) {
        GuardEntry e = {};

        guard_entry_arm(&e, SEC, 5, 8 * SEC, 10 * SEC, 7 * SEC, 9 * SEC);
        guard_entry_open(&e, SEC, 5);
        guard_entry_gate(&e, SEC, true);
        return e;
}

static GuardEntry expired(void) {
        GuardEntry e = armed();

        guard_entry_tick(&e, 8 * SEC, NOBODY);
        assert_true(guard_entry_is_stopping(&e));
        return e;
}

static void what_is_kept_has_no_deadline(void **state) {
        GuardEntry e = armed();

        assert_true(guard_entry_keep_on(&e, 2 * SEC) & ENTRY_MARK);
        assert_true(guard_entry_flags(&e) & GUARD_FLAG_KEEPS);
        assert_int_equal(guard_entry_next(&e, NOBODY), USEC_INFINITY);
        assert_int_equal(guard_entry_watchdog(&e, 2 * SEC), USEC_INFINITY);
        assert_int_equal(guard_entry_alarm(&e, 2 * SEC), USEC_INFINITY);
        assert_int_equal(guard_entry_tick(&e, 3600 * SEC, NOBODY), 0);
        /* Its gate may be closed, and opened again. */
        guard_entry_close(&e, 3600 * SEC);
        guard_entry_gate(&e, 3600 * SEC, false);
        assert_true(guard_entry_open(&e, 3600 * SEC, 5) & ENTRY_OPEN_GATE);
}

static void what_has_expired_is_not_kept(void **state) {
        GuardEntry e = armed(), old = expired();

        assert_true(guard_entry_keep_on(&e, 8 * SEC) & ENTRY_CLOSE_GATE);
        assert_int_equal(guard_entry_flags(&e) & (GUARD_FLAG_KEEPS | GUARD_FLAG_EXPIRED), GUARD_FLAG_EXPIRED);
        guard_entry_keep_on(&old, 9 * SEC);
        assert_true(guard_entry_is_stopping(&old));
}

static void deadlines_count_again_from_the_end_of_a_pause(void **state) {
        GuardEntry e = armed(), late = armed();

        guard_entry_keep_on(&e, 2 * SEC);
        assert_true(guard_entry_keep_off(&e, 1000 * SEC, 999 * SEC) & ENTRY_MARK);
        assert_int_equal(e.stop_at, 1006 * SEC);
        assert_int_equal(e.kill_at, 1008 * SEC);
        assert_false(guard_entry_flags(&e) & GUARD_FLAG_KEEPS);
        /* A request that was read late. */
        guard_entry_keep_on(&late, 2 * SEC);
        assert_true(guard_entry_keep_off(&late, 1000 * SEC, 900 * SEC) & ENTRY_CLOSE_GATE);
        assert_true(guard_entry_is_stopping(&late));
        /* Of what was not kept no deadline moves: only a beat moves it. */
        e = armed();
        guard_entry_keep_off(&e, 3 * SEC, 3 * SEC);
        assert_int_equal(e.stop_at, 8 * SEC);
}

static void a_unit_is_armed_long_after_the_last_beat_if_it_is_kept(void **state) {
        GuardEntry e = {};

        guard_entry_arm_kept(&e, 100 * SEC, 5, 8 * SEC, 10 * SEC, 7 * SEC, 9 * SEC);
        assert_true(guard_entry_is_live(&e));
        assert_true(guard_entry_open(&e, 100 * SEC, 5) & ENTRY_OPEN_GATE);
}

static void losing_what_is_kept_leaves_it_the_time_of_the_request(void **state) {
        GuardEntry e = armed();

        guard_entry_keep_on(&e, 2 * SEC);
        assert_int_equal(guard_entry_last_kill(&e, 100 * SEC), 109 * SEC);
        guard_entry_lose(&e, 100 * SEC, 5, 102 * SEC);
        assert_int_equal(e.kill_at, 102 * SEC);
        assert_false(guard_entry_flags(&e) & GUARD_FLAG_KEEPS);
        assert_true(guard_entry_is_stopping(&e));
}

static void losing_what_is_kept_leaves_it_no_more_than_its_ttl(void **state) {
        GuardEntry e = armed();

        guard_entry_keep_on(&e, 2 * SEC);
        guard_entry_lose(&e, 100 * SEC, 5, UINT64_MAX);
        assert_int_equal(e.kill_at, 109 * SEC);
        assert_true(guard_entry_is_stopping(&e));
}

static void what_is_kept_is_handed_on(void **state) {
        GuardEntry e = armed(), next = {};
        EntryKept kept;

        guard_entry_keep_on(&e, 2 * SEC);
        kept = guard_entry_keep(&e);
        assert_true(guard_entry_kept_is_valid(&kept));
        assert_false(guard_entry_take_over(&next, 100 * SEC, &kept) & ENTRY_CLOSE_GATE);
        assert_true(guard_entry_is_live(&next) && next.keeps);
        kept.lost = true;
        kept.open = false;
        assert_false(guard_entry_kept_is_valid(&kept));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_kept_has_no_deadline),
                cmocka_unit_test(what_has_expired_is_not_kept),
                cmocka_unit_test(deadlines_count_again_from_the_end_of_a_pause),
                cmocka_unit_test(a_unit_is_armed_long_after_the_last_beat_if_it_is_kept),
                cmocka_unit_test(losing_what_is_kept_leaves_it_the_time_of_the_request),
                cmocka_unit_test(losing_what_is_kept_leaves_it_no_more_than_its_ttl),
                cmocka_unit_test(what_is_kept_is_handed_on),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
