/* SPDX-License-Identifier: Apache-2.0 */

/* Check=: a unit is taken only where its check passes, and let go where the check fails. */

#include "core-world.h"

static void configure(World *w, bool holds) {
        world_step(w, (Event){ .kind = EVENT_CONFIGURE,
                                      .config = { .unit = "a.service",
                                                      .lease = "a.service",
                                                      .checked = true,
                                                      .hold_on_failure = holds,
                                                      .stop_grace = USEC_INFINITY,
                                                      .timeout_stop = 90 * USEC_PER_SEC,
                                                      .hold_down_release = 30 * USEC_PER_SEC,
                                                      .hold_down_failure = 60 * USEC_PER_SEC } });
}

static void check(World *w, bool passes) {
        world_step(w, (Event){ .kind = EVENT_CHECK, .unit = "a.service", .on = passes });
}

static World *running(bool holds) {
        World *w = world_running();

        configure(w, holds);
        check(w, true);
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_UNIT_STOP], 0);
        return w;
}

static bool is_held(World *w) {
        const Entry *e = world_find(w, RECORD_LEASE, "a.service");

        return e && e->revision > 0 && e->value.lease.state == LEASE_HELD;
}

static void nothing_is_taken_before_its_check_has_passed(void **state) {
        World *w = world_new();

        w->silent = true;
        world_connect(w);
        configure(w, false);
        w->silent = false;
        world_pass(w, 3 * TTL);
        assert_false(is_held(w));
        check(w, false);
        world_pass(w, 3 * TTL);
        assert_false(is_held(w));
        check(w, true);
        world_pass(w, TTL);
        assert_true(is_held(w) && w->guard.open);
        world_free(w);
}

static void what_fails_its_check_is_let_go_and_comes_back_when_it_passes_and_the_time_is_over(void **state) {
        World *w = running(false);

        check(w, false);
        assert_true(w->done[ACTION_UNIT_STOP] > 0);
        w->unit = (UnitReport){ .active = ACTIVE_INACTIVE, .empty = true, .gate_loaded = true, .run = w->unit.run };
        world_say_unit(w);
        world_pass(w, USEC_PER_SEC);
        assert_false(is_held(w));
        assert_int_equal(w->reports[REPORT_UNIT_FAILED], 1);
        assert_int_equal(tenure_why(lease_last_tenure(&world_find(w, RECORD_LEASE, "a.service")->value.lease)),
                        WHY_CHECK_FAILED);
        world_pass(w, 5 * USEC_PER_MINUTE);
        assert_false(is_held(w));
        check(w, true);
        world_pass(w, TTL);
        assert_true(is_held(w));
        world_free(w);
}

static void with_onfailure_hold_it_stays(void **state) {
        World *w = running(true);

        check(w, false);
        world_pass(w, TTL);
        assert_int_equal(w->done[ACTION_UNIT_STOP], 0);
        assert_true(is_held(w));
        world_free(w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(nothing_is_taken_before_its_check_has_passed),
                cmocka_unit_test(what_fails_its_check_is_let_go_and_comes_back_when_it_passes_and_the_time_is_over),
                cmocka_unit_test(with_onfailure_hold_it_stays),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
