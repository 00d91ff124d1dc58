/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Records that are deleted by hand, cut short, or written by somebody else: whatever it is, and whoever holds the
 * lease, the unit runs again after a bounded time, and never beside its old holder.
 */

#include <malloc.h>

#include "core-world.h"

/* The watch tells of a record as it is now. */
static void show(World *w, RecordKind kind, const char *name) {
        const Entry *e = world_find(w, kind, name);
        Record r = {
                .kind = kind, .name = name, .mod_revision = e->revision, .damaged = e->revision > 0 && e->damaged
        };

        r.value = e->revision > 0 && !e->damaged ? &e->value : NULL;
        world_step(w, (Event){ .kind = EVENT_RECORDS,
                                      .answer = { .revision = w->revision, .records = &r, .n_records = 1 } });
}

static void damage(World *w, RecordKind kind, const char *name, bool delete) {
        if (delete)
                world_delete(w, kind, name);
        else
                world_damage(w, kind, name);
}

/* The unit stops when it is asked to. */
static void stop_unit(World *w) {
        w->unit.active = ACTIVE_INACTIVE;
        w->unit.empty = true;
        world_say_unit(w);
}

/* Time passes, and the unit obeys PID 1, until it runs here by a lease of ours; asserts within. */
static void until_it_runs(World *w, usec_t within) {
        unsigned starts = w->done[ACTION_UNIT_START], stops = w->done[ACTION_UNIT_STOP];
        usec_t end = w->now.boottime + within;

        while (w->done[ACTION_UNIT_START] == starts) {
                assert_true(w->now.boottime < end);
                world_pass(w, 100 * USEC_PER_MSEC);
                if (w->done[ACTION_UNIT_START] == starts && w->done[ACTION_UNIT_STOP] > stops &&
                                w->unit.active == ACTIVE_ACTIVE)
                        stop_unit(w);
        }
        assert_string_equal(world_lease(w)->session, w->session);
        assert_int_equal(world_lease(w)->state, LEASE_HELD);
        assert_int_equal(w->guard.index, world_lease(w)->index);
}

/* ---- the fence of a holder that is dead, or that cannot beat without it ---- */

static void fence_of_the_dead(bool delete) {
        World *w = world_new();
        const FenceRecord *fence;

        world_add_them(w);
        damage(w, RECORD_FENCE, THEIR_SESSION, delete);
        world_connect(w);
        world_pass(w, TTL);
        assert_string_equal(world_lease(w)->session, THEIR_SESSION);
        until_it_runs(w, TTL);
        assert_int_equal(world_lease(w)->index, 8);
        fence = &world_find(w, RECORD_FENCE, THEIR_SESSION)->value.fence;
        assert_int_equal(fence->n_names, 1);
        assert_true(fence->counter > FENCE_NAMES_MAX + 1); /* its session would look at everything */
        assert_false(fence->over);                         /* nobody has said so */
        assert_int_equal(fence->silence, 0);
        world_free(w);
}

static void a_dead_holder_without_a_readable_fence_is_taken_over_after_the_same_time(void **state) {
        fence_of_the_dead(true);
        fence_of_the_dead(false);
}

static void the_time_of_a_holder_without_a_fence_counts_from_when_both_were_last_seen_to_change(void **state) {
        World *w = world_new();

        world_add_them(w);
        world_connect(w);
        world_pass(w, TTL / 2);
        world_damage(w, RECORD_FENCE, THEIR_SESSION);
        show(w, RECORD_FENCE, THEIR_SESSION);
        world_pass(w, TTL);
        assert_string_equal(world_lease(w)->session, THEIR_SESSION);
        world_pass(w, TTL);
        assert_string_equal(world_lease(w)->session, w->session);
        world_free(w);
}

static void a_holder_that_has_mended_its_fence_meanwhile_is_not_taken_over(void **state) {
        World *w = world_new();
        static const FenceRecord f;

        world_add_them(w);
        world_delete(w, RECORD_FENCE, THEIR_SESSION);
        world_connect(w);
        world_pass(w, TTL);
        w->revision++;
        world_put(w, RECORD_FENCE, THEIR_SESSION, &f);
        world_beat_them(w);
        world_pass(w, TTL / 2); /* the taker's Txn compares both as they were seen */
        assert_string_equal(world_lease(w)->session, THEIR_SESSION);
        world_free(w);
}

static void a_holder_without_a_readable_fence_can_be_robbed(void **state) {
        for (int i = 0; i < 2; i++) {
                World *w = world_new();

                world_add_them(w);
                damage(w, RECORD_FENCE, THEIR_SESSION, i == 0);
                world_connect(w);
                world_pass(w, USEC_PER_SEC);
                world_step(w, (Event){ .kind = EVENT_STEAL, .unit = "a.service", .index = 7 });
                world_pass(w, USEC_PER_SEC);
                assert_string_equal(world_lease(w)->session, w->session);
                assert_int_equal(world_lease(w)->n_debts, 1);
                assert_int_equal(w->done[ACTION_UNIT_START], 0);
                until_it_runs(w, 2 * TTL);
                world_free(w);
        }
}

/* ---- the record of a lease ---- */

static World *remembering_index(uint64_t index) {
        const RememberedIndex remembered = { .lease = "a.service", .index = index };
        World *w = world_new();

        core_free(w->core);
        w->core = core_new(&(CoreConfig){ .machine_id = US,
                        .boot_id = US,
                        .hostname = "us",
                        .ttl = TTL,
                        .seed = 42,
                        .memory = { .uuid = "u", .store = "store", .indexes = &remembered, .n_indexes = 1 } });
        return w;
}

static World *remembering(void) {
        return remembering_index(7);
}

static void a_record_that_is_lost_is_written_again_by_its_holder_and_nothing_is_disturbed(void **state) {
        for (int i = 0; i < 2; i++) {
                World *w = world_running();

                damage(w, RECORD_LEASE, "a.service", i == 0);
                show(w, RECORD_LEASE, "a.service");
                world_pass(w, 3 * TTL);
                assert_int_equal(w->reports[REPORT_RESTORED], 1);
                assert_string_equal(world_lease(w)->session, w->session);
                assert_int_equal(world_lease(w)->index, 1);
                assert_int_equal(w->done[ACTION_UNIT_STOP], 0);
                world_step(w, (Event){ .kind = EVENT_RELEASE, .unit = "a.service" });
                stop_unit(w);
                world_pass(w, USEC_PER_SEC);
                assert_int_equal(world_lease(w)->state, LEASE_FREE);
                world_free(w);
        }
}

/* Of whoever may hold it nothing is known: it is taken as by force from all, and the longest TTL there is is waited
 * out. */
static void a_lost_record_that_nobody_writes_again_is_taken_and_waited_out(void **state) {
        for (int i = 0; i < 2; i++) {
                World *w = remembering();
                usec_t began;

                world_add_them(w);
                damage(w, RECORD_LEASE, "a.service", i == 0);
                world_connect(w);
                began = w->now.boottime;
                world_pass(w, TTL);
                assert_int_not_equal(world_lease(w)->index, 8); /* its holder may write it again */
                world_beat_them(w);
                world_pass(w, USEC_PER_SEC);
                assert_true(world_lease(w)->index > 7);
                assert_int_equal(world_lease(w)->n_debts, 1);
                assert_int_equal(world_find(w, RECORD_FENCE, THEIR_SESSION)->value.fence.n_names, 1);
                until_it_runs(w, 70 * USEC_PER_SEC);
                assert_true(w->now.boottime > began + TTL + TTL_MAX);
                world_free(w);
        }
}

/* As after a daemon that was started over and over: one Txn cannot touch the fences of all. */
static void a_lost_record_is_taken_soon_where_many_sessions_are_dead(void **state) {
        World *w = remembering();
        usec_t began;

        for (unsigned i = 0; i < 130; i++) {
                BeatRecord beat = { .nonce = "0123456789abcdef-1" };
                FenceRecord fence = { .counter = 1 };
                char session[SESSION_SIZE];

                snprintf(session, sizeof(session), "%016x-60000", 0x1000 + i);
                w->revision++;
                world_put(w, RECORD_BEAT, session, &beat);
                world_put(w, RECORD_FENCE, session, &fence);
        }
        world_put(w, RECORD_LEASE, "a.service", &(LeaseRecord){ .state = LEASE_FREE, .index = 7 });
        damage(w, RECORD_LEASE, "a.service", false);
        world_connect(w);
        began = w->now.boottime;
        until_it_runs(w, 140 * USEC_PER_SEC); /* until they are surely dead, and all that may hold it are waited out */
        assert_true(w->now.boottime > began + 2 * TTL_MAX);
        world_free(w);
}

static void a_release_that_may_have_been_done_before_its_record_was_lost_is_not_undone(void **state) {
        World *w = world_running();

        world_step(w, (Event){ .kind = EVENT_RELEASE, .unit = "a.service" });
        w->lose = 1u << RECORD_LEASE;
        stop_unit(w);
        world_pass(w, 200 * USEC_PER_MSEC);
        assert_true(w->late.id > 0);
        w->lose = 0;
        world_land(w); /* and another machine may have come and gone */
        world_damage(w, RECORD_LEASE, "a.service");
        world_pass(w, 5 * USEC_PER_SEC);
        assert_int_equal(w->reports[REPORT_RESTORED], 0);
        world_free(w);
}

static void a_record_that_says_what_nobody_wrote_counts_as_lost(void **state) {
        static const LeaseRecord odd[] = {
                { .state = LEASE_HELD, .machine_id = THEM, .session = THEIR_SESSION, .index = INT64_MAX },
                { .state = LEASE_HELD, .machine_id = THEM, .index = 7 },
                { .state = LEASE_HELD, .machine_id = THEM, .session = "somebody", .index = 7 },
                { .state = LEASE_HELD, .machine_id = THEM, .index = 7, .period = UINT64_MAX / 2 },
                { .state = LEASE_HELD, .machine_id = THEM, .session = THEIR_SESSION },
                { .state = LEASE_FREE, .index = INDEX_MAX + 1 },
        };

        for (size_t i = 0; i < ELEMENTSOF(odd); i++) {
                World *w = world_new();

                world_put(w, RECORD_LEASE, "a.service", odd + i);
                world_connect(w);
                world_pass(w, TTL);
                assert_int_equal(w->done[ACTION_UNIT_START], 0);
                assert_int_equal(w->reports[REPORT_DAMAGED], 1);
                until_it_runs(w, 80 * USEC_PER_SEC);
                assert_true(world_lease(w)->index < INDEX_MAX / 2); /* nothing of it is believed */
                world_free(w);
        }
}

static void an_index_written_lower_by_hand_is_raised_before_the_unit_runs_by_it(void **state) {
        World *w = world_running();
        LeaseRecord l;

        world_step(w, (Event){ .kind = EVENT_RELEASE, .unit = "a.service" });
        stop_unit(w);
        until_it_runs(w, 40 * USEC_PER_SEC);
        assert_int_equal(world_lease(w)->index, 2);
        l = *world_lease(w);
        l.index = 1;
        w->revision++;
        world_put(w, RECORD_LEASE, "a.service", &l);
        show(w, RECORD_LEASE, "a.service");
        until_it_runs(w, 2 * TTL);
        assert_int_equal(world_lease(w)->index, 3);
        world_free(w);
}

/* ---- what is remembered ---- */

static void an_index_that_is_remembered_is_never_handed_out_again(void **state) {
        World *w = remembering();
        LeaseRecord l = { .state = LEASE_FREE, .index = 3 }; /* an older state of it, as after a restore */

        world_put(w, RECORD_LEASE, "a.service", &l);
        world_connect(w);
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(w->guard.index, 8);
        assert_int_equal(world_lease(w)->index, 8);
        world_free(w);
}

/* A record said it, and was mended by hand. */
static void an_index_that_the_operator_lets_it_forget_is_forgotten(void **state) {
        World *w = remembering();
        LeaseRecord l = { .state = LEASE_FREE, .index = 3 };

        world_put(w, RECORD_LEASE, "a.service", &l);
        w->unit.gate_loaded = false; /* it does not take it yet */
        world_connect(w);
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(core_remembered(w->core, "a.service"), 7);
        world_step(w, (Event){ .kind = EVENT_FORGET_INDEX, .lease = "a.service" });
        assert_int_equal(core_remembered(w->core, "a.service"), 3);
        assert_true(w->done[ACTION_REMEMBER] > 0);
        assert_int_equal(w->remembered, 3); /* by that action, which names the lease: the others are not looked at */
        w->unit.gate_loaded = true;
        world_say_unit(w);
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(world_lease(w)->index, 4);
        world_free(w);
}

/* A record said it that nobody can surpass, and was deleted instead of mended. */
static void an_index_that_cannot_grow_is_remembered_although_its_record_was_deleted(void **state) {
        World *w = remembering_index(INDEX_MAX);

        world_connect(w);
        world_pass(w, 3 * TTL);
        assert_int_equal(w->guard.index, 0);
        assert_int_equal(w->done[ACTION_UNIT_START], 0);
        assert_int_equal(core_remembered(w->core, "a.service"), INDEX_MAX);
        world_step(w, (Event){ .kind = EVENT_FORGET_INDEX, .lease = "a.service" });
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        assert_int_equal(world_lease(w)->index, 1);
        assert_int_equal(w->guard.index, 1);
        world_free(w);
}

/* The machine's clock is at 1970 when it notices a second fall-back; its memory knows better. */
static void the_floor_after_a_fall_back_is_not_below_any_index_that_is_remembered(void **state) {
        static const RememberedIndex remembered[] = { { .lease = "a.service", .index = UINT64_C(1700000000900) } };
        MetaRecord meta = { .uuid = "u", .format = 1, .index_floor = UINT64_C(1700000000000) };
        LeaseRecord l = { .state = LEASE_FREE, .index = UINT64_C(1700000000500) };
        World *w = world_new();

        core_free(w->core);
        world_put(w, RECORD_META, "", &meta);
        w->revision++;
        world_put(w, RECORD_LEASE, "a.service", &l);
        w->core = core_new(&(CoreConfig){ .machine_id = US,
                        .boot_id = US,
                        .hostname = "us",
                        .ttl = TTL,
                        .seed = 42,
                        .memory = { .uuid = "u",
                                        .store = "store",
                                        .revision = 1000,
                                        .indexes = remembered,
                                        .n_indexes = 1 } });
        world_step(w, (Event){ .kind = EVENT_DEADLINE });
        world_pass(w, 120 * USEC_PER_SEC);
        assert_int_equal(w->reports[REPORT_REGISTRY_FELL_BACK], 1);
        assert_true(world_find(w, RECORD_META, "")->value.meta.index_floor >= remembered[0].index);
        world_free(w);
}

/* The daemon starts anew with the record of the floor damaged and its clock at 1970; other machines have gone on above
 * the floor. */
static void a_floor_that_was_seen_outlives_its_record_and_the_daemon(void **state) {
        static const char *const uuids[] = { "u", "another" };
        uint64_t floor = UINT64_C(1700000000000);

        for (int i = 0; i < 4; i++) {
                World *w = world_running();
                MetaRecord *meta = &world_find(w, RECORD_META, "")->value.meta;
                unsigned remembered = w->done[ACTION_REMEMBER];
                char session[SESSION_SIZE];
                bool ours = i < 2;
                CoreMemory memory;

                str_copy(session, sizeof(session), w->session);
                *meta = (MetaRecord){ .format = 1, .index_floor = floor };
                str_copy(meta->uuid, sizeof(meta->uuid), uuids[!ours]);
                w->revision++;
                world_put(w, RECORD_META, "", meta);
                show(w, RECORD_META, "");
                assert_int_equal(w->done[ACTION_REMEMBER] > remembered, ours);
                memory = *core_memory(w->core);
                assert_int_equal(memory.floor, ours ? floor : 0); /* of another registry it says nothing here */
                if (ours) {
                        *meta = (MetaRecord){};
                        damage(w, RECORD_META, "", i == 0);
                        core_free(w->core);
                        w->core = core_new(&(CoreConfig){ .machine_id = US,
                                        .boot_id = US,
                                        .hostname = "us",
                                        .ttl = TTL,
                                        .seed = 42,
                                        .session = session,
                                        .memory = { .uuid = "u",
                                                        .store = "store",
                                                        .revision = 1,
                                                        .floor = memory.floor } });
                        world_step(w, (Event){ .kind = EVENT_DEADLINE });
                        world_connect(w);
                        world_pass(w, TTL);
                        assert_string_equal(meta->uuid, "u");
                        assert_true(meta->index_floor >= floor);
                }
                world_free(w);
        }
}

/* Written by hand, as high as it goes: the lease still gets an Index, and meta is mended. */
static void a_floor_beyond_all_that_can_be_takes_no_lease_its_indexes(void **state) {
        uint64_t floors[] = { FLOOR_MAX, FLOOR_MAX + 1, INDEX_MAX, UINT64_MAX };

        for (size_t i = 0; i < ELEMENTSOF(floors); i++) {
                World *w = world_running();
                MetaRecord meta = { .uuid = "u", .format = 1, .index_floor = floors[i] };

                world_step(w, (Event){ .kind = EVENT_RELEASE, .unit = "a.service" });
                stop_unit(w);
                w->revision++;
                world_put(w, RECORD_META, "", &meta);
                show(w, RECORD_META, "");
                until_it_runs(w, 40 * USEC_PER_SEC);
                assert_true(core_memory(w->core)->floor <= FLOOR_MAX);
                assert_true(world_find(w, RECORD_META, "")->value.meta.index_floor <= FLOOR_MAX);
                world_free(w);
        }
}

/* While it stops here, the session that it is for ends; the watch has not told of that. */
static void a_lease_is_not_handed_to_a_session_that_is_over(void **state) {
        World *w = world_running();
        MachineRecord them = { .hostname = "them", .session = THEIR_SESSION };
        OfferRecord offer = { .lease = "a.service", .version = 0 };
        LeaseRecord ours = *world_lease(w);

        world_add_them(w);
        ours.index = 1;
        world_put(w, RECORD_LEASE, "a.service", &ours);
        world_put(w, RECORD_MACHINE, THEM, &them);
        world_put(w, RECORD_OFFER, THEM "/a.service", &offer);
        show(w, RECORD_LEASE, "a.service");
        show(w, RECORD_MACHINE, THEM);
        show(w, RECORD_OFFER, THEM "/a.service");
        show(w, RECORD_BEAT, THEIR_SESSION);
        show(w, RECORD_FENCE, THEIR_SESSION);
        world_step(w, (Event){ .kind = EVENT_TRANSFER, .unit = "a.service", .machine_id = THEM });
        world_delete(w, RECORD_BEAT, THEIR_SESSION);
        world_delete(w, RECORD_FENCE, THEIR_SESSION);
        stop_unit(w);
        assert_int_equal(world_lease(w)->state, LEASE_FREE);
        assert_string_not_equal(world_lease(w)->session, THEIR_SESSION);
        world_free(w);
}

/* ---- the registry's name, and what is said of machines ---- */

static void a_registry_whose_name_is_lost_gets_it_again_from_who_knows_it(void **state) {
        for (int i = 0; i < 4; i++) {
                World *w = world_running();
                MetaRecord *meta = &world_find(w, RECORD_META, "")->value.meta;
                bool restarted = i >= 2;
                char session[SESSION_SIZE];

                str_copy(session, sizeof(session), w->session);
                *meta = (MetaRecord){};
                damage(w, RECORD_META, "", i % 2 == 0);
                if (!restarted)
                        show(w, RECORD_META, "");
                if (restarted) {
                        world_restart(w, session);
                        world_connect(w);
                }
                world_pass(w, TTL);
                assert_string_equal(meta->uuid, "u");
                assert_true(meta->index_floor > 1000000);
                assert_int_equal(w->done[ACTION_UNIT_STOP], 0);
                assert_int_equal(w->reports[REPORT_REGISTRY_FOREIGN], 0);
                world_free(w);
        }
}

static void a_registry_whose_name_nobody_knows_gets_another_when_all_of_before_is_over(void **state) {
        World *w = world_new();
        MetaRecord *meta = &world_find(w, RECORD_META, "")->value.meta;
        SessionView v;

        core_free(w->core);
        w->core = core_new(&(CoreConfig){ .machine_id = US, .boot_id = US, .hostname = "us", .ttl = TTL, .seed = 42 });
        world_damage(w, RECORD_META, "");
        world_connect(w);
        world_pass(w, 60 * USEC_PER_SEC);
        assert_true(world_find(w, RECORD_META, "")->damaged);
        core_session_view(w->core, w->now, &v);
        assert_int_equal(v.why_not, WHY_REGISTRY_NAMELESS); /* the registry does answer */
        assert_true(v.why_not_until > w->now.realtime && v.why_not_until < w->now.realtime + 2 * USEC_PER_SEC);
        until_it_runs(w, 20 * USEC_PER_SEC);
        assert_int_equal(strlen(meta->uuid), UUID_SIZE - 1);
        world_free(w);
}

static void a_machine_record_that_names_another_machines_session_is_written_again(void **state) {
        World *w = world_running();
        MachineRecord m = world_find(w, RECORD_MACHINE, US)->value.machine;

        world_add_them(w);
        world_lease(w)->machine_id[0] = '\0';
        str_copy(m.session, sizeof(m.session), THEIR_SESSION);
        w->revision++;
        world_put(w, RECORD_MACHINE, US, &m);
        for (int i = 0; i < 10; i++) { /* and goes on beating */
                world_beat_them(w);
                show(w, RECORD_MACHINE, US);
                world_pass(w, 2 * USEC_PER_SEC);
        }
        assert_string_equal(world_find(w, RECORD_MACHINE, US)->value.machine.session, w->session);
        assert_int_equal(w->reports[REPORT_MACHINE_TWICE], 0);
        world_free(w);
}

/* ---- our own beat and fence ---- */

static void own_record_is_lost(RecordKind kind, bool delete) {
        World *w = world_running();
        char old[SESSION_SIZE];

        str_copy(old, sizeof(old), w->session);
        damage(w, kind, old, delete);
        until_it_runs(w, 3 * TTL);
        assert_string_not_equal(w->session, old);
        assert_string_not_equal(world_lease(w)->session, old);
        assert_int_equal(world_lease(w)->index, 2);
        assert_int_equal(w->reports[REPORT_MACHINE_TWICE], 0);
        world_free(w);
}

static void a_holder_whose_own_beat_or_fence_is_lost_runs_its_unit_again_in_a_new_session(void **state) {
        own_record_is_lost(RECORD_FENCE, true);
        own_record_is_lost(RECORD_FENCE, false);
        own_record_is_lost(RECORD_BEAT, true);
}

static void a_beat_of_ours_that_cannot_be_read_is_written_anew_and_disturbs_nothing(void **state) {
        World *w = world_running();

        world_damage(w, RECORD_BEAT, w->session);
        world_pass(w, 3 * TTL);
        assert_false(world_find(w, RECORD_BEAT, w->session)->damaged);
        assert_int_equal(w->done[ACTION_UNIT_STOP], 0);
        assert_int_equal(w->reports[REPORT_SESSION_CLONED], 0);
        world_free(w);
}

/* A deleted fence that a taker had touched would let our beat pass by the taker if we wrote it again. */
static void a_deleted_fence_is_never_written_again_by_its_own_session(void **state) {
        World *w = world_running();
        char old[SESSION_SIZE];

        str_copy(old, sizeof(old), w->session);
        world_rob_us(w);
        world_delete(w, RECORD_FENCE, old);
        world_pass(w, 3 * USEC_PER_SEC);
        assert_int_equal(world_find(w, RECORD_FENCE, old)->revision, 0);
        assert_true(w->done[ACTION_GUARD_LOSE] > 0);
        assert_string_not_equal(w->session, old);
        world_free(w);
}

/* Somebody has put our fence back as it was before another machine took the lease. */
static void a_fence_that_was_put_back_by_hand_hides_no_taking(void **state) {
        World *w = world_running();
        FenceRecord before;

        world_pass(w, 3 * USEC_PER_SEC); /* the beats compare the lease no more (law 16) */
        before = world_find(w, RECORD_FENCE, w->session)->value.fence;
        world_rob_us(w);
        w->revision++;
        world_put(w, RECORD_FENCE, w->session, &before);
        world_pass(w, 3 * USEC_PER_SEC);
        assert_int_equal(w->reports[REPORT_LOST], 1);
        assert_true(w->done[ACTION_GUARD_LOSE] > 0);
        world_free(w);
}

/* While we were silent more leases were taken than a fence has room for: ours is not among those that it names. */
static void a_lease_taken_is_found_also_where_the_fence_has_no_room_for_its_name(void **state) {
        World *w = world_running();
        LeaseRecord l = *world_lease(w);
        FenceRecord *f = &world_find(w, RECORD_FENCE, w->session)->value.fence;
        char name[32];

        world_pass(w, 3 * USEC_PER_SEC); /* the beats compare the lease no more (law 16) */
        str_copy(l.session, sizeof(l.session), THEIR_SESSION);
        str_copy(l.machine_id, sizeof(l.machine_id), THEM);
        l.index++;
        w->revision++;
        world_put(w, RECORD_LEASE, "a.service", &l);
        fence_add_name(f, "a.service");
        for (int i = 0; i < FENCE_NAMES_MAX; i++) {
                (void) snprintf(name, sizeof(name), "x%d.service", i);
                fence_add_name(f, name);
        }
        world_find(w, RECORD_FENCE, w->session)->revision = w->revision;
        world_pass(w, 3 * USEC_PER_SEC);
        assert_int_equal(w->reports[REPORT_LOST], 1);
        assert_true(w->done[ACTION_GUARD_LOSE] > 0);
        world_free(w);
}

/* ---- our machine record ---- */

static void a_machine_record_that_names_a_session_of_another_machine_is_written_anew(void **state) {
        World *w = world_new();
        MachineRecord m = { .hostname = "them", .session = THEIR_SESSION, .boot_id = THEM };
        BeatRecord b = { .machine_id = THEM, .nonce = "0000000000000bad-1" };
        static const FenceRecord f;

        world_connect(w);
        world_pass(w, USEC_PER_SEC);
        w->revision++;
        world_put(w, RECORD_BEAT, THEIR_SESSION, &b);
        world_put(w, RECORD_FENCE, THEIR_SESSION, &f);
        world_pass(w, TTL);
        w->revision++;
        world_put(w, RECORD_MACHINE, US, &m);
        world_step(w, (Event){ .kind = EVENT_RECORDS,
                                      .answer = { .revision = w->revision,
                                                      .n_records = 1,
                                                      .records = &(Record){ .kind = RECORD_MACHINE,
                                                                      .name = US,
                                                                      .mod_revision = w->revision,
                                                                      .machine = &m } } });
        for (unsigned i = 0; i < 10; i++) {
                world_beat_them(w);
                world_pass(w, TTL / 2);
        }
        assert_string_equal(world_find(w, RECORD_MACHINE, US)->value.machine.session, w->session);
        assert_int_equal(w->reports[REPORT_MACHINE_TWICE], 0);
        world_free(w);
}

/* A timer has elapsed, and the record says that it last did in some years: this is not believed, and goes. */
static void an_elapse_that_is_yet_to_come_hides_none_that_has_been(void **state) {
        World *w = world_running();
        Entry *e = world_find(w, RECORD_LEASE, "a.service");

        w->unit.last_trigger = w->now.realtime;
        world_say_unit(w);
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(world_lease(w)->last_trigger, w->unit.last_trigger);
        e->value.lease.last_trigger = w->now.realtime + 1000 * 24 * USEC_PER_HOUR;
        e->revision = ++w->revision;
        show(w, RECORD_LEASE, "a.service");
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(world_lease(w)->last_trigger, w->unit.last_trigger);
        w->unit.last_trigger = w->now.realtime;
        world_say_unit(w);
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(world_lease(w)->last_trigger, w->unit.last_trigger);
        assert_int_equal(world_lease(w)->index, 1);
        world_free(w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_dead_holder_without_a_readable_fence_is_taken_over_after_the_same_time),
                cmocka_unit_test(the_time_of_a_holder_without_a_fence_counts_from_when_both_were_last_seen_to_change),
                cmocka_unit_test(a_holder_that_has_mended_its_fence_meanwhile_is_not_taken_over),
                cmocka_unit_test(a_holder_without_a_readable_fence_can_be_robbed),
                cmocka_unit_test(a_record_that_is_lost_is_written_again_by_its_holder_and_nothing_is_disturbed),
                cmocka_unit_test(a_lost_record_that_nobody_writes_again_is_taken_and_waited_out),
                cmocka_unit_test(a_lost_record_is_taken_soon_where_many_sessions_are_dead),
                cmocka_unit_test(a_release_that_may_have_been_done_before_its_record_was_lost_is_not_undone),
                cmocka_unit_test(a_record_that_says_what_nobody_wrote_counts_as_lost),
                cmocka_unit_test(an_index_written_lower_by_hand_is_raised_before_the_unit_runs_by_it),
                cmocka_unit_test(an_index_that_is_remembered_is_never_handed_out_again),
                cmocka_unit_test(an_index_that_the_operator_lets_it_forget_is_forgotten),
                cmocka_unit_test(an_index_that_cannot_grow_is_remembered_although_its_record_was_deleted),
                cmocka_unit_test(the_floor_after_a_fall_back_is_not_below_any_index_that_is_remembered),
                cmocka_unit_test(a_floor_that_was_seen_outlives_its_record_and_the_daemon),
                cmocka_unit_test(a_floor_beyond_all_that_can_be_takes_no_lease_its_indexes),
                cmocka_unit_test(a_lease_is_not_handed_to_a_session_that_is_over),
                cmocka_unit_test(a_registry_whose_name_is_lost_gets_it_again_from_who_knows_it),
                cmocka_unit_test(a_registry_whose_name_nobody_knows_gets_another_when_all_of_before_is_over),
                cmocka_unit_test(a_machine_record_that_names_another_machines_session_is_written_again),
                cmocka_unit_test(a_holder_whose_own_beat_or_fence_is_lost_runs_its_unit_again_in_a_new_session),
                cmocka_unit_test(a_beat_of_ours_that_cannot_be_read_is_written_anew_and_disturbs_nothing),
                cmocka_unit_test(a_deleted_fence_is_never_written_again_by_its_own_session),
                cmocka_unit_test(a_fence_that_was_put_back_by_hand_hides_no_taking),
                cmocka_unit_test(a_lease_taken_is_found_also_where_the_fence_has_no_room_for_its_name),
                cmocka_unit_test(a_machine_record_that_names_a_session_of_another_machine_is_written_anew),
                cmocka_unit_test(an_elapse_that_is_yet_to_come_hides_none_that_has_been),
        };

        (void) mallopt(M_PERTURB, 0x5a); /* memory that was not written to says what it should not */
        return cmocka_run_group_tests(tests, NULL, NULL);
}
