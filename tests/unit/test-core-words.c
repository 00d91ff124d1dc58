/* SPDX-License-Identifier: Apache-2.0 */

/* The operator's words: each is refused when it cannot be, ends with whoever asked, and never acts later. */

#include "core-world.h"

enum { ID = 77 };

/* They hold the lease and beat; we stand by. */
static World *beside_them(void) {
        World *w = world_new();

        world_add_them(w);
        world_connect(w);
        for (unsigned i = 0; i < 4; i++) {
                world_pass(w, USEC_PER_SEC);
                world_beat_them(w);
        }
        assert_string_equal(world_lease(w)->session, THEIR_SESSION);
        return w;
}

static void pass_beside_them(World *w, usec_t span) {
        for (usec_t t = 0; t < span; t += USEC_PER_SEC) {
                world_pass(w, USEC_PER_SEC);
                world_beat_them(w);
        }
}

static void ask(World *w, EventKind kind) {
        w->done[ACTION_WORD_DONE] = 0;
        world_step(w, (Event){ .kind = kind,
                                      .unit = "a.service",
                                      .machine_id = kind == EVENT_STEAL ? NULL : THEM,
                                      .id = ID,
                                      .on = true });
}

static void assert_answered(const World *w, WordResult result) {
        assert_int_equal(w->done[ACTION_WORD_DONE], 1);
        assert_int_equal(w->word, result);
}

static void set_gate(World *w, bool loaded) {
        w->unit.gate_loaded = loaded;
        world_say_unit(w);
}

static void a_steal_is_answered_when_the_record_is_ours(void **state) {
        World *w = beside_them();

        ask(w, EVENT_STEAL);
        assert_answered(w, WORD_BEGUN);
        assert_string_equal(world_lease(w)->session, w->session);
        assert_int_equal(w->word_span, ttl_take_after(TTL));
        world_free(w);
}

static void a_steal_that_cannot_be_is_refused_and_does_not_strike_when_it_can(void **state) {
        World *w = beside_them();

        set_gate(w, false); /* as when the unit's file is gone */
        ask(w, EVENT_STEAL);
        assert_answered(w, WORD_UNABLE);
        assert_non_null(w->word_why);
        set_gate(w, true);
        pass_beside_them(w, 3 * TTL);
        assert_string_equal(world_lease(w)->session, THEIR_SESSION);
        world_free(w);
}

static void a_steal_of_what_is_done_is_refused(void **state) {
        World *w = beside_them();
        LeaseRecord *l = world_lease(w), done = { .state = LEASE_DONE, .machine_id = THEM, .index = l->index + 1 };
        Record r = { .kind = RECORD_LEASE, .name = "a.service", .value = &done };

        world_put(w, RECORD_LEASE, "a.service", &done);
        r.mod_revision = w->revision;
        world_step(w, (Event){ .kind = EVENT_RECORDS,
                                      .answer = { .revision = w->revision, .records = &r, .n_records = 1 } });
        ask(w, EVENT_STEAL);
        assert_answered(w, WORD_UNABLE);
        world_free(w);
}

/* It has failed here, so that this machine does not take it for a minute. */
static World *standing_back(void) {
        World *w = world_running();

        w->unit.active = ACTIVE_FAILED;
        w->unit.failed = w->unit.empty = true;
        world_say_unit(w);
        world_pass(w, USEC_PER_SEC);
        w->unit.failed = false;
        world_say_unit(w);
        assert_int_equal(world_lease(w)->state, LEASE_FREE);
        return w;
}

static void a_steal_takes_what_this_machine_stands_back_from(void **state) {
        World *w = standing_back();

        ask(w, EVENT_STEAL);
        assert_answered(w, WORD_BEGUN);
        assert_int_equal(world_lease(w)->state, LEASE_HELD);
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(w->unit.active, ACTIVE_ACTIVE);
        world_free(w);
}

/* Nobody waits for the unit any more, so it must not come sooner than it would have. */
static void a_steal_that_is_refused_or_withdrawn_leaves_this_machine_standing_back(void **state) {
        for (unsigned i = 0; i < 2; i++) {
                World *w = standing_back();

                set_gate(w, i > 0);
                w->lose = 1u << RECORD_LEASE;
                ask(w, EVENT_STEAL);
                if (i > 0)
                        world_step(w, (Event){ .kind = EVENT_WITHDRAW, .id = ID });
                assert_answered(w, i > 0 ? WORD_WITHDRAWN : WORD_UNABLE);
                w->lose = 0;
                set_gate(w, true);
                world_pass(w, 50 * USEC_PER_SEC);
                assert_int_equal(world_lease(w)->state, LEASE_FREE);
                world_pass(w, 20 * USEC_PER_SEC);
                assert_int_equal(world_lease(w)->state, LEASE_HELD);
                world_free(w);
        }
}

/* The Txn waits for its answer when the command is killed; it is not sent again. */
static void a_word_goes_with_whoever_asked(void **state) {
        World *w = beside_them();

        w->lose = 1u << RECORD_LEASE;
        ask(w, EVENT_STEAL);
        assert_int_equal(w->done[ACTION_WORD_DONE], 0);
        world_step(w, (Event){ .kind = EVENT_WITHDRAW, .id = ID });
        assert_answered(w, WORD_WITHDRAWN);
        w->lose = 0;
        pass_beside_them(w, 3 * TTL);
        assert_string_equal(world_lease(w)->session, THEIR_SESSION);
        world_free(w);
}

static void a_word_ends_within_a_ttl(void **state) {
        World *w = beside_them();
        usec_t asked = w->now.boottime;

        w->lose = 1u << RECORD_LEASE;
        ask(w, EVENT_STEAL);
        while (w->done[ACTION_WORD_DONE] == 0 && w->now.boottime < asked + 3 * TTL)
                pass_beside_them(w, USEC_PER_SEC);
        assert_answered(w, WORD_LATE);
        assert_true(w->now.boottime <= asked + TTL + 2 * USEC_PER_SEC);
        w->lose = 0;
        pass_beside_them(w, 3 * TTL);
        assert_string_equal(world_lease(w)->session, THEIR_SESSION);
        world_free(w);
}

static void a_steal_ends_when_the_unit_cannot_run_any_more(void **state) {
        World *w = beside_them();

        w->lose = 1u << RECORD_LEASE;
        ask(w, EVENT_STEAL);
        set_gate(w, false);
        world_pass(w, USEC_PER_SEC);
        assert_answered(w, WORD_UNABLE);
        w->lose = 0;
        set_gate(w, true);
        pass_beside_them(w, 3 * TTL);
        assert_string_equal(world_lease(w)->session, THEIR_SESSION);
        world_free(w);
}

static void of_two_who_ask_for_the_same_one_may_leave(void **state) {
        World *w = beside_them();

        w->lose = 1u << RECORD_LEASE;
        ask(w, EVENT_STEAL);
        world_step(w, (Event){ .kind = EVENT_STEAL, .unit = "a.service", .id = ID + 1 });
        world_step(w, (Event){ .kind = EVENT_WITHDRAW, .id = ID });
        assert_answered(w, WORD_WITHDRAWN);
        w->lose = 0;
        pass_beside_them(w, 2 * USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_WORD_DONE], 2);
        assert_int_equal(w->word, WORD_BEGUN);
        assert_string_equal(world_lease(w)->session, w->session);
        world_free(w);
}

static void a_release_is_answered_when_the_unit_is_on_its_way_down(void **state) {
        World *w = world_running();

        ask(w, EVENT_RELEASE);
        assert_answered(w, WORD_BEGUN);
        assert_int_equal(world_lease(w)->state, LEASE_HELD);
        world_step(w, (Event){ .kind = EVENT_WITHDRAW, .id = ID }); /* what has begun is carried through */
        w->unit.active = ACTIVE_INACTIVE;
        w->unit.empty = true;
        world_say_unit(w);
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(world_lease(w)->state, LEASE_FREE);
        world_free(w);
}

/* The unit would be down for nothing: nobody could take the lease. */
static void without_a_registry_a_word_waits_as_long_as_whoever_asked(void **state) {
        static const EventKind words[] = { EVENT_RELEASE, EVENT_TRANSFER };

        for (size_t i = 0; i < 2 * ELEMENTSOF(words); i++) {
                World *w = world_running();
                bool stays = i >= ELEMENTSOF(words);

                w->silent = true;
                world_pass(w, 8 * USEC_PER_SEC); /* beyond stop_at */
                ask(w, words[i % ELEMENTSOF(words)]);
                world_pass(w, 2 * TTL);
                assert_int_equal(w->done[ACTION_WORD_DONE], 0);
                if (!stays) {
                        world_step(w, (Event){ .kind = EVENT_WITHDRAW, .id = ID });
                        assert_answered(w, WORD_WITHDRAWN);
                }
                w->unit.active = ACTIVE_INACTIVE; /* it was stopped in time */
                w->unit.empty = true;
                world_say_unit(w);
                w->silent = false;
                world_pass(w, TTL);
                assert_int_equal(w->done[ACTION_WORD_DONE], 1);
                assert_int_equal(w->word, stays ? WORD_BEGUN : WORD_WITHDRAWN);
                assert_int_equal(world_lease(w)->state, stays ? LEASE_FREE : LEASE_HELD);
                world_free(w);
        }
}

static void what_is_not_held_is_not_released_when_it_is_taken(void **state) {
        World *w = beside_them();

        ask(w, EVENT_RELEASE);
        assert_answered(w, WORD_NOT_HELD);
        world_pass(w, 2 * TTL); /* they are silent */
        assert_string_equal(world_lease(w)->session, w->session);
        assert_int_equal(world_lease(w)->state, LEASE_HELD);
        world_free(w);
}

/* The unit is stopped, or about to be, for want of a beat: nothing that PID 1 is asked for could last. */
static void what_pid_1_is_to_do_is_refused_while_the_registry_is_silent(void **state) {
        static const EventKind words[] = { EVENT_STOP, EVENT_START, EVENT_RESTART };

        for (size_t i = 0; i < ELEMENTSOF(words); i++) {
                World *w = world_running();

                w->silent = true;
                world_pass(w, 8 * USEC_PER_SEC); /* beyond stop_at */
                ask(w, words[i]);
                assert_answered(w, WORD_UNAVAILABLE);
                world_free(w);
        }
}

static void what_is_not_done_is_not_rearmed_when_it_is(void **state) {
        World *w = world_running();

        ask(w, EVENT_REARM);
        assert_answered(w, WORD_NOT_DONE);
        world_free(w);
}

/* The first of the two is what rearms it; the second finds it so, and is refused. */
static void a_rearm_that_is_carried_out_twice_or_without_an_answer_has_begun(void **state) {
        for (int i = 0; i < 2; i++) {
                World *w = beside_them();
                LeaseRecord done = *world_lease(w);
                Record r = { .kind = RECORD_LEASE, .name = "a.service", .lease = &done };

                done.state = LEASE_DONE;
                done.session[0] = '\0';
                w->revision++;
                world_put(w, RECORD_LEASE, "a.service", &done);
                r.mod_revision = w->revision;
                world_step(w, (Event){ .kind = EVENT_RECORDS,
                                              .answer = { .revision = w->revision, .records = &r, .n_records = 1 } });
                w->twice = i == 0;
                w->lose_replies = i == 1;
                ask(w, EVENT_REARM);
                w->twice = w->lose_replies = false;
                world_pass(w, 2 * USEC_PER_SEC);
                assert_int_equal(w->done[ACTION_WORD_DONE], 1);
                assert_int_equal(w->word, WORD_BEGUN);
                assert_int_not_equal(world_lease(w)->state, LEASE_DONE);
                world_free(w);
        }
}

/* The watch shows the record of the other machine as it is in the registry. */
static void hear_of_them(World *w) {
        const Entry *e = world_find(w, RECORD_MACHINE, THEM);
        Record r = { .kind = RECORD_MACHINE, .name = THEM, .mod_revision = w->revision, .value = &e->value.machine };

        world_step(w, (Event){ .kind = EVENT_RECORDS,
                                      .answer = { .revision = w->revision, .records = &r, .n_records = 1 } });
}

static void a_drain_of_another_machine_goes_with_whoever_asked(void **state) {
        World *w = beside_them();
        MachineRecord them = { .hostname = "them", .session = THEIR_SESSION };

        world_put(w, RECORD_MACHINE, THEM, &them);
        hear_of_them(w);
        w->lose = 1u << RECORD_MACHINE;
        w->done[ACTION_WORD_DONE] = 0;
        world_step(w, (Event){ .kind = EVENT_DRAIN, .machine_id = THEM, .id = ID, .on = true });
        assert_int_equal(w->done[ACTION_WORD_DONE], 0);
        world_step(w, (Event){ .kind = EVENT_WITHDRAW, .id = ID });
        assert_answered(w, WORD_WITHDRAWN);
        w->lose = 0;
        pass_beside_them(w, 2 * TTL);
        assert_false(world_find(w, RECORD_MACHINE, THEM)->value.machine.draining);
        ask(w, EVENT_DRAIN);
        assert_true(world_find(w, RECORD_MACHINE, THEM)->value.machine.draining);
        assert_int_equal(w->done[ACTION_WORD_DONE], 0); /* leases written before it may still be under way to us */
        hear_of_them(w);
        assert_answered(w, WORD_BEGUN);
        world_free(w);
}

/* Nobody has seen the request, whose Txn was not answered, before it is withdrawn. If we were silent for so long that
 * the holder may have taken us for dead, the holder may have carried it out and deleted it meanwhile. */
static void what_may_have_begun_is_not_said_to_be_taken_back(void **state) {
        for (int silent = 0; silent < 2; silent++) {
                MachineRecord them = { .hostname = "them", .session = THEIR_SESSION };
                World *w = beside_them();

                world_put(w, RECORD_MACHINE, THEM, &them);
                hear_of_them(w);
                w->lose = 1u << RECORD_REQUEST;
                w->done[ACTION_WORD_DONE] = 0;
                world_step(w, (Event){ .kind = EVENT_REQUEST,
                                              .unit = "a.service",
                                              .verb = REQUEST_RELEASE,
                                              .machine_id = "",
                                              .id = ID,
                                              .by = "root@us" });
                assert_true(w->late.id > 0);
                w->silent = silent;
                world_pass(w, silent ? 2 * TTL : USEC_PER_SEC);
                w->silent = false;
                world_beat_them(w);
                world_step(w, (Event){ .kind = EVENT_WITHDRAW, .id = ID });
                pass_beside_them(w, 5 * USEC_PER_SEC);
                assert_answered(w, silent ? WORD_LATE : WORD_WITHDRAWN);
                world_free(w);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_steal_is_answered_when_the_record_is_ours),
                cmocka_unit_test(a_steal_that_cannot_be_is_refused_and_does_not_strike_when_it_can),
                cmocka_unit_test(a_steal_of_what_is_done_is_refused),
                cmocka_unit_test(a_steal_takes_what_this_machine_stands_back_from),
                cmocka_unit_test(a_steal_that_is_refused_or_withdrawn_leaves_this_machine_standing_back),
                cmocka_unit_test(a_word_goes_with_whoever_asked),
                cmocka_unit_test(a_word_ends_within_a_ttl),
                cmocka_unit_test(a_steal_ends_when_the_unit_cannot_run_any_more),
                cmocka_unit_test(of_two_who_ask_for_the_same_one_may_leave),
                cmocka_unit_test(a_release_is_answered_when_the_unit_is_on_its_way_down),
                cmocka_unit_test(without_a_registry_a_word_waits_as_long_as_whoever_asked),
                cmocka_unit_test(what_is_not_held_is_not_released_when_it_is_taken),
                cmocka_unit_test(what_is_not_done_is_not_rearmed_when_it_is),
                cmocka_unit_test(a_rearm_that_is_carried_out_twice_or_without_an_answer_has_begun),
                cmocka_unit_test(a_drain_of_another_machine_goes_with_whoever_asked),
                cmocka_unit_test(what_pid_1_is_to_do_is_refused_while_the_registry_is_silent),
                cmocka_unit_test(what_may_have_begun_is_not_said_to_be_taken_back),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
