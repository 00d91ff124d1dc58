/* SPDX-License-Identifier: Apache-2.0 */

/* Who holds what, when several machines follow the same rules and nobody schedules them. */

#include "core-cluster.h"

static void wish(Cluster *c, size_t unit, size_t field, size_t size, const char *text) {
        str_copy((char *) (c->placements + unit) + field, size, text);
}

#define WISH(c, unit, field, text) wish(c, unit, offsetof(Placement, field), sizeof(c->placements->field), text)

static void operate(Cluster *c, size_t machine, EventKind kind, bool on, const char *text) {
        bool metadata = kind == EVENT_METADATA;

        cluster_event(c, machine,
                        (Event){ .kind = kind,
                                        .on = on,
                                        .metadata = metadata ? text : NULL,
                                        .machine_id = metadata ? NULL : text });
}

static void must_be_even(Cluster *c, size_t n_machines) {
        size_t share = c->n_units / n_machines;

        for (size_t i = 0; i < c->n_machines; i++)
                if (c->machines[i].core)
                        assert_in_range(cluster_count(c, i), share - share / 20, share + share / 20 + 1);
}

/* All machines are there before the first one may acquire, so each takes its share. */
static void start_together(Cluster *c) {
        for (size_t m = 0; m < c->n_machines; m++)
                cluster_start_idle(c, m);
        cluster_pass(c, 3 * USEC_PER_SEC);
        for (size_t m = 0; m < c->n_machines; m++) {
                cluster_event(c, m, (Event){ .kind = EVENT_GUARD_UP });
                cluster_event(c, m, (Event){ .kind = EVENT_GUARD_SYNCED });
        }
        for (size_t i = 0; i < c->n_units; i++)
                for (size_t m = 0; m < c->n_machines; m++)
                        cluster_say_unit(c, m, i);
}

/* ---- the order ---- */

static void every_machine_makes_the_same_plan(void **state) {
        Cluster *c = cluster_new(5, 100);

        for (size_t i = 0; i < 5; i++)
                cluster_start_idle(c, i);
        cluster_pass(c, 5 * USEC_PER_SEC);
        for (size_t i = 0; i < c->n_units; i++) {
                const char *first = unit_find(c->machines[0].core, c->names[i])->lease->planned;

                assert_int_equal(strlen(first), MACHINE_SIZE - 1);
                for (size_t m = 1; m < 5; m++)
                        assert_string_equal(unit_find(c->machines[m].core, c->names[i])->lease->planned, first);
        }
        cluster_free(c);
}

static void a_thousand_units_are_spread_evenly_and_a_crash_moves_only_its_own(void **state) {
        Cluster *c = cluster_new(5, 1000);
        int *before = calloc(1000, sizeof(int));

        start_together(c);
        cluster_pass(c, 5 * USEC_PER_SEC);
        for (size_t i = 0; i < 1000; i++)
                assert_true((before[i] = cluster_runs_on(c, i)) >= 0);
        must_be_even(c, 5);
        assert_int_equal(c->refused, 0); /* no stampede: nobody asked for what was another one's turn */

        cluster_power_cut(c, 2);
        cluster_pass(c, 15 * USEC_PER_SEC);
        for (size_t i = 0; i < 1000; i++) {
                int after = cluster_runs_on(c, i);

                assert_true(after >= 0 && after != 2);
                if (before[i] != 2) {
                        assert_int_equal(after, before[i]);
                        assert_int_equal(cluster_lease(c, i)->index, 1);
                }
        }
        must_be_even(c, 4);
        free(before);
        cluster_free(c);
}

/* Each Txn puts the dead session's fence, so of several at once only one could be committed. */
static void the_leases_of_a_dead_machine_are_taken_by_one_txn_after_another(void **state) {
        Cluster *c = cluster_new(2, 1000);
        unsigned held;

        start_together(c);
        cluster_pass(c, 3 * CLUSTER_TTL);
        must_be_even(c, 2);
        cluster_power_cut(c, 1);
        held = (unsigned) cluster_count(c, 0);
        c->lease_txns = c->refused = 0;
        cluster_pass(c, 15 * USEC_PER_SEC);
        assert_int_equal(cluster_count(c, 0), 1000);
        assert_int_equal(c->refused, 0);
        assert_int_equal(c->lease_txns, (1000 - held + GROUP_MAX - 1) / GROUP_MAX);
        cluster_free(c);
}

/* Its Txns take longer than the others wait for their turn, but it takes one lease after the other. */
static void a_slow_machine_gets_its_share_of_a_takeover(void **state) {
        Cluster *c = cluster_new(3, 1200);

        start_together(c);
        cluster_pass(c, 3 * CLUSTER_TTL);
        must_be_even(c, 3);
        c->machines[1].slowness = 100 * USEC_PER_MSEC;
        cluster_power_cut(c, 2);
        cluster_pass(c, 15 * USEC_PER_SEC);
        for (size_t i = 0; i < 1200; i++)
                assert_true(cluster_runs_on(c, i) >= 0);
        must_be_even(c, 2);
        cluster_free(c);
}

static void who_does_not_come_in_his_turn_is_passed_over(void **state) {
        Cluster *c = cluster_new(2, 1);
        size_t first;

        cluster_start_idle(c, 0);
        cluster_start_idle(c, 1);
        cluster_pass(c, 3 * USEC_PER_SEC);
        first = streq(unit_find(c->machines[0].core, c->names[0])->lease->planned, c->machines[0].id) ? 0 : 1;
        /* The other one could start it; the first has no guard. */
        cluster_event(c, !first, (Event){ .kind = EVENT_GUARD_UP });
        cluster_event(c, !first, (Event){ .kind = EVENT_GUARD_SYNCED });
        cluster_say_unit(c, !first, 0);
        cluster_pass(c, CLUSTER_TTL / 5 - 100 * USEC_PER_MSEC);
        assert_int_equal(cluster_runs_on(c, 0), -1);
        cluster_pass(c, 200 * USEC_PER_MSEC);
        assert_int_equal(cluster_runs_on(c, 0), !first);
        cluster_free(c);
}

static void a_released_unit_goes_to_the_other_machine_without_waiting(void **state) {
        Cluster *c = cluster_new(2, 1);
        int from;

        cluster_start_all(c);
        cluster_pass(c, 5 * USEC_PER_SEC);
        from = cluster_runs_on(c, 0);
        cluster_event(c, (size_t) from, (Event){ .kind = EVENT_RELEASE, .unit = c->names[0] });
        cluster_pass(c, 100 * USEC_PER_MSEC);
        assert_int_equal(cluster_runs_on(c, 0), !from);
        cluster_free(c);
}

/* ---- wishes ---- */

static void required_metadata_decide_and_preferred_ones_come_first(void **state) {
        Cluster *c = cluster_new(3, 2);

        WISH(c, 0, require, "region=eu region=us disk=ssd");
        WISH(c, 1, prefer, "rack=a");
        cluster_start(c, 0, "region=eu");
        cluster_start(c, 1, "region=us disk=ssd");
        cluster_start(c, 2, "region=asia disk=ssd rack=a");
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), 1);
        assert_string_equal(cluster_why_not(c, 1, 0, 0), "missing metadata disk=ssd");
        assert_string_equal(cluster_why_not(c, 1, 0, 2), "missing metadata region=eu");
        assert_int_equal(cluster_lease(c, 0)->index, 1);
        cluster_power_cut(c, 1);
        cluster_pass(c, 20 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), -1); /* rather nowhere than where it must not run */
        cluster_free(c);
}

static void a_reason_that_is_too_long_is_cut_between_characters(void **state) {
        static const char two_bytes[] = "\xc3\xb6";
        Cluster *c = cluster_new(2, 2);
        char city[PLACEMENT_TEXT_SIZE] = "k=", town[PLACEMENT_TEXT_SIZE] = "ke=";
        const Offer *offers[2];

        for (size_t i = 0; i < 200; i++) {
                memcpy(city + 2 + 2 * i, two_bytes, 3);
                memcpy(town + 3 + 2 * i, two_bytes, 3);
        }
        WISH(c, 0, require, city);
        WISH(c, 1, require, town);
        cluster_start_all(c);
        cluster_pass(c, 5 * USEC_PER_SEC);
        for (size_t i = 0; i < 2; i++) {
                const char *why = cluster_why_not(c, 0, i, 0);

                offers[i] = mirror_find_offer(c->machines[1].core, c->machines[0].id, c->names[i]);
                assert_string_equal(offers[i]->terms->value.why + strlen(offers[i]->terms->value.why) - 2, two_bytes);
                assert_string_equal(why + strlen(why) - 2, two_bytes);
        }
        assert_int_not_equal(strlen(offers[0]->terms->value.why),
                        strlen(offers[1]->terms->value.why)); /* one of them would have been torn */
        cluster_free(c);
}

static void a_unit_bound_to_a_machine_runs_nowhere_else(void **state) {
        Cluster *c = cluster_new(3, 1);

        str_copy(c->placements[0].machine_id, 9, c->machines[1].id); /* its first eight digits */
        cluster_start_all(c);
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), 1);
        cluster_free(c);
}

static void conflicting_units_never_share_a_machine_also_after_a_crash(void **state) {
        Cluster *c = cluster_new(3, 3);

        WISH(c, 0, conflicts, "unit00[01].*"); /* names itself, too; unit001 says nothing */
        cluster_start_all(c);
        cluster_pass(c, 5 * USEC_PER_SEC);
        for (size_t cut = 0; cut < 3; cut++) {
                assert_true(cluster_runs_on(c, 0) >= 0);
                assert_true(cluster_runs_on(c, 1) >= 0);
                assert_int_not_equal(cluster_runs_on(c, 0), cluster_runs_on(c, 1));
                cluster_power_cut(c, (size_t) cluster_runs_on(c, cut));
                cluster_pass(c, 20 * USEC_PER_SEC);
                for (size_t i = 0; i < 3; i++)
                        if (!c->machines[i].core)
                                cluster_start(c, i, "");
                cluster_pass(c, 20 * USEC_PER_SEC);
        }
        cluster_power_cut(c, (size_t) cluster_runs_on(c, 0));
        cluster_power_cut(c, (size_t) cluster_runs_on(c, 1));
        cluster_pass(c, 30 * USEC_PER_SEC); /* one machine is left for two */
        assert_int_equal((cluster_runs_on(c, 0) >= 0) + (cluster_runs_on(c, 1) >= 0), 1);
        cluster_free(c);
}

static void a_unit_follows_the_one_it_must_run_beside(void **state) {
        Cluster *c = cluster_new(3, 2);
        int from;

        WISH(c, 0, machine_of, "unit001.service");
        cluster_start_all(c);
        cluster_pass(c, 5 * USEC_PER_SEC);
        from = cluster_runs_on(c, 1);
        assert_true(from >= 0);
        assert_int_equal(cluster_runs_on(c, 0), from);
        cluster_event(c, (size_t) from,
                        (Event){ .kind = EVENT_TRANSFER,
                                        .unit = c->names[1],
                                        .machine_id = c->machines[(from + 1) % 3].id });
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 1), (from + 1) % 3);
        assert_int_equal(cluster_runs_on(c, 0), (from + 1) % 3);
        cluster_power_cut(c, (size_t) cluster_runs_on(c, 1));
        cluster_pass(c, 20 * USEC_PER_SEC);
        assert_true(cluster_runs_on(c, 1) >= 0);
        assert_int_equal(cluster_runs_on(c, 0), cluster_runs_on(c, 1));
        cluster_free(c);
}

static void what_is_replaced_leaves_for_who_replaces_it(void **state) {
        Cluster *c = cluster_new(2, 2);

        WISH(c, 0, replaces, "unit001.service");
        WISH(c, 0, require, "new=yes");
        cluster_start_all(c);
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), -1);
        operate(c, (size_t) cluster_runs_on(c, 1), EVENT_METADATA, false, "new=yes");
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_true(cluster_runs_on(c, 0) >= 0);
        assert_true(cluster_runs_on(c, 1) >= 0);
        assert_int_not_equal(cluster_runs_on(c, 0), cluster_runs_on(c, 1));
        cluster_free(c);
}

static void a_unit_leaves_a_machine_whose_metadata_do_not_fit_any_more(void **state) {
        Cluster *c = cluster_new(2, 1);

        WISH(c, 0, require, "disk=ssd");
        cluster_start(c, 0, "disk=ssd");
        cluster_pass(c, 5 * USEC_PER_SEC);
        cluster_start(c, 1, "");
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), 0);
        operate(c, 1, EVENT_METADATA, false, "disk=ssd");
        operate(c, 0, EVENT_METADATA, false, "disk=tape");
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), 1);
        assert_int_equal(cluster_lease(c, 0)->index, 2); /* handed over, not lost */
        operate(c, 1, EVENT_METADATA, false, "");
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), -1);
        assert_int_equal(cluster_lease(c, 0)->state, LEASE_FREE);
        cluster_free(c);
}

static void a_unit_whose_place_cannot_be_read_is_kept_and_not_taken(void **state) {
        Cluster *c = cluster_new(2, 1);
        int from;

        cluster_start_all(c);
        cluster_pass(c, 5 * USEC_PER_SEC);
        from = cluster_runs_on(c, 0);
        c->configs[0].doubtful = true;
        cluster_configure(c, 0, 0);
        cluster_configure(c, 1, 0);
        cluster_pass(c, 20 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), from);
        cluster_power_cut(c, (size_t) from);
        cluster_pass(c, 30 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), -1);
        c->configs[0].doubtful = false;
        cluster_configure(c, (size_t) !from, 0);
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), !from);
        cluster_free(c);
}

/* ---- moves ---- */

static void a_higher_version_is_handed_the_unit_once(void **state) {
        Cluster *c = cluster_new(2, 1);

        cluster_start_all(c);
        cluster_pass(c, 5 * USEC_PER_SEC);
        if (cluster_runs_on(c, 0) != 0) {
                operate(c, 1, EVENT_DRAIN, true, NULL);
                cluster_pass(c, 5 * USEC_PER_SEC);
                operate(c, 1, EVENT_DRAIN, false, NULL);
        }
        cluster_pass(c, 40 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), 0);
        c->configs[0].version = 2;
        cluster_configure(c, 1, 0);
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), 1);
        assert_int_equal(cluster_lease(c, 0)->version, 2);
        assert_string_equal(cluster_lease(c, 0)->tenures[cluster_lease(c, 0)->n_tenures - 1].why, "upgrade");
        /* What is installed there fails for good: it goes back, and is not tried again. */
        c->machines[1].units[0].report.active = ACTIVE_FAILED;
        c->machines[1].units[0].report.failed = c->machines[1].units[0].report.empty = true;
        cluster_say_unit(c, 1, 0);
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), 0);
        c->machines[1].units[0].report.failed = false;
        cluster_pass(c, 600 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), 0);
        assert_int_equal(c->machines[1].units[0].starts, 1);
        cluster_free(c);
}

static void failback_waits_until_the_preferred_machine_has_been_there_for_a_while(void **state) {
        Cluster *c = cluster_new(2, 1);

        WISH(c, 0, prefer, "home=yes");
        c->placements[0].failback = true;
        c->placements[0].failback_hold = 60 * USEC_PER_SEC;
        cluster_start(c, 0, "");
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), 0);
        cluster_start(c, 1, "home=yes");
        cluster_pass(c, 50 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), 0);
        cluster_pass(c, 15 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), 1);
        cluster_pass(c, 600 * USEC_PER_SEC);
        assert_int_equal(cluster_lease(c, 0)->index, 2);
        cluster_free(c);
}

static void without_failback_a_unit_stays_where_it_is(void **state) {
        Cluster *c = cluster_new(2, 1);

        WISH(c, 0, prefer, "home=yes");
        cluster_start(c, 0, "");
        cluster_pass(c, 5 * USEC_PER_SEC);
        cluster_start(c, 1, "home=yes");
        cluster_pass(c, 600 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), 0);
        cluster_free(c);
}

/* ---- draining ---- */

static void a_draining_machine_hands_everything_over_a_few_at_a_time(void **state) {
        Cluster *c = cluster_new(3, 270);

        cluster_start_all(c);
        cluster_pass(c, 5 * USEC_PER_SEC);
        c->most_moving = 0;
        assert_true(cluster_count(c, 0) > 0);
        operate(c, 0, EVENT_DRAIN, true, NULL);
        cluster_pass(c, 10 * USEC_PER_SEC);
        assert_int_equal(cluster_count(c, 0), 0);
        assert_in_range(cluster_count(c, 1), 132, 138);
        assert_int_equal(cluster_count(c, 1) + cluster_count(c, 2), 270);
        assert_in_range(c->most_moving, 1, 50);
        operate(c, 0, EVENT_DRAIN, false, NULL);
        cluster_pass(c, 60 * USEC_PER_SEC);
        assert_int_equal(cluster_count(c, 0), 0); /* nothing comes back by itself */
        cluster_free(c);
}

/* Each unit is down at a moment of its own, and each machine that comes next has a beat of its own. */
static void leases_that_move_share_few_txns(void **state) {
        Cluster *c = cluster_new(3, 120);

        cluster_start_all(c);
        assert_int_equal(c->most_leases, 50); /* also the first acquires */
        cluster_pass(c, 5 * USEC_PER_SEC);
        c->lease_txns = c->most_leases = c->refused = 0;
        assert_in_range(cluster_count(c, 0), 40, 120);
        operate(c, 0, EVENT_DRAIN, true, NULL);
        cluster_pass(c, 10 * USEC_PER_SEC);
        assert_int_equal(cluster_count(c, 0), 0);
        assert_in_range(c->lease_txns, 1, 12);
        assert_in_range(c->most_leases, 2, 50);
        assert_int_equal(c->refused, 0);
        cluster_free(c);
}

/* Two machines, and 40 units that all run on the first. */
static Cluster *cluster_of_40(void) {
        Cluster *c = cluster_new(2, 40);

        cluster_start(c, 0, "");
        cluster_pass(c, 5 * USEC_PER_SEC);
        cluster_start(c, 1, "");
        cluster_pass(c, 5 * USEC_PER_SEC);
        for (size_t i = 0; i < 40; i++)
                assert_int_equal(cluster_runs_on(c, i), 0);
        return c;
}

/* Another machine is faster with one lease of many. The others come with the next Txn. */
static void one_lease_that_is_taken_keeps_no_other_one(void **state) {
        Cluster *c = cluster_of_40();

        cluster_touch_lease(c, 7);
        operate(c, 0, EVENT_DRAIN, true, NULL);
        cluster_pass(c, 10 * USEC_PER_SEC);
        for (size_t i = 0; i < 40; i++)
                assert_int_equal(cluster_runs_on(c, i), 1);
        assert_in_range(c->refused, 1, 2);
        cluster_free(c);
}

/* One record can never be written, for example since it is too large. The leases that share its Txn are moved all the
 * same. */
static void one_lease_that_cannot_be_written_keeps_no_other_one(void **state) {
        Cluster *c = cluster_of_40();

        c->poisoned = c->names[7];
        operate(c, 0, EVENT_DRAIN, true, NULL);
        cluster_pass(c, 10 * USEC_PER_SEC);
        for (size_t i = 0; i < 40; i++)
                assert_int_equal(cluster_runs_on(c, i), i == 7 ? -1 : 1);
        c->poisoned = NULL;
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 7), 1);
        cluster_free(c);
}

static void a_unit_that_has_nowhere_to_go_stays_and_says_so(void **state) {
        Cluster *c = cluster_new(2, 1);
        UnitView v;

        WISH(c, 0, require, "disk=ssd");
        cluster_start(c, 0, "disk=ssd");
        cluster_start(c, 1, "");
        cluster_pass(c, 5 * USEC_PER_SEC);
        operate(c, 0, EVENT_DRAIN, true, NULL);
        cluster_pass(c, 30 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), 0);
        assert_true(core_find_unit(c->machines[0].core, (Now){ .boottime = c->now }, c->names[0], &v));
        assert_true(v.stuck);
        assert_string_equal(cluster_why_not(c, 0, 0, 1), "missing metadata disk=ssd");
        operate(c, 1, EVENT_METADATA, false, "disk=ssd");
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), 1);
        cluster_free(c);
}

static void who_drains_and_who_only_watches_know_what_is_stuck(void **state) {
        Cluster *c = cluster_new(3, 2);

        WISH(c, 0, require, "disk=ssd");
        cluster_start(c, 0, "disk=ssd");
        cluster_start(c, 1, "");
        cluster_start(c, 2, "");
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), 0);
        assert_false(cluster_is_stuck(c, 0, 0));
        operate(c, 2, EVENT_DRAIN, true, c->machines[0].id);
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_count(c, 0), 1);
        for (size_t i = 0; i < 3; i++) {
                assert_true(cluster_is_stuck(c, i, 0));
                assert_false(cluster_is_stuck(c, i, 1));
        }
        assert_string_equal(cluster_why_not(c, 1, 0, 0), "holds it; draining");
        assert_true(cluster_standing(c, 1, 0, 0)->holds);
        assert_string_equal(cluster_why_not(c, 0, 0, 0), "it should go elsewhere, and there is no machine that fits");
        cluster_free(c);
}

static void a_machine_that_only_stands_back_is_a_place_to_go_to(void **state) {
        Cluster *c = cluster_new(2, 1);
        size_t holder;

        cluster_start_all(c);
        cluster_pass(c, 5 * USEC_PER_SEC);
        holder = (size_t) cluster_runs_on(c, 0);
        cluster_event(c, holder, (Event){ .kind = EVENT_RELEASE, .unit = c->names[0] });
        cluster_pass(c, USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), !holder);
        operate(c, !holder, EVENT_DRAIN, true, NULL);
        cluster_pass(c, USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), !holder);
        assert_string_equal(cluster_why_not(c, !holder, 0, holder), "stands back");
        assert_true(cluster_standing(c, !holder, 0, holder)->until > 0);
        assert_true(cluster_standing(c, !holder, 0, holder)->fits);
        assert_false(cluster_is_stuck(c, !holder, 0));
        cluster_pass(c, 35 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), holder);
        cluster_free(c);
}

static void a_machine_is_drained_by_another_and_remembers_it(void **state) {
        Cluster *c = cluster_new(2, 4);

        cluster_start_all(c);
        cluster_pass(c, 5 * USEC_PER_SEC);
        operate(c, 1, EVENT_DRAIN, true, c->machines[0].id);
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_count(c, 0), 0);
        assert_true(core_memory(c->machines[0].core)->draining);
        cluster_power_cut(c, 0);
        cluster_pass(c, 30 * USEC_PER_SEC);
        cluster_start(c, 0, ""); /* with a new disk: the registry knows */
        cluster_pass(c, 30 * USEC_PER_SEC);
        assert_true(core_memory(c->machines[0].core)->draining);
        operate(c, 1, EVENT_DRAIN, false, c->machines[0].id);
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_false(core_memory(c->machines[0].core)->draining);
        cluster_free(c);
}

/* ---- how it is told ---- */

static void each_machine_is_told_with_its_rank_or_why_it_does_not_come(void **state) {
        Cluster *c = cluster_new(5, 3);
        unsigned ranks = 0;

        WISH(c, 0, prefer, "rack=a");
        WISH(c, 1, conflicts, "unit000.service");
        cluster_start(c, 0, "rack=a");
        cluster_start(c, 1, "");
        cluster_start(c, 2, "");
        cluster_start(c, 3, "");
        cluster_start(c, 4, "");
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), 0);
        operate(c, 4, EVENT_DRAIN, true, NULL);
        cluster_power_cut(c, 3);
        cluster_pass(c, 20 * USEC_PER_SEC);

        for (size_t observer = 0; observer < 3; observer++) {
                assert_string_equal(cluster_why_not(c, observer, 0, 0), "holds it");
                assert_string_equal(cluster_why_not(c, observer, 0, 3), "it is silent");
                assert_string_equal(cluster_why_not(c, observer, 0, 4), "draining");
                assert_false(cluster_standing(c, observer, 0, 4)->fits);
                assert_string_equal(cluster_why_not(c, observer, 1, 0), "conflict with unit000.service");
        }
        for (size_t i = 1; i < 3; i++)
                if (cluster_standing(c, 0, 0, i)->fits)
                        ranks += 1u << cluster_standing(c, 0, 0, i)->rank;
        assert_true(ranks == 1 || ranks == 3); /* 0, and then 1 */
        for (size_t i = 1; i < 3; i++)
                if (cluster_standing(c, 0, 0, i)->fits)
                        assert_string_equal(cluster_why_not(c, 0, 0, i), cluster_standing(c, 0, 0, i)->rank == 0
                                                                                         ? "stands by, first in line"
                                                                                         : "stands by");
        cluster_free(c);
}

static void what_is_told_between_two_steps_is_of_the_last_one(void **state) {
        Cluster *c = cluster_new(2, 1);
        size_t holder;

        cluster_start_all(c);
        cluster_pass(c, 5 * USEC_PER_SEC);
        holder = (size_t) cluster_runs_on(c, 0);
        assert_string_equal(cluster_why_not(c, holder, 0, !holder), "stands by, first in line");
        operate(c, !holder, EVENT_DRAIN, true, NULL);
        cluster_pass(c, USEC_PER_SEC);
        assert_string_equal(cluster_why_not(c, holder, 0, !holder), "draining");
        cluster_free(c);
}

/* ---- without a lease ---- */

static void a_global_unit_runs_on_every_machine_that_fits(void **state) {
        Cluster *c = cluster_new(3, 1);

        c->configs[0].global = true;
        WISH(c, 0, require, "disk=ssd");
        cluster_start(c, 0, "disk=ssd");
        cluster_start(c, 1, "");
        cluster_start(c, 2, "disk=ssd");
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_count(c, 0), 1);
        assert_int_equal(cluster_count(c, 1), 0);
        assert_int_equal(cluster_count(c, 2), 1);
        operate(c, 0, EVENT_METADATA, false, "");
        operate(c, 1, EVENT_METADATA, false, "disk=ssd");
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_count(c, 0), 0);
        assert_int_equal(cluster_count(c, 1), 1);
        assert_string_equal(cluster_why_not(c, 1, 0, 1), "(not listed)");
        assert_string_equal(cluster_why_not(c, 1, 0, 0), "(not listed)"); /* each speaks for itself */
        assert_string_equal(cluster_why_not(c, 0, 0, 0), "missing metadata disk=ssd");
        operate(c, 1, EVENT_DRAIN, true, NULL);
        cluster_event(c, 2, (Event){ .kind = EVENT_FORGET, .unit = c->names[0] });
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_count(c, 1), 0);
        assert_int_equal(cluster_count(c, 2), 0);
        cluster_free(c);
}

static void a_global_unit_is_not_started_beside_what_it_conflicts_with(void **state) {
        Cluster *c = cluster_new(2, 2);

        c->configs[0].global = true;
        WISH(c, 0, conflicts, "unit001.*");
        WISH(c, 1, require, "disk=ssd");
        cluster_start(c, 0, "disk=ssd");
        cluster_start(c, 1, "");
        cluster_pass(c, 10 * USEC_PER_SEC);
        for (size_t i = 0; i < 2; i++)
                assert_true(c->machines[i].units[0].report.active == ACTIVE_INACTIVE ||
                                c->machines[i].units[1].report.active == ACTIVE_INACTIVE);
        assert_int_equal(c->machines[1].units[0].report.active, ACTIVE_ACTIVE);
        cluster_free(c);
}

static void a_leased_unit_that_becomes_global_gives_its_lease_back_first(void **state) {
        Cluster *c = cluster_new(2, 1);
        size_t from;

        cluster_start_all(c);
        cluster_pass(c, 5 * USEC_PER_SEC);
        from = (size_t) cluster_runs_on(c, 0);
        c->configs[0].global = true;
        cluster_configure(c, !from, 0);
        cluster_pass(c, USEC_PER_SEC);
        cluster_configure(c, from, 0);
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_count(c, 0) + cluster_count(c, 1), 2);
        assert_int_equal(cluster_lease(c, 0)->state, LEASE_FREE);
        cluster_free(c);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_machine_makes_the_same_plan),
                cmocka_unit_test(a_thousand_units_are_spread_evenly_and_a_crash_moves_only_its_own),
                cmocka_unit_test(the_leases_of_a_dead_machine_are_taken_by_one_txn_after_another),
                cmocka_unit_test(a_slow_machine_gets_its_share_of_a_takeover),
                cmocka_unit_test(who_does_not_come_in_his_turn_is_passed_over),
                cmocka_unit_test(a_released_unit_goes_to_the_other_machine_without_waiting),
                cmocka_unit_test(required_metadata_decide_and_preferred_ones_come_first),
                cmocka_unit_test(a_reason_that_is_too_long_is_cut_between_characters),
                cmocka_unit_test(a_unit_bound_to_a_machine_runs_nowhere_else),
                cmocka_unit_test(conflicting_units_never_share_a_machine_also_after_a_crash),
                cmocka_unit_test(a_unit_follows_the_one_it_must_run_beside),
                cmocka_unit_test(what_is_replaced_leaves_for_who_replaces_it),
                cmocka_unit_test(a_unit_leaves_a_machine_whose_metadata_do_not_fit_any_more),
                cmocka_unit_test(a_unit_whose_place_cannot_be_read_is_kept_and_not_taken),
                cmocka_unit_test(a_higher_version_is_handed_the_unit_once),
                cmocka_unit_test(failback_waits_until_the_preferred_machine_has_been_there_for_a_while),
                cmocka_unit_test(without_failback_a_unit_stays_where_it_is),
                cmocka_unit_test(a_draining_machine_hands_everything_over_a_few_at_a_time),
                cmocka_unit_test(leases_that_move_share_few_txns),
                cmocka_unit_test(one_lease_that_is_taken_keeps_no_other_one),
                cmocka_unit_test(one_lease_that_cannot_be_written_keeps_no_other_one),
                cmocka_unit_test(a_unit_that_has_nowhere_to_go_stays_and_says_so),
                cmocka_unit_test(who_drains_and_who_only_watches_know_what_is_stuck),
                cmocka_unit_test(a_machine_that_only_stands_back_is_a_place_to_go_to),
                cmocka_unit_test(a_machine_is_drained_by_another_and_remembers_it),
                cmocka_unit_test(each_machine_is_told_with_its_rank_or_why_it_does_not_come),
                cmocka_unit_test(what_is_told_between_two_steps_is_of_the_last_one),
                cmocka_unit_test(a_global_unit_runs_on_every_machine_that_fits),
                cmocka_unit_test(a_global_unit_is_not_started_beside_what_it_conflicts_with),
                cmocka_unit_test(a_leased_unit_that_becomes_global_gives_its_lease_back_first),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
