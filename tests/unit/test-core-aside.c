/* SPDX-License-Identifier: Apache-2.0 */

/* A machine where PID 1 keeps a unit down because of another unit: where the unit could run only against somebody's
 * will. Nothing is handed to that machine for as long as this lasts, unless an operator says so. */

#include "core-cluster.h"
#include <stdio.h>

enum { M, N, OTHER };

static void say_obstacle(Cluster *c, size_t machine, size_t unit, EndedBy by, Obstacle obstacle) {
        UnitReport *r = &c->machines[machine].units[unit].report;

        r->active = ACTIVE_INACTIVE;
        r->empty = true;
        r->ended_by = by;
        r->obstacle = obstacle;
        r->other = obstacle == OBSTACLE_NONE ? NULL : "rescue.service";
        cluster_say_unit(c, machine, unit);
}

static void end_obstacle(Cluster *c, size_t machine) {
        c->machines[machine].units[0].report.obstacle = OBSTACLE_NONE;
        cluster_say_unit(c, machine, 0);
}

static void drain(Cluster *c, size_t machine) {
        cluster_event(c, machine, (Event){ .kind = EVENT_DRAIN, .on = true });
}

/* unit000 prefers M, ran there, and is on N because rescue.service was started on M. */
static Cluster *put_aside(EndedBy by) {
        Cluster *c = cluster_new(3, 1);

        str_copy(c->placements[0].prefer, PLACEMENT_TEXT_SIZE, "home=yes");
        str_copy(c->placements[0].prefer_not, PLACEMENT_TEXT_SIZE, "away=yes");
        c->placements[0].failback = true;
        c->placements[0].failback_hold = 60 * USEC_PER_SEC;
        cluster_start(c, M, "home=yes");
        cluster_start(c, N, "");
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), M);
        say_obstacle(c, M, 0, by, OBSTACLE_LASTS);
        cluster_pass(c, 10 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), N);
        return c;
}

/* All plan anew. */
static void start_other(Cluster *c) {
        cluster_start(c, OTHER, "away=yes");
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), N);
}

static void a_unit_does_not_go_back_before_it_may_run_there(void **state) {
        static const EndedBy by[] = { ENDED_BY_CONFLICT, ENDED_BY_NEED };

        for (size_t i = 0; i < ELEMENTSOF(by); i++) {
                Cluster *c = put_aside(by[i]);

                start_other(c);
                cluster_pass(c, 200 * USEC_PER_SEC);
                assert_int_equal(cluster_runs_on(c, 0), N);
                assert_int_equal(cluster_lease(c, 0)->index, 2);
                assert_int_equal(cluster_standing(c, N, 0, M)->reason.why,
                                by[i] == ENDED_BY_NEED ? WHY_NEED_STOPPED : WHY_CONFLICT_RUNS);
                assert_string_equal(cluster_why_not(c, N, 0, M),
                                by[i] == ENDED_BY_NEED ? "rescue.service, which it needs, is stopped there"
                                                       : "rescue.service runs there, with which it conflicts");
                end_obstacle(c, M);
                cluster_pass(c, 50 * USEC_PER_SEC);
                assert_int_equal(cluster_runs_on(c, 0), N); /* it counts from now */
                cluster_pass(c, 20 * USEC_PER_SEC);
                assert_int_equal(cluster_runs_on(c, 0), M);
                assert_int_equal(cluster_lease(c, 0)->index, 3);
                cluster_free(c);
        }
}

static void what_must_leave_goes_past_such_a_machine(void **state) {
        Cluster *drained = put_aside(ENDED_BY_CONFLICT), *released = put_aside(ENDED_BY_CONFLICT);

        start_other(drained);
        start_other(released);
        drain(drained, N);
        cluster_event(released, N, (Event){ .kind = EVENT_RELEASE, .unit = released->names[0] });
        cluster_pass(drained, 5 * USEC_PER_SEC);
        cluster_pass(released, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(drained, 0), OTHER);
        assert_int_equal(cluster_runs_on(released, 0), OTHER);
        cluster_free(drained);
        cluster_free(released);
}

static void an_upgrade_waits_until_it_may_run_there(void **state) {
        Cluster *c = put_aside(ENDED_BY_CONFLICT);

        c->placements[0].failback = false;
        cluster_configure(c, N, 0);
        c->configs[0].version = 7;
        cluster_configure(c, M, 0);
        cluster_pass(c, 60 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), N);
        end_obstacle(c, M);
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), M);
        cluster_free(c);
}

/* A drain of the holder waits, as where no other machine is left. */
static void a_drain_stops_no_unit_that_could_go_only_there(void **state) {
        Cluster *c = put_aside(ENDED_BY_CONFLICT);

        drain(c, N);
        cluster_pass(c, 30 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), N);
        assert_true(cluster_is_stuck(c, N, 0));
        end_obstacle(c, M);
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), M);
        cluster_free(c);
}

/* The holder's own word is no reason to let the unit go: it waits here with OnFailure=hold. */
static void a_holder_that_waits_keeps_the_unit(void **state) {
        Cluster *c = cluster_new(2, 1);
        char offer[RECORD_NAME_SIZE];
        size_t holder;

        c->configs[0].hold_on_failure = true;
        cluster_start_all(c);
        cluster_pass(c, 5 * USEC_PER_SEC);
        holder = (size_t) cluster_runs_on(c, 0);
        say_obstacle(c, holder, 0, ENDED_BY_NEED, OBSTACLE_LASTS);
        cluster_pass(c, 60 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), -1);
        assert_int_equal(cluster_lease(c, 0)->index, 1);
        (void) snprintf(offer, sizeof(offer), "%s/%s", c->machines[holder].id, c->names[0]);
        assert_int_equal(((OfferRecord *) cluster_record(c, RECORD_OFFER, offer))->code, WHY_NONE);
        end_obstacle(c, holder);
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), holder);
        cluster_free(c);
}

/* unit000 comes first in the plan, and would keep unit001 away from the only machine, where unit000 does not come. */
static void what_may_not_run_keeps_nothing_away(void **state) {
        Cluster *c = cluster_new(1, 2);

        str_copy(c->placements[0].conflicts, CONFLICTS_SIZE, "unit001.service");
        cluster_start(c, M, "");
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), M);
        say_obstacle(c, M, 0, ENDED_BY_NEED, OBSTACLE_LASTS);
        cluster_pass(c, 60 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), -1);
        assert_int_equal(cluster_runs_on(c, 1), M);
        cluster_free(c);
}

static void an_operator_moves_it_there_all_the_same(void **state) {
        static const EndedBy by[] = { ENDED_BY_CONFLICT, ENDED_BY_NEED };

        for (size_t asked_at = M; asked_at <= OTHER; asked_at++)
                for (size_t i = 0; i < ELEMENTSOF(by); i++) {
                        Cluster *c = put_aside(by[i]);

                        start_other(c);
                        cluster_event(c, asked_at,
                                        (Event){ .kind = EVENT_REQUEST,
                                                        .id = 77,
                                                        .verb = REQUEST_TRANSFER,
                                                        .unit = c->names[0],
                                                        .machine_id = c->machines[M].id,
                                                        .by = "root@asker" });
                        cluster_pass(c, 5 * USEC_PER_SEC);
                        assert_int_equal(c->word, WORD_BEGUN);
                        assert_int_equal(cluster_runs_on(c, 0), M);
                        cluster_free(c);
                }
}

static void an_operator_steals_it_all_the_same(void **state) {
        Cluster *c = put_aside(ENDED_BY_CONFLICT);

        cluster_event(c, M, (Event){ .kind = EVENT_STEAL, .id = 5, .unit = c->names[0] });
        cluster_pass(c, 30 * USEC_PER_SEC);
        assert_int_equal(c->word, WORD_BEGUN);
        assert_int_equal(cluster_runs_on(c, 0), M);
        cluster_free(c);
}

/* Nobody's will is in the way of the operator's, and what else keeps the unit from the machine is. */
static void a_steal_is_refused_for_what_it_cannot_change(void **state) {
        Cluster *c = put_aside(ENDED_BY_NEED);

        c->configs[0].checked = true;
        cluster_configure(c, M, 0);
        cluster_event(c, M, (Event){ .kind = EVENT_CHECK, .unit = c->names[0], .on = false });
        cluster_event(c, M, (Event){ .kind = EVENT_STEAL, .id = 5, .unit = c->names[0] });
        cluster_pass(c, 30 * USEC_PER_SEC);
        assert_int_equal(c->words, 1);
        assert_int_equal(c->word, WORD_UNABLE);
        assert_int_equal(c->why, WHY_CHECK_FAILS);
        assert_int_equal(cluster_runs_on(c, 0), N);
        assert_int_equal(cluster_lease(c, 0)->index, 2);
        cluster_free(c);
}

/* A job that was done, and is free again: where it ran last comes last, and so it is planned for N, and comes there as
 * planned. Then nothing more happens. */
static void a_unit_that_came_as_planned_goes_back_to_where_it_prefers_to_be(void **state) {
        Cluster *c = cluster_new(2, 1);
        LeaseRecord l;

        str_copy(c->placements[0].prefer, PLACEMENT_TEXT_SIZE, "home=yes");
        c->placements[0].failback = true;
        c->placements[0].failback_hold = 60 * USEC_PER_SEC;
        cluster_start(c, M, "home=yes");
        cluster_start(c, N, "");
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), M);
        c->configs[0].release_on_success = true;
        cluster_configure(c, M, 0);
        cluster_configure(c, N, 0);
        cluster_pass(c, 100 * USEC_PER_SEC);
        c->machines[M].units[0].report.active = ACTIVE_INACTIVE; /* it has ended well */
        c->machines[M].units[0].report.empty = true;
        c->machines[M].units[0].report.ended_by = ENDED_BY_ITSELF;
        cluster_say_unit(c, M, 0);
        cluster_pass(c, 5 * USEC_PER_SEC);
        l = *cluster_lease(c, 0);
        assert_int_equal(tenure_why(lease_last_tenure(&l)), WHY_DONE);
        assert_int_equal(cluster_runs_on(c, 0), N);
        cluster_pass(c, 100 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), M);
        assert_int_equal(tenure_why(lease_last_tenure(cluster_lease(c, 0))), WHY_FAILBACK);
        cluster_free(c);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_unit_that_came_as_planned_goes_back_to_where_it_prefers_to_be),
                cmocka_unit_test(a_unit_does_not_go_back_before_it_may_run_there),
                cmocka_unit_test(what_must_leave_goes_past_such_a_machine),
                cmocka_unit_test(an_upgrade_waits_until_it_may_run_there),
                cmocka_unit_test(a_drain_stops_no_unit_that_could_go_only_there),
                cmocka_unit_test(a_holder_that_waits_keeps_the_unit),
                cmocka_unit_test(what_may_not_run_keeps_nothing_away),
                cmocka_unit_test(an_operator_moves_it_there_all_the_same),
                cmocka_unit_test(an_operator_steals_it_all_the_same),
                cmocka_unit_test(a_steal_is_refused_for_what_it_cannot_change),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
