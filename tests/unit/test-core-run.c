/* SPDX-License-Identifier: Apache-2.0 */

/* A command of "leasectl run": a unit for one run only. It is started at most once, only while somebody waits for it,
 * and nothing of it is left when it has ended. The world's unit stands for it. */

#include "core-world.h"

enum { ID = 77 };

/* The unit file appears with the start: until then PID 1 knows of no gate. */
static World *begin(World *w) {
        w->unit.gate_loaded = false;
        world_step(w, (Event){ .kind = EVENT_GUARD_UP });
        world_step(w, (Event){ .kind = EVENT_GUARD_SYNCED });
        world_pass(w, USEC_PER_SEC);
        return w;
}

static World *world_of_one_run(void) {
        return begin(world_new());
}

static World *beside_them(void) {
        World *w = world_new();

        world_add_them(w);
        (void) begin(w);
        world_beat_them(w);
        return w;
}

static UnitConfig config(void) {
        return (UnitConfig){ .unit = "a.service",
                .lease = "a.service",
                .stop_grace = USEC_INFINITY,
                .timeout_stop = 10 * USEC_PER_SEC,
                .once = true };
}

static void ask(World *w, bool wait) {
        w->done[ACTION_WORD_DONE] = 0;
        world_step(w, (Event){ .kind = EVENT_RUN, .unit = "a.service", .id = ID, .on = wait, .config = config() });
        world_say_unit(w);
        world_pass(w, USEC_PER_SEC);
}

static World *running(void) {
        World *w = world_of_one_run();

        ask(w, true);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        assert_true(w->guard.open);
        return w;
}

static void unit_ends(World *w, bool failed) {
        w->unit.active = failed ? ACTIVE_FAILED : ACTIVE_INACTIVE;
        w->unit.failed = failed;
        w->unit.empty = true;
        world_say_unit(w);
}

static void assert_answered(const World *w, WordResult result) {
        assert_int_equal(w->done[ACTION_WORD_DONE], 1);
        assert_int_equal(w->word, result);
}

static void assert_all_is_over(World *w) {
        world_pass(w, 2 * USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_FORGOTTEN], 1);
        assert_int_equal(w->guard.index, 0);
        assert_false(w->guard.open);
}

static void it_starts_with_its_lease_and_is_answered(void **state) {
        World *w = running();

        assert_answered(w, WORD_BEGUN);
        assert_string_equal(world_lease(w)->session, w->session);
        assert_null(world_find(w, RECORD_OFFER, US "/a.service"));
        world_free(w);
}

static void when_it_ends_the_lease_is_free_and_nothing_is_left(void **state) {
        for (int failed = 0; failed < 2; failed++) {
                World *w = running();

                unit_ends(w, failed);
                assert_all_is_over(w);
                assert_int_equal(world_lease(w)->state, LEASE_FREE);
                assert_string_equal(world_lease(w)->tenures[0].why, "released");
                world_pass(w, 10 * TTL);
                assert_int_equal(w->done[ACTION_UNIT_START], 1);
                world_free(w);
        }
}

static void it_waits_for_a_lease_that_others_hold(void **state) {
        World *w = beside_them();

        ask(w, true);
        for (unsigned i = 0; i < 30; i++) {
                world_pass(w, USEC_PER_SEC);
                world_beat_them(w);
        }
        assert_int_equal(w->done[ACTION_WORD_DONE], 0);
        assert_string_equal(world_lease(w)->session, THEIR_SESSION);
        world_pass(w, 2 * TTL); /* they are silent */
        assert_answered(w, WORD_BEGUN);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        world_free(w);
}

static void who_does_not_wait_is_told_that_it_is_taken(void **state) {
        World *w = beside_them();

        ask(w, false);
        assert_answered(w, WORD_TAKEN);
        assert_all_is_over(w);
        assert_string_equal(world_lease(w)->session, THEIR_SESSION);
        world_free(w);
}

static void who_does_not_wait_starts_where_nobody_has_it(void **state) {
        World *w = world_of_one_run();

        ask(w, false);
        assert_answered(w, WORD_BEGUN);
        world_free(w);
}

static void who_does_not_wait_is_told_that_the_registry_is_silent(void **state) {
        World *w = world_of_one_run();

        w->silent = true;
        world_pass(w, 2 * TTL);
        ask(w, false);
        assert_answered(w, WORD_UNAVAILABLE);
        w->silent = false;
        world_pass(w, 2 * TTL);
        assert_int_equal(w->done[ACTION_UNIT_START], 0);
        world_free(w);
}

static void it_never_starts_when_nobody_waits_for_it_any_more(void **state) {
        World *w = beside_them();

        ask(w, true);
        world_step(w, (Event){ .kind = EVENT_WITHDRAW, .id = ID });
        assert_answered(w, WORD_WITHDRAWN);
        assert_all_is_over(w);
        world_pass(w, 5 * TTL);
        assert_int_equal(w->done[ACTION_UNIT_START], 0);
        world_free(w);
}

/* Whoever waited is gone while the acquisition is under way: the lease comes, and goes back. */
static void a_lease_that_comes_too_late_is_given_back(void **state) {
        World *w = world_of_one_run();

        w->lose = 1u << RECORD_LEASE;
        ask(w, true);
        world_step(w, (Event){ .kind = EVENT_WITHDRAW, .id = ID });
        assert_answered(w, WORD_WITHDRAWN);
        world_land(w);
        w->lose = 0;
        world_step(w, (Event){ .kind = EVENT_DEADLINE });
        world_pass(w, 5 * TTL);
        assert_int_equal(w->done[ACTION_UNIT_START], 0);
        assert_int_equal(w->done[ACTION_FORGOTTEN], 1);
        world_free(w);
}

static void the_lease_of_a_unit_is_not_for_a_command(void **state) {
        OfferRecord offer = { .lease = "a.service" };
        World *w = world_of_one_run();
        Record r = { .kind = RECORD_OFFER, .name = THEM "/b.service", .value = &offer };

        w->revision++;
        world_put(w, RECORD_OFFER, r.name, &offer);
        r.mod_revision = w->revision;
        world_step(w, (Event){ .kind = EVENT_RECORDS,
                                      .answer = { .revision = w->revision, .records = &r, .n_records = 1 } });
        ask(w, true);
        assert_answered(w, WORD_UNIT_LEASE);
        assert_all_is_over(w);
        assert_int_equal(w->done[ACTION_UNIT_START], 0);
        world_free(w);
}

static void a_start_that_comes_to_nothing_is_not_tried_again(void **state) {
        World *w = world_of_one_run();

        w->start_refused = true;
        ask(w, true);
        world_pass(w, 5 * USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        assert_int_equal(w->done[ACTION_FORGOTTEN], 1);
        assert_int_equal(world_lease(w)->state, LEASE_FREE);
        world_free(w);
}

/* A drop-in has emptied AssertPathExists=, which is not known before PID 1 has loaded the unit. */
static void what_runs_without_its_gate_is_ended(void **state) {
        World *w = world_of_one_run();

        w->gate_taken_away = true;
        ask(w, true);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        assert_int_equal(w->reports[REPORT_GATE_MISSING], 1);
        assert_true(w->done[ACTION_UNIT_STOP] > 0);
        assert_false(w->guard.open);
        unit_ends(w, true);
        assert_all_is_over(w);
        assert_int_equal(world_lease(w)->state, LEASE_FREE);
        world_free(w);
}

static void what_loses_its_gate_while_it_runs_is_ended(void **state) {
        World *w = running();

        assert_int_equal(w->reports[REPORT_GATE_MISSING], 0);
        w->unit.gate_loaded = false;
        world_say_unit(w);
        assert_int_equal(w->reports[REPORT_GATE_MISSING], 1);
        assert_true(w->done[ACTION_UNIT_STOP] > 0);
        world_free(w);
}

/* No beat for too long: it is ended in time. The lease may still be ours then, but it does not run a second time. */
static void what_expired_is_not_started_again(void **state) {
        World *w = running();

        w->silent = true;
        world_pass(w, TTL);
        assert_false(w->guard.open);
        unit_ends(w, true);
        w->silent = false;
        world_pass(w, 5 * TTL);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        assert_int_equal(w->done[ACTION_FORGOTTEN], 1);
        assert_int_equal(world_lease(w)->state, LEASE_FREE);
        world_free(w);
}

static void restart(World *w) {
        world_restart(w, w->session);
        world_step(w, (Event){ .kind = EVENT_CONFIGURE, .config = config() });
        world_step(w, (Event){ .kind = EVENT_GUARD_UP });
        if (w->guard.index)
                world_step(w, (Event){ .kind = EVENT_GUARD, .unit = "a.service", .guard = w->guard });
        world_step(w, (Event){ .kind = EVENT_GUARD_SYNCED });
        world_say_unit(w);
        world_pass(w, 2 * USEC_PER_SEC);
}

static void it_goes_on_over_a_restart_of_the_daemon(void **state) {
        World *w = running();

        restart(w);
        assert_true(w->guard.open);
        assert_int_equal(w->reports[REPORT_ADOPTED], 1);
        world_pass(w, 5 * TTL);
        assert_true(w->guard.open);
        unit_ends(w, false);
        assert_all_is_over(w);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        assert_int_equal(world_lease(w)->state, LEASE_FREE);
        world_free(w);
}

static void what_ended_during_a_restart_is_not_started_again(void **state) {
        World *w = running();

        w->unit.active = ACTIVE_INACTIVE;
        w->unit.empty = true;
        restart(w);
        assert_all_is_over(w);
        world_pass(w, 5 * TTL);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        assert_int_equal(world_lease(w)->state, LEASE_FREE);
        world_free(w);
}

/* Its guard was ended, too: what PID 1 then stopped does not start again. */
static void without_its_guard_a_restart_ends_it(void **state) {
        World *w = running();

        w->unit.active = ACTIVE_FAILED;
        w->unit.empty = true;
        w->guard = (GuardReport){};
        restart(w);
        world_pass(w, 5 * TTL);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        assert_int_equal(w->done[ACTION_FORGOTTEN], 1);
        assert_int_equal(world_lease(w)->state, LEASE_FREE);
        world_free(w);
}

/* The predecessor had armed the guard, and not asked for the start: who asked for it is gone. */
static void what_had_not_begun_before_a_restart_never_does(void **state) {
        World *w = running();

        w->unit = (UnitReport){ .empty = true };
        w->guard.open = false;
        restart(w);
        world_pass(w, 5 * TTL);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        assert_int_equal(w->done[ACTION_FORGOTTEN], 1);
        assert_int_equal(world_lease(w)->state, LEASE_FREE);
        world_free(w);
}

static void a_drain_leaves_it_where_it_is_and_lets_none_begin(void **state) {
        World *w = running();

        world_step(w, (Event){ .kind = EVENT_DRAIN, .on = true });
        world_pass(w, 5 * TTL);
        assert_true(w->guard.open);
        assert_true(core_is_stuck(w->core, w->now, "a.service"));
        unit_ends(w, false);
        assert_all_is_over(w);
        ask(w, false);
        assert_answered(w, WORD_UNABLE);
        assert_non_null(w->word_why);
        world_free(w);
}

static void a_release_ends_it_for_good(void **state) {
        World *w = running();

        world_step(w, (Event){ .kind = EVENT_RELEASE, .unit = "a.service" });
        world_pass(w, USEC_PER_SEC);
        assert_false(w->guard.open);
        unit_ends(w, false);
        assert_all_is_over(w);
        world_pass(w, 5 * TTL);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        world_free(w);
}

static void a_new_configuration_does_not_bring_it_back(void **state) {
        World *w = running();

        world_step(w, (Event){ .kind = EVENT_RELEASE, .unit = "a.service" });
        world_step(w, (Event){ .kind = EVENT_CONFIGURE, .config = config() });
        unit_ends(w, false);
        assert_all_is_over(w);
        assert_int_equal(world_lease(w)->state, LEASE_FREE);
        world_free(w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(it_starts_with_its_lease_and_is_answered),
                cmocka_unit_test(when_it_ends_the_lease_is_free_and_nothing_is_left),
                cmocka_unit_test(it_waits_for_a_lease_that_others_hold),
                cmocka_unit_test(who_does_not_wait_is_told_that_it_is_taken),
                cmocka_unit_test(who_does_not_wait_starts_where_nobody_has_it),
                cmocka_unit_test(who_does_not_wait_is_told_that_the_registry_is_silent),
                cmocka_unit_test(it_never_starts_when_nobody_waits_for_it_any_more),
                cmocka_unit_test(a_lease_that_comes_too_late_is_given_back),
                cmocka_unit_test(the_lease_of_a_unit_is_not_for_a_command),
                cmocka_unit_test(a_start_that_comes_to_nothing_is_not_tried_again),
                cmocka_unit_test(what_runs_without_its_gate_is_ended),
                cmocka_unit_test(what_loses_its_gate_while_it_runs_is_ended),
                cmocka_unit_test(what_expired_is_not_started_again),
                cmocka_unit_test(it_goes_on_over_a_restart_of_the_daemon),
                cmocka_unit_test(what_ended_during_a_restart_is_not_started_again),
                cmocka_unit_test(without_its_guard_a_restart_ends_it),
                cmocka_unit_test(what_had_not_begun_before_a_restart_never_does),
                cmocka_unit_test(a_drain_leaves_it_where_it_is_and_lets_none_begin),
                cmocka_unit_test(a_release_ends_it_for_good),
                cmocka_unit_test(a_new_configuration_does_not_bring_it_back),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
