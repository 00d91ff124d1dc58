/* SPDX-License-Identifier: Apache-2.0 */

/* The decisions of one entry, case by case, and then under a storm of random requests against the laws they must keep.
 */

#include "entry-fixture.h"

#include <stdio.h>

static GuardEntry expired(void) {
        GuardEntry e = armed();

        assert_true(tick(&e, 8 * SEC) & ENTRY_CLOSE_GATE);
        assert_int_equal(guard_entry_flags(&e), GUARD_FLAG_EXPIRED);
        return e;
}

static const UnitAnswer *down_since(usec_t asked_at) {
        static UnitAnswer a;

        a = (UnitAnswer){ .known = true, .asked_at = asked_at, .empty = true };
        return &a;
}

static GuardEntry down(void) {
        GuardEntry e = expired();

        assert_true(guard_entry_reported(&e, 9 * SEC, down_since(8 * SEC + 1)) & ENTRY_TELL);
        assert_int_equal(guard_entry_flags(&e), GUARD_FLAG_EXPIRED | GUARD_FLAG_DOWN);
        return e;
}

static void arming_opens_no_gate(void **state) {
        GuardEntry e = {};

        assert_false(guard_entry_arm(&e, SEC, 5, 8 * SEC, 10 * SEC, 7 * SEC, 9 * SEC) & ENTRY_OPEN_GATE);
        assert_int_equal(guard_entry_flags(&e), 0);
        assert_int_equal(guard_entry_next(&e, NOBODY), 8 * SEC);
}

static void arming_too_late_is_an_expired_entry(void **state) {
        GuardEntry e = {};

        gate(&e, 9 * SEC, guard_entry_arm(&e, 9 * SEC, 5, 8 * SEC, 10 * SEC, 7 * SEC, 9 * SEC));
        assert_int_equal(guard_entry_flags(&e), GUARD_FLAG_EXPIRED);
        assert_false(guard_entry_open(&e, 9 * SEC, 5) & ENTRY_OPEN_GATE);
}

static void arming_with_index_zero_makes_nothing(void **state) {
        GuardEntry e = {};

        assert_int_equal(guard_entry_arm(&e, SEC, 0, 8 * SEC, 10 * SEC, 7 * SEC, 9 * SEC), ENTRY_TELL);
        assert_int_equal(e.index, 0);
}

static void killing_never_comes_before_stopping(void **state) {
        GuardEntry e = {};

        guard_entry_arm(&e, SEC, 5, 12 * SEC, 10 * SEC, 11 * SEC, 9 * SEC);
        assert_int_equal(e.stop_at, 10 * SEC);
        guard_entry_beat(&e, 2 * SEC, 2 * SEC);
        assert_int_equal(e.stop_at, 11 * SEC);
        assert_int_equal(e.kill_at, 11 * SEC);
}

static void a_gate_opens_for_the_right_index_only(void **state) {
        GuardEntry e = {};

        assert_false(guard_entry_open(&e, SEC, 5) & ENTRY_OPEN_GATE);
        assert_false(guard_entry_open(&e, SEC, 0) & ENTRY_OPEN_GATE);
        guard_entry_arm(&e, SEC, 5, 8 * SEC, 10 * SEC, 7 * SEC, 9 * SEC);
        assert_false(guard_entry_open(&e, SEC, 4) & ENTRY_OPEN_GATE);
        assert_false(guard_entry_open(&e, SEC, 6) & ENTRY_OPEN_GATE);
        assert_true(guard_entry_open(&e, SEC, 5) & ENTRY_OPEN_GATE);
}

static void a_gate_opens_before_stop_at_only(void **state) {
        for (usec_t now = 8 * SEC - 2; now <= 8 * SEC + 2; now++) {
                GuardEntry e = {};

                guard_entry_arm(&e, SEC, 5, 8 * SEC, 10 * SEC, 7 * SEC, 9 * SEC);
                assert_int_equal(!!(guard_entry_open(&e, now, 5) & ENTRY_OPEN_GATE), now < 8 * SEC);
        }
}

static void a_gate_that_was_opened_too_slowly_is_closed_at_once(void **state) {
        GuardEntry e = {};

        guard_entry_arm(&e, SEC, 5, 8 * SEC, 10 * SEC, 7 * SEC, 9 * SEC);
        assert_true(guard_entry_open(&e, 8 * SEC - 1, 5) & ENTRY_OPEN_GATE);
        assert_true(guard_entry_gate(&e, 8 * SEC, true) & ENTRY_CLOSE_GATE);
}

/* Law 7: an older gate may be there. */
static void a_gate_that_cannot_be_opened_is_told_as_closed_when_it_is_gone(void **state) {
        GuardEntry e = {};

        guard_entry_arm(&e, SEC, 5, 8 * SEC, 10 * SEC, 7 * SEC, 9 * SEC);
        assert_true(guard_entry_open(&e, SEC, 5) & ENTRY_OPEN_GATE);
        assert_true(guard_entry_not_opened(&e, SEC) & ENTRY_CLOSE_GATE);
        guard_entry_gate(&e, SEC, true);
        assert_int_equal(guard_entry_flags(&e), GUARD_FLAG_OPEN);
        assert_true(guard_entry_tick(&e, SEC + GUARD_KILL_EVERY, NOBODY) & ENTRY_CLOSE_GATE);
        guard_entry_gate(&e, SEC + GUARD_KILL_EVERY, false);
        assert_int_equal(guard_entry_flags(&e), 0);
        assert_false(tick(&e, 2 * SEC) & (ENTRY_OPEN_GATE | ENTRY_CLOSE_GATE));
}

static void closing_keeps_the_entry(void **state) {
        GuardEntry e = armed();

        assert_true(gate(&e, 2 * SEC, guard_entry_close(&e, 2 * SEC)) & ENTRY_CLOSE_GATE);
        assert_int_equal(guard_entry_flags(&e), 0);
        assert_int_equal(e.index, 5);
        assert_true(guard_entry_open(&e, 3 * SEC, 5) & ENTRY_OPEN_GATE);
}

static void a_gate_that_does_not_close_is_tried_again(void **state) {
        GuardEntry e = armed();

        assert_true(guard_entry_close(&e, 2 * SEC) & ENTRY_CLOSE_GATE);
        guard_entry_gate(&e, 2 * SEC, true);
        assert_int_equal(guard_entry_flags(&e), GUARD_FLAG_OPEN);
        assert_int_equal(guard_entry_next(&e, NOBODY), 2 * SEC + GUARD_KILL_EVERY);
        assert_true(guard_entry_tick(&e, 2 * SEC + GUARD_KILL_EVERY, NOBODY) & ENTRY_CLOSE_GATE);
}

static void a_beat_moves_both_deadlines(void **state) {
        GuardEntry e = armed();

        guard_entry_beat(&e, 4 * SEC, 3 * SEC);
        assert_int_equal(e.stop_at, 10 * SEC);
        assert_int_equal(e.kill_at, 12 * SEC);
}

static void a_beat_never_moves_them_back(void **state) {
        GuardEntry e = armed();

        guard_entry_beat(&e, 4 * SEC, SEC / 2);
        assert_int_equal(e.stop_at, 8 * SEC);
        assert_int_equal(e.kill_at, 10 * SEC);
}

static void a_beat_from_the_future_counts_from_now(void **state) {
        GuardEntry e = armed();

        guard_entry_beat(&e, 4 * SEC, 100 * SEC);
        assert_int_equal(e.stop_at, 11 * SEC);
}

static void a_beat_that_is_read_too_late_revives_nothing(void **state) {
        GuardEntry e = armed();

        gate(&e, 8 * SEC, guard_entry_beat(&e, 8 * SEC, 7 * SEC));
        assert_int_equal(guard_entry_flags(&e), GUARD_FLAG_EXPIRED);
        guard_entry_beat(&e, 8 * SEC + 1, 8 * SEC + 1);
        assert_int_equal(e.stop_at, 8 * SEC);
        assert_int_equal(e.kill_at, 10 * SEC);
}

static void arming_again_only_lengthens(void **state) {
        GuardEntry e = armed();

        guard_entry_arm(&e, 2 * SEC, 5, 7 * SEC, 9 * SEC, 7 * SEC, 9 * SEC);
        assert_int_equal(e.stop_at, 8 * SEC);
        guard_entry_arm(&e, 2 * SEC, 5, 9 * SEC, 11 * SEC, 7 * SEC, 9 * SEC);
        assert_int_equal(e.stop_at, 9 * SEC);
        assert_int_equal(guard_entry_flags(&e), GUARD_FLAG_OPEN);
}

static void another_ttl_counts_though_it_is_shorter(void **state) {
        GuardEntry e = armed();

        guard_entry_arm(&e, 2 * SEC, 5, 3 * SEC, 4 * SEC, SEC, 2 * SEC);
        assert_int_equal(e.stop_at, 3 * SEC);
        assert_int_equal(e.kill_at, 4 * SEC);
}

static void arming_another_index_is_ignored(void **state) {
        GuardEntry live = armed(), late = expired();

        guard_entry_arm(&live, 2 * SEC, 6, 9 * SEC, 11 * SEC, 7 * SEC, 9 * SEC);
        assert_int_equal(live.index, 5);
        guard_entry_arm(&late, 9 * SEC, 6, 16 * SEC, 18 * SEC, 7 * SEC, 9 * SEC);
        assert_int_equal(late.index, 5);
        assert_int_equal(guard_entry_flags(&late), GUARD_FLAG_EXPIRED);
}

static void an_expired_entry_is_armed_again_only_once_it_is_down(void **state) {
        GuardEntry late = expired(), over = down();

        guard_entry_arm(&late, 9 * SEC, 5, 16 * SEC, 18 * SEC, 7 * SEC, 9 * SEC);
        assert_int_equal(guard_entry_flags(&late), GUARD_FLAG_EXPIRED);
        guard_entry_arm(&over, 9 * SEC, 5, 16 * SEC, 18 * SEC, 7 * SEC, 9 * SEC);
        assert_int_equal(guard_entry_flags(&over), 0);
        assert_int_equal(over.stop_at, 16 * SEC);
}

static void an_entry_is_good_for_no_longer_than_from_a_beat_that_is_sent_now(void **state) {
        const EntryKept kept = { .index = 5,
                .stop_at = UINT64_MAX,
                .kill_at = UINT64_MAX,
                .stop_offset = UINT64_MAX,
                .kill_offset = UINT64_MAX,
                .limit_stop = UINT64_MAX,
                .limit_kill = UINT64_MAX };
        GuardEntry e = {}, other = armed(), next = {};

        guard_entry_arm(&e, SEC, 5, UINT64_MAX, UINT64_MAX, 7 * SEC, 9 * SEC);
        assert_true(e.stop_at == 8 * SEC && e.kill_at == 10 * SEC);
        guard_entry_arm(&e, 2 * SEC, 5, UINT64_MAX, UINT64_MAX, 7 * SEC, 9 * SEC); /* the same TTL */
        assert_true(e.stop_at == 9 * SEC && e.kill_at == 11 * SEC);
        guard_entry_arm(&other, 2 * SEC, 5, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX);
        assert_true(other.stop_at == 2 * SEC + GUARD_TTL_MAX && other.kill_at == 2 * SEC + GUARD_TTL_MAX);
        guard_entry_beat(&other, 3 * SEC, 3 * SEC);
        assert_int_equal(other.kill_at, 3 * SEC + GUARD_TTL_MAX);
        guard_entry_limit(&other, 4 * SEC, UINT64_MAX, UINT64_MAX);
        assert_true(other.limit_stop == 4 * SEC + GUARD_TTL_MAX && other.limit_kill == 4 * SEC + GUARD_TTL_MAX);
        guard_entry_take_over(&next, 2 * SEC, &kept);
        assert_true(next.stop_at == 2 * SEC + GUARD_TTL_MAX && next.kill_at == 2 * SEC + GUARD_TTL_MAX);
        assert_int_equal(next.kill_offset, GUARD_TTL_MAX);
        assert_int_equal(next.limit_kill, 2 * SEC + GUARD_TTL_MAX);
}

static void losing_stops_now_and_shortens_only(void **state) {
        GuardEntry e = armed();

        assert_true(gate(&e, 2 * SEC, guard_entry_lose(&e, 2 * SEC, 5, 6 * SEC)) & ENTRY_CLOSE_GATE);
        assert_int_equal(guard_entry_flags(&e), GUARD_FLAG_LOST);
        assert_int_equal(e.stop_at, 2 * SEC);
        assert_int_equal(e.kill_at, 6 * SEC);
        guard_entry_lose(&e, 3 * SEC, 5, 20 * SEC);
        assert_int_equal(e.kill_at, 6 * SEC);
        guard_entry_lose(&e, 3 * SEC, 5, 5 * SEC);
        assert_int_equal(e.kill_at, 5 * SEC);
        guard_entry_beat(&e, 4 * SEC, 4 * SEC);
        assert_int_equal(e.kill_at, 5 * SEC);
}

static void losing_cannot_lengthen_what_was_armed(void **state) {
        GuardEntry e = armed();

        gate(&e, 2 * SEC, guard_entry_lose(&e, 2 * SEC, 5, 50 * SEC));
        assert_int_equal(e.kill_at, 10 * SEC);
}

static void losing_counts_for_whatever_index_is_there(void **state) {
        GuardEntry e = armed();

        gate(&e, 2 * SEC, guard_entry_lose(&e, 2 * SEC, 4, 6 * SEC));
        assert_int_equal(e.index, 5);
        assert_int_equal(guard_entry_flags(&e), GUARD_FLAG_LOST);
}

static void losing_a_unit_without_an_entry_makes_one(void **state) {
        GuardEntry e = {}, f = {};

        assert_true(gate(&e, 2 * SEC, guard_entry_lose(&e, 2 * SEC, 7, 6 * SEC)) & ENTRY_CLOSE_GATE);
        assert_int_equal(e.index, 7);
        assert_true(tick(&e, 2 * SEC) & ENTRY_STOP);
        guard_entry_lose(&f, 2 * SEC, 0, 6 * SEC);
        assert_int_not_equal(f.index, 0);
}

static void losing_a_unit_without_an_entry_leaves_it_no_more_than_the_longest_ttl(void **state) {
        GuardEntry none = {}, over = down();

        gate(&none, 2 * SEC, guard_entry_lose(&none, 2 * SEC, 7, UINT64_MAX));
        assert_int_equal(none.kill_at, 2 * SEC + GUARD_TTL_MAX);
        gate(&over, 20 * SEC, guard_entry_lose(&over, 20 * SEC, 5, UINT64_MAX));
        assert_int_equal(over.kill_at, 20 * SEC + GUARD_TTL_MAX);
}

static void losing_a_unit_that_was_down_starts_over(void **state) {
        GuardEntry e = down();

        gate(&e, 20 * SEC, guard_entry_lose(&e, 20 * SEC, 5, 22 * SEC));
        assert_int_equal(guard_entry_flags(&e), GUARD_FLAG_LOST);
        assert_int_equal(e.kill_at, 22 * SEC);
        assert_true(tick(&e, 20 * SEC) & ENTRY_STOP);
}

static void disarming_closes_the_gate_and_ends_the_entry(void **state) {
        GuardEntry e = armed();
        unsigned actions = gate(&e, 2 * SEC, guard_entry_disarm(&e, 2 * SEC));

        assert_int_equal(e.index, 0);
        assert_true(actions & ENTRY_CLOSE_GATE);
        assert_true(actions & ENTRY_MARK);
        assert_true(actions & ENTRY_TELL);
}

static void disarming_waits_for_a_gate_that_does_not_close(void **state) {
        GuardEntry e = armed();

        guard_entry_disarm(&e, 2 * SEC);
        guard_entry_gate(&e, 2 * SEC, true);
        assert_int_equal(e.index, 5);
        assert_false(guard_entry_open(&e, 2 * SEC, 5) & ENTRY_OPEN_GATE);
        assert_true(tick(&e, 3 * SEC) & ENTRY_CLOSE_GATE);
        assert_int_equal(e.index, 0);
}

static void disarming_waits_until_an_expired_unit_is_down(void **state) {
        GuardEntry e = expired();

        gate(&e, 9 * SEC, guard_entry_disarm(&e, 9 * SEC));
        assert_int_equal(e.index, 5);
        assert_true(tick(&e, 10 * SEC) & ENTRY_KILL);
        guard_entry_reported(&e, 11 * SEC, down_since(10 * SEC));
        assert_int_equal(e.index, 0);
}

static void disarming_nothing_is_fine(void **state) {
        GuardEntry e = {};

        assert_int_equal(guard_entry_disarm(&e, SEC), ENTRY_TELL);
        assert_int_equal(guard_entry_close(&e, SEC), ENTRY_TELL);
}

static void at_stop_at_the_gate_goes_and_pid_one_is_asked(void **state) {
        GuardEntry e = armed();
        unsigned actions;

        assert_int_equal(tick(&e, 8 * SEC - 1), 0);
        actions = tick(&e, 8 * SEC);
        assert_true(actions & ENTRY_CLOSE_GATE);
        assert_true(actions & ENTRY_STOP);
        assert_true(actions & ENTRY_ASK);
        assert_true(actions & ENTRY_MARK);
        assert_true(actions & ENTRY_TELL);
        assert_false(actions & ENTRY_KILL);
}

static void a_stop_that_was_refused_is_asked_for_again(void **state) {
        GuardEntry e = expired();

        guard_entry_stop_answered(&e, 8 * SEC + 5 * MS, STOP_REFUSED);
        assert_false(tick(&e, 8 * SEC + 6 * MS) & ENTRY_STOP);
        assert_true(tick(&e, 8 * SEC + 5 * MS + GUARD_ASK_EVERY) & ENTRY_STOP);
}

static void a_unit_that_is_up_after_its_stop_job_is_stopped_again(void **state) {
        GuardEntry e = expired();
        UnitAnswer up = { .known = true, .asked_at = 8 * SEC + 20 * MS, .up = true, .job = true };

        guard_entry_stop_answered(&e, 8 * SEC + 10 * MS, STOP_ACCEPTED);
        guard_entry_reported(&e, 8 * SEC + 30 * MS, &up);
        assert_false(tick(&e, 8 * SEC + 31 * MS) & ENTRY_STOP);
        up.job = false;
        guard_entry_reported(&e, 8 * SEC + 40 * MS, &up);
        assert_true(tick(&e, 8 * SEC + 41 * MS) & ENTRY_STOP);
}

static void killing_begins_at_kill_at_and_goes_on(void **state) {
        GuardEntry e = expired();

        assert_false(tick(&e, 10 * SEC - 1) & ENTRY_KILL);
        for (usec_t now = 10 * SEC; now < 11 * SEC; now += GUARD_KILL_EVERY) {
                assert_true(guard_entry_next(&e, NOBODY) <= now);
                assert_true(tick(&e, now) & ENTRY_KILL);
                assert_false(tick(&e, now + 1) & ENTRY_KILL);
        }
}

static void with_an_execstoppost_it_is_ended_some_time_before_kill_at(void **state) {
        GuardEntry e = expired(), none = expired();

        guard_entry_set_post(&e, true);
        assert_int_equal(guard_entry_end_at(&e), 9500 * MS);
        assert_int_equal(guard_entry_end_at(&none), 10 * SEC);
        assert_int_equal(tick(&e, 9499 * MS) & (ENTRY_END | ENTRY_KILL), 0);
        assert_int_equal(tick(&e, 9500 * MS) & (ENTRY_END | ENTRY_KILL), ENTRY_END);
        assert_int_equal(tick(&e, 9519 * MS) & (ENTRY_END | ENTRY_KILL), 0);
        assert_int_equal(tick(&e, 9999 * MS) & (ENTRY_END | ENTRY_KILL), ENTRY_END);
        assert_true(guard_entry_next(&e, NOBODY) <= 10 * SEC);
        assert_int_equal(tick(&none, 9999 * MS) & (ENTRY_END | ENTRY_KILL), 0);

        /* kill_at is what it was: all are killed, again and again. */
        assert_int_equal(tick(&e, 10 * SEC) & (ENTRY_END | ENTRY_KILL), ENTRY_KILL);
        assert_int_equal(tick(&e, 10 * SEC + GUARD_KILL_EVERY) & (ENTRY_END | ENTRY_KILL), ENTRY_KILL);
}

static void at_most_half_of_the_grace_is_kept_for_execstoppost(void **state) {
        GuardEntry e = armed(), late = armed();

        guard_entry_lose(&e, 2 * SEC, 5, 2400 * MS);
        guard_entry_set_post(&e, true);
        assert_int_equal(guard_entry_end_at(&e), 2200 * MS);
        guard_entry_lose(&e, 2 * SEC, 5, 2200 * MS);
        assert_int_equal(guard_entry_end_at(&e), 2100 * MS);

        guard_entry_lose(&late, 2 * SEC, 5, SEC);
        guard_entry_set_post(&late, true);
        assert_int_equal(tick(&late, 2 * SEC) & (ENTRY_END | ENTRY_KILL), ENTRY_KILL);
}

static void what_pid_one_starts_after_the_end_is_spared(void **state) {
        UnitAnswer a = { .known = true, .up = true, .asked_at = 9510 * MS }, other = {};
        GuardEntry e = expired();
        PartEnd part = {};

        e.gate_open = true;
        part_end_killed(&part, &e, 9500 * MS);
        assert_false(part.spared);
        e.gate_open = false;
        part_end_killed(&part, &e, 9500 * MS);
        assert_true(part.spared);
        /* PID 1 may not have heard of all deaths yet; later, something else is running. */
        part_end_reported(&part, &e, 9515 * MS, &a);
        assert_true(part.spared);
        part_end_reported(&part, &e, 9600 * MS, &other);
        assert_true(part.spared);
        a.asked_at = 9520 * MS;
        part_end_reported(&part, &e, 9525 * MS, &a);
        assert_false(part.spared);
        a.post = true;
        part_end_reported(&part, &e, 9525 * MS, &a);
        assert_true(part.spared);
}

static void a_mount_is_spared_after_its_first_kill_as_long_as_the_kernel_has_it(void **state) {
        UnitAnswer a = { .known = true, .up = true, .attached = true, .asked_at = 10 * SEC };
        GuardEntry e = expired();
        PartEnd part = {};

        e.gate_open = false;
        part_end_reported(&part, &e, 10 * SEC, &a);
        assert_false(part_end_is_detaching(&part));
        part_end_killed(&part, &e, 10 * SEC);
        assert_true(part_end_is_detaching(&part));
        a.asked_at = 11 * SEC;
        part_end_reported(&part, &e, 11 * SEC, &a);
        assert_true(part_end_is_detaching(&part));
        a.attached = false; /* it is being mounted: that was begun before the gate was closed */
        part_end_reported(&part, &e, 11 * SEC, &a);
        assert_false(part_end_is_detaching(&part));
        a.attached = true;
        part_end_reported(&part, &e, 11 * SEC, &a);
        assert_false(part_end_is_detaching(&part));

        part = (PartEnd){};
        e.gate_open = true; /* it may be mounted at any time */
        part_end_killed(&part, &e, 11 * SEC);
        part_end_reported(&part, &e, 11 * SEC, &a);
        assert_false(part_end_is_detaching(&part));
}

static void only_an_answer_that_says_all_ends_the_killing(void **state) {
        const usec_t closed = 8 * SEC;

        for (unsigned bits = 0; bits < 64; bits++) {
                GuardEntry e = expired();
                UnitAnswer a = {
                        .known = bits & 1,
                        .up = bits & 2,
                        .job = bits & 4,
                        .empty = bits & 8,
                        .asked_at = bits & 16 ? closed + 1 : closed,
                };
                bool end = bits == (1 | 8 | 16);

                if (bits & 32) { /* the gate came back, or never went */
                        e.gate_open = true;
                        end = false;
                }
                guard_entry_reported(&e, 12 * SEC, &a);
                assert_int_equal(!!(guard_entry_flags(&e) & GUARD_FLAG_DOWN), end);
                assert_int_equal(!!(guard_entry_tick(&e, 13 * SEC, NOBODY) & ENTRY_KILL), !end);
        }
}

static void a_silent_bus_makes_it_shout_before_kill_at(void **state) {
        GuardEntry e = expired();
        Heard heard = { .bus = 8 * SEC - 1, .pid_one = 8 * SEC - 1 };

        assert_false(guard_entry_tick(&e, 9 * SEC - 1, heard) & ENTRY_SHOUT);
        assert_true(guard_entry_next(&e, heard) <= 9 * SEC);
        assert_true(guard_entry_tick(&e, 9 * SEC, heard) & ENTRY_SHOUT);
        assert_false(guard_entry_tick(&e, 9 * SEC + 1, heard) & ENTRY_SHOUT);
        assert_true(guard_entry_next(&e, heard) > 9 * SEC);
}

static void a_busy_pid_one_on_a_live_bus_makes_it_shout_at_kill_at_only(void **state) {
        GuardEntry e = expired();
        Heard heard = { .bus = 9900 * MS, .pid_one = 7 * SEC };

        assert_false(guard_entry_tick(&e, 10 * SEC - 1, heard) & ENTRY_SHOUT);
        assert_true(guard_entry_tick(&e, 10 * SEC, heard) & ENTRY_SHOUT);
}

static void whoever_is_answered_or_one_of_many_does_not_shout(void **state) {
        GuardEntry one = expired(), many = expired();
        Heard busy = { .bus = 11 * SEC, .pid_one = 11 * SEC };

        guard_entry_stop_answered(&one, 8 * SEC + 1, STOP_ACCEPTED);
        assert_false(guard_entry_tick(&one, 20 * SEC, NOBODY) & ENTRY_SHOUT);
        assert_false(guard_entry_tick(&many, 11 * SEC, busy) & ENTRY_SHOUT);
}

static void the_watchdog_follows_the_next_duty(void **state) {
        GuardEntry e = armed();

        assert_int_equal(guard_entry_watchdog(&e, SEC), 8 * SEC + 100 * MS);
        guard_entry_beat(&e, 3 * SEC, 3 * SEC);
        assert_int_equal(guard_entry_watchdog(&e, 3 * SEC), 10 * SEC + 100 * MS);
        tick(&e, 10 * SEC);
        assert_int_equal(guard_entry_watchdog(&e, 10 * SEC), 12 * SEC - 100 * MS);
        assert_int_equal(guard_entry_watchdog(&e, 12 * SEC), 12 * SEC + 440 * MS);
        e = down();
        assert_int_equal(guard_entry_watchdog(&e, 12 * SEC), USEC_INFINITY);
        e = (GuardEntry){};
        assert_int_equal(guard_entry_watchdog(&e, 12 * SEC), USEC_INFINITY);
}

/* With a TTL of 1 s another machine takes the lease 215 ms after kill_at: by then the guard has been replaced. */
static void the_alarm_is_for_short_ttls_only(void **state) {
        GuardEntry e = armed(), brief = {};

        assert_int_equal(guard_entry_alarm(&e, 3 * SEC), USEC_INFINITY);
        tick(&e, 10 * SEC);
        assert_int_equal(guard_entry_alarm(&e, 10 * SEC), USEC_INFINITY);
        assert_true(guard_entry_arm(&brief, SEC, 5, 1555 * MS, 1805 * MS, 555 * MS, 805 * MS) & ENTRY_MARK);
        assert_int_equal(guard_entry_alarm(&brief, SEC), 1865 * MS);
        guard_entry_beat(&brief, 1200 * MS, 1200 * MS);
        assert_int_equal(guard_entry_alarm(&brief, 1200 * MS), 2065 * MS);
        tick(&brief, 1800 * MS);
        assert_int_equal(guard_entry_alarm(&brief, 1800 * MS), 2065 * MS);
        assert_int_equal(guard_entry_alarm(&brief, 2200 * MS), 2260 * MS); /* it kills, again and again */
        brief = down();
        assert_int_equal(guard_entry_alarm(&brief, 12 * SEC), USEC_INFINITY);
        brief = (GuardEntry){};
        assert_int_equal(guard_entry_alarm(&brief, 12 * SEC), USEC_INFINITY);
}

static void nothing_is_due_of_what_is_down_or_not_there(void **state) {
        GuardEntry e = down(), none = {};

        assert_int_equal(guard_entry_next(&e, NOBODY), USEC_INFINITY);
        assert_int_equal(guard_entry_next(&none, NOBODY), USEC_INFINITY);
        assert_int_equal(tick(&e, 100 * SEC), 0);
        assert_int_equal(tick(&none, 100 * SEC), 0);
}

/* ---- the storm ---- */

static uint64_t random_state;

static uint64_t draw(uint64_t below) { /* xorshift64* */
        random_state ^= random_state >> 12;
        random_state ^= random_state << 25;
        random_state ^= random_state >> 27;
        return (random_state * 0x2545F4914F6CDD1DULL >> 16) % below;
}

static unsigned random_request(GuardEntry *e, usec_t now) {
        usec_t stop = now - SEC + draw(3 * SEC), kill = stop + draw(SEC);
        UnitAnswer a = {
                .known = draw(4), .asked_at = now - draw(300 * MS), .up = !draw(3), .job = !draw(3), .empty = draw(3)
        };

        if (!draw(40))
                return guard_entry_limit(e, now, stop, kill);
        if (!draw(12))
                return draw(2) ? guard_entry_keep_on(e, now) : guard_entry_keep_off(e, now, now - draw(SEC));
        switch (draw(10)) {
        case 0:
                return (draw(8) ? guard_entry_arm : guard_entry_arm_kept)(
                                e, now, draw(4), stop, kill, SEC, SEC + draw(2) * SEC);
        case 1:
        case 2:
                return guard_entry_beat(e, now, now - draw(SEC));
        case 3:
                return draw(8) ? 0 : guard_entry_lose(e, now, draw(4), kill);
        case 4:
                return draw(8) ? 0 : guard_entry_disarm(e, now);
        case 5:
                return guard_entry_open(e, now, draw(4));
        case 6:
                return draw(4) ? 0 : guard_entry_close(e, now);
        case 7:
                guard_entry_set_post(e, draw(2));
                return guard_entry_stop_answered(e, now, (StopAnswer) draw(3));
        case 8:
                return guard_entry_reported(e, now, &a);
        default:
                return 0;
        }
}

/* Carries out what is asked for, sometimes in vain. file: the gate as it is on disk. */
static void carry_out(GuardEntry *e, usec_t *now, unsigned actions, bool *file) {
        for (unsigned i = 0; i < 3 && (actions & (ENTRY_OPEN_GATE | ENTRY_CLOSE_GATE)); i++) {
                bool fails = !draw(5);

                if (actions & ENTRY_OPEN_GATE) {
                        assert_true(guard_entry_is_live(e) && (e->keeps || *now < e->stop_at) &&
                                        (e->limit_kill == 0 || *now < e->limit_stop));
                        *file = !fails;
                } else if (!fails)
                        *file = false;
                *now += draw(2 * MS);
                actions = guard_entry_gate(e, *now, *file);
        }
}

static void no_storm_breaks_the_laws(void **state) {
        for (uint64_t seed = 1; seed <= 2000; seed++) {
                GuardEntry e = {};
                bool file = false;
                usec_t now = 100 * SEC;

                random_state = seed * 0x9E3779B97F4A7C15ULL;
                for (unsigned step = 0; step < 300; step++) {
                        GuardEntry before = e;

                        now += draw(20) ? draw(30 * MS) : draw(SEC);
                        carry_out(&e, &now, random_request(&e, now), &file);
                        carry_out(&e, &now, guard_entry_tick(&e, now, NOBODY), &file);

                        /* A gate is there only before stop_at, or where it could not be removed: then it is due. */
                        if (file && !(guard_entry_is_live(&e) && e.gate_wanted))
                                assert_true(e.gate_open && guard_entry_next(&e, NOBODY) <= now + GUARD_KILL_EVERY);
                        /* What was stopping is stopping still, unless it was seen down, and its end comes no later. */
                        if (guard_entry_is_stopping(&before) && !e.down && e.index != 0) {
                                assert_true(guard_entry_is_stopping(&e));
                                assert_true(e.kill_at <= before.kill_at);
                                assert_int_equal(e.index, before.index);
                        }
                        /* Past kill_at it is killed until it is down; what ends before that is never later. */
                        if (guard_entry_is_stopping(&e))
                                assert_true(guard_entry_end_at(&e) <= e.kill_at &&
                                                guard_entry_next(&e, NOBODY) <=
                                                                MAX(now, e.kill_at) + GUARD_KILL_EVERY);
                        /* What has passed its time is stopping. */
                        assert_false(guard_entry_is_live(&e) && !e.keeps && now >= e.stop_at);
                        assert_false(guard_entry_is_live(&e) && e.limit_kill > 0 && now >= e.limit_stop);
                        if (guard_entry_is_stopping(&e) && e.limit_kill > 0)
                                assert_true(e.kill_at <= e.limit_kill);
                        /* Nobody under way is without a next turn. */
                        if ((guard_entry_is_live(&e) && !e.keeps) || guard_entry_is_stopping(&e))
                                assert_true(guard_entry_next(&e, NOBODY) < USEC_INFINITY);
                        if (e.index == 0)
                                assert_false(file);
                }
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(arming_opens_no_gate),
                cmocka_unit_test(arming_too_late_is_an_expired_entry),
                cmocka_unit_test(arming_with_index_zero_makes_nothing),
                cmocka_unit_test(killing_never_comes_before_stopping),
                cmocka_unit_test(a_gate_opens_for_the_right_index_only),
                cmocka_unit_test(a_gate_opens_before_stop_at_only),
                cmocka_unit_test(a_gate_that_was_opened_too_slowly_is_closed_at_once),
                cmocka_unit_test(a_gate_that_cannot_be_opened_is_told_as_closed_when_it_is_gone),
                cmocka_unit_test(closing_keeps_the_entry),
                cmocka_unit_test(a_gate_that_does_not_close_is_tried_again),
                cmocka_unit_test(a_beat_moves_both_deadlines),
                cmocka_unit_test(a_beat_never_moves_them_back),
                cmocka_unit_test(a_beat_from_the_future_counts_from_now),
                cmocka_unit_test(a_beat_that_is_read_too_late_revives_nothing),
                cmocka_unit_test(arming_again_only_lengthens),
                cmocka_unit_test(another_ttl_counts_though_it_is_shorter),
                cmocka_unit_test(arming_another_index_is_ignored),
                cmocka_unit_test(an_expired_entry_is_armed_again_only_once_it_is_down),
                cmocka_unit_test(an_entry_is_good_for_no_longer_than_from_a_beat_that_is_sent_now),
                cmocka_unit_test(losing_stops_now_and_shortens_only),
                cmocka_unit_test(losing_cannot_lengthen_what_was_armed),
                cmocka_unit_test(losing_counts_for_whatever_index_is_there),
                cmocka_unit_test(losing_a_unit_without_an_entry_makes_one),
                cmocka_unit_test(losing_a_unit_without_an_entry_leaves_it_no_more_than_the_longest_ttl),
                cmocka_unit_test(losing_a_unit_that_was_down_starts_over),
                cmocka_unit_test(disarming_closes_the_gate_and_ends_the_entry),
                cmocka_unit_test(disarming_waits_for_a_gate_that_does_not_close),
                cmocka_unit_test(disarming_waits_until_an_expired_unit_is_down),
                cmocka_unit_test(disarming_nothing_is_fine),
                cmocka_unit_test(at_stop_at_the_gate_goes_and_pid_one_is_asked),
                cmocka_unit_test(a_stop_that_was_refused_is_asked_for_again),
                cmocka_unit_test(a_unit_that_is_up_after_its_stop_job_is_stopped_again),
                cmocka_unit_test(killing_begins_at_kill_at_and_goes_on),
                cmocka_unit_test(with_an_execstoppost_it_is_ended_some_time_before_kill_at),
                cmocka_unit_test(at_most_half_of_the_grace_is_kept_for_execstoppost),
                cmocka_unit_test(what_pid_one_starts_after_the_end_is_spared),
                cmocka_unit_test(a_mount_is_spared_after_its_first_kill_as_long_as_the_kernel_has_it),
                cmocka_unit_test(only_an_answer_that_says_all_ends_the_killing),
                cmocka_unit_test(a_silent_bus_makes_it_shout_before_kill_at),
                cmocka_unit_test(a_busy_pid_one_on_a_live_bus_makes_it_shout_at_kill_at_only),
                cmocka_unit_test(whoever_is_answered_or_one_of_many_does_not_shout),
                cmocka_unit_test(the_watchdog_follows_the_next_duty),
                cmocka_unit_test(the_alarm_is_for_short_ttls_only),
                cmocka_unit_test(nothing_is_due_of_what_is_down_or_not_there),
                cmocka_unit_test(no_storm_breaks_the_laws),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
