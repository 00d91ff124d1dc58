/* SPDX-License-Identifier: Apache-2.0 */

/* Moves that nobody asks for come to an end, also where machines go by different unit files. */

#include "core-cluster.h"
#include <stdlib.h>

static void operate(Cluster *c, size_t machine, EventKind kind, bool on, const char *text) {
        bool metadata = kind == EVENT_METADATA;

        cluster_event(c, machine,
                        (Event){ .kind = kind,
                                        .on = on,
                                        .metadata = metadata ? text : NULL,
                                        .machine_id = metadata ? NULL : text });
}

/* ---- machines whose unit files differ ---- */

/* unit000 and unit001 are bound to m0 and m1; unit002 may be beside the one, or the other. */
static Cluster *cluster_of_three_units(void) {
        Cluster *c = cluster_new(2, 3);

        for (size_t i = 0; i < 2; i++)
                str_copy(c->placements[i].machine_id, MACHINE_SIZE, c->machines[i].id);
        return c;
}

static void conflict(Cluster *c, size_t machine, const char *unit) {
        str_copy(c->placements[2].conflicts, CONFLICTS_SIZE, unit);
        cluster_configure(c, machine, 2);
}

static void a_unit_is_not_handed_to_a_machine_whose_own_file_keeps_it_away(void **state) {
        Cluster *c = cluster_of_three_units();

        cluster_start_all(c);
        conflict(c, 1, "unit001.service");
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 2), 0);
        assert_string_equal(cluster_why_not(c, 0, 2, 1), "conflict with unit001.service");
        operate(c, 0, EVENT_DRAIN, true, NULL);
        cluster_pass(c, 60 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 2), 0);
        assert_in_range(cluster_lease(c, 2)->index, 1, 2);
        cluster_free(c);
}

static void a_unit_that_each_machine_would_hand_to_the_other_is_not_passed_to_and_fro(void **state) {
        Cluster *c = cluster_of_three_units();

        cluster_start_all(c);
        cluster_pass(c, 5 * USEC_PER_SEC);
        /* Each by itself would say that the unit it must run beside is on the other one. */
        for (size_t i = 0; i < 2; i++) {
                str_copy(c->placements[2].machine_of, PLACEMENT_TEXT_SIZE, c->names[!i]);
                cluster_configure(c, i, 2);
        }
        cluster_pass(c, 60 * USEC_PER_SEC);
        assert_in_range(cluster_lease(c, 2)->index, 1, 4);
        cluster_free(c);
}

static void failback_to_a_machine_that_does_not_keep_it_is_tried_once(void **state) {
        Cluster *c = cluster_new(2, 2);

        str_copy(c->placements[0].prefer, PLACEMENT_TEXT_SIZE, "home=yes");
        c->placements[0].failback = true;
        c->placements[0].failback_hold = 60 * USEC_PER_SEC;
        cluster_start(c, 0, "");
        cluster_pass(c, 5 * USEC_PER_SEC);
        cluster_start(c, 1, "home=yes");
        str_copy(c->placements[0].machine_of, PLACEMENT_TEXT_SIZE, "unit001.service");
        c->placements[0].failback = false;
        cluster_configure(c, 1, 0);
        cluster_pass(c, 600 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), 0);
        assert_int_equal(cluster_lease(c, 0)->index, 3);
        cluster_free(c);
}

static void drain(Cluster *c, int machine, bool on) {
        assert_true(machine >= 0);
        cluster_event(c, (size_t) machine, (Event){ .kind = EVENT_DRAIN, .on = on });
}

/* Two machines are drained, one after the other, and the unit goes on to the third; then it is back where it was
 * first. */
static void failback_goes_back_to_the_machine_that_was_drained(void **state) {
        Cluster *c = cluster_new(3, 1);
        int first, second;

        c->placements[0].failback = true;
        c->placements[0].failback_hold = 60 * USEC_PER_SEC;
        cluster_start_all(c);
        cluster_pass(c, 5 * USEC_PER_SEC);
        first = cluster_runs_on(c, 0);
        assert_true(first >= 0);
        drain(c, first, true);
        cluster_pass(c, 5 * USEC_PER_SEC);
        second = cluster_runs_on(c, 0);
        assert_true(second >= 0 && second != first);
        drain(c, second, true);
        cluster_pass(c, 100 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), 3 - first - second);
        drain(c, second, false);
        cluster_pass(c, 100 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), 3 - first - second);
        drain(c, first, false);
        cluster_pass(c, 50 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), 3 - first - second);
        cluster_pass(c, 15 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), first);
        assert_int_equal(tenure_why(lease_last_tenure(cluster_lease(c, 0))), WHY_FAILBACK);
        cluster_pass(c, 600 * USEC_PER_SEC);
        assert_int_equal(cluster_lease(c, 0)->index, 4);
        cluster_free(c);
}

static void what_an_operator_moved_meanwhile_does_not_go_back_after_a_drain(void **state) {
        Cluster *c = cluster_new(3, 1);
        int first, second;

        c->placements[0].failback = true;
        c->placements[0].failback_hold = 10 * USEC_PER_SEC;
        cluster_start_all(c);
        cluster_pass(c, 5 * USEC_PER_SEC);
        first = cluster_runs_on(c, 0);
        assert_true(first >= 0);
        drain(c, first, true);
        cluster_pass(c, 5 * USEC_PER_SEC);
        second = cluster_runs_on(c, 0);
        assert_true(second >= 0 && second != first);
        cluster_event(c, (size_t) second, (Event){ .kind = EVENT_RELEASE, .unit = "unit000.service" });
        cluster_pass(c, 5 * USEC_PER_SEC);
        drain(c, first, false);
        cluster_pass(c, 600 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), 3 - first - second);
        cluster_free(c);
}

/* A machine that is preferred less than the present one is not gone back to. */
static void failback_after_a_drain_does_not_go_where_the_unit_would_rather_not_be(void **state) {
        Cluster *c = cluster_new(2, 1);

        str_copy(c->placements[0].prefer, PLACEMENT_TEXT_SIZE, "home=yes");
        c->placements[0].failback = true;
        c->placements[0].failback_hold = 60 * USEC_PER_SEC;
        cluster_start(c, 0, "");
        cluster_pass(c, 5 * USEC_PER_SEC);
        cluster_start(c, 1, "home=yes");
        drain(c, 0, true);
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), 1);
        drain(c, 0, false);
        cluster_pass(c, 600 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), 1);
        cluster_free(c);
}

static void a_unit_is_not_handed_to_a_machine_where_it_goes_by_another_lease(void **state) {
        Cluster *c = cluster_new(2, 1);
        int from;

        cluster_start_all(c);
        cluster_pass(c, 5 * USEC_PER_SEC);
        from = cluster_runs_on(c, 0);
        c->configs[0].lease = "another";
        c->configs[0].version = 2;
        cluster_configure(c, (size_t) !from, 0);
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_lease(c, 0)->state, LEASE_HELD);
        assert_int_equal(cluster_lease(c, 0)->index, 1);
        assert_string_equal(cluster_why_not(c, (size_t) from, 0, (size_t) !from), "it goes by another lease there");
        cluster_free(c);
}

static void a_machine_on_which_a_global_unit_stands_against_it_says_so(void **state) {
        Cluster *c = cluster_new(2, 2);

        c->configs[1].global = true;
        str_copy(c->placements[0].conflicts, CONFLICTS_SIZE, "unit001.service");
        str_copy(c->placements[1].require, PLACEMENT_TEXT_SIZE, "disk=ssd");
        str_copy(c->placements[0].prefer, PLACEMENT_TEXT_SIZE, "disk=ssd");
        c->placements[0].failback = true;
        c->placements[0].failback_hold = 10 * USEC_PER_SEC;
        cluster_start(c, 0, "");
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), 0);
        cluster_start(c, 1, "disk=ssd");
        cluster_pass(c, 60 * USEC_PER_SEC);
        assert_int_equal(cluster_count(c, 1), 1);
        assert_int_equal(cluster_runs_on(c, 0), 0);
        assert_int_equal(cluster_lease(c, 0)->index, 1);
        assert_string_equal(cluster_why_not(c, 0, 0, 1), "it conflicts with a unit there that runs everywhere");
        cluster_free(c);
}

/* ---- what moves for a reason ---- */

static void a_plan_that_is_made_anew_meanwhile_does_not_turn_an_upgrade_elsewhere(void **state) {
        Cluster *c = cluster_new(3, 1);

        cluster_start(c, 0, "");
        cluster_pass(c, 5 * USEC_PER_SEC);
        cluster_start(c, 1, "");
        cluster_start(c, 2, "");
        cluster_pass(c, 5 * USEC_PER_SEC);
        for (size_t best = 1; best < 3; best++) { /* each of the two is once not the one that would come first */
                size_t from = (size_t) cluster_runs_on(c, 0);

                if (from == best)
                        continue;
                c->machines[from].units[0].slow = true;
                c->configs[0].version = (int64_t) best;
                cluster_configure(c, best, 0);
                cluster_pass(c, USEC_PER_SEC);
                operate(c, 3 - from - best, EVENT_METADATA, false, "a=b");
                cluster_pass(c, USEC_PER_SEC);
                c->machines[from].units[0].slow = false;
                c->machines[from].units[0].report.active = ACTIVE_INACTIVE;
                c->machines[from].units[0].report.empty = true;
                cluster_pass(c, 5 * USEC_PER_SEC);
                assert_int_equal(cluster_runs_on(c, 0), best);
                assert_int_equal(cluster_lease(c, 0)->version, best);
        }
        cluster_free(c);
}

static void a_unit_that_is_started_again_by_hand_is_upgraded_then(void **state) {
        Cluster *c = cluster_new(2, 1);
        size_t from;

        cluster_start_all(c);
        cluster_pass(c, 5 * USEC_PER_SEC);
        from = (size_t) cluster_runs_on(c, 0);
        c->machines[from].units[0].report.active = ACTIVE_INACTIVE;
        c->machines[from].units[0].report.empty = true;
        c->machines[from].units[0].report.ended_by = ENDED_BY_HAND;
        cluster_say_unit(c, from, 0);
        c->configs[0].version = 2;
        cluster_configure(c, !from, 0);
        cluster_pass(c, 60 * USEC_PER_SEC);
        assert_int_equal(cluster_lease(c, 0)->index, 1); /* rests */
        c->machines[from].units[0].report.active = ACTIVE_ACTIVE;
        c->machines[from].units[0].report.empty = false;
        cluster_say_unit(c, from, 0);
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), !from);
        cluster_free(c);
}

/* Somebody has written a Version= into the lease's record that no machine has ever had. */
static void an_upgrade_to_what_no_machine_offers_keeps_no_other_upgrade_from_the_unit(void **state) {
        Cluster *c = cluster_new(2, 1);
        LeaseRecord forged;
        size_t from;

        cluster_start_all(c);
        cluster_pass(c, 5 * USEC_PER_SEC);
        from = (size_t) cluster_runs_on(c, 0);
        forged = *cluster_lease(c, 0);
        forged.upgraded = INT64_MAX;
        cluster_put(c, RECORD_LEASE, c->names[0], &forged);
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), from);
        c->configs[0].version = 2;
        cluster_configure(c, !from, 0);
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), !from);
        assert_int_equal(cluster_lease(c, 0)->upgraded, 2);
        cluster_free(c);
}

static void a_unit_is_not_driven_away_by_one_that_has_not_come(void **state) {
        Cluster *c = cluster_new(1, 2);

        cluster_start_idle(c, 0);
        unit_find(c->machines[0].core, c->names[0])->lease->retry_at =
                        c->now + 60 * USEC_PER_SEC; /* no answer to its Txn */
        cluster_event(c, 0, (Event){ .kind = EVENT_GUARD_UP });
        cluster_event(c, 0, (Event){ .kind = EVENT_GUARD_SYNCED });
        cluster_pass(c, 20 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 1), 0);
        str_copy(c->placements[0].replaces, CONFLICTS_SIZE, "unit001.service");
        cluster_configure(c, 0, 0);
        cluster_pass(c, 20 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 1), 0);
        cluster_pass(c, 40 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), 0);
        assert_int_equal(cluster_runs_on(c, 1), -1);
        cluster_free(c);
}

static void a_transfer_to_where_it_is_keeps_no_drain_waiting(void **state) {
        Cluster *c = cluster_new(2, 1);
        size_t from;

        cluster_start_all(c);
        cluster_pass(c, 5 * USEC_PER_SEC);
        from = (size_t) cluster_runs_on(c, 0);
        cluster_event(c, from,
                        (Event){ .kind = EVENT_TRANSFER, .unit = c->names[0], .machine_id = c->machines[from].id });
        operate(c, from, EVENT_DRAIN, true, NULL);
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), !from);
        cluster_free(c);
}

static void units_that_replace_each_other_in_a_ring_take_turns_with_pauses(void **state) {
        Cluster *c = cluster_new(1, 3);

        for (size_t i = 0; i < 3; i++)
                str_copy(c->placements[i].replaces, CONFLICTS_SIZE, c->names[(i + 1) % 3]);
        cluster_start_all(c);
        cluster_pass(c, 300 * USEC_PER_SEC);
        assert_in_range(c->machines[0].units[0].starts, 1, 15); /* each is started at most once in 30 s */
        cluster_free(c);
}

static void what_did_not_fit_comes_back_as_soon_as_it_fits_again(void **state) {
        Cluster *c = cluster_new(1, 1);

        str_copy(c->placements[0].require, PLACEMENT_TEXT_SIZE, "disk=ssd");
        cluster_start(c, 0, "disk=ssd");
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), 0);
        operate(c, 0, EVENT_METADATA, false, "disk=tape");
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), -1);
        operate(c, 0, EVENT_METADATA, false, "disk=ssd");
        cluster_pass(c, 3 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), 0);
        cluster_free(c);
}

static void what_runs_through_a_restart_does_not_yield_to_what_is_only_held(void **state) {
        Cluster *c = cluster_new(1, 2);
        ClusterUnit *units = c->machines[0].units;

        cluster_start_all(c);
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_count(c, 0), 2);
        str_copy(c->placements[0].conflicts, CONFLICTS_SIZE, "unit001.service");
        units[0].guard = (GuardReport){};
        units[0].report.active = ACTIVE_INACTIVE;
        units[0].report.empty = true;
        cluster_restart(c, 0);
        cluster_pass(c, 60 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 1), 0);
        assert_int_equal(cluster_lease(c, 1)->index, 1);
        assert_int_equal(cluster_runs_on(c, 0), -1);
        cluster_free(c);
}

static void a_machine_that_serves_a_silence_starts_nothing_that_is_handed_to_it(void **state) {
        Cluster *c = cluster_new(2, 1);

        cluster_start(c, 0, "");
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), 0);
        cluster_start(c, 1, "");
        c->machines[1].core->identity.silence = true;
        c->machines[1].core->identity.silence_until = c->now + 61 * USEC_PER_SEC;
        cluster_pass(c, USEC_PER_SEC);
        operate(c, 0, EVENT_DRAIN, true, NULL);
        cluster_pass(c, 30 * USEC_PER_SEC);
        assert_int_not_equal(cluster_runs_on(c, 0), 1);
        cluster_pass(c, 60 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), 1);
        cluster_free(c);
}

static void what_cannot_run_for_want_of_a_guard_goes_where_there_is_one(void **state) {
        Cluster *c = cluster_new(2, 2);

        cluster_start(c, 0, "");
        cluster_pass(c, 5 * USEC_PER_SEC);
        cluster_start(c, 1, "");
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_count(c, 0), 2);
        for (size_t i = 0; i < 2; i++) /* PID 1 stops what is bound to it */
                c->machines[0].units[i] =
                                (ClusterUnit){ .report = { .known = true, .empty = true, .gate_loaded = true } };
        operate(c, 0, EVENT_GUARD_DOWN, false, NULL);
        operate(c, 0, EVENT_GUARD_GONE, false, NULL);
        for (size_t i = 0; i < 2; i++)
                cluster_say_unit(c, 0, i);
        cluster_pass(c, CLUSTER_TTL - USEC_PER_SEC);
        assert_int_equal(cluster_lease(c, 0)->index, 1); /* it may come back */
        cluster_pass(c, 2 * USEC_PER_SEC);
        assert_int_equal(cluster_count(c, 1), 2);
        assert_string_equal(cluster_why_not(c, 1, 0, 0), "leased-guard.service does not run there");
        operate(c, 1, EVENT_DRAIN, true, NULL);
        cluster_pass(c, 30 * USEC_PER_SEC);
        assert_int_equal(cluster_count(c, 1), 2);
        operate(c, 0, EVENT_GUARD_UP, false, NULL);
        operate(c, 0, EVENT_GUARD_SYNCED, false, NULL);
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_count(c, 0), 2);
        cluster_free(c);
}

/* It lives, and nobody hears of it: its folder was removed, or it speaks another protocol. */
static void a_guard_that_cannot_be_reached_attracts_nothing(void **state) {
        Cluster *c = cluster_new(2, 2);

        cluster_start(c, 1, "");
        cluster_pass(c, 5 * USEC_PER_SEC);
        cluster_start(c, 0, "");
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_count(c, 1), 2);
        c->machines[0].deaf_guard = true;
        operate(c, 0, EVENT_GUARD_DOWN, false, NULL);
        cluster_pass(c, CLUSTER_TTL - USEC_PER_SEC);
        assert_null(strstr(cluster_why_not(c, 1, 0, 0), "leased-guard")); /* it may come back */
        cluster_pass(c, 2 * USEC_PER_SEC);
        assert_string_equal(cluster_why_not(c, 1, 0, 0), "leased-guard.service does not answer there");
        operate(c, 1, EVENT_DRAIN, true, NULL);
        cluster_pass(c, 30 * USEC_PER_SEC);
        assert_int_equal(cluster_count(c, 1), 2); /* it keeps what has nowhere to go */
        operate(c, 1, EVENT_DRAIN, false, NULL);

        c->machines[0].deaf_guard = false;
        operate(c, 0, EVENT_GUARD_UP, false, NULL);
        operate(c, 0, EVENT_GUARD_SYNCED, false, NULL);
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_null(strstr(cluster_why_not(c, 1, 0, 0), "leased-guard"));
        cluster_free(c);
}

static void what_is_held_beside_such_a_guard_goes_once_it_is_replaced(void **state) {
        Cluster *c = cluster_new(2, 2);

        cluster_start(c, 0, "");
        cluster_pass(c, 5 * USEC_PER_SEC);
        cluster_start(c, 1, "");
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_count(c, 0), 2);
        c->machines[0].deaf_guard = true;
        operate(c, 0, EVENT_GUARD_DOWN, false, NULL);
        cluster_pass(c, CLUSTER_TTL + USEC_PER_SEC);
        assert_int_equal(cluster_count(c, 1), 0); /* not even now is it known that no gate is open */
        for (size_t i = 0; i < 2; i++)
                c->machines[0].units[i] =
                                (ClusterUnit){ .report = { .known = true, .empty = true, .gate_loaded = true } };
        operate(c, 0, EVENT_GUARD_GONE, false, NULL);
        for (size_t i = 0; i < 2; i++)
                cluster_say_unit(c, 0, i);
        cluster_pass(c, 3 * USEC_PER_SEC); /* the time has been served already */
        assert_int_equal(cluster_count(c, 1), 2);
        cluster_free(c);
}

/* ---- without a lease ---- */

static void a_core_with_a_global_unit_rests_while_the_registry_is_silent(void **state) {
        Cluster *c = cluster_new(1, 1);

        c->configs[0].global = true;
        cluster_start_all(c);
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), 0);
        c->busy = true; /* nothing is carried out or answered any more */
        c->now += 2 * CLUSTER_TTL;
        operate(c, 0, EVENT_DEADLINE, false, NULL);
        assert_true(core_next_deadline(c->machines[0].core) > c->now);
        c->busy = false;
        cluster_free(c);
}

static void a_global_unit_that_is_started_again_by_hand_is_looked_after_again(void **state) {
        Cluster *c = cluster_new(1, 1);
        ClusterUnit *u = c->machines[0].units;

        c->configs[0].global = true;
        c->configs[0].hold_down_failure = 5 * USEC_PER_SEC;
        cluster_start_all(c);
        cluster_pass(c, 5 * USEC_PER_SEC);
        u->report.active = ACTIVE_INACTIVE;
        u->report.empty = true;
        u->report.ended_by = ENDED_BY_HAND;
        cluster_say_unit(c, 0, 0);
        cluster_pass(c, 60 * USEC_PER_SEC);
        assert_int_equal(u->report.active, ACTIVE_INACTIVE); /* an operator's word */
        u->report.active = ACTIVE_ACTIVE;
        u->report.run++;
        cluster_say_unit(c, 0, 0);
        cluster_pass(c, 5 * USEC_PER_SEC);
        u->report.active = ACTIVE_FAILED;
        u->report.failed = true;
        u->report.ended_by = ENDED_BY_ITSELF;
        cluster_say_unit(c, 0, 0);
        cluster_pass(c, 60 * USEC_PER_SEC);
        assert_int_equal(u->report.active, ACTIVE_ACTIVE);
        cluster_free(c);
}

static void put_aside(Cluster *c, Obstacle obstacle) {
        ClusterUnit *u = c->machines[0].units;

        u->report.active = ACTIVE_INACTIVE;
        u->report.empty = true;
        u->report.ended_by = ENDED_BY_NEED;
        u->report.obstacle = obstacle;
        cluster_say_unit(c, 0, 0);
        cluster_pass(c, USEC_PER_SEC);
}

static void a_global_unit_that_pid1_has_stopped_waits_and_is_started_again(void **state) {
        Cluster *c = cluster_new(1, 1);
        ClusterUnit *u = c->machines[0].units;

        c->configs[0].global = true;
        c->configs[0].hold_down_failure = 5 * USEC_PER_SEC;
        cluster_start_all(c);
        cluster_pass(c, 5 * USEC_PER_SEC);
        put_aside(c, OBSTACLE_LASTS);
        cluster_pass(c, 60 * USEC_PER_SEC);
        assert_int_equal(u->report.active, ACTIVE_INACTIVE);
        put_aside(c, OBSTACLE_NONE);
        assert_int_equal(u->report.active, ACTIVE_ACTIVE);
        put_aside(c, OBSTACLE_FAILED); /* a start brings it along, but not at once */
        assert_int_equal(u->report.active, ACTIVE_INACTIVE);
        cluster_pass(c, 10 * USEC_PER_SEC);
        assert_int_equal(u->report.active, ACTIVE_ACTIVE);
        cluster_free(c);
}

static void the_guard_is_told_nothing_of_a_global_unit_also_before_a_sleep(void **state) {
        Cluster *c = cluster_new(1, 2);
        ClusterUnit *u = c->machines[0].units;

        c->configs[0].global = true;
        cluster_start_all(c);
        cluster_pass(c, 5 * USEC_PER_SEC);
        u[0].slow = u[1].slow = true; /* unit001, which has a lease, keeps the machine awake until then */
        operate(c, 0, EVENT_DRAIN, true, NULL);
        cluster_pass(c, USEC_PER_SEC);
        cluster_event(c, 0, (Event){ .kind = EVENT_SLEEP, .on = true, .span = USEC_PER_SEC });
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_false(u->guard.expired);
        assert_true(u[1].guard.expired);
        cluster_free(c);
}

/* As by a transfer: nobody has to hear first that the lease is free. */
static void a_released_unit_is_handed_to_the_machine_that_comes_next(void **state) {
        Cluster *c = cluster_new(3, 30);
        size_t counts[3] = {};

        cluster_start_all(c);
        cluster_pass(c, 5 * USEC_PER_SEC);
        for (size_t i = 0; i < 30; i++) {
                int from = cluster_runs_on(c, i);
                const LeaseRecord *l;

                cluster_event(c, (size_t) from, (Event){ .kind = EVENT_RELEASE, .unit = c->names[i] });
                cluster_pass(c, USEC_PER_SEC);
                l = cluster_lease(c, i);
                assert_int_not_equal(cluster_runs_on(c, i), from);
                assert_int_equal(l->tenures[l->n_tenures - 1].code, WHY_RELEASED);
                assert_int_equal(l->tenures[l->n_tenures - 1].to, l->since);
                assert_int_equal(l->index, l->tenures[l->n_tenures - 1].index + 1);
                counts[cluster_runs_on(c, i)]++;
        }
        for (size_t m = 0; m < 3; m++)
                assert_in_range(counts[m], 0, 17); /* they are spread over the others */
        cluster_free(c);
}

/* ---- OnShutdown=keep ---- */

static Cluster *cluster_that_keeps(usec_t wait) {
        Cluster *c = cluster_new(3, 1);

        c->configs[0].reboot_wait = wait;
        cluster_start_all(c);
        cluster_pass(c, 5 * USEC_PER_SEC);
        return c;
}

static int shut_down(Cluster *c, bool reboots) {
        int holder = cluster_runs_on(c, 0);

        assert_true(holder >= 0);
        cluster_event(c, (size_t) holder, (Event){ .kind = EVENT_SHUTDOWN, .on = reboots });
        cluster_pass(c, USEC_PER_SEC);
        cluster_power_cut(c, (size_t) holder);
        return holder;
}

static void others_wait_for_a_machine_that_reboots(void **state) {
        Cluster *c = cluster_that_keeps(USEC_PER_MINUTE);
        int holder = shut_down(c, true);
        size_t other = holder == 0;

        cluster_pass(c, 50 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), -1);
        assert_non_null(strstr(cluster_why_not(c, other, 0, other), "which reboots"));
        cluster_start(c, (size_t) holder, "");
        cluster_pass(c, 9 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), holder);
        assert_int_equal(cluster_lease(c, 0)->kept_for, 0);
        cluster_free(c);
}

static void others_wait_no_longer_than_rebootsec(void **state) {
        Cluster *c = cluster_that_keeps(USEC_PER_MINUTE);
        int holder = shut_down(c, true);

        cluster_pass(c, 55 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), -1);
        cluster_pass(c, 10 * USEC_PER_SEC);
        assert_true(cluster_runs_on(c, 0) >= 0 && cluster_runs_on(c, 0) != holder);
        cluster_free(c);
}

/* Law 11: RebootSec= is an hour at most, so leased never writes a longer wait. */
static void a_record_that_says_to_wait_for_ever_is_not_believed(void **state) {
        Cluster *c = cluster_that_keeps(USEC_PER_MINUTE);
        int holder = shut_down(c, true);
        LeaseRecord forged = *cluster_lease(c, 0);

        assert_true(forged.kept_for > 0);
        forged.kept_for = INT64_MAX;
        cluster_put(c, RECORD_LEASE, c->names[0], &forged);
        cluster_pass(c, 30 * USEC_PER_SEC);
        assert_true(cluster_runs_on(c, 0) >= 0 && cluster_runs_on(c, 0) != holder);
        cluster_free(c);
}

static void nobody_waits_for_a_machine_that_is_switched_off_or_where_the_unit_has_its_default(void **state) {
        Cluster *off = cluster_that_keeps(USEC_PER_MINUTE), *plain = cluster_that_keeps(0);

        shut_down(off, false);
        shut_down(plain, true);
        cluster_pass(off, 10 * USEC_PER_SEC);
        cluster_pass(plain, 10 * USEC_PER_SEC);
        assert_true(cluster_runs_on(off, 0) >= 0);
        assert_true(cluster_runs_on(plain, 0) >= 0);
        cluster_free(off);
        cluster_free(plain);
}

/* An operator need not wait: he drains the machine that will not come back. */
static void a_drain_of_the_machine_ends_the_wait(void **state) {
        Cluster *c = cluster_that_keeps(USEC_PER_MINUTE);
        int holder = shut_down(c, true);

        cluster_pass(c, 10 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), -1);
        operate(c, holder == 0, EVENT_DRAIN, true, c->machines[holder].id);
        cluster_pass(c, 10 * USEC_PER_SEC);
        assert_true(cluster_runs_on(c, 0) >= 0);
        cluster_free(c);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_released_unit_is_handed_to_the_machine_that_comes_next),
                cmocka_unit_test(a_unit_is_not_handed_to_a_machine_whose_own_file_keeps_it_away),
                cmocka_unit_test(a_unit_that_each_machine_would_hand_to_the_other_is_not_passed_to_and_fro),
                cmocka_unit_test(failback_to_a_machine_that_does_not_keep_it_is_tried_once),
                cmocka_unit_test(failback_goes_back_to_the_machine_that_was_drained),
                cmocka_unit_test(what_an_operator_moved_meanwhile_does_not_go_back_after_a_drain),
                cmocka_unit_test(failback_after_a_drain_does_not_go_where_the_unit_would_rather_not_be),
                cmocka_unit_test(a_unit_is_not_handed_to_a_machine_where_it_goes_by_another_lease),
                cmocka_unit_test(a_machine_on_which_a_global_unit_stands_against_it_says_so),
                cmocka_unit_test(a_plan_that_is_made_anew_meanwhile_does_not_turn_an_upgrade_elsewhere),
                cmocka_unit_test(a_unit_that_is_started_again_by_hand_is_upgraded_then),
                cmocka_unit_test(an_upgrade_to_what_no_machine_offers_keeps_no_other_upgrade_from_the_unit),
                cmocka_unit_test(a_unit_is_not_driven_away_by_one_that_has_not_come),
                cmocka_unit_test(a_transfer_to_where_it_is_keeps_no_drain_waiting),
                cmocka_unit_test(units_that_replace_each_other_in_a_ring_take_turns_with_pauses),
                cmocka_unit_test(what_did_not_fit_comes_back_as_soon_as_it_fits_again),
                cmocka_unit_test(what_runs_through_a_restart_does_not_yield_to_what_is_only_held),
                cmocka_unit_test(a_machine_that_serves_a_silence_starts_nothing_that_is_handed_to_it),
                cmocka_unit_test(what_cannot_run_for_want_of_a_guard_goes_where_there_is_one),
                cmocka_unit_test(a_guard_that_cannot_be_reached_attracts_nothing),
                cmocka_unit_test(what_is_held_beside_such_a_guard_goes_once_it_is_replaced),
                cmocka_unit_test(a_core_with_a_global_unit_rests_while_the_registry_is_silent),
                cmocka_unit_test(a_global_unit_that_is_started_again_by_hand_is_looked_after_again),
                cmocka_unit_test(a_global_unit_that_pid1_has_stopped_waits_and_is_started_again),
                cmocka_unit_test(the_guard_is_told_nothing_of_a_global_unit_also_before_a_sleep),
                cmocka_unit_test(others_wait_for_a_machine_that_reboots),
                cmocka_unit_test(others_wait_no_longer_than_rebootsec),
                cmocka_unit_test(a_record_that_says_to_wait_for_ever_is_not_believed),
                cmocka_unit_test(nobody_waits_for_a_machine_that_is_switched_off_or_where_the_unit_has_its_default),
                cmocka_unit_test(a_drain_of_the_machine_ends_the_wait),
        };

        if (getenv("T"))
                cmocka_set_test_filter(getenv("T"));
        return cmocka_run_group_tests(tests, NULL, NULL);
}
