/* SPDX-License-Identifier: Apache-2.0 */

/* Where a unit would run, before it is enabled: as the daemons would decide it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ctl/weigh.h"

#define ALPHA "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define BETA "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define GAMMA "cccccccccccccccccccccccccccccccc"

typedef struct World {
        UnitOptions unit;
        WeighedMachine machines[3], *order[3];
        WeighedLease leases[8];
        size_t n_leases;
} World;

static int setup(void **state) {
        static const char *const ids[] = { ALPHA, BETA, GAMMA }, *const names[] = { "alpha", "beta", "gamma" };
        World *w = calloc(1, sizeof(World));

        assert_non_null(w);
        w->unit.unit = (char *) "foo.service";
        for (size_t i = 0; i < 3; i++)
                w->machines[i] = (WeighedMachine){
                        .look.id = ids[i], .look.metadata = "", .look.held = i, .hostname = names[i], .up = true
                };
        *state = w;
        return 0;
}

static int teardown(void **state) {
        free(*state);
        return 0;
}

static size_t weigh_all(World *w) {
        return weigh(&w->unit, w->leases, w->n_leases, w->machines, 3, w->order);
}

static void hold(World *w, const char *unit, const char *machine, const UnitOptions *options) {
        w->leases[w->n_leases++] = (WeighedLease){ .unit = unit, .machine_id = machine, .options = options };
}

static void who_holds_fewest_comes_first(void **state) {
        World *w = *state;

        w->machines[0].look.held = 5;
        assert_int_equal(weigh_all(w), 3);
        assert_string_equal(w->order[0]->hostname, "beta");
        assert_string_equal(w->order[1]->hostname, "gamma");
        assert_string_equal(w->order[2]->hostname, "alpha");
        for (unsigned i = 0; i < 3; i++)
                assert_int_equal(w->order[i]->rank, i);
}

static void who_holds_it_now_is_weighed_as_if_it_were_free(void **state) {
        World *w = *state;

        hold(w, "foo.service", BETA, NULL); /* beta has one lease, this one: without it as many as alpha */
        w->machines[2].look.held = 1;
        assert_int_equal(weigh_all(w), 3);
        assert_int_equal(w->machines[1].look.held, 0);
        assert_true(w->machines[1].holds);
        assert_string_equal(w->order[2]->hostname, "gamma");
}

static void required_metadata_decide_and_preferred_ones_come_first(void **state) {
        World *w = *state;

        str_copy(w->unit.placement.require, sizeof(w->unit.placement.require), "region=eu region=us");
        str_copy(w->unit.placement.prefer, sizeof(w->unit.placement.prefer), "disk=ssd");
        w->machines[0].look.metadata = "region=eu";
        w->machines[1].look.metadata = "region=asia disk=ssd";
        w->machines[2].look.metadata = "disk=ssd region=us";
        assert_int_equal(weigh_all(w), 2);
        assert_string_equal(w->order[0]->hostname, "gamma");
        assert_string_equal(w->order[1]->hostname, "alpha");
        assert_string_equal(w->order[2]->why, "missing metadata region=eu");
}

static void who_is_silent_or_drains_is_told_after_those_who_would_take_it(void **state) {
        World *w = *state;

        w->machines[0].up = false;
        w->machines[1].look.draining = true;
        assert_int_equal(weigh_all(w), 1);
        assert_string_equal(w->order[0]->hostname, "gamma");
        assert_string_equal(w->order[1]->why, "it is silent");
        assert_string_equal(w->order[2]->why, "draining");
}

static void conflicts_count_from_both_sides_as_far_as_they_are_known(void **state) {
        UnitOptions minding = { .unit = (char *) "minding.service" },
                    replacing = { .unit = (char *) "replacing.service" };
        World *w = *state;

        str_copy(w->unit.placement.conflicts, sizeof(w->unit.placement.conflicts), "bar@*.service");
        str_copy(minding.placement.conflicts, sizeof(minding.placement.conflicts), "foo.*");
        str_copy(replacing.placement.replaces, sizeof(replacing.placement.replaces), "foo.service");
        hold(w, "bar@1.service", ALPHA, NULL);
        hold(w, "minding.service", BETA, &minding);
        hold(w, "replacing.service", GAMMA, &replacing);
        assert_int_equal(weigh_all(w), 0);
        assert_string_equal(w->machines[0].why, "conflict with bar@1.service");
        assert_string_equal(w->machines[1].why, "conflict with minding.service");
        assert_string_equal(w->machines[2].why, "conflict with replacing.service");
}

static void it_runs_only_beside_all_that_it_must_run_beside(void **state) {
        World *w = *state;

        str_copy(w->unit.placement.machine_of, sizeof(w->unit.placement.machine_of), "db.service log.service");
        hold(w, "db.service", ALPHA, NULL);
        hold(w, "log.service", ALPHA, NULL);
        assert_int_equal(weigh_all(w), 1);
        assert_string_equal(w->order[0]->hostname, "alpha");
        assert_string_equal(w->machines[1].why, "it must run beside db.service");
}

static void a_global_unit_runs_on_every_machine_that_fits(void **state) {
        World *w = *state;

        w->unit.global = true;
        str_copy(w->unit.placement.require, sizeof(w->unit.placement.require), "region=eu");
        str_copy(w->unit.placement.conflicts, sizeof(w->unit.placement.conflicts), "bar.service");
        hold(w, "bar.service", ALPHA, NULL);
        w->machines[0].look.metadata = w->machines[1].look.metadata = "region=eu";
        assert_int_equal(weigh_all(w), 2);
        assert_int_equal(w->order[0]->rank, 0);
        assert_int_equal(w->order[1]->rank, 0);
        assert_string_equal(w->order[2]->why, "missing metadata region=eu");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(who_holds_fewest_comes_first),
                TEST(who_holds_it_now_is_weighed_as_if_it_were_free),
                TEST(required_metadata_decide_and_preferred_ones_come_first),
                TEST(who_is_silent_or_drains_is_told_after_those_who_would_take_it),
                TEST(conflicts_count_from_both_sides_as_far_as_they_are_known),
                TEST(it_runs_only_beside_all_that_it_must_run_beside),
                TEST(a_global_unit_runs_on_every_machine_that_fits),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
