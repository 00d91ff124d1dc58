/* SPDX-License-Identifier: Apache-2.0 */

/* Where a unit would run, before it is enabled: as the daemons would decide it. */

#include "core-cluster.h"

#define FOO "foo.service"

typedef struct Explained {
        Cluster *cluster;
        size_t n, fit;
        WhyNotView views[CLUSTER_MACHINES];
        char whats[CLUSTER_MACHINES]
                  [WHY_TEXT_SIZE]; /* the views' reasons point here: a copy of the struct would not do */
} Explained;

static int take(const WhyNotView *v, void *userdata) {
        Explained *e = userdata;

        e->views[e->n] = *v;
        e->views[e->n].reason = reason_keep(v->reason, e->whats[e->n], sizeof(e->whats[e->n]));
        e->n++;
        e->fit += v->fits;
        return 0;
}

static void explain_as(
                Explained *e, Cluster *c, size_t observer, const char *unit, bool global, const Placement *wishes) {
        UnitConfig config = { .unit = unit, .lease = unit, .global = global, .placement = wishes };

        *e = (Explained){ .cluster = c };
        assert_int_equal(core_explain(c->machines[observer].core, &config, take, e), 0);
}

static void explain(Explained *e, Cluster *c, const Placement *wishes) {
        explain_as(e, c, c->n_machines - 1, FOO, false, wishes);
}

/* The machine in that place. */
static void assert_place(const Explained *e, size_t place, size_t machine) {
        assert_in_range(place, 0, e->n - 1);
        assert_string_equal(e->views[place].machine_id, e->cluster->machines[machine].id);
        assert_string_equal(e->views[place].hostname, e->cluster->machines[machine].hostname);
        if (e->views[place].fits)
                assert_int_equal(e->views[place].rank, place);
}

static const WhyNotView *view_of(const Explained *e, size_t machine) {
        for (size_t i = 0; i < e->n; i++)
                if (streq(e->views[i].machine_id, e->cluster->machines[machine].id))
                        return e->views + i;
        fail();
        return NULL;
}

static void assert_unfit(const Explained *e, size_t machine, Why why, const char *text) {
        const WhyNotView *v = view_of(e, machine);

        assert_false(v->fits);
        assert_int_equal(v->reason.why, why);
        assert_string_equal(WHY_TEXT(v->reason), text);
}

/* The unit runs on that machine and nowhere else. */
static void pin(Cluster *c, size_t unit, size_t machine) {
        str_copy(c->placements[unit].machine_id, MACHINE_SIZE, c->machines[machine].id);
}

static void start(Cluster *c) {
        cluster_start_all(c);
        cluster_pass(c, 10 * USEC_PER_SEC);
}

static void who_holds_fewest_comes_first(void **state) {
        Cluster *c = cluster_new(3, 3);
        Placement none = {};
        Explained e;

        pin(c, 0, 0);
        pin(c, 1, 0);
        pin(c, 2, 1);
        start(c);
        for (size_t observer = 0; observer < 3; observer++) {
                explain_as(&e, c, observer, FOO, false, &none);
                assert_int_equal(e.n, 3);
                assert_int_equal(e.fit, 3);
                assert_place(&e, 0, 2);
                assert_place(&e, 1, 1);
                assert_place(&e, 2, 0);
        }
        cluster_free(c);
}

static void who_holds_it_now_is_weighed_as_if_it_were_free(void **state) {
        Cluster *c = cluster_new(3, 2);
        Placement none = {};
        Explained e;

        pin(c, 0, 1);
        pin(c, 1, 2);
        start(c);
        explain_as(&e, c, 0, c->names[0], false, &none); /* m1 has one lease, this one: without it as many as m0 */
        assert_int_equal(e.fit, 3);
        assert_place(&e, 2, 2);
        assert_true(view_of(&e, 1)->holds);
        assert_false(view_of(&e, 0)->holds);
        assert_int_equal(cluster_runs_on(c, 0), 1); /* and so it goes on */
        cluster_free(c);
}

static void required_metadata_decide_and_preferred_ones_come_first(void **state) {
        Placement wishes = { .require = "region=eu region=us", .prefer = "disk=ssd" };
        Cluster *c = cluster_new(3, 1);
        Explained e;

        cluster_start(c, 0, "region=eu");
        cluster_start(c, 1, "region=asia disk=ssd");
        cluster_start(c, 2, "disk=ssd region=us");
        cluster_pass(c, 10 * USEC_PER_SEC);
        explain(&e, c, &wishes);
        assert_int_equal(e.fit, 2);
        assert_place(&e, 0, 2);
        assert_place(&e, 1, 0);
        assert_unfit(&e, 1, WHY_METADATA, "missing metadata region=eu");
        cluster_free(c);
}

static void who_is_silent_or_drains_is_told_after_those_who_would_take_it(void **state) {
        Cluster *c = cluster_new(3, 1);
        Placement none = {};
        Explained e;

        start(c);
        cluster_event(c, 1, (Event){ .kind = EVENT_DRAIN, .on = true });
        cluster_power_cut(c, 0);
        cluster_pass(c, 20 * USEC_PER_SEC);
        explain(&e, c, &none);
        assert_int_equal(e.n, 3);
        assert_int_equal(e.fit, 1);
        assert_place(&e, 0, 2);
        assert_unfit(&e, 0, WHY_SILENT, "it is silent");
        assert_unfit(&e, 1, WHY_DRAINING, "draining");
        cluster_free(c);
}

static void conflicts_count_from_both_sides(void **state) {
        Placement wishes = { .conflicts = "unit00[0].service" };
        Cluster *c = cluster_new(3, 3);
        Explained e;

        for (size_t i = 0; i < 3; i++)
                pin(c, i, i);
        str_copy(c->placements[1].conflicts, CONFLICTS_SIZE, "foo.*");
        str_copy(c->placements[2].replaces, CONFLICTS_SIZE, FOO);
        start(c);
        explain(&e, c, &wishes);
        assert_int_equal(e.fit, 0);
        assert_unfit(&e, 0, WHY_CONFLICT, "conflict with unit000.service");
        assert_unfit(&e, 1, WHY_CONFLICT, "conflict with unit001.service");
        assert_unfit(&e, 2, WHY_CONFLICT, "conflict with unit002.service");
        cluster_free(c);
}

/* The plan does not look at what runs beside what, for it matters to none of its units. */
static void its_conflicts_count_also_where_no_other_unit_has_any(void **state) {
        Placement wishes = { .conflicts = "unit000.service" };
        Cluster *c = cluster_new(2, 1);
        Explained e;

        pin(c, 0, 1);
        start(c);
        assert_string_equal(
                        cluster_why_not(c, 0, 0, 1), "holds it"); /* the plan's view is there before the question */
        for (size_t observer = 0; observer < 2; observer++) {
                explain_as(&e, c, observer, FOO, false, &wishes);
                assert_int_equal(e.fit, 1);
                assert_place(&e, 0, 0);
                assert_unfit(&e, 1, WHY_CONFLICT, "conflict with unit000.service");
        }
        cluster_free(c);
}

static void it_runs_only_beside_all_that_it_must_run_beside(void **state) {
        Placement wishes = { .machine_of = "unit000.service unit001.service" };
        Cluster *c = cluster_new(3, 2);
        Explained e;

        pin(c, 0, 0);
        pin(c, 1, 0);
        start(c);
        explain(&e, c, &wishes);
        assert_int_equal(e.fit, 1);
        assert_place(&e, 0, 0);
        assert_unfit(&e, 1, WHY_MISSING_PEER, "it must run beside unit000.service");
        cluster_free(c);
}

static void a_global_unit_runs_on_every_machine_that_fits(void **state) {
        Placement wishes = { .require = "region=eu", .conflicts = "unit000.service" };
        Cluster *c = cluster_new(3, 1);
        Explained e;

        pin(c, 0, 0);
        cluster_start(c, 0, "region=eu");
        cluster_start(c, 1, "region=eu");
        cluster_start(c, 2, "");
        cluster_pass(c, 10 * USEC_PER_SEC);
        explain_as(&e, c, 2, FOO, true, &wishes);
        assert_int_equal(e.fit, 2);
        assert_int_equal(view_of(&e, 0)->rank, 0);
        assert_int_equal(view_of(&e, 1)->rank, 0);
        assert_unfit(&e, 2, WHY_METADATA, "missing metadata region=eu");
        cluster_free(c);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(who_holds_fewest_comes_first),
                cmocka_unit_test(who_holds_it_now_is_weighed_as_if_it_were_free),
                cmocka_unit_test(required_metadata_decide_and_preferred_ones_come_first),
                cmocka_unit_test(who_is_silent_or_drains_is_told_after_those_who_would_take_it),
                cmocka_unit_test(conflicts_count_from_both_sides),
                cmocka_unit_test(its_conflicts_count_also_where_no_other_unit_has_any),
                cmocka_unit_test(it_runs_only_beside_all_that_it_must_run_beside),
                cmocka_unit_test(a_global_unit_runs_on_every_machine_that_fits),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
