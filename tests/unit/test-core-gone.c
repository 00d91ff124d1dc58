/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Sessions, offers and machines that come and go for months take no more memory than those of the last minutes; and
 * nothing is forgotten by which somebody is judged.
 */

#include "core-world.h"

#include "core/mirror.h"

/* The watch tells of a record that is put, or (without a value) deleted, and that no list names. */
static void tell(World *w, RecordKind kind, const char *name, const void *value) {
        Record r = { .kind = kind, .name = name, .value = value, .mod_revision = value ? ++w->revision : 0 };

        w->revision += !value;
        world_step(w, (Event){ .kind = EVENT_RECORDS,
                                      .answer = { .revision = w->revision, .records = &r, .n_records = 1 } });
}

static void put(World *w, RecordKind kind, const char *name, const void *value) {
        w->revision++;
        world_put(w, kind, name, value);
}

/* A machine comes up for the first time, and goes for good. */
static void come_and_go(World *w, unsigned i) {
        char session[SESSION_SIZE], machine[MACHINE_SIZE], offer[RECORD_NAME_SIZE];
        const BeatRecord beat = { .nonce = "0123456789abcdef-1" };
        const FenceRecord fence = { .counter = 1 };
        const OfferRecord said = { .version = i };
        MachineRecord record = { .hostname = "guest" };

        snprintf(session, sizeof(session), "%016x-10000", 0x1000 + i);
        snprintf(machine, sizeof(machine), "%032x", 0x1000 + i);
        snprintf(offer, sizeof(offer), "%s/z.service", machine);
        str_copy(record.session, sizeof(record.session), session);
        tell(w, RECORD_FENCE, session, &fence);
        tell(w, RECORD_BEAT, session, &beat);
        tell(w, RECORD_MACHINE, machine, &record);
        tell(w, RECORD_OFFER, offer, &said);
        world_pass(w, USEC_PER_SEC / 2);
        tell(w, RECORD_OFFER, offer, NULL);
        tell(w, RECORD_MACHINE, machine, NULL);
        tell(w, RECORD_FENCE, session, NULL);
        tell(w, RECORD_BEAT, session, NULL);
        world_pass(w, USEC_PER_SEC / 2);
}

static void what_came_and_went_takes_no_memory_for_ever(void **state) {
        World *w = world_running();
        size_t sessions = HASH_COUNT(w->core->sessions), machines = HASH_COUNT(w->core->machines),
               offers = HASH_COUNT(w->core->offers), most = 0;

        for (unsigned i = 0; i < 1000; i++) {
                come_and_go(w, i);
                most = MAX(most, HASH_COUNT(w->core->sessions));
                most = MAX(most, HASH_COUNT(w->core->machines));
                most = MAX(most, HASH_COUNT(w->core->offers));
        }
        assert_true(most < 250); /* at one in a second, the longest TTL and some rounds */
        world_pass(w, 4 * USEC_PER_MINUTE);
        assert_int_equal(HASH_COUNT(w->core->sessions), sessions);
        assert_int_equal(HASH_COUNT(w->core->machines), machines);
        assert_int_equal(HASH_COUNT(w->core->offers), offers);
        assert_int_equal(w->done[ACTION_UNIT_STOP], 0);
        assert_int_equal(world_lease(w)->index, 1);
        world_free(w);
}

#define ROBBED "00000000000000bb-10000"

/* The records of both sessions are gone, and a lease that nobody wants here names them. */
static void a_session_is_known_as_long_as_a_lease_or_a_debt_names_it(void **state) {
        World *w = world_running();
        LeaseRecord lease = {
                .state = LEASE_HELD, .index = 7, .n_debts = 1, .debts = { { .session = ROBBED, .index = 6 } }
        };

        str_copy(lease.session, sizeof(lease.session), THEIR_SESSION);
        str_copy(lease.machine_id, sizeof(lease.machine_id), THEM);
        tell(w, RECORD_LEASE, "z.service", &lease);
        put(w, RECORD_LEASE, "z.service", &lease);
        tell(w, RECORD_FENCE, ROBBED, &(FenceRecord){ .counter = 1 });
        tell(w, RECORD_FENCE, ROBBED, NULL);
        world_pass(w, 10 * USEC_PER_MINUTE);
        assert_non_null(mirror_find_session(w->core, THEIR_SESSION));
        assert_non_null(mirror_find_session(w->core, ROBBED));
        tell(w, RECORD_LEASE, "z.service", NULL); /* a lease whose record is lost stays as it was (law 11) */
        world_delete(w, RECORD_LEASE, "z.service");
        world_pass(w, 10 * USEC_PER_MINUTE);
        assert_non_null(mirror_find_session(w->core, THEIR_SESSION));
        assert_non_null(mirror_find_session(w->core, ROBBED));
        lease = (LeaseRecord){ .state = LEASE_FREE, .index = 7 };
        tell(w, RECORD_LEASE, "z.service", &lease);
        put(w, RECORD_LEASE, "z.service", &lease);
        world_pass(w, 4 * USEC_PER_MINUTE);
        assert_null(mirror_find_session(w->core, THEIR_SESSION));
        assert_null(mirror_find_session(w->core, ROBBED));
        world_free(w);
}

/* Only its machine, whose own record is gone, has the name by which it is confirmed dead (law 13). */
static void a_machine_is_known_as_long_as_a_session_of_it_keeps_its_leases(void **state) {
        World *w = world_running();
        BeatRecord beat = { .machine_id = THEM, .nonce = "0123456789abcdef-1" };
        FenceRecord fence = { .counter = 1, .keeps = true };

        tell(w, RECORD_FENCE, THEIR_SESSION, &fence);
        tell(w, RECORD_BEAT, THEIR_SESSION, &beat);
        put(w, RECORD_FENCE, THEIR_SESSION, &fence);
        put(w, RECORD_BEAT, THEIR_SESSION, &beat);
        world_pass(w, 10 * USEC_PER_MINUTE);
        assert_non_null(mirror_find_machine(w->core, THEM));
        world_delete(w, RECORD_BEAT, THEIR_SESSION);
        tell(w, RECORD_BEAT, THEIR_SESSION, NULL);
        world_delete(w, RECORD_FENCE, THEIR_SESSION);
        tell(w, RECORD_FENCE, THEIR_SESSION, NULL);
        world_pass(w, 4 * USEC_PER_MINUTE);
        assert_null(mirror_find_machine(w->core, THEM));
        assert_null(mirror_find_session(w->core, THEIR_SESSION));
        world_free(w);
}

/* Whoever asks since then must be sent the whole list, which names the offer no more. */
static void changes_from_before_an_offer_was_forgotten_are_not_known(void **state) {
        World *w = world_running();
        uint64_t before, after;

        before = core_revision(w->core);
        come_and_go(w, 1);
        after = core_revision(w->core);
        assert_true(core_knows_since(w->core, before));
        world_pass(w, 4 * USEC_PER_MINUTE);
        assert_false(core_knows_since(w->core, before));
        assert_true(core_knows_since(w->core, after));
        world_free(w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_came_and_went_takes_no_memory_for_ever),
                cmocka_unit_test(a_session_is_known_as_long_as_a_lease_or_a_debt_names_it),
                cmocka_unit_test(a_machine_is_known_as_long_as_a_session_of_it_keeps_its_leases),
                cmocka_unit_test(changes_from_before_an_offer_was_forgotten_are_not_known),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
