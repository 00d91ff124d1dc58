/* SPDX-License-Identifier: Apache-2.0 */

/* The core before and after the machine's sleep. */

#include "core-world.h"

static World *running(void) {
        World *w = world_new();

        world_connect(w);
        world_pass(w, 15 * USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        w->unit.active = ACTIVE_ACTIVE;
        w->unit.empty = false;
        w->unit.run++;
        world_say_unit(w);
        return w;
}

static void go_down(World *w) {
        w->unit.active = ACTIVE_INACTIVE;
        w->unit.empty = true;
        world_say_unit(w);
}

static void a_unit_is_given_back_before_the_machine_sleeps(void **state) {
        World *w = running();

        world_step(w, (Event){ .kind = EVENT_SLEEP, .on = true, .span = 4 * USEC_PER_SEC });
        assert_true(w->done[ACTION_UNIT_STOP] > 0);
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_SLEEP_READY], 0);
        go_down(w);
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_SLEEP_READY], 1);
        assert_int_equal(w->done[ACTION_GUARD_LOSE], 0);
        assert_int_equal(world_lease(w)->state, LEASE_FREE);
        world_pass(w, 20 * USEC_PER_SEC);
        assert_int_equal(world_lease(w)->state, LEASE_FREE);
        assert_int_equal(w->done[ACTION_SLEEP_READY], 1);
        world_step(w, (Event){ .kind = EVENT_SLEEP });
        world_pass(w, 5 * USEC_PER_SEC);
        assert_int_equal(world_lease(w)->state, LEASE_HELD);
        assert_int_equal(w->done[ACTION_UNIT_START], 2);
        world_free(w);
}

static void a_unit_that_takes_longer_than_the_machine_stays_awake_is_killed(void **state) {
        World *w = running();

        world_step(w, (Event){ .kind = EVENT_SLEEP, .on = true, .span = 4 * USEC_PER_SEC });
        world_pass(w, 3900 * USEC_PER_MSEC);
        assert_int_equal(w->done[ACTION_GUARD_LOSE], 0);
        world_pass(w, 200 * USEC_PER_MSEC);
        assert_int_equal(w->done[ACTION_GUARD_LOSE], 1);
        assert_int_equal(w->done[ACTION_SLEEP_READY], 0);
        go_down(w);
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_SLEEP_READY], 1);
        assert_int_equal(world_lease(w)->state, LEASE_FREE);
        world_free(w);
}

static void a_silent_registry_keeps_no_machine_awake(void **state) {
        World *w = running();

        w->silent = true;
        world_step(w, (Event){ .kind = EVENT_SLEEP, .on = true, .span = 4 * USEC_PER_SEC });
        go_down(w);
        world_pass(w, 3 * USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_SLEEP_READY], 0);
        world_pass(w, 2 * USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_SLEEP_READY], 1);
        world_free(w);
}

static void restart(World *w) {
        char session[SESSION_SIZE];

        str_copy(session, sizeof(session), w->session);
        world_restart(w, session);
        memset(w->done, 0, sizeof(w->done));
}

/* Whether the lease is still ours cannot be known, and need not be. */
static void a_restarted_daemon_stops_what_runs_before_the_machine_sleeps_though_the_registry_is_silent(void **state) {
        World *w = running();

        w->silent = true;
        restart(w);
        world_step(w, (Event){ .kind = EVENT_SLEEP, .on = true, .span = 4 * USEC_PER_SEC });
        assert_int_equal(w->done[ACTION_SLEEP_READY], 0);
        world_connect(w);
        assert_true(w->done[ACTION_UNIT_STOP] > 0);
        assert_int_equal(w->done[ACTION_GUARD_LOSE], 0);
        assert_false(w->guard.open);
        world_pass(w, 5 * USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_GUARD_LOSE], 1);
        assert_int_equal(w->done[ACTION_SLEEP_READY], 0);
        go_down(w);
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_SLEEP_READY], 1);
        w->silent = false;
        world_pass(w, 5 * USEC_PER_SEC);
        assert_int_equal(world_lease(w)->state, LEASE_FREE);
        world_free(w);
}

static void a_machine_sleeps_only_when_systemd_has_said_that_nothing_is_left(void **state) {
        World *w = running();

        restart(w);
        w->unit.known = false;
        w->guard = (GuardReport){};
        world_step(w, (Event){ .kind = EVENT_SLEEP, .on = true, .span = 4 * USEC_PER_SEC });
        world_step(w, (Event){ .kind = EVENT_CONFIGURE, .config = { .unit = "a.service", .lease = "a.service" } });
        world_step(w, (Event){ .kind = EVENT_GUARD_UP });
        world_step(w, (Event){ .kind = EVENT_GUARD_SYNCED });
        assert_int_equal(w->done[ACTION_SLEEP_READY], 0);
        w->unit.active = ACTIVE_INACTIVE;
        w->unit.empty = true;
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_SLEEP_READY], 1);
        world_free(w);
}

static void a_machine_without_leases_may_sleep_at_once(void **state) {
        World *w = world_new();

        world_step(w, (Event){ .kind = EVENT_GUARD_UP });
        world_step(w, (Event){ .kind = EVENT_GUARD_SYNCED });
        world_step(w, (Event){ .kind = EVENT_SLEEP, .on = true, .span = 4 * USEC_PER_SEC });
        assert_int_equal(w->done[ACTION_SLEEP_READY], 1);
        world_free(w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_unit_is_given_back_before_the_machine_sleeps),
                cmocka_unit_test(a_unit_that_takes_longer_than_the_machine_stays_awake_is_killed),
                cmocka_unit_test(a_silent_registry_keeps_no_machine_awake),
                cmocka_unit_test(
                                a_restarted_daemon_stops_what_runs_before_the_machine_sleeps_though_the_registry_is_silent),
                cmocka_unit_test(a_machine_sleeps_only_when_systemd_has_said_that_nothing_is_left),
                cmocka_unit_test(a_machine_without_leases_may_sleep_at_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
