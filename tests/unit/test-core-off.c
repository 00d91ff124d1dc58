/* SPDX-License-Identifier: Apache-2.0 */

/* Machines that are off for good and hold many leases cost each of the others one look at each lease, and not one for
 * each of them. Counted in looks, not in time. */

#include "core-world.h"

#include "core/mirror.h"

enum {
        KEEPERS = 3,
        KEPT = 240,
        DEAD = 40,
        HELD = 200,
        FEW = 24, /* looks that a second takes without them */
};

static void name_session(char session[static SESSION_SIZE], unsigned i) {
        (void) snprintf(session, SESSION_SIZE, "%016x-10000", 0xb00 + i);
}

static void add_session(World *w, unsigned i, bool keeps) {
        FenceRecord fence = { .counter = 1, .keeps = keeps };
        char session[SESSION_SIZE];
        BeatRecord beat = {};

        name_session(session, i);
        (void) snprintf(beat.machine_id, sizeof(beat.machine_id), "%032x", 0xb00 + i);
        (void) snprintf(beat.nonce, sizeof(beat.nonce), "%016x-1", 0xb00 + i);
        world_put(w, RECORD_FENCE, session, &fence);
        world_put(w, RECORD_BEAT, session, &beat);
}

static LeaseRecord held_by(unsigned i) {
        LeaseRecord l = { .state = LEASE_HELD, .index = 1, .since = 1 };

        name_session(l.session, i);
        (void) snprintf(l.machine_id, sizeof(l.machine_id), "%032x", 0xb00 + i);
        return l;
}

static void add_lease(World *w, unsigned number, LeaseRecord l) {
        char name[NAME_SIZE];

        (void) snprintf(name, sizeof(name), "theirs%u.service", number);
        world_put(w, RECORD_LEASE, name, &l);
}

/* ---- what is told of machines ---- */

static int count_unconfirmed(const MachineView *v, void *userdata) {
        size_t *held = userdata;

        if (v->unconfirmed)
                *held += v->held;
        return 0;
}

/* They keep their leases since a pause. Anybody may ask for machines, and one question on D-Bus for all properties
 * asks many times between two steps. */
static void what_is_told_of_machines_costs_one_look_at_each_lease(void **state) {
        World *w = world_new();

        w->revision++;
        for (unsigned i = 0; i < KEEPERS; i++)
                add_session(w, i, true);
        for (unsigned i = 0; i < KEPT; i++)
                add_lease(w, i, held_by(i % KEEPERS));
        world_connect(w);
        world_pass(w, 3 * TTL);
        for (unsigned step = 0; step < 2; step++) {
                for (unsigned asked = 0; asked < 3; asked++) {
                        uint64_t before = core_work(w->core).looks;
                        size_t held = 0;

                        (void) core_each_machine(w->core, w->now, count_unconfirmed, &held);
                        assert_int_equal(held, KEPT);
                        assert_in_range(core_work(w->core).looks - before, 0, asked == 0 ? KEPT + 1 : 0);
                }
                world_pass(w, TTL); /* and what has changed meanwhile is looked at */
        }
        world_free(w);
}

/* Each of them keeps one lease, and is not heard. */
static World *beside_keepers(void) {
        World *w = world_new();

        w->revision++;
        for (unsigned i = 0; i < KEEPERS; i++) {
                add_session(w, i, true);
                add_lease(w, i, held_by(i));
        }
        world_connect(w);
        world_pass(w, 3 * TTL);
        return w;
}

/* What is told is as of the last step. */
static void a_machine_that_was_confirmed_dead_is_not_told_of_any_more(void **state) {
        World *w = beside_keepers();
        size_t held = 0;

        (void) core_each_machine(w->core, w->now, count_unconfirmed, &held);
        assert_int_equal(held, KEEPERS);
        world_step(w, (Event){ .kind = EVENT_CONFIRM, .machine_id = held_by(1).machine_id, .id = 1 });
        world_pass(w, TTL);
        held = 0;
        (void) core_each_machine(w->core, w->now, count_unconfirmed, &held);
        assert_int_equal(held, KEEPERS - 1);
        world_free(w);
}

static int count_all(const MachineView *v, void *userdata) {
        *(size_t *) userdata += !v->unconfirmed && v->held > 0;
        return 0;
}

/* A pause is there to stop the registry: nobody can be heard then, and nobody is offered to be confirmed dead. */
static void nobody_is_called_unheard_while_the_registry_is_silent(void **state) {
        World *w = beside_keepers();
        size_t held = 0, known = 0;

        w->silent = true;
        world_pass(w, 2 * TTL);
        (void) core_each_machine(w->core, w->now, count_unconfirmed, &held);
        (void) core_each_machine(w->core, w->now, count_all, &known);
        assert_int_equal(held, 0);
        assert_int_equal(known, KEEPERS + 1); /* and this machine */
        world_free(w);
}

/* ---- the sessions of the dead ---- */

static bool is_there(World *w, unsigned i) {
        char session[SESSION_SIZE];

        name_session(session, i);
        return world_find(w, RECORD_BEAT, session)->revision > 0;
}

/* Passes so many seconds. Returns the most looks that one of them took. */
static uint64_t pass_seconds(World *w, unsigned seconds) {
        uint64_t most = 0;

        for (unsigned i = 0; i < seconds; i++) {
                uint64_t before = core_work(w->core).looks;

                world_pass(w, USEC_PER_SEC);
                most = MAX(most, core_work(w->core).looks - before);
        }
        return most;
}

/* Nobody may take what they hold: as after the end of a rack, of units that are enabled nowhere else. The lease of
 * each of them is the last one to be found. */
static void sessions_of_the_dead_that_hold_leases_cost_nothing(void **state) {
        World *w = world_new();

        w->revision++;
        for (unsigned i = 0; i < DEAD; i++)
                add_session(w, i, false);
        for (unsigned i = 0; i < HELD; i++)
                add_lease(w, i,
                                i < HELD - DEAD ? (LeaseRecord){ .state = LEASE_FREE, .index = 1 }
                                                : held_by(HELD - 1 - i));
        world_connect(w);
        world_pass(w, 20 * TTL);
        assert_in_range(pass_seconds(w, 20 * TTL / USEC_PER_SEC), 0, FEW);
        for (unsigned i = 0; i < DEAD; i++)
                assert_true(is_there(w, i));
        world_free(w);
}

/* One lease may have a debt to each of many, and another is held by one of whom nothing else is known. */
static void sessions_of_the_dead_that_owe_cost_one_look_at_each_lease_and_stay(void **state) {
        enum { OWE = DEBTS_MAX, FORGOTTEN = OWE };
        LeaseRecord owed = { .state = LEASE_FREE, .index = 9 };
        World *w = world_new();

        w->revision++;
        for (unsigned i = 0; i <= FORGOTTEN; i++)
                add_session(w, i, false);
        for (unsigned i = 0; i < OWE; i++) {
                owed.debts[i].index = 1 + i;
                name_session(owed.debts[i].session, i);
        }
        owed.n_debts = OWE;
        for (unsigned i = 0; i < HELD; i++)
                add_lease(w, i, i < HELD - 1 ? (LeaseRecord){ .state = LEASE_FREE, .index = 1 } : owed);
        world_connect(w);
        world_pass(w, 20 * TTL);
        assert_in_range(pass_seconds(w, 20 * TTL / USEC_PER_SEC), HELD, HELD + FEW);
        for (unsigned i = 0; i < OWE; i++)
                assert_true(is_there(w, i));
        assert_false(is_there(w, FORGOTTEN)); /* whom no lease names */
        world_free(w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_told_of_machines_costs_one_look_at_each_lease),
                cmocka_unit_test(a_machine_that_was_confirmed_dead_is_not_told_of_any_more),
                cmocka_unit_test(nobody_is_called_unheard_while_the_registry_is_silent),
                cmocka_unit_test(sessions_of_the_dead_that_hold_leases_cost_nothing),
                cmocka_unit_test(sessions_of_the_dead_that_owe_cost_one_look_at_each_lease_and_stay),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
