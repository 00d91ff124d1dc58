/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The arithmetic on which S1 rests, for every TTL that may be configured, to the microsecond: on a holder whose clock
 * is 1 % slow the kill begins, and the slack (ttl_kill_slack()) passes, before a taker whose clock is 1 % fast may
 * take the lease.
 *
 * Why these corners are all. Both deadlines are a reading plus a constant that depends on the TTL alone, so the TTL is
 * the only number to go through, and it has 59 million values: each is tried. The true time that passes until a clock
 * has advanced by x is x/rate. It is longest for the holder at the lowest rate, shortest for the taker at the highest;
 * a rate that changes on the way lies between the two, and so does the time. A reading cuts off less than 1 us, which
 * is counted against each of the two readings of each machine. The taker's wait begins no earlier than the holder's
 * t0, for the beat was sent after t0 and seen after that.
 *
 * What is tried in steps of 997 us of the TTL, and why this is enough. StopGrace= and TimeoutStopSec= enter
 * timeline_compute() behind the kill, and move only the stop: that the kill does not depend on them is seen at 59 000
 * TTLs, with the shortest, the longest and the usual ones of both.
 *
 * The guard (guard-entry.c) is tried in the same steps. It is given both times as offsets of a beat, and only adds
 * them to t0 and takes the later or the earlier of two: nothing is rounded, and no TTL is treated otherwise than its
 * neighbour. What it does divide, the time for an ExecStopPost= and its patience with PID 1, lies before kill_at,
 * which it does not move.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>

#include <cmocka.h>

#include "core/timeline.h"
#include "guard/guard-entry.h"
#include "util/macros.h"

/* Of both rates, in percent. */
enum { SLOW = 99, FAST = 101 };

/* Readings that are cut off to whole microseconds: two on each machine. */
static const usec_t cut_off = 2;

/* True time, times SLOW * FAST so that nothing is rounded: how much lies between the end of the killing and the taking
 * at least. */
static int64_t margin(const Timeline *t, usec_t ttl) {
        usec_t killed = (t->kill + ttl_kill_slack(ttl) + cut_off) * 100 * FAST,
               taken = (t->take - cut_off) * 100 * SLOW;

        return (int64_t) taken - (int64_t) killed;
}

/* What docs/safety.md promises of each TTL: 2 %, but for 10 us that are cut off. */
static int64_t least_of(usec_t ttl) {
        return ((int64_t) ttl * 2 / 100 - 10) * SLOW * FAST;
}

static void the_kill_comes_before_the_taking_for_every_ttl(void **state) {
        int64_t least = INT64_MAX;
        usec_t least_at = 0;

        for (usec_t ttl = TTL_MIN; ttl <= TTL_MAX; ttl++) {
                Timeline t;

                if (timeline_compute(ttl, USEC_INFINITY, 5 * USEC_PER_SEC, &t) == -ERANGE ||
                                margin(&t, ttl) < least_of(ttl) || t.stop > t.kill)
                        fail_msg("TTL %llu us: kill %llu, take %llu", (unsigned long long) ttl,
                                        (unsigned long long) t.kill, (unsigned long long) t.take);
                if (margin(&t, ttl) < least) {
                        least = margin(&t, ttl);
                        least_at = ttl;
                }
        }
        print_message("least time between the end of the killing and a taking: %lld us, at a TTL of %llu us\n",
                        (long long) least / (SLOW * FAST), (unsigned long long) least_at);
        assert_true(least_at <= TTL_MIN + 50); /* it grows with the TTL, but for rounding */
}

static void no_grace_moves_the_kill(void **state) {
        for (usec_t ttl = TTL_MIN; ttl <= TTL_MAX; ttl += 997) { /* a prime: every remainder that matters occurs */
                const usec_t graces[] = { 0, 1, ttl / 4, ttl / 2, ttl, 10 * ttl, USEC_INFINITY - 1, USEC_INFINITY };
                const usec_t timeouts[] = { 0, 1, ttl / 4, 90 * USEC_PER_SEC, USEC_INFINITY };
                Timeline usual, t;

                (void) timeline_compute(ttl, USEC_INFINITY, 5 * USEC_PER_SEC, &usual);
                for (size_t i = 0; i < ELEMENTSOF(graces); i++)
                        for (size_t j = 0; j < ELEMENTSOF(timeouts); j++) {
                                (void) timeline_compute(ttl, graces[i], timeouts[j], &t);
                                assert_int_equal(t.kill, usual.kill);
                                assert_int_equal(t.take, usual.take);
                                assert_true(t.stop <= t.kill);
                        }
        }
}

/* An entry that was armed for a beat at t0, and has heard of another. */
static GuardEntry armed(usec_t t0, const Timeline *t, usec_t later) {
        GuardEntry e = {};

        (void) guard_entry_arm(&e, t0 + 10, 1, t0 + t->stop, t0 + t->kill, t->stop, t->kill);
        (void) guard_entry_beat(&e, t0 + later + 10, t0 + later);
        return e;
}

/* Whatever else the entry has to do, it is due no later than at its stop and at its kill, and kills at kill_at. */
static void check_entry(usec_t ttl, usec_t grace, usec_t later, bool post) {
        const usec_t t0 = 1000 * USEC_PER_SEC + ttl % 7;
        Timeline t;

        (void) timeline_compute(ttl, grace, USEC_INFINITY, &t);
        if (t.stop <= later + 10)
                return; /* no such unit is taken: timeline_compute() has said -EDOM */
        GuardEntry e = armed(t0, &t, later);
        usec_t kill_at = t0 + later + t.kill;
        Heard heard = { kill_at, kill_at };

        assert_int_equal(e.kill_at, kill_at);
        assert_int_equal(e.stop_at, t0 + later + t.stop);
        guard_entry_set_post(&e, post);
        assert_true(guard_entry_next(&e, heard) <= e.stop_at);
        assert_false(guard_entry_tick(&e, e.stop_at - 1, heard) & ENTRY_CLOSE_GATE);
        assert_true(guard_entry_tick(&e, e.stop_at, heard) & ENTRY_CLOSE_GATE);
        assert_true(guard_entry_end_at(&e) <= kill_at && guard_entry_end_at(&e) >= e.stop_at);
        assert_true(guard_entry_next(&e, heard) <= kill_at);
        if (kill_at - 1 > e.stop_at)
                assert_false(guard_entry_tick(&e, kill_at - 1, heard) & ENTRY_KILL);
        assert_true(guard_entry_next(&e, heard) <= kill_at);
        assert_true(guard_entry_tick(&e, kill_at, heard) & ENTRY_KILL || t.stop == t.kill);
        /* No beat revives it, and no word moves the kill away. */
        (void) guard_entry_beat(&e, kill_at, kill_at);
        (void) guard_entry_arm(&e, kill_at, 1, kill_at + t.stop, kill_at + t.kill, t.stop, t.kill);
        (void) guard_entry_lose(&e, kill_at, 1, kill_at + ttl);
        assert_int_equal(e.kill_at, kill_at);
        assert_true(guard_entry_next(&e, heard) <= kill_at + GUARD_KILL_EVERY);
}

static void the_guard_kills_at_kill_at(void **state) {
        for (usec_t ttl = TTL_MIN; ttl <= TTL_MAX; ttl += 997) {
                const usec_t graces[] = { 0, 1, 2, ttl / 8, ttl / 4, ttl / 2, USEC_INFINITY };
                const usec_t laters[] = { 0, 1, ttl / 5 };

                for (size_t i = 0; i < ELEMENTSOF(graces); i++)
                        for (size_t j = 0; j < ELEMENTSOF(laters); j++) {
                                check_entry(ttl, graces[i], laters[j], false);
                                check_entry(ttl, graces[i], laters[j], true);
                        }
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_kill_comes_before_the_taking_for_every_ttl),
                cmocka_unit_test(no_grace_moves_the_kill),
                cmocka_unit_test(the_guard_kills_at_kill_at),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
