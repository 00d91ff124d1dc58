/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Records that an operator has deleted: those of a machine that is silent, and that of a lease that nobody holds or
 * wants. What may be held, or is owed, stays; and no token goes back. And an Index that cannot grow any more, which
 * goes back when an operator says to which one.
 */

#include "core-world.h"

#define LEASE "engine-leader"
#define OFFER(unit) THEM "/" unit

static World *beating(void) {
        World *w = world_new();

        world_pass(w, USEC_PER_SEC);
        return w;
}

/* What the watch tells of a record. */
static void show(World *w, RecordKind kind, const char *name) {
        const Entry *e = world_find(w, kind, name);
        Record r = {
                .kind = kind, .name = name, .mod_revision = e->revision, .value = e->revision > 0 ? &e->value : NULL
        };

        world_step(w, (Event){ .kind = EVENT_RECORDS,
                                      .answer = { .revision = w->revision,
                                                      .store = "store",
                                                      .records = &r,
                                                      .n_records = 1 } });
}

static void put(World *w, RecordKind kind, const char *name, const void *value) {
        w->revision++;
        (void) world_put(w, kind, name, value);
        show(w, kind, name);
}

static void show_all(World *w) {
        for (size_t i = 0; i < w->n_entries; i++)
                if (w->entries[i].kind != RECORD_BEAT && w->entries[i].kind != RECORD_FENCE)
                        show(w, w->entries[i].kind, w->entries[i].name);
}

static CallResult call(World *w, Call call) {
        unsigned before = w->done[ACTION_CALL_DONE];

        call.version = 1;
        world_step(w, (Event){ .kind = EVENT_CALL, .id = 77, .call = call });
        for (unsigned i = 0; i < 40 && w->done[ACTION_CALL_DONE] == before; i++) {
                show_all(w);
                world_pass(w, 300 * USEC_PER_MSEC);
        }
        assert_int_equal(w->done[ACTION_CALL_DONE], before + 1);
        return w->called;
}

static CallResult forget_lease(World *w, const char *name) {
        return call(w, (Call){ .kind = CALL_FORGET_LEASE, .lease = name });
}

static CallResult forget_machine(World *w, const char *id) {
        return call(w, (Call){ .kind = CALL_FORGET_MACHINE, .machine = id });
}

static CallResult acquire(World *w) {
        return call(w, (Call){ .kind = CALL_ACQUIRE, .lease = LEASE, .machine = "", .period = 10 * USEC_PER_SEC });
}

static void assert_refused(World *w, CallResult result, Why why) {
        assert_int_equal(result, CALL_BUSY);
        assert_int_equal(w->called_why, why);
}

/* They are up, and hold a lease for which no unit is enabled. */
static void add_them(World *w) {
        LeaseRecord l = { .state = LEASE_HELD, .machine_id = THEM, .session = THEIR_SESSION, .index = 7 };
        MachineRecord m = { .hostname = "them", .session = THEIR_SESSION };

        world_add_them(w);
        put(w, RECORD_LEASE, "theirs", &l);
        put(w, RECORD_MACHINE, THEM, &m);
        show(w, RECORD_BEAT, THEIR_SESSION);
        show(w, RECORD_FENCE, THEIR_SESSION);
        world_pass(w, 100 * USEC_PER_MSEC);
}

/* ---- leases ---- */

static void whoever_has_a_forgotten_lease_next_has_a_higher_index(void **state) {
        for (unsigned remembers = 0; remembers < 2; remembers++) {
                World *w = beating();

                assert_int_equal(acquire(w), CALL_DONE);
                for (unsigned i = 1; i < 6; i++)
                        assert_int_equal(call(w, (Call){ .kind = CALL_RENEW,
                                                                 .lease = LEASE,
                                                                 .index = i,
                                                                 .period = 10 * USEC_PER_SEC }),
                                        CALL_DONE);
                assert_int_equal(call(w, (Call){ .kind = CALL_RELEASE, .lease = LEASE, .index = 6 }), CALL_DONE);
                assert_int_equal(forget_lease(w, LEASE), CALL_DONE);
                assert_int_equal(world_find(w, RECORD_LEASE, LEASE)->revision, 0);
                assert_int_equal(world_find(w, RECORD_META, "")->value.meta.index_floor, 6);
                assert_int_equal(forget_lease(w, LEASE), CALL_NO_SUCH_LEASE);
                if (remembers) /* whoever remembers it does not know who may hold it by now */
                        world_pass(w, 25 * USEC_PER_HOUR);
                else
                        world_restart(w, NULL);
                world_pass(w, 2 * TTL);
                assert_int_equal(acquire(w), CALL_DONE);
                assert_true(w->called_index > 6);
                world_free(w);
        }
}

static void a_lease_that_may_be_held_is_not_forgotten(void **state) {
        World *w = beating();

        assert_int_equal(acquire(w), CALL_DONE);
        assert_refused(w, forget_lease(w, LEASE), WHY_LEASE_HELD);
        world_pass(w, 10 * USEC_PER_SEC + 100 * USEC_PER_MSEC); /* the holder's period is over, and not the margin */
        assert_refused(w, forget_lease(w, LEASE), WHY_LEASE_HELD);
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(forget_lease(w, LEASE), CALL_DONE);
        world_free(w);
}

static void a_lease_of_a_silent_session_is_forgotten_as_it_would_be_taken(void **state) {
        World *w = beating();
        uint64_t counter;

        add_them(w);
        assert_refused(w, forget_lease(w, "theirs"), WHY_LEASE_HELD);
        world_pass(w, TTL / 2);
        assert_refused(w, forget_lease(w, "theirs"), WHY_LEASE_HELD);
        world_pass(w, TTL);
        counter = world_find(w, RECORD_FENCE, THEIR_SESSION)->value.fence.counter;
        assert_int_equal(forget_lease(w, "theirs"), CALL_DONE);
        /* Should they live after all, their next beat is refused, and they find the lease among those that were taken.
         */
        assert_int_equal(world_find(w, RECORD_FENCE, THEIR_SESSION)->value.fence.counter, counter + 1);
        assert_string_equal(world_find(w, RECORD_FENCE, THEIR_SESSION)->value.fence.names[0], "theirs");
        world_free(w);
}

static void who_beats_again_in_the_registry_keeps_the_lease(void **state) {
        World *w = beating();

        add_them(w);
        world_pass(w, TTL + TTL / 2);
        world_beat_them(w); /* we do not hear of it */
        assert_refused(w, forget_lease(w, "theirs"), WHY_LEASE_HELD);
        assert_true(world_find(w, RECORD_LEASE, "theirs")->revision > 0);
        world_free(w);
}

static void a_lease_that_is_owed_is_not_forgotten(void **state) {
        LeaseRecord l = { .state = LEASE_FREE,
                .machine_id = THEM,
                .index = 7,
                .n_debts = 1,
                .debts = { { .session = THEIR_SESSION, .index = 6 } } };
        World *w = beating();

        put(w, RECORD_LEASE, "owed", &l);
        assert_refused(w, forget_lease(w, "owed"), WHY_DEBT);
        world_pass(w, 10 * TTL); /* the debt is struck by whoever has the lease, and by nobody else */
        assert_refused(w, forget_lease(w, "owed"), WHY_DEBT);
        world_free(w);
}

static void a_lease_that_somebody_wants_is_not_forgotten(void **state) {
        World *w = world_running();
        LeaseRecord l = { .state = LEASE_FREE, .machine_id = THEM, .index = 7 };
        OfferRecord o = { .lease = "wanted" };

        put(w, RECORD_LEASE, "wanted", &l);
        put(w, RECORD_OFFER, OFFER("x.service"), &o);
        assert_refused(w, forget_lease(w, "wanted"), WHY_WANTED); /* also by a machine that is silent */
        assert_refused(w, forget_lease(w, "a.service"), WHY_WANTED);
        assert_int_equal(forget_machine(w, THEM), CALL_DONE); /* it has no record, and its offers go */
        assert_int_equal(world_find(w, RECORD_OFFER, OFFER("x.service"))->revision, 0);
        assert_int_equal(forget_lease(w, "wanted"), CALL_DONE);
        world_free(w);
}

static void a_damaged_record_is_not_forgotten(void **state) {
        World *w = beating();
        LeaseRecord l = { .state = LEASE_FREE, .machine_id = THEM, .index = 7 };
        Record r = { .kind = RECORD_LEASE, .name = "broken", .damaged = true };

        put(w, RECORD_LEASE, "broken", &l);
        world_damage(w, RECORD_LEASE, "broken");
        r.mod_revision = w->revision;
        world_step(w, (Event){ .kind = EVENT_RECORDS,
                                      .answer = { .revision = w->revision,
                                                      .store = "store",
                                                      .records = &r,
                                                      .n_records = 1 } });
        world_step(w, (Event){ .kind = EVENT_CALL,
                                      .id = 1,
                                      .call = { .kind = CALL_FORGET_LEASE, .lease = "broken" } });
        assert_refused(w, w->called, WHY_RECORD_UNREADABLE);
        world_free(w);
}

static void an_answer_that_is_lost_does_no_harm(void **state) {
        World *w = beating();

        assert_int_equal(acquire(w), CALL_DONE);
        assert_int_equal(call(w, (Call){ .kind = CALL_RELEASE, .lease = LEASE, .index = 1 }), CALL_DONE);
        w->lose_replies = true;
        assert_int_equal(forget_lease(w, LEASE), CALL_DONE);
        w->lose_replies = false;
        w->silent = true;
        world_restart(w, NULL);
        assert_int_equal(forget_lease(w, LEASE), CALL_UNAVAILABLE);
        world_free(w);
}

/* The lease was had and freed by others since. */
static void had_by_others(World *w, const char *name) {
        LeaseRecord l = { .state = LEASE_FREE, .machine_id = THEM, .index = 9 };

        w->lose = 0;
        put(w, RECORD_LEASE, name, &l);
        assert_int_equal(forget_lease(w, name), CALL_DONE);
        world_land(w);
        assert_int_equal(world_find(w, RECORD_LEASE, name)->revision, 0);
}

static void who_found_no_record_and_comes_late_is_refused(void **state) {
        World *w = beating();

        w->lose = 1u << RECORD_LEASE;
        assert_int_equal(acquire(w), CALL_UNKNOWN);
        had_by_others(w, LEASE);
        world_free(w);
        w = world_new();
        w->lose = 1u << RECORD_LEASE;
        world_connect(w);
        world_pass(w, USEC_PER_SEC);
        world_step(w, (Event){ .kind = EVENT_FORGET, .unit = "a.service" });
        world_pass(w, USEC_PER_SEC);
        had_by_others(w, "a.service");
        world_free(w);
}

/* ---- an Index at its end ---- */

static CallResult lower(World *w, const char *name, uint64_t index) {
        return call(w, (Call){ .kind = CALL_LOWER_INDEX, .lease = name, .index = index });
}

static const LeaseRecord *record_of(World *w, const char *name) {
        return &world_find(w, RECORD_LEASE, name)->value.lease;
}

/* As somebody has written it by hand. */
static void put_at_end(World *w, const char *name, LeaseState state) {
        LeaseRecord l = { .state = state,
                .machine_id = THEM,
                .index = INDEX_MAX,
                .version = 3,
                .n_debts = 1,
                .debts = { { .session = THEIR_SESSION, .index = 6 } } };

        put(w, RECORD_LEASE, name, &l);
}

static void an_index_at_its_end_goes_back_to_that_of_the_last_holder(void **state) {
        World *w = beating();

        put_at_end(w, "ended", LEASE_FREE);
        assert_int_equal(lower(w, "ended", 41), CALL_DONE);
        assert_int_equal(record_of(w, "ended")->index, 41);
        assert_int_equal(record_of(w, "ended")->state, LEASE_FREE);
        assert_int_equal(record_of(w, "ended")->n_debts, 1); /* law 5 */
        assert_int_equal(record_of(w, "ended")->version, 3);
        /* This machine remembers what it has seen until it is told to forget that, too. */
        assert_int_equal(core_remembered(w->core, "ended"), INDEX_MAX);
        world_step(w, (Event){ .kind = EVENT_FORGET_INDEX, .lease = "ended" });
        assert_int_equal(core_remembered(w->core, "ended"), 41);
        world_free(w);
}

static void a_job_that_is_done_stays_done(void **state) {
        World *w = beating();

        put_at_end(w, "ended", LEASE_DONE);
        assert_int_equal(lower(w, "ended", 0), CALL_DONE); /* nobody ever held it */
        assert_int_equal(record_of(w, "ended")->index, 0);
        assert_int_equal(record_of(w, "ended")->state, LEASE_DONE);
        world_free(w);
}

static void a_call_at_the_end_is_told_so(void **state) {
        World *w = beating();
        LeaseRecord l = { .state = LEASE_FREE, .machine_id = THEM, .index = INDEX_MAX };

        put(w, RECORD_LEASE, LEASE, &l);
        assert_int_equal(acquire(w), CALL_INDEX_AT_END);
        assert_int_equal(lower(w, LEASE, 41), CALL_DONE);
        assert_int_equal(acquire(w), CALL_INDEX_AT_END);
        world_step(w, (Event){ .kind = EVENT_FORGET_INDEX, .lease = LEASE });
        assert_int_equal(acquire(w), CALL_DONE);
        assert_int_equal(w->called_index, 42);
        world_free(w);
}

static void an_index_that_is_not_at_its_end_is_not_lowered(void **state) {
        LeaseRecord l = { .state = LEASE_FREE, .machine_id = THEM, .index = INDEX_MAX - 1 };
        World *w = beating();

        put(w, RECORD_LEASE, "high", &l);
        assert_int_equal(lower(w, "high", 41), CALL_INDEX_MISMATCH);
        assert_int_equal(w->called_index, INDEX_MAX - 1);
        assert_int_equal(record_of(w, "high")->index, INDEX_MAX - 1);
        put_at_end(w, "ended", LEASE_FREE);
        assert_int_equal(lower(w, "ended", INDEX_MAX), CALL_INDEX_MISMATCH); /* it would not be lower */
        assert_int_equal(lower(w, "never", 41), CALL_NO_SUCH_LEASE);
        /* What the record says is put right by now, and what is remembered is not. */
        l.index = 41;
        put(w, RECORD_LEASE, "ended", &l);
        assert_int_equal(lower(w, "ended", 40), CALL_INDEX_MISMATCH);
        assert_int_equal(record_of(w, "ended")->index, 41);
        world_free(w);
}

static void an_index_that_is_in_use_is_not_lowered(void **state) {
        LeaseRecord l = { .state = LEASE_HELD, .machine_id = THEM, .session = THEIR_SESSION, .index = INDEX_MAX };
        World *w = beating();
        uint64_t counter;

        add_them(w);
        put(w, RECORD_LEASE, "theirs", &l);
        assert_refused(w, lower(w, "theirs", 41), WHY_LEASE_HELD);
        world_pass(w, TTL + TTL / 2);
        world_beat_them(w); /* we do not hear of it */
        assert_refused(w, lower(w, "theirs", 41), WHY_LEASE_HELD);
        assert_int_equal(record_of(w, "theirs")->index, INDEX_MAX);
        world_pass(w, TTL + TTL / 2);
        counter = world_find(w, RECORD_FENCE, THEIR_SESSION)->value.fence.counter;
        assert_int_equal(lower(w, "theirs", 41), CALL_DONE);
        assert_int_equal(record_of(w, "theirs")->state, LEASE_FREE);
        assert_string_equal(record_of(w, "theirs")->session, "");
        assert_int_equal(record_of(w, "theirs")->index, 41);
        assert_int_equal(record_of(w, "theirs")->n_tenures, 1);
        /* As it would be taken: should they live after all, they find it among what was taken. */
        assert_int_equal(world_find(w, RECORD_FENCE, THEIR_SESSION)->value.fence.counter, counter + 1);
        assert_string_equal(world_find(w, RECORD_FENCE, THEIR_SESSION)->value.fence.names[0], "theirs");
        world_free(w);
}

static void an_index_is_lowered_only_where_the_record_is_as_it_was_seen(void **state) {
        LeaseRecord held = { .state = LEASE_HELD, .machine_id = THEM, .session = THEIR_SESSION, .index = INDEX_MAX };
        World *w = beating();

        add_them(w);
        put_at_end(w, "ended", LEASE_FREE);
        w->revision++;
        (void) world_put(w, RECORD_LEASE, "ended", &held); /* which we do not hear of */
        assert_refused(w, lower(w, "ended", 41), WHY_LEASE_HELD);
        assert_int_equal(record_of(w, "ended")->index, INDEX_MAX);
        world_free(w);
}

static void an_index_is_not_lowered_for_somebody_who_has_gone(void **state) {
        World *w = beating();

        put_at_end(w, "ended", LEASE_FREE);
        w->lose = 1u << RECORD_LEASE;
        world_step(w, (Event){ .kind = EVENT_CALL,
                                      .id = 77,
                                      .call = { .kind = CALL_LOWER_INDEX, .lease = "ended", .index = 41 } });
        world_step(w, (Event){ .kind = EVENT_WITHDRAW, .id = 77 });
        w->lose = 0;
        world_pass(w, 10 * USEC_PER_SEC);
        assert_int_equal(record_of(w, "ended")->index, INDEX_MAX);
        world_free(w);
}

/* ---- machines ---- */

static void a_machine_is_forgotten_with_all_that_it_offers_when_it_is_silent(void **state) {
        World *w = beating();

        add_them(w);
        for (unsigned i = 0; i < 120; i++) {
                OfferRecord o = { .lease = "theirs" };
                char name[RECORD_NAME_SIZE];

                (void) snprintf(name, sizeof(name), THEM "/unit%u.service", i);
                put(w, RECORD_OFFER, name, &o);
        }
        assert_refused(w, forget_machine(w, THEM), WHY_UP);
        assert_refused(w, forget_machine(w, US), WHY_UP);
        world_pass(w, TTL + TTL / 2);
        assert_refused(w, forget_lease(w, "theirs"), WHY_WANTED);
        assert_int_equal(forget_machine(w, THEM), CALL_DONE);
        for (size_t i = 0; i < w->n_entries; i++)
                if (w->entries[i].kind == RECORD_OFFER || w->entries[i].kind == RECORD_MACHINE)
                        assert_true(w->entries[i].revision == 0 ||
                                        strncmp(w->entries[i].name, THEM, strlen(THEM)) != 0);
        assert_true(world_find(w, RECORD_LEASE, "theirs")->revision > 0);
        assert_int_equal(forget_lease(w, "theirs"), CALL_DONE);
        assert_int_equal(forget_machine(w, THEM), CALL_NO_SUCH_LEASE);
        world_free(w);
}

static void a_machine_that_beats_again_in_the_registry_is_not_forgotten(void **state) {
        World *w = beating();

        add_them(w);
        world_pass(w, TTL + TTL / 2);
        world_beat_them(w);
        assert_refused(w, forget_machine(w, THEM), WHY_UP);
        assert_true(world_find(w, RECORD_MACHINE, THEM)->revision > 0);
        world_free(w);
}

/* Somebody has deleted their record by hand, or it cannot be read. */
static void what_is_left_of_a_machine_without_a_readable_record_is_forgotten(void **state) {
        for (unsigned damaged = 0; damaged < 2; damaged++) {
                World *w = beating();
                const OfferRecord o = { .version = 1 };

                add_them(w);
                put(w, RECORD_OFFER, OFFER(LEASE), &o);
                put(w, RECORD_LEASE, LEASE, &(LeaseRecord){ .state = LEASE_FREE, .index = 3 });
                world_pass(w, 2 * TTL);
                if (damaged)
                        world_damage(w, RECORD_MACHINE, THEM);
                else
                        world_delete(w, RECORD_MACHINE, THEM);
                show(w, RECORD_MACHINE, THEM);
                assert_refused(w, forget_lease(w, LEASE), WHY_WANTED);
                assert_int_equal(forget_machine(w, THEM), CALL_DONE);
                assert_int_equal(world_find(w, RECORD_OFFER, OFFER(LEASE))->revision, 0);
                assert_int_equal(world_find(w, RECORD_MACHINE, THEM)->revision, 0);
                assert_int_equal(forget_machine(w, THEM), CALL_NO_SUCH_LEASE);
                assert_int_equal(forget_lease(w, LEASE), CALL_DONE);
                world_free(w);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_left_of_a_machine_without_a_readable_record_is_forgotten),
                cmocka_unit_test(whoever_has_a_forgotten_lease_next_has_a_higher_index),
                cmocka_unit_test(a_lease_that_may_be_held_is_not_forgotten),
                cmocka_unit_test(a_lease_of_a_silent_session_is_forgotten_as_it_would_be_taken),
                cmocka_unit_test(who_beats_again_in_the_registry_keeps_the_lease),
                cmocka_unit_test(a_lease_that_is_owed_is_not_forgotten),
                cmocka_unit_test(a_lease_that_somebody_wants_is_not_forgotten),
                cmocka_unit_test(a_damaged_record_is_not_forgotten),
                cmocka_unit_test(an_answer_that_is_lost_does_no_harm),
                cmocka_unit_test(who_found_no_record_and_comes_late_is_refused),
                cmocka_unit_test(an_index_at_its_end_goes_back_to_that_of_the_last_holder),
                cmocka_unit_test(a_job_that_is_done_stays_done),
                cmocka_unit_test(a_call_at_the_end_is_told_so),
                cmocka_unit_test(an_index_that_is_not_at_its_end_is_not_lowered),
                cmocka_unit_test(an_index_that_is_in_use_is_not_lowered),
                cmocka_unit_test(an_index_is_lowered_only_where_the_record_is_as_it_was_seen),
                cmocka_unit_test(an_index_is_not_lowered_for_somebody_who_has_gone),
                cmocka_unit_test(a_machine_is_forgotten_with_all_that_it_offers_when_it_is_silent),
                cmocka_unit_test(a_machine_that_beats_again_in_the_registry_is_not_forgotten),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
