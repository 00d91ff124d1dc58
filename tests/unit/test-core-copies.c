/* SPDX-License-Identifier: Apache-2.0 */

/* A unit with Copies=K runs on K machines, on each by another one of its leases. */

#include "core-cluster.h"

#include <stdio.h>

enum { UNIT = 0 };

/* Which machines run the unit, as a mask. */
static unsigned where(Cluster *c) {
        unsigned mask = 0;

        for (size_t i = 0; i < c->n_machines; i++) {
                const ClusterUnit *u = c->machines[i].units + UNIT;

                mask |= (unsigned) (u->guard.open && u->report.active == ACTIVE_ACTIVE) << i;
        }
        return mask;
}

static unsigned running(Cluster *c) {
        return (unsigned) __builtin_popcount(where(c));
}

static void find(Cluster *c, size_t machine, UnitView *ret) {
        assert_true(core_find_unit(c->machines[machine].core, (Now){ .boottime = c->now, .realtime = c->now },
                        c->names[UNIT], ret));
}

/* The number of the copy that the machine holds; 0: none. */
static unsigned copy_at(Cluster *c, size_t machine) {
        UnitView v;

        find(c, machine, &v);
        return v.held_here ? lease_slot(v.lease) : 0;
}

static size_t machine_of(Cluster *c, unsigned copy) {
        for (size_t i = 0; i < c->n_machines; i++)
                if (c->machines[i].core && copy_at(c, i) == copy)
                        return i;
        fail();
        return 0;
}

/* No two machines hold one lease, and the copies are numbered from 1 to n. */
static void assert_copies(Cluster *c, unsigned n) {
        unsigned seen = 0;

        assert_int_equal(running(c), n);
        for (size_t i = 0; i < c->n_machines; i++) {
                unsigned copy = c->machines[i].core ? copy_at(c, i) : 0;

                if (copy == 0)
                        continue;
                assert_false(seen & 1u << copy);
                assert_in_range(copy, 1, n);
                seen |= 1u << copy;
        }
        assert_int_equal(__builtin_popcount(seen), n);
}

static char lease[] = "web#1";

static void set_copies(Cluster *c, unsigned n) {
        c->configs[UNIT].lease = n > 1 ? lease : c->names[UNIT];
        c->configs[UNIT].slots = n;
}

static Cluster *with_copies(size_t n_machines, unsigned n) {
        Cluster *c = cluster_new(n_machines, 1);

        set_copies(c, n);
        cluster_start_all(c);
        cluster_pass(c, 20 * USEC_PER_SEC);
        return c;
}

static void each_copy_runs_on_a_machine_of_its_own(void **state) {
        for (unsigned n = 2; n <= 4; n++) {
                Cluster *c = with_copies(4, n);

                assert_copies(c, n);
                cluster_free(c);
        }
}

static void fewer_machines_than_copies_run_one_each(void **state) {
        Cluster *c = with_copies(2, 3);

        assert_int_equal(where(c), 3);
        assert_int_not_equal(copy_at(c, 0), copy_at(c, 1));
        cluster_free(c);
}

static void the_copy_of_a_dead_machine_runs_on_one_that_has_none(void **state) {
        Cluster *c = with_copies(3, 2);
        size_t dead = machine_of(c, 2), other = machine_of(c, 1);

        cluster_power_cut(c, dead);
        cluster_pass(c, 2 * CLUSTER_TTL);
        assert_int_equal(copy_at(c, 3 - dead - other), 2);
        assert_int_equal(copy_at(c, other), 1);
        assert_int_equal(c->machines[other].units[UNIT].starts, 1);
        cluster_free(c);
}

static void a_drain_moves_the_copy_to_the_machine_that_has_none(void **state) {
        Cluster *c = with_copies(3, 2);
        size_t from = machine_of(c, 1), other = machine_of(c, 2);

        cluster_event(c, from, (Event){ .kind = EVENT_DRAIN, .on = true });
        cluster_pass(c, 10 * USEC_PER_SEC);
        assert_int_equal(copy_at(c, 3 - from - other), 1);
        assert_copies(c, 2);
        cluster_event(c, other, (Event){ .kind = EVENT_DRAIN, .on = true });
        cluster_pass(c, 10 * USEC_PER_SEC);
        assert_copies(c, 2); /* there is no other machine, so it stays */
        assert_true(cluster_is_stuck(c, other, UNIT));
        cluster_free(c);
}

static void a_machine_that_has_a_copy_is_no_target(void **state) {
        Cluster *c = with_copies(3, 2);
        size_t from = machine_of(c, 1), other = machine_of(c, 2), third = 3 - from - other;

        assert_string_equal(cluster_why_not(c, from, UNIT, other), "runs another copy, by web#2");
        cluster_event(c, from,
                        (Event){ .kind = EVENT_REQUEST,
                                        .id = 5,
                                        .verb = REQUEST_TRANSFER,
                                        .unit = c->names[UNIT],
                                        .machine_id = c->machines[other].id });
        cluster_pass(c, 10 * USEC_PER_SEC);
        assert_int_equal(c->word, WORD_UNABLE);
        assert_int_equal(c->why, WHY_HAS_COPY);
        assert_int_equal(copy_at(c, from), 1);
        cluster_event(c, from,
                        (Event){ .kind = EVENT_REQUEST,
                                        .id = 6,
                                        .verb = REQUEST_TRANSFER,
                                        .unit = c->names[UNIT],
                                        .machine_id = c->machines[third].id });
        cluster_pass(c, 10 * USEC_PER_SEC);
        assert_int_equal(c->word, WORD_BEGUN);
        assert_int_equal(copy_at(c, third), 1);
        assert_copies(c, 2);
        cluster_free(c);
}

static void a_copy_is_named_by_its_number_where_several_run(void **state) {
        Cluster *c = with_copies(3, 2);
        size_t first = machine_of(c, 1), second = machine_of(c, 2), third = 3 - first - second;
        char named[48];

        cluster_event(c, third,
                        (Event){ .kind = EVENT_REQUEST, .id = 5, .verb = REQUEST_RELEASE, .unit = c->names[UNIT] });
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(c->word, WORD_UNABLE);
        assert_int_equal(c->why, WHY_SEVERAL_COPIES);
        (void) snprintf(named, sizeof(named), "%s#2", c->names[UNIT]);
        cluster_event(c, third, (Event){ .kind = EVENT_REQUEST, .id = 6, .verb = REQUEST_RELEASE, .unit = named });
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(c->word, WORD_BEGUN);
        assert_int_equal(copy_at(c, first), 1);
        assert_int_equal(copy_at(c, second), 0);
        assert_int_equal(copy_at(c, third), 2);
        cluster_free(c);
}

static void surplus_copies_stop_and_the_others_run_on(void **state) {
        Cluster *c = with_copies(4, 4);
        size_t first = machine_of(c, 1), second = machine_of(c, 2);

        set_copies(c, 2);
        for (size_t i = 0; i < 4; i++)
                cluster_configure(c, i, UNIT);
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_copies(c, 2);
        assert_int_equal(machine_of(c, 1), first);
        assert_int_equal(machine_of(c, 2), second);
        assert_int_equal(c->machines[first].units[UNIT].starts, 1);
        cluster_power_cut(c, first); /* nobody stands back for having been one too many */
        cluster_pass(c, 2 * CLUSTER_TTL);
        assert_copies(c, 2);
        cluster_free(c);
}

static void more_copies_are_taken_and_none_is_disturbed(void **state) {
        Cluster *c = with_copies(4, 2);

        set_copies(c, 4);
        for (size_t i = 0; i < 4; i++)
                cluster_configure(c, i, UNIT);
        cluster_pass(c, 20 * USEC_PER_SEC);
        assert_copies(c, 4);
        for (size_t i = 0; i < 4; i++)
                assert_int_equal(c->machines[i].units[UNIT].starts, 1);
        cluster_free(c);
}

static void a_restart_of_the_daemon_finds_its_copy_again(void **state) {
        Cluster *c = with_copies(3, 2);

        for (unsigned copy = 1; copy <= 2; copy++) {
                size_t at = machine_of(c, copy);

                cluster_restart(c, at);
                cluster_pass(c, 10 * USEC_PER_SEC);
                assert_int_equal(machine_of(c, copy), at);
                assert_int_equal(c->machines[at].units[UNIT].starts, 1);
        }
        assert_copies(c, 2);
        cluster_free(c);
}

static LeaseRecord *lease_of_copy(Cluster *c, unsigned copy) {
        char key[RECORD_NAME_SIZE];
        ClusterEntry *e;

        (void) snprintf(key, sizeof(key), "%d/web#%u", (int) RECORD_LEASE, copy);
        HASH_FIND_STR(c->entries, key, e);
        assert_non_null(e);
        return e->value;
}

/* The machine holds two slots, as after a Txn that came late while no daemon looked: the unit runs by the slot of the
 * Index that the guard has. */
static void a_restart_finds_the_copy_by_the_index_of_the_guard(void **state) {
        Cluster *c = with_copies(1, 3);
        LeaseRecord had = *lease_of_copy(c, 1), none = { .state = LEASE_FREE, .index = 1 };

        cluster_put(c, RECORD_LEASE, "web#2", &none);
        cluster_put(c, RECORD_LEASE, "web#3", &none);
        *lease_of_copy(c, 1) = none;
        *lease_of_copy(c, 2) = *lease_of_copy(c, 3) = had;
        lease_of_copy(c, 2)->index += 50;
        cluster_restart(c, 0);
        cluster_pass(c, 10 * USEC_PER_SEC);
        assert_int_equal(copy_at(c, 0), 3);
        assert_int_equal(c->machines[0].units[UNIT].starts, 1);
        cluster_free(c);
}

/* The same where the slot that the unit begins with is held, too: this machine gives it back unused. */
static void a_restart_leaves_a_slot_of_another_index_than_the_guards(void **state) {
        Cluster *c = with_copies(1, 3);
        LeaseRecord had = *lease_of_copy(c, 1), none = { .state = LEASE_FREE, .index = 1 };

        cluster_put(c, RECORD_LEASE, "web#2", &none);
        cluster_put(c, RECORD_LEASE, "web#3", &none);
        *lease_of_copy(c, 3) = had;
        lease_of_copy(c, 1)->index += 50;
        cluster_restart(c, 0);
        cluster_pass(c, 10 * USEC_PER_SEC);
        assert_int_equal(copy_at(c, 0), 3);
        assert_int_equal(c->machines[0].units[UNIT].starts, 1);
        assert_int_equal(lease_of_copy(c, 1)->state, LEASE_FREE);
        assert_true(where(c));
        cluster_free(c);
}

/* Where no slot bears the Index of the guard, or two do, it is not known by which the unit runs. */
static void a_restart_does_not_guess_by_which_slot_a_copy_runs(void **state) {
        for (unsigned n = 0; n <= 2; n += 2) {
                Cluster *c = with_copies(1, 3);
                LeaseRecord had = *lease_of_copy(c, 1), none = { .state = LEASE_FREE, .index = 1 };

                cluster_put(c, RECORD_LEASE, "web#2", &none);
                cluster_put(c, RECORD_LEASE, "web#3", &none);
                *lease_of_copy(c, 2) = *lease_of_copy(c, 3) = n ? had : none;
                lease_of_copy(c, 1)->index += 50;
                cluster_restart(c, 0);
                cluster_pass(c, 20 * USEC_PER_SEC);
                assert_int_equal(running(c), 1);
                assert_int_equal(c->machines[0].units[UNIT].starts, 2);
                cluster_free(c);
        }
}

/* This machine holds three slots of one Index. What runs by a fourth, which was lost, is stopped. */
static void a_restart_finds_the_copy_by_what_its_file_says(void **state) {
        static const char *const slots[] = { "web#1", "web#2", "web#3", "web#4" };

        for (unsigned copy = 1; copy <= 4; copy++) {
                Cluster *c = with_copies(1, 3);
                LeaseRecord had = *lease_of_copy(c, 1), none = { .state = LEASE_FREE, .index = 1 };

                cluster_put(c, RECORD_LEASE, "web#2", &none);
                cluster_put(c, RECORD_LEASE, "web#3", &none);
                *lease_of_copy(c, 2) = *lease_of_copy(c, 3) = had;
                c->machines[0].units[UNIT].file = slots[copy - 1];
                cluster_restart(c, 0);
                cluster_pass(c, 20 * USEC_PER_SEC);
                assert_int_equal(running(c), 1);
                assert_int_equal(c->machines[0].units[UNIT].starts, copy == 4 ? 2 : 1);
                assert_true(copy == 4 || copy_at(c, 0) == copy);
                cluster_free(c);
        }
}

static void a_copy_that_was_dropped_while_no_daemon_looked_stops(void **state) {
        Cluster *c = with_copies(3, 3);
        size_t at = machine_of(c, 3);

        set_copies(c, 2);
        for (size_t i = 0; i < 3; i++)
                if (i == at)
                        cluster_restart(c, i);
                else
                        cluster_configure(c, i, UNIT);
        cluster_pass(c, 10 * USEC_PER_SEC);
        assert_copies(c, 2);
        assert_int_equal(copy_at(c, at), 0);
        cluster_free(c);
}

/* A machine whose options, or whose version of leased, know of no copies runs the unit by the lease NAME. */
static void the_last_copy_is_left_to_a_machine_that_knows_no_copies(void **state) {
        Cluster *c = with_copies(3, 2);
        size_t first = machine_of(c, 1), second = machine_of(c, 2), third = 3 - first - second;
        char waits[80];

        set_copies(c, 1);
        cluster_configure(c, third, UNIT);
        cluster_pass(c, 20 * USEC_PER_SEC);
        assert_int_equal(where(c), 1u << first | 1u << third);
        assert_string_equal(cluster_why_not(c, first, UNIT, third), "it goes by another lease there");
        (void) snprintf(waits, sizeof(waits), "the last copy waits for m%zu, where Copies= is not in force", third);
        assert_string_equal(cluster_why_not(c, second, UNIT, second), waits);
        set_copies(c, 2);
        cluster_configure(c, third, UNIT);
        cluster_pass(c, 20 * USEC_PER_SEC);
        assert_copies(c, 2);
        cluster_free(c);
}

static void a_unit_becomes_copies_and_one_again(void **state) {
        Cluster *c = with_copies(3, 1);

        assert_int_equal(running(c), 1);
        set_copies(c, 3);
        for (size_t i = 0; i < 3; i++) {
                cluster_configure(c, i, UNIT);
                cluster_pass(c, 3 * USEC_PER_SEC);
                assert_in_range(running(c), 1, 3);
        }
        cluster_pass(c, 20 * USEC_PER_SEC);
        assert_copies(c, 3);
        set_copies(c, 1);
        for (size_t i = 0; i < 3; i++)
                cluster_configure(c, i, UNIT);
        cluster_pass(c, 20 * USEC_PER_SEC);
        assert_int_equal(running(c), 1);
        cluster_free(c);
}

/* OnShutdown=keep: the copy of a machine that reboots waits for that machine, and no other copy waits with it. */
static void a_copy_that_is_kept_for_a_reboot_holds_up_no_other_one(void **state) {
        for (unsigned copy = 1; copy <= 2; copy++) {
                Cluster *c = cluster_new(3, 1);
                size_t reboots, dies, third;

                set_copies(c, 2);
                c->configs[UNIT].reboot_wait = 5 * USEC_PER_MINUTE;
                cluster_start_all(c);
                cluster_pass(c, 20 * USEC_PER_SEC);
                reboots = machine_of(c, copy);
                dies = machine_of(c, 3 - copy);
                third = 3 - reboots - dies;
                cluster_event(c, reboots, (Event){ .kind = EVENT_SHUTDOWN, .on = true });
                cluster_pass(c, USEC_PER_SEC);
                cluster_power_cut(c, reboots);
                cluster_power_cut(c, dies);
                cluster_pass(c, 2 * CLUSTER_TTL);
                assert_int_equal(copy_at(c, third), 3 - copy);
                cluster_start(c, reboots, "");
                cluster_pass(c, 10 * USEC_PER_SEC);
                assert_int_equal(copy_at(c, reboots), copy);
                cluster_free(c);
        }
}

static void copies_are_spread_over_racks(void **state) {
        Cluster *c = cluster_new(4, 1);

        set_copies(c, 2);
        str_copy(c->placements[UNIT].spread, sizeof(c->placements[UNIT].spread), "rack");
        str_copy(c->placements[UNIT].spread_group, sizeof(c->placements[UNIT].spread_group), c->names[UNIT]);
        for (size_t i = 0; i < 4; i++)
                cluster_start(c, i, i < 3 ? "rack=a" : "rack=b");
        cluster_pass(c, 20 * USEC_PER_SEC);
        assert_copies(c, 2);
        assert_true(where(c) & 1u << 3);
        cluster_free(c);
}

/* ---- a higher version ---- */

enum { STOP_TAKES = 3 }; /* seconds */

/* A second passes. What is being stopped ends after some seconds, and a machine without a copy gets the files of the
 * version, as what was submitted does. Gives how many copies run. */
static unsigned roll_on(Cluster *c, int64_t version, unsigned *stopping) {
        cluster_pass(c, USEC_PER_SEC);
        for (size_t i = 0; i < c->n_machines; i++) {
                ClusterUnit *u = c->machines[i].units + UNIT;

                if (u->report.active != ACTIVE_DEACTIVATING)
                        stopping[i] = 0;
                else if (++stopping[i] == STOP_TAKES) {
                        u->report.active = ACTIVE_INACTIVE;
                        u->report.empty = true;
                        cluster_say_unit(c, i, UNIT);
                }
                if (copy_at(c, i) == 0 && u->report.active == ACTIVE_INACTIVE) {
                        c->configs[UNIT].version = version;
                        cluster_configure(c, i, UNIT);
                }
        }
        return running(c);
}

static bool is_whole(Cluster *c, unsigned n, int64_t version) {
        char name[32];

        for (unsigned i = 1; i <= n; i++) {
                LeaseRecord *l;

                (void) snprintf(name, sizeof(name), "web#%u", i);
                l = cluster_record(c, RECORD_LEASE, name);
                if (l->state != LEASE_HELD || l->version < version)
                        return false;
        }
        return running(c) == n;
}

static void a_higher_version_moves_one_copy_after_the_other(void **state) {
        static const struct {
                size_t machines;
                unsigned copies;
        } table[] = { { 3, 2 }, { 4, 3 }, { 5, 3 }, { 5, 2 }, { 5, 4 } };

        for (size_t t = 0; t < ELEMENTSOF(table); t++) {
                Cluster *c = with_copies(table[t].machines, table[t].copies);
                unsigned stopping[CLUSTER_MACHINES] = {}, least = table[t].copies, seconds = 0;

                assert_copies(c, table[t].copies);
                for (size_t i = 0; i < c->n_machines; i++)
                        c->machines[i].units[UNIT].slow = true;
                while (!is_whole(c, table[t].copies, 2) && ++seconds < 300)
                        least = MIN(least, roll_on(c, 2, stopping));
                if (seconds == 300 || least < table[t].copies - 1)
                        fail_msg("%u copies on %zu machines: %u ran at once, after %u s %x", table[t].copies,
                                        table[t].machines, least, seconds, where(c));
                if (seconds > table[t].copies * (STOP_TAKES + 10))
                        fail_msg("%u copies on %zu machines: %u s", table[t].copies, table[t].machines, seconds);
                cluster_free(c);
        }
}

static void say_active(Cluster *c, size_t machine, ActiveState active) {
        UnitReport *r = &c->machines[machine].units[UNIT].report;

        r->active = active;
        r->empty = active == ACTIVE_INACTIVE;
        r->ended_by = active == ACTIVE_INACTIVE ? ENDED_BY_HAND : ENDED_BY_ITSELF;
        cluster_say_unit(c, machine, UNIT);
}

/* Two copies on three machines; the second is so, and then the machine without one has a higher version. */
static Cluster *with_second(ActiveState active, size_t *ret_first, size_t *ret_second) {
        Cluster *c = with_copies(3, 2);

        *ret_first = machine_of(c, 1);
        *ret_second = machine_of(c, 2);
        say_active(c, *ret_second, active);
        cluster_pass(c, CLUSTER_TTL);
        c->configs[UNIT].version = 2;
        cluster_configure(c, 3 - *ret_first - *ret_second, UNIT);
        return c;
}

static void a_copy_that_is_starting_holds_up_the_others_until_it_runs(void **state) {
        size_t first, second;
        Cluster *c = with_second(ACTIVE_ACTIVATING, &first, &second);

        cluster_pass(c, 5 * CLUSTER_TTL);
        assert_int_equal(copy_at(c, first), 1);
        say_active(c, second, ACTIVE_ACTIVE);
        cluster_pass(c, CLUSTER_TTL);
        assert_int_equal(copy_at(c, 3 - first - second), 1);
        cluster_free(c);
}

static void a_copy_that_was_stopped_by_hand_holds_up_the_others_for_a_while(void **state) {
        size_t first, second;
        Cluster *c = with_second(ACTIVE_INACTIVE, &first, &second);

        assert_int_equal(copy_at(c, second), 2);
        cluster_pass(c, 4 * CLUSTER_TTL);
        assert_int_equal(copy_at(c, first), 1);
        cluster_pass(c, 3 * CLUSTER_TTL);
        assert_int_equal(copy_at(c, 3 - first - second), 1);
        cluster_free(c);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_copy_runs_on_a_machine_of_its_own),
                cmocka_unit_test(fewer_machines_than_copies_run_one_each),
                cmocka_unit_test(the_copy_of_a_dead_machine_runs_on_one_that_has_none),
                cmocka_unit_test(a_drain_moves_the_copy_to_the_machine_that_has_none),
                cmocka_unit_test(a_machine_that_has_a_copy_is_no_target),
                cmocka_unit_test(a_copy_is_named_by_its_number_where_several_run),
                cmocka_unit_test(surplus_copies_stop_and_the_others_run_on),
                cmocka_unit_test(more_copies_are_taken_and_none_is_disturbed),
                cmocka_unit_test(a_restart_of_the_daemon_finds_its_copy_again),
                cmocka_unit_test(a_restart_finds_the_copy_by_the_index_of_the_guard),
                cmocka_unit_test(a_restart_leaves_a_slot_of_another_index_than_the_guards),
                cmocka_unit_test(a_restart_does_not_guess_by_which_slot_a_copy_runs),
                cmocka_unit_test(a_restart_finds_the_copy_by_what_its_file_says),
                cmocka_unit_test(a_copy_that_was_dropped_while_no_daemon_looked_stops),
                cmocka_unit_test(the_last_copy_is_left_to_a_machine_that_knows_no_copies),
                cmocka_unit_test(a_unit_becomes_copies_and_one_again),
                cmocka_unit_test(a_copy_that_is_kept_for_a_reboot_holds_up_no_other_one),
                cmocka_unit_test(copies_are_spread_over_racks),
                cmocka_unit_test(a_higher_version_moves_one_copy_after_the_other),
                cmocka_unit_test(a_copy_that_is_starting_holds_up_the_others_until_it_runs),
                cmocka_unit_test(a_copy_that_was_stopped_by_hand_holds_up_the_others_for_a_while),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
