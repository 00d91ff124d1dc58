/* SPDX-License-Identifier: Apache-2.0 */

/* What would become of units, told before it is done: it comes true, and telling it changes nothing. Also how units
 * are spread over the values of a key, and made even. */

#include "core-cluster.h"
#include <stdio.h>

#define WISH(c, unit, member, text) str_copy((c)->placements[unit].member, sizeof((c)->placements[unit].member), text)

enum { TOLD_MAX = 100 };

typedef struct ToldUnit {
        char unit[32], from[MACHINE_SIZE], to[MACHINE_SIZE];
        Why why;
        size_t n_others;
        Why others[CLUSTER_MACHINES];
} ToldUnit;

typedef struct Rehearsed {
        size_t n;
        ToldUnit list[TOLD_MAX];
} Rehearsed;

static int take(const RehearsedUnit *u, void *userdata) {
        Rehearsed *r = userdata;
        ToldUnit *t = r->list + r->n++;

        assert_in_range(r->n, 1, TOLD_MAX);
        str_copy(t->unit, sizeof(t->unit), u->unit);
        str_copy(t->from, sizeof(t->from), u->from);
        str_copy(t->to, sizeof(t->to), u->to);
        t->why = u->reason.why;
        t->n_others = u->n_others;
        for (size_t i = 0; i < u->n_others; i++)
                t->others[i] = u->others[i].reason.why;
        return 0;
}

static Rehearsed *rehearse_with(Cluster *c, size_t observer, const Rehearsal *what) {
        Rehearsed *r = calloc(1, sizeof(Rehearsed));

        assert_non_null(r);
        assert_int_equal(core_rehearse(c->machines[observer].core, what, take, r), 0);
        core_check(c->machines[observer].core);
        return r;
}

static Rehearsed *rehearse(Cluster *c, size_t observer, RehearsalKind kind, size_t machine) {
        return rehearse_with(c, observer, &(Rehearsal){ .kind = kind, .machine = c->machines[machine].id });
}

static Rehearsed *rehearse_unit(Cluster *c, size_t observer, RehearsalKind kind, size_t unit, size_t machine) {
        const char *const units[] = { c->names[unit] };

        return rehearse_with(c, observer,
                        &(Rehearsal){ .kind = kind,
                                        .units = units,
                                        .n_units = 1,
                                        .machine = c->machines[machine].id });
}

/* Machines first to last - 1 are there before any of them may acquire. */
static void start_some(Cluster *c, size_t first, size_t last, const char *metadata[]) {
        for (size_t i = first; i < last; i++) {
                cluster_start_idle(c, i);
                cluster_event(c, i, (Event){ .kind = EVENT_METADATA, .metadata = metadata[i] });
        }
        cluster_pass(c, 5 * USEC_PER_SEC);
        for (size_t i = first; i < last; i++) {
                cluster_event(c, i, (Event){ .kind = EVENT_GUARD_UP });
                cluster_event(c, i, (Event){ .kind = EVENT_GUARD_SYNCED });
                for (size_t k = 0; k < c->n_units; k++)
                        cluster_say_unit(c, i, k);
        }
        cluster_pass(c, 20 * USEC_PER_SEC);
}

static const char *in_racks[] = { "rack=a m=0", "rack=a m=1", "rack=b m=2", "rack=b m=3" };

static void start(Cluster *c) {
        start_some(c, 0, c->n_machines, in_racks);
}

static size_t unit_at(const Cluster *c, const char *name) {
        for (size_t i = 0; i < c->n_units; i++)
                if (streq(c->names[i], name))
                        return i;
        fail();
        return 0;
}

/* Each unit that was told to go is where it was told; each other one is where it was. */
static void assert_came_true(Cluster *c, const Rehearsed *r) {
        for (size_t i = 0; i < r->n; i++) {
                int at = cluster_runs_on(c, unit_at(c, r->list[i].unit));
                const char *expected = r->list[i].to[0] ? r->list[i].to : r->list[i].from;

                assert_true(at >= 0);
                assert_string_equal(c->machines[at].id, expected);
        }
}

static void where_a_drain_was_told_to_lead_it_leads(void **state) {
        for (size_t drained = 0; drained < 4; drained++) {
                Cluster *c = cluster_new(4, 24);
                Rehearsed *r, *other;
                int before[24];

                WISH(c, 0, conflicts, "unit001.service");
                WISH(c, 2, prefer, "rack=b");
                WISH(c, 3, require, "m=1 m=2");
                WISH(c, 4, prefer_not, "rack=a");
                WISH(c, 5, spread, "rack");
                WISH(c, 5, spread_group, "unit00*");
                start(c);
                for (size_t i = 0; i < 24; i++)
                        before[i] = cluster_runs_on(c, i);
                r = rehearse(c, drained, REHEARSAL_DRAIN, drained);
                other = rehearse(c, !drained, REHEARSAL_DRAIN, drained);
                assert_int_equal(r->n, cluster_count(c, drained));
                assert_memory_equal(r, other, sizeof(*r)); /* every machine tells the same */
                cluster_pass(c, 10 * USEC_PER_SEC);
                for (size_t i = 0; i < 24; i++)
                        assert_int_equal(cluster_runs_on(c, i), before[i]); /* nothing moves because it was told */
                cluster_event(c, drained, (Event){ .kind = EVENT_DRAIN, .on = true });
                cluster_pass(c, 20 * USEC_PER_SEC);
                assert_came_true(c, r);
                free(r);
                free(other);
                cluster_free(c);
        }
}

static void what_has_nowhere_to_go_is_told_with_what_each_machine_has_against_it(void **state) {
        Cluster *c = cluster_new(3, 2);
        Rehearsed *r;
        int at;

        WISH(c, 0, conflicts, "unit001.service");
        WISH(c, 1, require, "m=0");
        start(c);
        at = cluster_runs_on(c, 0);
        assert_int_equal(cluster_runs_on(c, 1), 0);
        cluster_power_cut(c, (size_t) (3 - at));
        cluster_pass(c, 30 * USEC_PER_SEC);
        r = rehearse_unit(c, 0, REHEARSAL_RELEASE, 0, 0);
        assert_int_equal(r->n, 1);
        assert_string_equal(r->list[0].to, "");
        assert_int_equal(r->list[0].why, WHY_NONE);
        assert_int_equal(r->list[0].n_others, 2);
        assert_true((r->list[0].others[0] == WHY_CONFLICT && r->list[0].others[1] == WHY_SILENT) ||
                        (r->list[0].others[1] == WHY_CONFLICT && r->list[0].others[0] == WHY_SILENT));
        free(r);
        cluster_free(c);
}

static void a_unit_follows_where_the_one_it_must_run_beside_would_go(void **state) {
        Cluster *c = cluster_new(3, 2);
        Rehearsed *r;
        size_t at;

        /* In the order of their names the follower comes first. */
        WISH(c, 0, machine_of, "unit001.service");
        start(c);
        at = (size_t) cluster_runs_on(c, 1);
        assert_int_equal(cluster_runs_on(c, 0), at);
        r = rehearse(c, at, REHEARSAL_DRAIN, at);
        assert_int_equal(r->n, 2);
        assert_true(r->list[0].to[0] && streq(r->list[0].to, r->list[1].to));
        cluster_event(c, at, (Event){ .kind = EVENT_DRAIN, .on = true });
        cluster_pass(c, 30 * USEC_PER_SEC);
        assert_came_true(c, r);
        free(r);
        cluster_free(c);
}

static void a_transfer_and_a_steal_are_told_to_be_or_why_not(void **state) {
        Cluster *c = cluster_new(3, 1);
        Rehearsed *r;
        size_t at, other;

        WISH(c, 0, require, "m=0 m=1");
        start(c);
        at = (size_t) cluster_runs_on(c, 0);
        other = !at;
        r = rehearse_unit(c, 2, REHEARSAL_TRANSFER, 0, other);
        assert_string_equal(r->list[0].to, c->machines[other].id);
        free(r);
        r = rehearse_unit(c, 2, REHEARSAL_TRANSFER, 0, 2);
        assert_int_equal(r->list[0].why, WHY_METADATA);
        assert_string_equal(r->list[0].to, "");
        free(r);
        r = rehearse_unit(c, 2, REHEARSAL_TRANSFER, 0, at);
        assert_int_equal(r->list[0].why, WHY_HOLDS);
        free(r);
        r = rehearse_unit(c, other, REHEARSAL_STEAL, 0, 0);
        assert_string_equal(r->list[0].to, c->machines[other].id);
        free(r);
        r = rehearse_unit(c, at, REHEARSAL_STEAL, 0, 0);
        assert_int_equal(r->list[0].why, WHY_HERE_ALREADY);
        free(r);
        cluster_event(c, at, (Event){ .kind = EVENT_RELEASE, .unit = c->names[0] });
        cluster_pass(c, 2 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), other);
        r = rehearse_unit(c, at, REHEARSAL_STEAL, 0, 0); /* it stands back, and takes it all the same */
        assert_string_equal(r->list[0].to, c->machines[at].id);
        free(r);
        cluster_power_cut(c, other);
        cluster_pass(c, 30 * USEC_PER_SEC);
        r = rehearse_unit(c, at, REHEARSAL_TRANSFER, 0, other);
        assert_int_equal(r->list[0].why, WHY_SILENT);
        free(r);
        cluster_free(c);
}

/* That a machine only stands back is no reason against it, and nothing else is forgiven with that. */
static void a_machine_that_stands_back_and_drains_is_told_not_to_take_a_unit(void **state) {
        Cluster *c = cluster_new(2, 1);
        size_t at, other;
        Rehearsed *r;

        start(c);
        at = (size_t) cluster_runs_on(c, 0);
        other = !at;
        cluster_event(c, at, (Event){ .kind = EVENT_RELEASE, .unit = c->names[0] });
        cluster_pass(c, 2 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), other);
        r = rehearse_unit(c, other, REHEARSAL_TRANSFER, 0, at);
        assert_string_equal(r->list[0].to, c->machines[at].id);
        free(r);
        cluster_event(c, at, (Event){ .kind = EVENT_DRAIN, .on = true });
        cluster_pass(c, 2 * USEC_PER_SEC);
        r = rehearse_unit(c, other, REHEARSAL_TRANSFER, 0, at);
        assert_int_equal(r->list[0].why, WHY_DRAINING);
        assert_string_equal(r->list[0].to, "");
        free(r);
        cluster_free(c);
}

/* Two units in conflict are on two machines, and a third machine is told to take both. */
static void of_two_units_in_conflict_only_one_is_told_to_be_taken_and_only_one_is(void **state) {
        static const RehearsalKind kinds[] = { REHEARSAL_TRANSFER, REHEARSAL_STEAL };
        Cluster *c = cluster_new(3, 2);
        const char *const units[] = { c->names[0], c->names[1] };
        size_t third = 0;
        int before;

        WISH(c, 0, conflicts, "unit001.service");
        start(c);
        while (cluster_count(c, third) > 0)
                third++;
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                Rehearsed *r = rehearse_with(c, third,
                                &(Rehearsal){ .kind = kinds[i],
                                                .units = units,
                                                .n_units = 2,
                                                .machine = c->machines[third].id });

                assert_int_equal(r->n, 2);
                assert_string_equal(r->list[0].to, c->machines[third].id);
                assert_string_equal(r->list[1].to, "");
                assert_int_equal(r->list[1].why, WHY_CONFLICT);
                free(r);
        }
        before = cluster_runs_on(c, 1);
        for (uint64_t i = 0; i < 2; i++)
                cluster_event(c, third, (Event){ .kind = EVENT_STEAL, .id = i + 1, .unit = units[i] });
        assert_int_equal(c->words, 2);
        assert_int_equal(c->word, WORD_UNABLE);
        assert_int_equal(c->why, WHY_CONFLICT);
        cluster_pass(c, 30 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), third);
        assert_int_equal(cluster_runs_on(c, 1), before);
        assert_int_equal(cluster_lease(c, 1)->index, 1);
        cluster_free(c);
}

static void in_a_pause_nothing_is_told_to_move(void **state) {
        static const RehearsalKind kinds[] = { REHEARSAL_DRAIN, REHEARSAL_RELEASE, REHEARSAL_TRANSFER, REHEARSAL_STEAL,
                REHEARSAL_REBALANCE };
        Cluster *c = cluster_new(2, 1);
        size_t at;

        start(c);
        at = (size_t) cluster_runs_on(c, 0);
        cluster_event(c, at, (Event){ .kind = EVENT_PAUSE, .on = true });
        cluster_pass(c, 2 * USEC_PER_SEC);
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                bool alone = kinds[i] == REHEARSAL_DRAIN || kinds[i] == REHEARSAL_REBALANCE;
                Rehearsed *r = alone ? rehearse(c, !at, kinds[i], at) : rehearse_unit(c, !at, kinds[i], 0, !at);

                assert_int_equal(r->n, 1);
                assert_int_equal(r->list[0].why, WHY_PAUSED);
                assert_string_equal(r->list[0].to, "");
                free(r);
        }
        assert_int_equal(cluster_runs_on(c, 0), at);
        cluster_free(c);
}

/* ---- even ---- */

/* Carries out the moves, one after the other, as an operator does. */
static void carry_out_moves(Cluster *c, const Rehearsed *r) {
        for (size_t i = 0; i < r->n; i++) {
                size_t unit = unit_at(c, r->list[i].unit);

                cluster_event(c, (size_t) cluster_runs_on(c, unit),
                                (Event){ .kind = EVENT_TRANSFER,
                                                .unit = c->names[unit],
                                                .machine_id = r->list[i].to });
                cluster_pass(c, USEC_PER_SEC);
        }
        assert_came_true(c, r);
}

static void the_fewest_moves_make_it_even(void **state) {
        Cluster *c = cluster_new(4, 20);
        Rehearsed *r;

        start_some(c, 0, 2, in_racks);
        assert_int_equal(cluster_count(c, 0), 10);
        start_some(c, 2, 4, in_racks);
        cluster_pass(c, 60 * USEC_PER_SEC);
        assert_int_equal(cluster_count(c, 2), 0); /* nothing moves by itself */
        r = rehearse(c, 2, REHEARSAL_REBALANCE, 0);
        assert_int_equal(r->n, 10); /* of each old machine five */
        carry_out_moves(c, r);
        for (size_t i = 0; i < 4; i++)
                assert_int_equal(cluster_count(c, i), 5);
        free(r);
        r = rehearse(c, 0, REHEARSAL_REBALANCE, 0);
        assert_int_equal(r->n, 0);
        free(r);
        cluster_free(c);
}

static void what_must_be_where_it_is_is_not_moved_for_the_balance(void **state) {
        Cluster *c = cluster_new(2, 6);
        Rehearsed *r;

        for (size_t i = 0; i < 2; i++)
                str_copy(c->placements[i].machine_id, MACHINE_SIZE, c->machines[0].id);
        WISH(c, 2, machine_of, "unit003.service");
        WISH(c, 4, prefer, "home=yes");
        cluster_start(c, 0, "home=yes");
        cluster_pass(c, 20 * USEC_PER_SEC);
        cluster_start(c, 1, "");
        cluster_pass(c, 60 * USEC_PER_SEC);
        assert_int_equal(cluster_count(c, 0), 6);
        r = rehearse(c, 1, REHEARSAL_REBALANCE, 0);
        assert_int_equal(r->n, 1);
        assert_string_equal(r->list[0].unit, c->names[5]);
        free(r);
        cluster_free(c);
}

/* ---- a group, spread over a key ---- */

static void spread(Cluster *c, size_t n) {
        for (size_t i = 0; i < n; i++) {
                WISH(c, i, spread, "rack");
                WISH(c, i, spread_group, "unit00[0-3]*");
        }
}

/* How many of the first n units are on machines of that rack: machines 0 and 1 are in rack a, 2 and 3 in rack b. */
static size_t count_in_rack(Cluster *c, size_t n, size_t rack) {
        size_t count = 0;

        for (size_t i = 0; i < n; i++)
                count += (size_t) cluster_runs_on(c, i) / 2 == rack;
        return count;
}

static void units_of_a_group_are_spread_over_the_values_of_the_key(void **state) {
        Cluster *c = cluster_new(4, 8);

        spread(c, 4);
        for (size_t i = 4; i < 8; i++) /* rack b is full of others */
                WISH(c, i, require, "rack=b");
        start(c);
        assert_int_equal(count_in_rack(c, 4, 0), 2);
        assert_int_equal(count_in_rack(c, 4, 1), 2);
        cluster_free(c);
}

static void a_group_that_came_together_is_spread_when_it_is_asked_for(void **state) {
        Cluster *c = cluster_new(4, 4);
        Rehearsed *r;

        spread(c, 4);
        start_some(c, 0, 2, in_racks);
        start_some(c, 2, 4, in_racks);
        cluster_pass(c, 60 * USEC_PER_SEC);
        assert_int_equal(count_in_rack(c, 4, 0), 4);
        r = rehearse(c, 3, REHEARSAL_REBALANCE, 0);
        assert_int_equal(r->n, 2);
        carry_out_moves(c, r);
        assert_int_equal(count_in_rack(c, 4, 1), 2);
        for (size_t i = 0; i < 4; i++)
                assert_int_equal(cluster_count(c, i), 1);
        free(r);
        cluster_free(c);
}

static void what_a_unit_rather_avoids_comes_last_and_is_taken_all_the_same(void **state) {
        Cluster *c = cluster_new(2, 1);

        WISH(c, 0, prefer_not, "disk=slow");
        cluster_start(c, 0, "disk=slow");
        cluster_pass(c, 10 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), 0);
        c->placements[0].failback = true;
        c->placements[0].failback_hold = 10 * USEC_PER_SEC;
        cluster_configure(c, 0, 0);
        cluster_start(c, 1, "");
        cluster_pass(c, 30 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), 1);
        cluster_power_cut(c, 1);
        cluster_pass(c, 30 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), 0);
        cluster_free(c);
}

/* The first unit could go to the empty machine of its own rack; once the other one has gone to the other rack, all is
 * even. */
static void a_move_that_spreads_a_group_comes_before_one_that_only_evens(void **state) {
        Cluster *c = cluster_new(4, 2);
        Rehearsed *r;

        spread(c, 2);
        WISH(c, 0, prefer_not, "rack=b");
        start_some(c, 0, 1, in_racks);
        cluster_pass(c, 10 * USEC_PER_SEC);
        assert_int_equal(cluster_count(c, 0), 2);
        start_some(c, 1, 3, in_racks);
        cluster_pass(c, 60 * USEC_PER_SEC);
        r = rehearse(c, 1, REHEARSAL_REBALANCE, 0);
        assert_int_equal(r->n, 1);
        assert_string_equal(r->list[0].unit, c->names[1]);
        assert_string_equal(r->list[0].to, c->machines[2].id);
        free(r);
        cluster_free(c);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(where_a_drain_was_told_to_lead_it_leads),
                cmocka_unit_test(what_has_nowhere_to_go_is_told_with_what_each_machine_has_against_it),
                cmocka_unit_test(a_unit_follows_where_the_one_it_must_run_beside_would_go),
                cmocka_unit_test(a_transfer_and_a_steal_are_told_to_be_or_why_not),
                cmocka_unit_test(a_machine_that_stands_back_and_drains_is_told_not_to_take_a_unit),
                cmocka_unit_test(of_two_units_in_conflict_only_one_is_told_to_be_taken_and_only_one_is),
                cmocka_unit_test(in_a_pause_nothing_is_told_to_move),
                cmocka_unit_test(the_fewest_moves_make_it_even),
                cmocka_unit_test(what_must_be_where_it_is_is_not_moved_for_the_balance),
                cmocka_unit_test(units_of_a_group_are_spread_over_the_values_of_the_key),
                cmocka_unit_test(a_group_that_came_together_is_spread_when_it_is_asked_for),
                cmocka_unit_test(a_move_that_spreads_a_group_comes_before_one_that_only_evens),
                cmocka_unit_test(what_a_unit_rather_avoids_comes_last_and_is_taken_all_the_same),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
