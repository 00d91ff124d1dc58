/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The laws as one core keeps them, step by step and by hand. What many machines make of them is the simulation's
 * business.
 */

#include "core-world.h"

static void a_free_lease_is_acquired_and_its_unit_started_once(void **state) {
        World *w = world_running();

        assert_int_equal(world_lease(w)->index, 1);
        assert_int_equal(w->armed, 1);
        world_pass(w, 60 * USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        assert_int_equal(world_lease(w)->index, 1);
        world_free(w);
}

static void one_write_a_round_whatever_is_held(void **state) {
        World *w = world_running();
        unsigned before = w->done[ACTION_TXN];

        world_pass(w, 20 * USEC_PER_SEC);
        assert_in_range(w->done[ACTION_TXN] - before, 9, 11);
        world_free(w);
}

static void a_deadline_counts_from_before_the_beat_was_sent(void **state) {
        World *w = world_running();

        world_pass(w, 5 * USEC_PER_SEC);
        assert_true(w->last_t0 < w->now.boottime);
        assert_true(w->last_t0 + TTL / 5 + 10000 > w->now.boottime);
        world_free(w);
}

static void silence_stops_the_unit_at_stop_at_and_not_before(void **state) {
        World *w = world_running();
        usec_t stop_at;

        w->silent = true;
        world_pass(w, USEC_PER_SEC);
        stop_at = w->last_t0 + TTL - TTL / 50 - ttl_kill_slack(TTL) - TTL / 4;
        world_pass_until(w, stop_at - 10000);
        assert_int_equal(w->done[ACTION_UNIT_STOP], 0);
        world_pass_until(w, stop_at + 10000);
        assert_true(w->done[ACTION_UNIT_STOP] > 0);
        assert_int_equal(w->reports[REPORT_EXPIRED], 1);
        assert_int_equal(w->reports[REPORT_STARTED], 1);
        assert_int_equal(w->reports[REPORT_STOPPED], 0); /* it is not down yet */
        w->unit.active = ACTIVE_INACTIVE;
        w->unit.empty = true;
        world_say_unit(w);
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(w->reports[REPORT_STOPPED], 1);
        world_free(w);
}

static void who_has_the_lease_of_a_unit_that_was_stopped_in_silence_is_told_once(void **state) {
        World *w = world_running();

        w->silent = true;
        world_pass(w, TTL);
        w->unit.active = ACTIVE_INACTIVE;
        w->unit.empty = true;
        world_say_unit(w);
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(w->reports[REPORT_STOPPED], 1);
        world_rob_us(w);
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(w->reports[REPORT_STOPPED], 1); /* nobody can know yet */
        w->silent = false;
        world_pass(w, 3 * USEC_PER_SEC);
        assert_int_equal(w->reports[REPORT_STOPPED], 2);
        world_pass(w, 3 * USEC_PER_SEC);
        assert_int_equal(w->reports[REPORT_STOPPED], 2);
        world_free(w);
}

static void an_expired_unit_comes_back_with_its_index_when_the_lease_is_still_ours(void **state) {
        World *w = world_running();

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

        world_add_them(w);
        world_connect(w);
        world_pass(w, USEC_PER_SEC);
        world_beat_them(w);
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

        world_add_them(w);
        world_connect(w);
        for (unsigned i = 0; i < 100; i++) {
                world_pass(w, USEC_PER_SEC);
                world_beat_them(w);
        }
        assert_string_equal(world_lease(w)->session, THEIR_SESSION);
        world_free(w);
}

static void a_steal_leaves_a_debt_and_nothing_starts_until_it_is_waited_out(void **state) {
        World *w = world_new();
        usec_t robbed;

        world_add_them(w);
        world_connect(w);
        for (unsigned i = 0; i < 4; i++) {
                world_pass(w, USEC_PER_SEC);
                world_beat_them(w);
        }
        world_step(w, (Event){ .kind = EVENT_STEAL, .unit = "a.service" });
        robbed = w->now.boottime;
        assert_string_equal(world_lease(w)->session, w->session);
        assert_true(lease_has_debt(world_lease(w), THEIR_SESSION, 7));
        for (unsigned i = 0; i < 5; i++) {
                world_pass(w, 2 * USEC_PER_SEC);
                world_beat_them(w);
        }
        assert_int_equal(w->done[ACTION_UNIT_START], 0);
        world_pass_until(w, robbed + ttl_take_after(TTL) + 100000);
        assert_int_equal(world_lease(w)->n_debts, 0);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        assert_int_equal(w->armed, 8);
        world_free(w);
}

static void a_robbed_lease_is_found_by_the_fence_and_never_covered_again(void **state) {
        World *w = world_running();

        world_rob_us(w);
        world_pass(w, 3 * USEC_PER_SEC);
        assert_int_equal(w->reports[REPORT_LOST], 1);
        assert_int_equal(w->done[ACTION_GUARD_LOSE], 1);
        assert_true(w->guard.expired);
        assert_true(lease_has_debt(world_lease(w), w->session, 1)); /* it is not down yet */
        world_free(w);
}

static void a_robbed_session_strikes_its_debt_once_its_unit_is_down_and_empty(void **state) {
        World *w = world_running();

        world_rob_us(w);
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
        World *w = world_running();

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

static void what_starts_beside_an_inactive_unit_is_stopped_again(void **state) {
        World *w = world_running();
        unsigned stops;

        world_step(w, (Event){ .kind = EVENT_RELEASE, .unit = "a.service" });
        w->unit.active = ACTIVE_INACTIVE;
        world_say_unit(w);
        stops = w->done[ACTION_UNIT_STOP];
        world_pass(w, 4 * USEC_PER_SEC);
        assert_in_range(w->done[ACTION_UNIT_STOP] - stops, 3, 5); /* once a second, not with each look */
        assert_int_equal(w->done[ACTION_GUARD_LOSE], 0);
        assert_int_equal(world_lease(w)->state, LEASE_HELD);
        world_free(w);
}

static void a_stop_is_asked_for_once_until_pid_one_says_how_the_unit_is(void **state) {
        World *w = world_running();

        w->pid1_mute = true; /* it has much to do */
        world_step(w, (Event){ .kind = EVENT_RELEASE, .unit = "a.service" });
        world_pass(w, 3 * USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_UNIT_STOP], 1);
        world_say_unit(w); /* it still runs, and nothing is under way: the stop was lost */
        world_pass(w, USEC_PER_SEC);
        assert_true(w->done[ACTION_UNIT_STOP] > 1);
        world_free(w);
}

static void what_is_left_in_the_slice_of_a_unit_that_is_down_is_killed_once(void **state) {
        World *w = world_running();

        world_step(w, (Event){ .kind = EVENT_RELEASE, .unit = "a.service" });
        w->unit.left = true;
        world_say_unit(w);
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_GUARD_LOSE], 0); /* the unit itself is up */
        w->unit.active = ACTIVE_INACTIVE;
        world_say_unit(w);
        world_pass(w, 4 * USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_GUARD_LOSE], 1);
        assert_int_equal(world_lease(w)->state, LEASE_HELD);
        w->unit.left = false;
        w->unit.empty = true;
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(world_lease(w)->state, LEASE_FREE);
        assert_int_equal(w->reports[REPORT_LOST], 0);
        world_free(w);
}

static void a_read_from_before_the_gate_was_closed_does_not_let_go(void **state) {
        World *w = world_running();
        usec_t before;

        before = w->now.boottime;
        world_step(w, (Event){ .kind = EVENT_RELEASE, .unit = "a.service" });
        w->unit.asked_at = before - 5;
        world_step(w, (Event){ .kind = EVENT_UNIT,
                                      .unit = "a.service",
                                      .report = { .known = true,
                                                      .asked_at = before - 5,
                                                      .empty = true,
                                                      .gate_loaded = true } });
        assert_int_equal(world_lease(w)->state, LEASE_HELD);
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
        World *w = world_running();

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
        World *w = world_running();

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

static void a_tenure_begins_with_a_clean_slate_and_only_its_first_start(void **state) {
        World *w = world_running();

        assert_int_equal(w->clean_starts, 1);
        world_step(w, (Event){ .kind = EVENT_RELEASE, .unit = "a.service" });
        w->unit.active = ACTIVE_INACTIVE;
        w->unit.empty = true;
        w->start_refused = true; /* "Start request repeated too quickly" */
        world_say_unit(w);
        world_pass(w, 60 * USEC_PER_SEC);
        assert_true(w->done[ACTION_UNIT_START] > 2);
        assert_int_equal(w->clean_starts, 2);
        assert_int_equal(w->reports[REPORT_UNIT_FAILED], 1); /* and stands back, as ever */
        world_free(w);
}

/* The bus has no room, or PID 1 stands still: that is not the unit's failure, however long it lasts. */
static void a_start_that_nobody_answers_is_no_failure_of_the_unit(void **state) {
        World *w = world_running();

        world_step(w, (Event){ .kind = EVENT_RELEASE, .unit = "a.service" });
        w->unit.active = ACTIVE_INACTIVE;
        w->unit.empty = true;
        w->start_refused = true;
        world_say_unit(w);
        for (unsigned i = 0; i < 60; i++) {
                unsigned starts = w->done[ACTION_UNIT_START];

                world_pass(w, USEC_PER_SEC);
                if (w->done[ACTION_UNIT_START] > starts)
                        world_step(w, (Event){ .kind = EVENT_FAILED,
                                                      .unit = "a.service",
                                                      .action = ACTION_UNIT_START,
                                                      .on = true });
        }
        assert_true(w->done[ACTION_UNIT_START] > 8);
        assert_int_equal(w->reports[REPORT_UNIT_FAILED], 0);
        w->start_refused = false;
        world_pass(w, 2 * USEC_PER_SEC);
        assert_int_equal(w->unit.active, ACTIVE_ACTIVE);
        world_free(w);
}

static void a_unit_found_active_without_its_lease_is_stopped(void **state) {
        World *w = world_new();

        world_add_them(w);
        w->unit.active = ACTIVE_ACTIVE;
        w->unit.empty = false;
        world_connect(w);
        for (unsigned i = 0; i < 3; i++) {
                world_pass(w, USEC_PER_SEC);
                world_beat_them(w);
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

static void each_failure_doubles_the_time_that_this_machine_stands_back_up_to_an_hour(void **state) {
        World *w = world_running();
        usec_t expected = 60 * USEC_PER_SEC;

        for (int i = 0; i < 8; i++, expected = MIN(2 * expected, USEC_PER_HOUR)) {
                usec_t failed_at;

                w->unit.active = ACTIVE_FAILED;
                w->unit.failed = w->unit.empty = true;
                world_say_unit(w);
                world_pass(w, USEC_PER_SEC);
                assert_int_equal(world_lease(w)->state, LEASE_FREE);
                failed_at = w->now.boottime;
                w->unit.failed = false; /* until it is started again */
                world_pass_until(w, failed_at + expected - 2 * USEC_PER_SEC);
                assert_int_equal(world_lease(w)->state, LEASE_FREE);
                while (world_lease(w)->state != LEASE_HELD)
                        world_pass(w, USEC_PER_SEC);
                assert_in_range(w->now.boottime, failed_at, failed_at + expected + 5 * USEC_PER_SEC);
                assert_int_equal(w->unit.active, ACTIVE_ACTIVE);
        }
        /* One that has run well for a while begins anew. */
        world_pass(w, 2 * USEC_PER_MINUTE);
        w->unit.active = ACTIVE_FAILED;
        w->unit.failed = w->unit.empty = true;
        world_say_unit(w);
        world_pass(w, USEC_PER_SEC);
        w->unit.failed = false;
        world_pass(w, 65 * USEC_PER_SEC);
        assert_int_equal(world_lease(w)->state, LEASE_HELD);
        world_free(w);
}

static void a_steal_that_came_too_late_is_no_word_for_what_comes_after(void **state) {
        World *w = world_new();
        Placement elsewhere = { .require = "place=elsewhere" };
        LeaseRecord freed = { .state = LEASE_FREE, .machine_id = THEM, .index = 7 };
        Record r = { .kind = RECORD_LEASE, .name = "a.service", .value = &freed };

        world_add_them(w);
        world_connect(w);
        world_step(w, (Event){ .kind = EVENT_CONFIGURE,
                                      .config = { .unit = "a.service",
                                                      .lease = "a.service",
                                                      .stop_grace = USEC_INFINITY,
                                                      .timeout_stop = 90 * USEC_PER_SEC,
                                                      .placement = &elsewhere } });
        world_pass(w, 3 * USEC_PER_SEC);
        world_step(w, (Event){ .kind = EVENT_STEAL, .unit = "a.service", .index = 6 });
        world_pass(w, 3 * USEC_PER_SEC);
        assert_int_equal(world_lease(w)->index, 7);
        w->revision++;
        r.mod_revision = w->revision;
        world_put(w, RECORD_LEASE, "a.service", &freed);
        world_step(w, (Event){ .kind = EVENT_RECORDS,
                                      .answer = { .revision = w->revision, .records = &r, .n_records = 1 } });
        world_pass(w, 2 * TTL);
        assert_int_equal(world_lease(w)->index, 7);
        world_free(w);
}

static void a_start_that_fails_by_a_dependency_is_a_failure_and_not_a_job_well_done(void **state) {
        World *w = world_new();

        w->start_waits = true;
        world_connect(w);
        world_pass(w, 60 * USEC_PER_SEC); /* as long as it takes */
        assert_int_equal(world_lease(w)->state, LEASE_HELD);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        for (int i = 0; i < 10 && world_lease(w)->state == LEASE_HELD; i++) {
                w->unit.job = false;
                world_say_unit(w);
                world_pass(w, USEC_PER_SEC);
        }
        assert_int_equal(world_lease(w)->state, LEASE_FREE);
        assert_int_equal(w->reports[REPORT_UNIT_FAILED], 1);

        w->start_waits = false;
        w->unit.job = false;
        world_say_unit(w);
        world_pass(w, 120 * USEC_PER_SEC);
        assert_int_equal(world_lease(w)->state, LEASE_HELD);
        assert_int_equal(w->unit.active, ACTIVE_ACTIVE);
        world_free(w);
}

/* At a machine's shutdown PID 1 stops what is leased, then the guard, then us. */
static void a_shutdown_after_the_guard_is_gone_still_releases(void **state) {
        World *w = world_running();

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
        World *w = world_running();
        Event e = { .kind = EVENT_CONFIGURE,
                .config = { .unit = "a.service",
                                .lease = "other",
                                .stop_grace = USEC_INFINITY,
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

static void a_release_whose_answer_was_lost_is_stood_back_from_like_any_other(void **state) {
        World *w = world_running();

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
        World *w = world_running();

        world_step(w, (Event){ .kind = EVENT_REARM, .unit = "a.service" });
        w->unit.active = ACTIVE_INACTIVE;
        w->unit.empty = true;
        world_say_unit(w);
        world_pass(w, 5 * USEC_PER_SEC);
        assert_int_equal(world_lease(w)->state, LEASE_DONE);
        world_free(w);
}

/* Ours was carried out, somebody ran the job and it is done once more, before we ask again. */
static void a_rearm_whose_answer_was_lost_is_for_one_job(void **state) {
        World *w = world_running();
        LeaseRecord done;

        w->unit.active = ACTIVE_INACTIVE;
        w->unit.empty = true;
        world_say_unit(w);
        world_pass(w, 2 * USEC_PER_SEC);
        done = *world_lease(w);
        assert_int_equal(done.state, LEASE_DONE);
        w->lose_replies = true;
        world_step(w, (Event){ .kind = EVENT_REARM, .unit = "a.service" });
        w->lose_replies = false;
        assert_int_equal(world_lease(w)->state, LEASE_FREE);
        w->revision++;
        done.index++;
        world_put(w, RECORD_LEASE, "a.service", &done);
        world_pass(w, 60 * USEC_PER_SEC);
        assert_int_equal(world_lease(w)->state, LEASE_DONE);
        assert_int_equal(world_lease(w)->index, 2);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        world_free(w);
}

static void a_lease_is_told_as_acquired_once_also_when_the_answer_was_lost(void **state) {
        World *w = world_running();

        assert_int_equal(w->reports[REPORT_ACQUIRED], 1);
        world_free(w);
        w = world_new();
        w->lose = 1u << RECORD_LEASE;
        world_connect(w);
        world_pass(w, USEC_PER_SEC);
        w->lose = 0;
        world_land(w);
        world_pass(w, 10 * USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        assert_int_equal(w->reports[REPORT_ACQUIRED], 1);
        world_free(w);
}

static void the_last_trigger_of_a_timer_goes_with_the_lease(void **state) {
        World *w = world_running();

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

/* Their timer: the record knows of an elapse of long ago. */
static World *world_of_their_timer(void) {
        World *w = world_new();

        world_add_them(w);
        world_lease(w)->last_trigger = 1700;
        world_connect(w);
        world_pass(w, USEC_PER_SEC);
        world_beat_them(w);
        world_pass(w, 2 * USEC_PER_SEC); /* it has reached us by now */
        return w;
}

static void what_a_silent_holder_may_have_run_for_is_not_made_up_for_and_what_it_cannot_is(void **state) {
        World *w = world_of_their_timer();
        usec_t seen = w->now.boottime, end;

        world_pass_until(w, seen + ttl_take_after(TTL) + 10000);
        assert_string_equal(world_lease(w)->session, w->session);
        end = world_lease(w)->last_trigger - (w->now.realtime - w->now.boottime);
        assert_true(end > seen - 3 * USEC_PER_SEC + TTL && end <= seen + TTL); /* it could have lived until then */
        world_free(w);
}

static void a_robbed_holder_may_have_run_until_its_debt_is_struck(void **state) {
        World *w = world_of_their_timer();
        usec_t robbed;

        world_step(w, (Event){ .kind = EVENT_STEAL, .unit = "a.service" });
        robbed = w->now.boottime;
        assert_int_equal(world_lease(w)->last_trigger, 1700);
        world_pass_until(w, robbed + ttl_take_after(TTL) + 100000);
        assert_int_equal(world_lease(w)->n_debts, 0);
        assert_true(world_lease(w)->last_trigger >= robbed + TTL + (w->now.realtime - w->now.boottime));
        world_free(w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_free_lease_is_acquired_and_its_unit_started_once),
                cmocka_unit_test(one_write_a_round_whatever_is_held),
                cmocka_unit_test(a_deadline_counts_from_before_the_beat_was_sent),
                cmocka_unit_test(silence_stops_the_unit_at_stop_at_and_not_before),
                cmocka_unit_test(who_has_the_lease_of_a_unit_that_was_stopped_in_silence_is_told_once),
                cmocka_unit_test(an_expired_unit_comes_back_with_its_index_when_the_lease_is_still_ours),
                cmocka_unit_test(a_silent_holder_is_taken_over_only_after_his_ttl_with_margin),
                cmocka_unit_test(a_holder_that_beats_is_never_taken_over),
                cmocka_unit_test(a_steal_leaves_a_debt_and_nothing_starts_until_it_is_waited_out),
                cmocka_unit_test(a_robbed_lease_is_found_by_the_fence_and_never_covered_again),
                cmocka_unit_test(a_robbed_session_strikes_its_debt_once_its_unit_is_down_and_empty),
                cmocka_unit_test(a_release_waits_for_the_last_process),
                cmocka_unit_test(what_starts_beside_an_inactive_unit_is_stopped_again),
                cmocka_unit_test(a_stop_is_asked_for_once_until_pid_one_says_how_the_unit_is),
                cmocka_unit_test(what_is_left_in_the_slice_of_a_unit_that_is_down_is_killed_once),
                cmocka_unit_test(a_read_from_before_the_gate_was_closed_does_not_let_go),
                cmocka_unit_test(a_unit_without_its_gate_is_not_competed_for),
                cmocka_unit_test(a_shutdown_stops_releases_and_ends_the_session),
                cmocka_unit_test(a_job_that_ends_well_is_done_and_runs_again_only_when_rearmed),
                cmocka_unit_test(a_tenure_begins_with_a_clean_slate_and_only_its_first_start),
                cmocka_unit_test(a_start_that_nobody_answers_is_no_failure_of_the_unit),
                cmocka_unit_test(a_unit_found_active_without_its_lease_is_stopped),
                cmocka_unit_test(a_lease_whose_gate_cannot_be_made_is_let_go),
                cmocka_unit_test(each_failure_doubles_the_time_that_this_machine_stands_back_up_to_an_hour),
                cmocka_unit_test(a_steal_that_came_too_late_is_no_word_for_what_comes_after),
                cmocka_unit_test(a_start_that_fails_by_a_dependency_is_a_failure_and_not_a_job_well_done),
                cmocka_unit_test(a_shutdown_after_the_guard_is_gone_still_releases),
                cmocka_unit_test(another_lease_name_is_taken_on_only_when_nothing_is_held_under_the_old_one),
                cmocka_unit_test(a_release_whose_answer_was_lost_is_stood_back_from_like_any_other),
                cmocka_unit_test(a_rearm_of_a_job_that_runs_is_not_kept_for_its_end),
                cmocka_unit_test(a_rearm_whose_answer_was_lost_is_for_one_job),
                cmocka_unit_test(a_lease_is_told_as_acquired_once_also_when_the_answer_was_lost),
                cmocka_unit_test(the_last_trigger_of_a_timer_goes_with_the_lease),
                cmocka_unit_test(what_a_silent_holder_may_have_run_for_is_not_made_up_for_and_what_it_cannot_is),
                cmocka_unit_test(a_robbed_holder_may_have_run_until_its_debt_is_struck),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
