/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The laws as one core keeps them, step by step and by hand. What many machines make of them is the simulation's
 * business.
 */

#include "core-world.h"

static World *running(void) {
        World *w = world_new();

        world_connect(w);
        world_pass(w, USEC_PER_SEC);
        assert_string_equal(world_lease(w)->session, w->session);
        assert_true(w->guard.open);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        return w;
}

/* Somebody else's session that holds the lease at index 7. */
static void add_them(World *w) {
        LeaseRecord l = { .state = LEASE_HELD, .machine_id = THEM, .session = THEIR_SESSION, .index = 7 };
        BeatRecord b = { .machine_id = THEM, .nonce = "0000000000000bad-1" };
        static const FenceRecord f;

        w->revision++;
        world_put(w, RECORD_LEASE, "a.service", &l);
        world_put(w, RECORD_BEAT, THEIR_SESSION, &b);
        world_put(w, RECORD_FENCE, THEIR_SESSION, &f);
}

static void beat_them(World *w) {
        w->revision++;
        world_find(w, RECORD_BEAT, THEIR_SESSION)->revision = w->revision;
}

/* ---- promises ---- */

static void a_free_lease_is_acquired_and_its_unit_started_once(void **state) {
        World *w = running();

        assert_int_equal(world_lease(w)->index, 1);
        assert_int_equal(w->armed, 1);
        world_pass(w, 60 * USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        assert_int_equal(world_lease(w)->index, 1);
        world_free(w);
}

static void one_write_a_round_whatever_is_held(void **state) {
        World *w = running();
        unsigned before = w->done[ACTION_TXN];

        world_pass(w, 20 * USEC_PER_SEC);
        assert_in_range(w->done[ACTION_TXN] - before, 9, 11);
        world_free(w);
}

static void a_deadline_counts_from_before_the_beat_was_sent(void **state) {
        World *w = running();

        world_pass(w, 5 * USEC_PER_SEC);
        assert_true(w->last_t0 < w->now.boottime);
        assert_true(w->last_t0 + TTL / 5 + 10000 > w->now.boottime);
        world_free(w);
}

static void silence_stops_the_unit_at_stop_at_and_not_before(void **state) {
        World *w = running();
        usec_t stop_at;

        w->silent = true;
        world_pass(w, USEC_PER_SEC);
        stop_at = w->last_t0 + TTL - TTL / 50 - KILL_SLACK - TTL / 4;
        world_pass_until(w, stop_at - 10000);
        assert_int_equal(w->done[ACTION_UNIT_STOP], 0);
        world_pass_until(w, stop_at + 10000);
        assert_true(w->done[ACTION_UNIT_STOP] > 0);
        assert_int_equal(w->reports[REPORT_EXPIRED], 1);
        world_free(w);
}

static void an_expired_unit_comes_back_with_its_index_when_the_lease_is_still_ours(void **state) {
        World *w = running();

        w->silent = true;
        world_pass(w, 8 * USEC_PER_SEC);
        w->unit.active = ACTIVE_INACTIVE;
        w->unit.empty = true;
        world_say_unit(w);
        w->silent = false;
        world_pass(w, 3 * USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_UNIT_START], 2);
        assert_int_equal(world_lease(w)->index, 1);
        assert_int_equal(w->armed, 1);
        world_free(w);
}

static void a_silent_holder_is_taken_over_only_after_his_ttl_with_margin(void **state) {
        World *w = world_new();
        usec_t seen;

        add_them(w);
        world_connect(w);
        world_pass(w, USEC_PER_SEC);
        beat_them(w);
        world_pass(w, 2 * USEC_PER_SEC); /* it has reached us by now */
        seen = w->now.boottime;
        world_pass_until(w, seen + TTL - 2 * USEC_PER_SEC);
        assert_string_equal(world_lease(w)->session, THEIR_SESSION);
        world_pass_until(w, seen + ttl_take_after(TTL) + 10000);
        assert_string_equal(world_lease(w)->session, w->session);
        assert_int_equal(world_lease(w)->index, 8);
        assert_int_equal(world_find(w, RECORD_FENCE, THEIR_SESSION)->value.fence.counter, 1);
        assert_string_equal(world_find(w, RECORD_FENCE, THEIR_SESSION)->value.fence.names[0], "a.service");
        world_free(w);
}

static void a_holder_that_beats_is_never_taken_over(void **state) {
        World *w = world_new();

        add_them(w);
        world_connect(w);
        for (unsigned i = 0; i < 100; i++) {
                world_pass(w, USEC_PER_SEC);
                beat_them(w);
        }
        assert_string_equal(world_lease(w)->session, THEIR_SESSION);
        world_free(w);
}

static void a_steal_leaves_a_debt_and_nothing_starts_until_it_is_waited_out(void **state) {
        World *w = world_new();
        usec_t robbed;

        add_them(w);
        world_connect(w);
        for (unsigned i = 0; i < 4; i++) {
                world_pass(w, USEC_PER_SEC);
                beat_them(w);
        }
        world_step(w, (Event){ .kind = EVENT_STEAL, .unit = "a.service" });
        robbed = w->now.boottime;
        assert_string_equal(world_lease(w)->session, w->session);
        assert_true(lease_has_debt(world_lease(w), THEIR_SESSION, 7));
        for (unsigned i = 0; i < 5; i++) {
                world_pass(w, 2 * USEC_PER_SEC);
                beat_them(w);
        }
        assert_int_equal(w->done[ACTION_UNIT_START], 0);
        world_pass_until(w, robbed + ttl_take_after(TTL) + 100000);
        assert_int_equal(world_lease(w)->n_debts, 0);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        assert_int_equal(w->armed, 8);
        world_free(w);
}

static void rob_us(World *w) {
        LeaseRecord l = *world_lease(w);
        FenceRecord *f = &world_find(w, RECORD_FENCE, w->session)->value.fence;

        (void) lease_add_debt(&l, w->session, l.index);
        str_copy(l.session, sizeof(l.session), THEIR_SESSION);
        l.index++;
        w->revision++;
        world_put(w, RECORD_LEASE, "a.service", &l);
        fence_add_name(f, "a.service");
        world_find(w, RECORD_FENCE, w->session)->revision = w->revision;
}

static void a_robbed_lease_is_found_by_the_fence_and_never_covered_again(void **state) {
        World *w = running();

        rob_us(w);
        world_pass(w, 3 * USEC_PER_SEC);
        assert_int_equal(w->reports[REPORT_LOST], 1);
        assert_int_equal(w->done[ACTION_GUARD_LOSE], 1);
        assert_true(w->guard.expired);
        assert_true(lease_has_debt(world_lease(w), w->session, 1)); /* it is not down yet */
        world_free(w);
}

static void a_robbed_session_strikes_its_debt_once_its_unit_is_down_and_empty(void **state) {
        World *w = running();

        rob_us(w);
        world_pass(w, 3 * USEC_PER_SEC);
        w->unit.active = ACTIVE_INACTIVE; /* inactive, and yet a process is left */
        world_say_unit(w);
        world_pass(w, USEC_PER_SEC);
        assert_true(lease_has_debt(world_lease(w), w->session, 1));
        w->unit.empty = true;
        world_say_unit(w);
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(world_lease(w)->n_debts, 0);
        assert_string_equal(world_lease(w)->session, THEIR_SESSION);
        world_free(w);
}

static void a_release_waits_for_the_last_process(void **state) {
        World *w = running();

        world_step(w, (Event){ .kind = EVENT_RELEASE, .unit = "a.service" });
        assert_false(w->guard.open);
        w->unit.active = ACTIVE_INACTIVE;
        world_say_unit(w);
        world_pass(w, 5 * USEC_PER_SEC);
        assert_int_equal(world_lease(w)->state, LEASE_HELD);
        w->unit.empty = true;
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(world_lease(w)->state, LEASE_FREE);
        world_pass(w, 20 * USEC_PER_SEC);
        assert_int_equal(world_lease(w)->state, LEASE_FREE); /* we stand back */
        world_pass(w, 15 * USEC_PER_SEC);
        assert_int_equal(world_lease(w)->state, LEASE_HELD);
        assert_int_equal(world_lease(w)->index, 2);
        world_free(w);
}

static void a_read_from_before_the_gate_was_closed_does_not_let_go(void **state) {
        World *w = running();
        usec_t before;

        before = w->now.boottime;
        world_step(w, (Event){ .kind = EVENT_RELEASE, .unit = "a.service" });
        w->unit.asked_at = before - 5;
        world_step(w, (Event){ .kind = EVENT_UNIT, .unit = "a.service",
                       .report = { .known = true, .asked_at = before - 5, .empty = true, .gate_loaded = true } });
        assert_int_equal(world_lease(w)->state, LEASE_HELD);
        world_free(w);
}

static void a_restarted_daemon_keeps_the_unit_its_session_and_its_index(void **state) {
        World *w = running();
        char session[SESSION_SIZE];

        str_copy(session, sizeof(session), w->session);
        world_restart(w, session);
        world_connect(w);
        world_pass(w, 3 * USEC_PER_SEC);
        assert_int_equal(w->reports[REPORT_ADOPTED], 1);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        assert_int_equal(w->done[ACTION_UNIT_STOP], 0);
        assert_string_equal(world_lease(w)->session, session);
        assert_int_equal(world_lease(w)->index, 1);
        world_free(w);
}

static void a_session_whose_beat_is_gone_is_over(void **state) {
        World *w = running();
        char session[SESSION_SIZE];

        str_copy(session, sizeof(session), w->session);
        w->revision++;
        world_find(w, RECORD_BEAT, session)->revision = 0;
        world_find(w, RECORD_FENCE, session)->revision = 0;
        world_pass(w, 3 * USEC_PER_SEC);
        assert_string_not_equal(w->session, session);
        assert_int_equal(w->done[ACTION_GUARD_LOSE], 1);
        world_free(w);
}

static void somebody_who_beats_in_our_name_ends_our_session(void **state) {
        World *w = running();
        BeatRecord b = { .machine_id = US, .nonce = "00000000000c10e0-1" };

        w->revision++;
        world_put(w, RECORD_BEAT, w->session, &b);
        world_pass(w, 3 * USEC_PER_SEC);
        assert_int_equal(w->reports[REPORT_SESSION_CLONED], 1);
        assert_int_equal(w->done[ACTION_GUARD_LOSE], 1);
        world_free(w);
}

static void a_replaced_registry_stops_everything_until_it_is_accepted(void **state) {
        World *w = running();
        MetaRecord meta = { .uuid = "v", .format = 1 };

        for (size_t i = 0; i < w->n_entries; i++)
                w->entries[i].revision = 0;
        w->revision = 2;
        world_put(w, RECORD_META, "", &meta);
        world_pass(w, 5 * USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_GUARD_LOSE], 1);
        w->unit.active = ACTIVE_INACTIVE;
        w->unit.empty = true;
        world_say_unit(w);
        world_pass(w, 200 * USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        assert_int_equal(world_find(w, RECORD_LEASE, "a.service")->revision, 0);
        world_step(w, (Event){ .kind = EVENT_ACCEPT, .machine = "v" });
        world_pass(w, 100 * USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_UNIT_START], 2);
        assert_true(world_lease(w)->index > 1000000); /* the floor was raised to the wall clock */
        world_free(w);
}

static void a_registry_that_fell_back_is_silent_for_a_while_and_the_index_goes_on(void **state) {
        World *w = running();
        static World old;

        memcpy(&old, w, sizeof(old));
        world_pass(w, 30 * USEC_PER_SEC);
        memcpy(w->entries, old.entries, sizeof(w->entries));
        w->n_entries = old.n_entries;
        w->revision = old.revision;
        world_pass(w, 3 * USEC_PER_SEC);
        assert_int_equal(w->reports[REPORT_REGISTRY_FELL_BACK], 1);
        w->unit.active = ACTIVE_INACTIVE;
        w->unit.empty = true;
        world_say_unit(w);
        world_pass(w, 55 * USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        world_pass(w, 30 * USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_UNIT_START], 2);
        assert_true(world_lease(w)->index > 1000000);
        world_free(w);
}

static void a_unit_without_its_gate_is_not_competed_for(void **state) {
        World *w = world_new();

        w->unit.gate_loaded = false;
        world_connect(w);
        world_pass(w, 30 * USEC_PER_SEC);
        assert_int_equal(w->reports[REPORT_GATE_MISSING], 1);
        assert_null(world_find(w, RECORD_LEASE, "a.service"));
        w->unit.gate_loaded = true;
        world_say_unit(w);
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        world_free(w);
}

static void a_shutdown_stops_releases_and_ends_the_session(void **state) {
        World *w = running();

        world_step(w, (Event){ .kind = EVENT_SHUTDOWN });
        assert_int_equal(w->done[ACTION_EXIT], 0);
        w->unit.active = ACTIVE_INACTIVE;
        w->unit.empty = true;
        world_say_unit(w);
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_EXIT], 1);
        assert_int_equal(world_lease(w)->state, LEASE_FREE);
        assert_int_equal(world_find(w, RECORD_BEAT, w->session)->revision, 0);
        assert_int_equal(world_find(w, RECORD_FENCE, w->session)->revision, 0);
        world_free(w);
}

static void a_job_that_ends_well_is_done_and_runs_again_only_when_rearmed(void **state) {
        World *w = running();

        w->unit.active = ACTIVE_INACTIVE;
        w->unit.empty = true;
        world_say_unit(w);
        world_pass(w, 2 * USEC_PER_SEC);
        assert_int_equal(world_lease(w)->state, LEASE_DONE);
        world_pass(w, 100 * USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        world_step(w, (Event){ .kind = EVENT_REARM, .unit = "a.service" });
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_UNIT_START], 2);
        assert_int_equal(world_lease(w)->index, 2);
        world_free(w);
}

static void a_unit_stopped_by_hand_stays_stopped_and_keeps_its_lease(void **state) {
        World *w = running();

        w->unit.active = ACTIVE_INACTIVE;
        w->unit.empty = true;
        w->unit.foreign_job = true;
        world_say_unit(w);
        world_pass(w, 100 * USEC_PER_SEC);
        assert_int_equal(world_lease(w)->state, LEASE_HELD);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        assert_int_equal(w->reports[REPORT_STOPPED_BY_HAND], 1);
        world_free(w);
}

static void a_unit_found_active_without_its_lease_is_stopped(void **state) {
        World *w = world_new();

        add_them(w);
        w->unit.active = ACTIVE_ACTIVE;
        w->unit.empty = false;
        world_connect(w);
        for (unsigned i = 0; i < 3; i++) {
                world_pass(w, USEC_PER_SEC);
                beat_them(w);
        }
        assert_int_equal(w->reports[REPORT_STRAY], 1);
        assert_int_equal(w->done[ACTION_GUARD_LOSE], 1);
        assert_true(w->done[ACTION_UNIT_STOP] > 0);
        world_free(w);
}

/* As where /run is full: another machine may have more luck. */
static void a_lease_whose_gate_cannot_be_made_is_let_go(void **state) {
        World *w = world_new();

        w->gate_fails = true;
        world_connect(w);
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(world_lease(w)->state, LEASE_HELD);
        world_pass(w, 10 * USEC_PER_SEC);
        assert_int_equal(world_lease(w)->state, LEASE_FREE);
        assert_int_equal(w->reports[REPORT_UNIT_FAILED], 1);
        assert_int_equal(w->done[ACTION_UNIT_START], 0);
        w->gate_fails = false;
        world_pass(w, 120 * USEC_PER_SEC);
        assert_int_equal(world_lease(w)->state, LEASE_HELD);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        world_free(w);
}

/* At a machine's shutdown PID 1 stops what is leased, then the guard, then us. */
static void a_shutdown_after_the_guard_is_gone_still_releases(void **state) {
        World *w = running();

        w->guard_mute = true;
        w->unit.active = ACTIVE_INACTIVE;
        w->unit.empty = true;
        world_step(w, (Event){ .kind = EVENT_GUARD_DOWN });
        world_step(w, (Event){ .kind = EVENT_SHUTDOWN });
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(world_lease(w)->state, LEASE_HELD); /* nothing is known of the gate */
        world_step(w, (Event){ .kind = EVENT_GUARD_GONE });
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_EXIT], 1);
        assert_int_equal(world_lease(w)->state, LEASE_FREE);
        world_free(w);
}

static void another_lease_name_is_taken_on_only_when_nothing_is_held_under_the_old_one(void **state) {
        World *w = running();
        Event e = { .kind = EVENT_CONFIGURE,
                    .config = { .unit = "a.service", .lease = "other", .stop_grace = USEC_INFINITY,
                                .timeout_stop = 90 * USEC_PER_SEC } };

        world_step(w, e);
        world_pass(w, 5 * USEC_PER_SEC);
        assert_int_equal(world_lease(w)->state, LEASE_HELD); /* the unit is still stopping */
        assert_null(world_find(w, RECORD_LEASE, "other"));
        w->unit.active = ACTIVE_INACTIVE;
        w->unit.empty = true;
        world_say_unit(w);
        world_pass(w, 2 * USEC_PER_SEC);
        assert_int_equal(world_lease(w)->state, LEASE_FREE);
        assert_string_equal(world_find(w, RECORD_LEASE, "other")->value.lease.session, w->session);
        assert_int_equal(w->done[ACTION_UNIT_START], 2);
        world_free(w);
}

/* The daemon ends, and everything that PID 1 and the guard keep stays. */
static void restart_unconnected(World *w) {
        char session[SESSION_SIZE];

        str_copy(session, sizeof(session), w->session);
        world_restart(w, session);
        w->done[ACTION_GUARD_BEAT] = w->done[ACTION_GUARD_LOSE] = 0;
}

static void what_was_lost_while_the_daemon_was_down_is_not_covered_by_its_first_beat(void **state) {
        World *w = running();

        restart_unconnected(w);
        rob_us(w);
        world_pass(w, USEC_PER_SEC); /* it beats before the guard is connected */
        assert_int_equal(w->done[ACTION_GUARD_BEAT], 0);
        w->order = 0;
        world_connect(w);
        world_pass(w, 3 * USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_GUARD_LOSE], 1);
        assert_true(w->lost_at < w->beat_at);
        world_free(w);
}

static void another_lease_name_found_at_the_start_releases_nothing_while_its_unit_runs(void **state) {
        World *w = running();
        Event e = { .kind = EVENT_CONFIGURE,
                    .config = { .unit = "a.service", .lease = "other", .stop_grace = USEC_INFINITY,
                                .timeout_stop = 90 * USEC_PER_SEC } };

        restart_unconnected(w);
        world_step(w, e);
        world_step(w, (Event){ .kind = EVENT_GUARD_UP });
        e = (Event){ .kind = EVENT_GUARD, .unit = "a.service", .guard = w->guard };
        e.guard.serial = UINT64_MAX;
        world_step(w, e);
        world_step(w, (Event){ .kind = EVENT_GUARD_SYNCED });
        world_say_unit(w);
        world_pass(w, 5 * USEC_PER_SEC);
        assert_true(w->done[ACTION_UNIT_STOP] > 0);
        assert_int_equal(world_lease(w)->state, LEASE_HELD);
        w->unit.active = ACTIVE_INACTIVE;
        w->unit.empty = true;
        world_say_unit(w);
        world_pass(w, 5 * USEC_PER_SEC);
        assert_int_equal(world_lease(w)->state, LEASE_FREE);
        world_free(w);
}

static void a_unit_active_without_an_entry_is_stopped_also_while_the_registry_is_silent(void **state) {
        World *w = world_new();

        w->silent = true;
        w->unit.active = ACTIVE_ACTIVE;
        w->unit.empty = false;
        world_connect(w);
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(w->reports[REPORT_STRAY], 1);
        assert_true(w->done[ACTION_UNIT_STOP] > 0);
        world_free(w);
}

static void a_daemon_that_died_before_it_had_asked_for_the_start_asks_when_it_is_back(void **state) {
        World *w = running();

        restart_unconnected(w);
        w->unit = (UnitReport){ .empty = true, .gate_loaded = true, .run = 1, .ended_at = 1 }; /* of an earlier tenure */
        world_connect(w);
        world_pass(w, 5 * USEC_PER_SEC);
        assert_int_equal(w->reports[REPORT_STOPPED_BY_HAND], 0);
        assert_int_equal(w->done[ACTION_UNIT_START], 2);
        world_free(w);
}

static void a_loss_that_the_guard_did_not_hear_is_said_again(void **state) {
        World *w = running();
        Event e = { .kind = EVENT_GUARD, .unit = "a.service" };
        unsigned before;

        w->guard_mute = true; /* the connection goes, and with it what was said last */
        rob_us(w);
        world_pass(w, 3 * USEC_PER_SEC);
        before = w->done[ACTION_GUARD_LOSE];
        assert_true(before >= 1);
        world_step(w, (Event){ .kind = EVENT_GUARD_DOWN });
        w->guard_mute = false;
        w->guard = (GuardReport){ .index = 1, .open = true };
        world_step(w, (Event){ .kind = EVENT_GUARD_UP });
        w->beat_at = w->lost_at = w->order = 0;
        e.guard = (GuardReport){ .index = 1, .open = true };
        world_step(w, e);
        world_step(w, (Event){ .kind = EVENT_GUARD_SYNCED });
        world_pass(w, 3 * USEC_PER_SEC);
        assert_true(w->done[ACTION_GUARD_LOSE] > before);
        assert_true(w->beat_at == 0 || w->lost_at < w->beat_at);
        world_free(w);
}

static void a_unit_stopped_by_hand_stays_stopped_through_a_silence_of_the_registry(void **state) {
        World *w = running();

        w->unit.active = ACTIVE_INACTIVE;
        w->unit.empty = true;
        w->unit.foreign_job = true;
        world_say_unit(w);
        w->silent = true;
        world_pass(w, 9 * USEC_PER_SEC);
        w->silent = false;
        world_pass(w, 10 * USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        assert_true(w->guard.open); /* an operator may start it */
        world_free(w);
}

static void a_release_whose_answer_was_lost_is_stood_back_from_like_any_other(void **state) {
        World *w = running();

        world_step(w, (Event){ .kind = EVENT_RELEASE, .unit = "a.service" });
        w->unit.active = ACTIVE_INACTIVE;
        w->unit.empty = true;
        w->lose_replies = true;
        world_say_unit(w);
        w->lose_replies = false;
        world_pass(w, 20 * USEC_PER_SEC);
        assert_int_equal(world_lease(w)->state, LEASE_FREE);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        world_free(w);
}

static void a_rearm_of_a_job_that_runs_is_not_kept_for_its_end(void **state) {
        World *w = running();

        world_step(w, (Event){ .kind = EVENT_REARM, .unit = "a.service" });
        w->unit.active = ACTIVE_INACTIVE;
        w->unit.empty = true;
        world_say_unit(w);
        world_pass(w, 5 * USEC_PER_SEC);
        assert_int_equal(world_lease(w)->state, LEASE_DONE);
        world_free(w);
}

static void change_ttl(World *w, usec_t ttl) {
        char before[SESSION_SIZE];
        usec_t t;

        str_copy(before, sizeof(before), w->session);
        world_step(w, (Event){ .kind = EVENT_TTL, .span = ttl });
        t = w->now.boottime;
        world_pass(w, 5 * USEC_PER_SEC);
        assert_string_not_equal(w->session, before);
        assert_int_equal(session_ttl(w->session), ttl);
        assert_string_equal(world_lease(w)->session, w->session);
        assert_int_equal(world_lease(w)->index, 1);
        assert_int_equal(w->armed_kill, ttl - ttl / 50 - KILL_SLACK);
        assert_true(w->last_t0 > t);
        t = world_find(w, RECORD_BEAT, before)->revision;
        world_pass(w, 60 * USEC_PER_SEC);
        assert_int_equal(world_find(w, RECORD_BEAT, before)->revision, t); /* the old one is beaten no more */
}

static void another_ttl_is_another_session_and_stops_no_unit(void **state) {
        World *w = running();

        change_ttl(w, 2 * USEC_PER_SEC);
        change_ttl(w, 60 * USEC_PER_SEC);
        change_ttl(w, 10 * USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_UNIT_STOP], 0);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        assert_int_equal(w->reports[REPORT_EXPIRED], 0);
        world_free(w);
}

static void a_daemon_restarted_with_another_ttl_moves_after_it_has_adopted(void **state) {
        World *w = running();
        char before[SESSION_SIZE];

        str_copy(before, sizeof(before), w->session);
        world_restart(w, before);
        world_step(w, (Event){ .kind = EVENT_TTL, .span = 4 * USEC_PER_SEC });
        world_connect(w);
        world_pass(w, 6 * USEC_PER_SEC);
        assert_int_equal(session_ttl(world_lease(w)->session), 4 * USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_UNIT_STOP], 0);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        world_free(w);
}

static void the_last_trigger_of_a_timer_goes_with_the_lease(void **state) {
        World *w = running();

        w->unit.last_trigger = 1700;
        world_say_unit(w);
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(world_lease(w)->last_trigger, 1700);
        w->unit.last_trigger = 1600; /* what somebody has set back is no news */
        world_say_unit(w);
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(world_lease(w)->last_trigger, 1700);

        w->unit.last_trigger = 1800;
        world_say_unit(w);
        world_step(w, (Event){ .kind = EVENT_RELEASE, .unit = "a.service" });
        w->unit.active = ACTIVE_INACTIVE;
        w->unit.empty = true;
        world_say_unit(w);
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(world_lease(w)->state, LEASE_FREE);
        assert_int_equal(world_lease(w)->last_trigger, 1800);
        assert_int_equal(world_lease(w)->index, 1);
        world_free(w);
}

static void the_same_seed_and_events_give_the_same_session(void **state) {
        World *a = running(), *b = running();

        assert_string_equal(a->session, b->session);
        world_free(a);
        world_free(b);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_free_lease_is_acquired_and_its_unit_started_once),
                cmocka_unit_test(one_write_a_round_whatever_is_held),
                cmocka_unit_test(a_deadline_counts_from_before_the_beat_was_sent),
                cmocka_unit_test(silence_stops_the_unit_at_stop_at_and_not_before),
                cmocka_unit_test(an_expired_unit_comes_back_with_its_index_when_the_lease_is_still_ours),
                cmocka_unit_test(a_silent_holder_is_taken_over_only_after_his_ttl_with_margin),
                cmocka_unit_test(a_holder_that_beats_is_never_taken_over),
                cmocka_unit_test(a_steal_leaves_a_debt_and_nothing_starts_until_it_is_waited_out),
                cmocka_unit_test(a_robbed_lease_is_found_by_the_fence_and_never_covered_again),
                cmocka_unit_test(a_robbed_session_strikes_its_debt_once_its_unit_is_down_and_empty),
                cmocka_unit_test(a_release_waits_for_the_last_process),
                cmocka_unit_test(a_read_from_before_the_gate_was_closed_does_not_let_go),
                cmocka_unit_test(a_restarted_daemon_keeps_the_unit_its_session_and_its_index),
                cmocka_unit_test(a_session_whose_beat_is_gone_is_over),
                cmocka_unit_test(somebody_who_beats_in_our_name_ends_our_session),
                cmocka_unit_test(a_replaced_registry_stops_everything_until_it_is_accepted),
                cmocka_unit_test(a_registry_that_fell_back_is_silent_for_a_while_and_the_index_goes_on),
                cmocka_unit_test(a_unit_without_its_gate_is_not_competed_for),
                cmocka_unit_test(a_shutdown_stops_releases_and_ends_the_session),
                cmocka_unit_test(a_job_that_ends_well_is_done_and_runs_again_only_when_rearmed),
                cmocka_unit_test(a_unit_stopped_by_hand_stays_stopped_and_keeps_its_lease),
                cmocka_unit_test(a_unit_found_active_without_its_lease_is_stopped),
                cmocka_unit_test(a_lease_whose_gate_cannot_be_made_is_let_go),
                cmocka_unit_test(a_shutdown_after_the_guard_is_gone_still_releases),
                cmocka_unit_test(another_lease_name_is_taken_on_only_when_nothing_is_held_under_the_old_one),
                cmocka_unit_test(what_was_lost_while_the_daemon_was_down_is_not_covered_by_its_first_beat),
                cmocka_unit_test(another_lease_name_found_at_the_start_releases_nothing_while_its_unit_runs),
                cmocka_unit_test(a_unit_active_without_an_entry_is_stopped_also_while_the_registry_is_silent),
                cmocka_unit_test(a_daemon_that_died_before_it_had_asked_for_the_start_asks_when_it_is_back),
                cmocka_unit_test(a_loss_that_the_guard_did_not_hear_is_said_again),
                cmocka_unit_test(a_unit_stopped_by_hand_stays_stopped_through_a_silence_of_the_registry),
                cmocka_unit_test(a_release_whose_answer_was_lost_is_stood_back_from_like_any_other),
                cmocka_unit_test(a_rearm_of_a_job_that_runs_is_not_kept_for_its_end),
                cmocka_unit_test(another_ttl_is_another_session_and_stops_no_unit),
                cmocka_unit_test(a_daemon_restarted_with_another_ttl_moves_after_it_has_adopted),
                cmocka_unit_test(the_last_trigger_of_a_timer_goes_with_the_lease),
                cmocka_unit_test(the_same_seed_and_events_give_the_same_session),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
