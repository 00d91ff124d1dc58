/* SPDX-License-Identifier: Apache-2.0 */

/* A unit with OnOutage=freeze: the guard freezes it in a silence of the registry, and only a beat has it thawed (law
 * 15). */

#include "core-world.h"

#define ROUND (TTL / 5)

static void configure(World *w, bool freezes) {
        world_step(w, (Event){ .kind = EVENT_CONFIGURE,
                                      .config = { .unit = "a.service",
                                                      .lease = "a.service",
                                                      .freezes = freezes,
                                                      .stop_grace = USEC_INFINITY,
                                                      .timeout_stop = 90 * USEC_PER_SEC,
                                                      .hold_down_release = 30 * USEC_PER_SEC,
                                                      .hold_down_failure = 60 * USEC_PER_SEC } });
}

static void guard_says(World *w, GuardReport report) {
        w->guard = report;
        report.serial = w->guard_asked;
        world_step(w, (Event){ .kind = EVENT_GUARD, .unit = "a.service", .guard = report });
}

static World *running(void) {
        World *w = world_running();

        configure(w, true);
        return w;
}

/* The guard has frozen it, and the registry is silent. */
static World *frozen(void) {
        World *w = running();

        w->silent = true;
        world_pass(w, TTL);
        guard_says(w, (GuardReport){ .index = w->guard.index, .frozen = true });
        w->done[ACTION_GUARD_ARM] = 0;
        return w;
}

static void an_hour_of_silence_stops_nothing(void **state) {
        World *w = frozen();

        world_pass(w, USEC_PER_HOUR);
        assert_int_equal(w->done[ACTION_UNIT_STOP], 0);
        assert_int_equal(w->done[ACTION_GUARD_ARM], 0);
        assert_int_equal(w->reports[REPORT_EXPIRED], 0);
        world_free(w);
}

static void the_first_committed_beat_has_it_thawed_at_its_index(void **state) {
        World *w = frozen();
        uint64_t index = w->guard.index;
        usec_t before;

        world_pass(w, 3 * TTL);
        before = w->now.boottime;
        w->silent = false;
        world_pass(w, ROUND);
        assert_int_equal(w->done[ACTION_GUARD_ARM], 1);
        assert_int_equal(w->armed, index);
        assert_true(w->last_t0 >= before);
        world_pass(w, TTL);
        assert_int_equal(w->done[ACTION_GUARD_ARM], 1);
        assert_int_equal(w->done[ACTION_UNIT_STOP], 0);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        world_free(w);
}

static void one_that_was_taken_is_lost_and_never_thawed(void **state) {
        World *w = frozen();

        world_rob_us(w);
        w->silent = false;
        world_pass(w, ROUND);
        assert_int_equal(w->done[ACTION_GUARD_ARM], 0);
        assert_true(w->done[ACTION_GUARD_LOSE] > 0);
        world_free(w);
}

/* It is the guard that knows whether it is frozen. */
static void while_the_guard_does_not_say_that_it_has_ended_nothing_is_stopped(void **state) {
        World *w = running();

        w->silent = true;
        world_pass(w, 3 * TTL);
        assert_int_equal(w->done[ACTION_UNIT_STOP], 0);
        guard_says(w, (GuardReport){ .index = w->guard.index, .expired = true });
        assert_true(w->done[ACTION_UNIT_STOP] > 0);
        assert_int_equal(w->reports[REPORT_EXPIRED], 1);
        world_free(w);
}

/* What ends in a silence is not frozen: it is begun again only when a beat covers it, also if the guard hangs. */
static void one_that_ends_in_a_silence_is_not_begun_again_before_a_beat(void **state) {
        World *w = running();

        w->silent = true;
        world_pass(w, 3 * TTL);
        w->done[ACTION_UNIT_START] = 0;
        w->unit = (UnitReport){ .active = ACTIVE_INACTIVE,
                .empty = true,
                .gate_loaded = true,
                .ended_by = ENDED_BY_NEED,
                .run = w->unit.run };
        world_say_unit(w);
        world_pass(w, TTL);
        assert_int_equal(w->done[ACTION_UNIT_START], 0);
        assert_int_equal(w->reports[REPORT_EXPIRED], 1);
        world_free(w);
}

static void a_dead_guard_has_it_stopped(void **state) {
        World *w = frozen();

        world_step(w, (Event){ .kind = EVENT_GUARD_DOWN });
        world_pass(w, TTL);
        assert_int_equal(w->done[ACTION_UNIT_STOP], 0);
        world_step(w, (Event){ .kind = EVENT_GUARD_GONE });
        assert_true(w->done[ACTION_UNIT_STOP] > 0);
        world_free(w);
}

/* PID 1 thaws what it stops, so the guard is to kill it before: it does when the gate is closed. */
static void one_that_is_let_go_is_not_stopped_by_pid1_first(void **state) {
        World *w = frozen();

        w->guard_mute = true;
        world_step(w, (Event){ .kind = EVENT_SHUTDOWN, .span = USEC_PER_MINUTE });
        assert_int_equal(w->done[ACTION_GATE_CLOSE], 1);
        world_pass(w, 2 * TTL);
        assert_int_equal(w->done[ACTION_UNIT_STOP], 0);
        world_free(w);
}

static void the_next_daemon_carries_it_on(void **state) {
        World *w = frozen();

        world_restart(w, w->session);
        world_connect(w);
        configure(w, true);
        world_pass(w, 2 * TTL);
        assert_int_equal(w->done[ACTION_UNIT_STOP], 0);
        w->silent = false;
        world_pass(w, 2 * ROUND);
        assert_int_equal(w->done[ACTION_GUARD_ARM], 1);
        assert_int_equal(w->done[ACTION_UNIT_STOP], 0);
        world_free(w);
}

static void an_option_that_is_taken_away_meanwhile_has_it_ended(void **state) {
        World *w = frozen();

        configure(w, false);
        world_pass(w, USEC_PER_SEC);
        assert_true(w->done[ACTION_GATE_CLOSE] > 0);
        world_free(w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_hour_of_silence_stops_nothing),
                cmocka_unit_test(the_first_committed_beat_has_it_thawed_at_its_index),
                cmocka_unit_test(one_that_was_taken_is_lost_and_never_thawed),
                cmocka_unit_test(while_the_guard_does_not_say_that_it_has_ended_nothing_is_stopped),
                cmocka_unit_test(one_that_ends_in_a_silence_is_not_begun_again_before_a_beat),
                cmocka_unit_test(a_dead_guard_has_it_stopped),
                cmocka_unit_test(one_that_is_let_go_is_not_stopped_by_pid1_first),
                cmocka_unit_test(the_next_daemon_carries_it_on),
                cmocka_unit_test(an_option_that_is_taken_away_meanwhile_has_it_ended),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
