/* SPDX-License-Identifier: Apache-2.0 */

/* What a step costs on a machine with thousands of units, counted in looks and pairs, not in time: an event costs what
 * it changes, and what concerns all of them is parted into steps. */

#include <malloc.h>

#include "core-cluster.h"

enum {
        UNITS = 3000,
        FEW_LOOKS = 24,
        FEW_PAIRS = 24,
        FEW_ACTIONS = 128, /* for which a core at rest has room */
        SLICE = 5000,      /* pairs that one step may weigh */
        WISHERS = 1000,
        MEETINGS = 80000,  /* of units on one machine that one step may have */
        SLICE_LOOKS = 400, /* looks that one step may take, at units and leases together */
        TXNS = 5, /* that one step may ask for: two of leases, and the beat's, the machine's and the offers' */
};

static void forget_work(Cluster *c) {
        for (size_t i = 0; i < c->n_machines; i++)
                c->machines[i].most = (CoreWork){};
}

static void must_be_at_most(const Cluster *c, uint64_t looks, uint64_t pairs) {
        for (size_t i = 0; i < c->n_machines; i++) {
                assert_in_range(c->machines[i].most_txns, 0, TXNS);
                assert_in_range(c->machines[i].most.looks, 0, looks);
                assert_in_range(c->machines[i].most.pairs, 0, pairs);
        }
}

static void must_be_even(Cluster *c, size_t n_machines) {
        size_t share = UNITS / n_machines;

        for (size_t i = 0; i < n_machines; i++)
                assert_in_range(cluster_count(c, i), share - share / 20, share + share / 20 + 1);
}

/* Starts three machines, on which all units run then. */
static void start(Cluster *c) {
        for (size_t i = 0; i < 3; i++)
                cluster_start_idle(c, i);
        cluster_pass(c, 3 * USEC_PER_SEC);
        for (size_t m = 0; m < 3; m++) {
                cluster_event(c, m, (Event){ .kind = EVENT_GUARD_UP });
                cluster_event(c, m, (Event){ .kind = EVENT_GUARD_SYNCED });
        }
        for (size_t i = 0; i < c->n_units; i++)
                for (size_t m = 0; m < 3; m++)
                        cluster_say_unit(c, m, i);
        cluster_pass(c, 3 * CLUSTER_TTL); /* until nobody is new any more */
        for (size_t i = 0; i < c->n_units; i++)
                assert_true(cluster_runs_on(c, i) >= 0);
}

static Cluster *running(void) {
        Cluster *c = cluster_new(3, UNITS);

        start(c);
        return c;
}

static void an_event_costs_what_it_changes(void **state) {
        Cluster *c = running();
        size_t held = 0;

        must_be_even(c, 3);
        forget_work(c);
        cluster_pass(c, CLUSTER_TTL); /* beats, their answers, the watch, and the time */
        must_be_at_most(c, FEW_LOOKS, FEW_PAIRS);
        for (size_t i = 0; i < 3; i++)
                assert_in_range(c->machines[i].core->out.room, 0, FEW_ACTIONS);
        cluster_event(c, 0, (Event){ .kind = EVENT_DEADLINE });
        for (size_t i = 0; i < 50; i++)
                cluster_say_unit(c, 0, i); /* PID 1's news */
        must_be_at_most(c, FEW_LOOKS, FEW_PAIRS);
        while (cluster_runs_on(c, held) != 0)
                held++;
        cluster_event(c, 0, (Event){ .kind = EVENT_RELEASE, .unit = c->names[held] });
        cluster_pass(c, USEC_PER_SEC);
        assert_true(cluster_runs_on(c, held) > 0);
        must_be_at_most(c, FEW_LOOKS, FEW_PAIRS);
        cluster_free(c);
}

static void what_concerns_all_is_parted_into_steps(void **state) {
        Cluster *c = running();

        forget_work(c);
        for (size_t i = 0; i < UNITS; i++)
                cluster_configure(c, 0, i); /* a reload */
        must_be_at_most(c, FEW_LOOKS, FEW_PAIRS);
        cluster_pass(c, USEC_PER_SEC);
        must_be_at_most(c, FEW_LOOKS, SLICE);

        forget_work(c);
        cluster_event(c, 1, (Event){ .kind = EVENT_METADATA, .metadata = "disk=ssd" });
        cluster_pass(c, USEC_PER_SEC);
        must_be_at_most(c, SLICE_LOOKS, SLICE);

        forget_work(c);
        cluster_restart(c, 1); /* the first list */
        cluster_pass(c, 2 * USEC_PER_SEC);
        must_be_at_most(c, SLICE_LOOKS, SLICE);

        forget_work(c);
        cluster_power_cut(c, 2);
        cluster_pass(c, 15 * USEC_PER_SEC);
        must_be_at_most(c, SLICE_LOOKS, SLICE);
        for (size_t i = 0; i < UNITS; i++)
                assert_true(cluster_runs_on(c, i) >= 0);
        must_be_even(c, 2);
        cluster_free(c);
}

/* A machine that may take a thousand leases from one moment to the next does not write them all down in one turn. */
/* Units that have wishes as to what runs beside them, and the takeover of all units of a machine. */
static void wishes_are_weighed_in_parts(void **state) {
        static const struct {
                size_t every; /* of so many units one has the wishes */
                Placement wishes;
        } cases[] = {
                { WISHERS, { .conflicts = "*other" } },
                { 1, { .conflicts = "*other" } },
                { 1, { .spread = "rack", .spread_group = "*" } },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Cluster *c = cluster_new(3, WISHERS);

                for (size_t u = 0; u < WISHERS; u += cases[i].every)
                        c->placements[u] = cases[i].wishes;
                start(c);
                forget_work(c);
                cluster_power_cut(c, 2);
                cluster_pass(c, 60 * USEC_PER_SEC);
                for (size_t m = 0; m < 2; m++)
                        assert_in_range(c->machines[m].most.meetings, 1, MEETINGS);
                for (size_t u = 0; u < WISHERS; u++)
                        assert_true(cluster_runs_on(c, u) >= 0);
                cluster_free(c);
        }
}

static void a_step_asks_for_few_txns(void **state) {
        enum { N = 1000 };
        Cluster *c = cluster_new(1, N);

        cluster_start_idle(c, 0);
        for (size_t i = 0; i < N; i++)
                cluster_say_unit(c, 0, i);
        cluster_pass(c, 3 * CLUSTER_TTL);
        cluster_event(c, 0, (Event){ .kind = EVENT_GUARD_UP });
        cluster_event(c, 0, (Event){ .kind = EVENT_GUARD_SYNCED });
        cluster_pass(c, USEC_PER_SEC);
        for (size_t i = 0; i < N; i++)
                assert_int_equal(cluster_runs_on(c, i), 0);
        assert_in_range(c->machines[0].most_txns, 1, TXNS);
        cluster_free(c);
}

static void release(Cluster *c, size_t unit) {
        c->machines[0].units[unit].slow = true;
        cluster_event(c, 0, (Event){ .kind = EVENT_RELEASE, .unit = c->names[unit] });
}

static void end_release(Cluster *c, size_t unit) {
        c->machines[0].units[unit].report.active = ACTIVE_INACTIVE;
        c->machines[0].units[unit].report.empty = true;
        cluster_say_unit(c, 0, unit);
}

/* They go down one after the other. Neither the first one waits for others, nor the last one. */
static void units_that_are_released_together_share_few_txns(void **state) {
        enum { N = 40 };
        Cluster *c = cluster_new(2, N);

        cluster_start(c, 0, "");
        cluster_pass(c, 5 * USEC_PER_SEC);
        cluster_start(c, 1, "");
        cluster_pass(c, 5 * USEC_PER_SEC);
        for (size_t i = 0; i < N; i++)
                release(c, i);
        c->lease_txns = c->offer_txns = 0;
        for (size_t i = 0; i < N; i++) {
                end_release(c, i);
                if (i == 0 || i == N - 1)
                        assert_int_equal(cluster_runs_on(c, i), 1);
                cluster_pass(c, 2 * USEC_PER_MSEC);
        }
        cluster_pass(c, 50 * USEC_PER_MSEC);
        for (size_t i = 0; i < N; i++)
                assert_int_equal(cluster_runs_on(c, i), 1);
        print_message("%u Txns of leases, %u of offers\n", c->lease_txns, c->offer_txns);
        assert_in_range(c->lease_txns, 2, N / 4);
        assert_in_range(c->offer_txns, 1, 4);
        cluster_free(c);
}

/* Most units have few wishes, and their leases no debts. (Where another allocator counts nothing, this says nothing.)
 */
static void a_unit_takes_little_memory(void **state) {
        Cluster *c = cluster_new(1, UNITS);
        Core *core = core_new(&(CoreConfig){
                        .machine_id = c->machines[0].id, .boot_id = "b", .hostname = "m", .ttl = CLUSTER_TTL });
        size_t before = mallinfo2().uordblks, n;

        for (size_t i = 0; i < UNITS; i++) {
                c->placements[i].failback_hold = USEC_PER_MINUTE; /* without meaning, since it does not go back */
                (void) core_step(core, (Now){ .boottime = c->now },
                                &(Event){ .kind = EVENT_CONFIGURE, .unit = c->names[i], .config = c->configs[i] }, &n);
        }
        print_message("%zu bytes a unit\n", (mallinfo2().uordblks - before) / UNITS);
        assert_in_range(mallinfo2().uordblks - before, 0, 1650 * UNITS);
        core_free(core);
        cluster_free(c);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_event_costs_what_it_changes),
                cmocka_unit_test(what_concerns_all_is_parted_into_steps),
                cmocka_unit_test(wishes_are_weighed_in_parts),
                cmocka_unit_test(a_step_asks_for_few_txns),
                cmocka_unit_test(units_that_are_released_together_share_few_txns),
                cmocka_unit_test(a_unit_takes_little_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
