/* SPDX-License-Identifier: Apache-2.0 */

/* A command of "leasectl run --slots=2" runs by whichever of its two leases can be had, and by no more than one. */

#include "core-world.h"

enum { ID = 77 };

static const char *const slots[] = { "a#1", "a#2" };

static void tell(World *w, const char *slot) {
        Entry *e = world_find(w, RECORD_LEASE, slot);
        Record r = { .kind = RECORD_LEASE, .name = slot, .value = &e->value, .mod_revision = e->revision };

        world_step(w, (Event){ .kind = EVENT_RECORDS,
                                      .answer = { .revision = w->revision, .records = &r, .n_records = 1 } });
}

static void put(World *w, const char *slot, LeaseState state, uint64_t index) {
        LeaseRecord l = { .state = state, .machine_id = THEM, .index = index };

        if (state == LEASE_HELD)
                str_copy(l.session, sizeof(l.session), THEIR_SESSION);
        w->revision++;
        world_put(w, RECORD_LEASE, slot, &l)->revision = w->revision;
}

/* The other machine holds this many of the slots, from the first on. */
static World *beside_them(size_t n) {
        World *w = world_new();

        world_add_them(w);
        for (size_t i = 0; i < n; i++)
                put(w, slots[i], LEASE_HELD, 5);
        w->unit.gate_loaded = false;
        world_step(w, (Event){ .kind = EVENT_GUARD_UP });
        world_step(w, (Event){ .kind = EVENT_GUARD_SYNCED });
        world_pass(w, USEC_PER_SEC);
        world_beat_them(w);
        return w;
}

static UnitConfig config(void) {
        return (UnitConfig){ .unit = "a.service",
                .lease = "a#1",
                .slots = 2,
                .stop_grace = USEC_INFINITY,
                .timeout_stop = 10 * USEC_PER_SEC,
                .once = true };
}

static void ask(World *w, bool wait) {
        world_step(w, (Event){ .kind = EVENT_RUN, .unit = "a.service", .id = ID, .on = wait, .config = config() });
        world_say_unit(w);
        world_pass(w, USEC_PER_SEC);
        world_beat_them(w);
}

static bool is_ours(World *w, const char *slot) {
        Entry *e = world_find(w, RECORD_LEASE, slot);

        return e && streq(e->value.lease.session, w->session);
}

static void the_first_slot_that_can_be_had_is_taken(void **state) {
        for (size_t n = 0; n < 2; n++)
                for (int wait = 0; wait < 2; wait++) {
                        World *w = beside_them(n);

                        ask(w, wait);
                        assert_int_equal(w->word, WORD_BEGUN);
                        assert_int_equal(w->done[ACTION_UNIT_START], 1);
                        assert_true(is_ours(w, slots[n]));
                        assert_true(n > 0 || !world_find(w, RECORD_LEASE, slots[1]));
                        world_free(w);
                }
}

static void who_does_not_wait_is_told_that_all_slots_are_taken(void **state) {
        World *w = beside_them(2);

        ask(w, false);
        assert_int_equal(w->word, WORD_TAKEN);
        assert_int_equal(w->done[ACTION_UNIT_START], 0);
        world_free(w);
}

static void whichever_slot_becomes_free_is_taken(void **state) {
        for (size_t i = 0; i < 2; i++) {
                World *w = beside_them(2);

                ask(w, true);
                assert_int_equal(w->done[ACTION_WORD_DONE], 0);
                put(w, slots[i], LEASE_FREE, 6);
                tell(w, slots[i]);
                world_pass(w, USEC_PER_SEC);
                assert_int_equal(w->word, WORD_BEGUN);
                assert_true(is_ours(w, slots[i]));
                assert_false(is_ours(w, slots[1 - i]));
                world_free(w);
        }
}

static void a_slot_of_the_dead_is_taken(void **state) {
        World *w = beside_them(2);

        ask(w, true);
        world_pass(w, 2 * TTL);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        assert_int_not_equal(is_ours(w, slots[0]), is_ours(w, slots[1]));
        world_free(w);
}

/* Also while the slot before it becomes free, and when its options are told anew. */
static void it_stays_in_its_slot_while_it_runs(void **state) {
        World *w = beside_them(1);

        ask(w, true);
        assert_true(is_ours(w, slots[1]));
        put(w, slots[0], LEASE_FREE, 6);
        tell(w, slots[0]);
        world_step(w, (Event){ .kind = EVENT_CONFIGURE, .config = config() });
        world_pass(w, 5 * TTL);
        assert_true(w->guard.open);
        assert_true(is_ours(w, slots[1]));
        assert_false(is_ours(w, slots[0]));
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        world_free(w);
}

static void when_it_ends_its_slot_is_free(void **state) {
        World *w = beside_them(1);

        ask(w, true);
        w->unit.active = ACTIVE_INACTIVE;
        w->unit.empty = true;
        world_say_unit(w);
        world_pass(w, 2 * USEC_PER_SEC);
        assert_int_equal(world_find(w, RECORD_LEASE, slots[1])->value.lease.state, LEASE_FREE);
        assert_int_equal(w->done[ACTION_FORGOTTEN], 1);
        world_free(w);
}

/* Another command here waits for the first slot: the second slot is left for the newcomer. */
static void two_commands_of_one_machine_have_two_slots(void **state) {
        World *w = beside_them(0);
        UnitConfig other = config();
        UnitView view;

        ask(w, true);
        assert_true(is_ours(w, slots[0]));
        other.unit = "b.service";
        world_step(w, (Event){ .kind = EVENT_RUN, .unit = "b.service", .id = ID + 1, .on = true, .config = other });
        world_step(w, (Event){ .kind = EVENT_UNIT,
                                      .unit = "b.service",
                                      .report = { .known = true, .empty = true, .asked_at = w->now.boottime } });
        world_pass(w, USEC_PER_SEC);
        assert_true(core_find_unit(w->core, w->now, "b.service", &view));
        assert_string_equal(view.lease, "a#2");
        assert_true(is_ours(w, slots[0]));
        world_free(w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_first_slot_that_can_be_had_is_taken),
                cmocka_unit_test(who_does_not_wait_is_told_that_all_slots_are_taken),
                cmocka_unit_test(whichever_slot_becomes_free_is_taken),
                cmocka_unit_test(a_slot_of_the_dead_is_taken),
                cmocka_unit_test(it_stays_in_its_slot_while_it_runs),
                cmocka_unit_test(when_it_ends_its_slot_is_free),
                cmocka_unit_test(two_commands_of_one_machine_have_two_slots),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
