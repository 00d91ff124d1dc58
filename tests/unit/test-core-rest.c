/* SPDX-License-Identifier: Apache-2.0 */

/* A unit that does not run, although its lease is here: stopped by hand, or by PID 1 because of another unit. */

#include "core-world.h"

static void a_unit_stopped_by_hand_stays_stopped_and_keeps_its_lease(void **state) {
        World *w = world_running();

        w->unit.active = ACTIVE_INACTIVE;
        w->unit.empty = true;
        w->unit.ended_by = ENDED_BY_HAND;
        world_say_unit(w);
        world_pass(w, 100 * USEC_PER_SEC);
        assert_int_equal(world_lease(w)->state, LEASE_HELD);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        assert_int_equal(w->reports[REPORT_STOPPED_BY_HAND], 1);
        world_free(w);
}

static void a_unit_stopped_by_hand_stays_stopped_through_a_silence_of_the_registry(void **state) {
        World *w = world_running();

        w->unit.active = ACTIVE_INACTIVE;
        w->unit.empty = true;
        w->unit.ended_by = ENDED_BY_HAND;
        world_say_unit(w);
        w->silent = true;
        world_pass(w, 9 * USEC_PER_SEC);
        w->silent = false;
        world_pass(w, 10 * USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        assert_true(w->guard.open); /* an operator may start it */
        world_free(w);
}

static void a_unit_stopped_by_hand_runs_in_the_next_tenure_that_is_ours(void **state) {
        World *w = world_running();
        LeaseRecord l;

        w->unit.active = ACTIVE_INACTIVE;
        w->unit.empty = true;
        w->unit.ended_by = ENDED_BY_HAND;
        world_say_unit(w);
        w->silent = true;
        world_pass(w, 9 * USEC_PER_SEC);
        world_rob_us(w);
        w->silent = false;
        world_pass(w, 5 * USEC_PER_SEC);
        l = *world_lease(w);
        l.state = LEASE_FREE;
        l.session[0] = '\0';
        l.n_debts = 0;
        world_put(w, RECORD_LEASE, "a.service", &l);
        world_pass(w, 10 * USEC_PER_SEC);
        assert_string_equal(world_lease(w)->session, w->session);
        assert_int_equal(w->done[ACTION_UNIT_START], 2);
        assert_int_equal(w->reports[REPORT_RESUMED], 0);
        world_free(w);
}

static void put_aside(World *w, EndedBy by, Obstacle obstacle) {
        w->unit.active = ACTIVE_INACTIVE;
        w->unit.empty = true;
        w->unit.ended_by = by;
        w->unit.obstacle = obstacle;
        w->unit.other = "need.service";
        world_say_unit(w);
}

static void what_pid1_has_stopped_is_started_again_when_that_is_over(void **state) {
        World *w = world_running();

        put_aside(w, ENDED_BY_UNKNOWN, OBSTACLE_NONE);
        world_pass(w, 5 * USEC_PER_SEC); /* nothing is decided before it is known */
        assert_int_equal(w->done[ACTION_UNIT_START] + w->reports[REPORT_STOPPED_BY_HAND], 1);
        assert_int_equal(world_lease(w)->state, LEASE_HELD);
        put_aside(w, ENDED_BY_NEED, OBSTACLE_LASTS);
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        put_aside(w, ENDED_BY_NEED, OBSTACLE_NONE);
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_UNIT_START], 2);
        assert_int_equal(world_lease(w)->index, 1);
        assert_int_equal(w->reports[REPORT_STOPPED_WITH], 1);
        /* A unit that starts again at the same Index has run nowhere but here since its last start. */
        assert_int_equal(w->reports[REPORT_STARTED], 2);
        assert_int_equal(w->starts_again, 1);
        world_free(w);
}

static void what_pid1_has_stopped_goes_elsewhere_for_as_long_as_that_lasts(void **state) {
        static const EndedBy by[] = { ENDED_BY_NEED, ENDED_BY_CONFLICT };

        for (size_t i = 0; i < ELEMENTSOF(by); i++) {
                World *w = world_running();
                UnitView v;

                put_aside(w, by[i], OBSTACLE_LASTS);
                world_pass(w, 100 * USEC_PER_SEC);
                assert_int_equal(world_lease(w)->state, LEASE_FREE);
                assert_true(core_find_unit(w->core, w->now, "a.service", &v));
                assert_non_null(strstr(WHY_TEXT(v.why_not), "need.service"));
                put_aside(w, by[i], OBSTACLE_NONE);
                world_pass(w, 5 * USEC_PER_SEC); /* and is had again at once: it did not fail */
                assert_int_equal(w->done[ACTION_UNIT_START], 2);
                assert_int_equal(world_lease(w)->index, 2);
                world_free(w);
        }
}

/* It waits for nothing of another unit, and the name of one is not told. */
static void what_no_unit_needs_goes_elsewhere_for_as_long_as_the_setting_is_there(void **state) {
        World *w = world_running();
        UnitView v;

        put_aside(w, ENDED_UNNEEDED, OBSTACLE_LASTS);
        assert_int_equal(w->reports[REPORT_STOPPED_WITH], 1);
        assert_int_equal(w->report_whys[REPORT_STOPPED_WITH], WHY_STOPS_UNNEEDED);
        world_pass(w, 100 * USEC_PER_SEC);
        assert_int_equal(w->reports[REPORT_STOPPED_BY_HAND], 0);
        assert_int_equal(world_lease(w)->state, LEASE_FREE);
        assert_int_equal(tenure_why(lease_last_tenure(world_lease(w))), WHY_UNNEEDED);
        assert_true(core_find_unit(w->core, w->now, "a.service", &v));
        assert_int_equal(v.why_not.why, WHY_STOPS_UNNEEDED);
        put_aside(w, ENDED_UNNEEDED, OBSTACLE_NONE);
        world_pass(w, 5 * USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_UNIT_START], 2);
        world_free(w);
}

static void what_no_unit_needs_starts_here_again_when_the_setting_is_gone(void **state) {
        World *w = world_running();

        put_aside(w, ENDED_UNNEEDED, OBSTACLE_LASTS);
        world_pass(w, USEC_PER_SEC);
        put_aside(w, ENDED_UNNEEDED, OBSTACLE_NONE);
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_UNIT_START], 2);
        assert_int_equal(world_lease(w)->index, 1);
        world_free(w);
}

static void what_its_need_takes_along_when_it_fails_has_failed(void **state) {
        World *w = world_running();

        put_aside(w, ENDED_BY_NEED, OBSTACLE_FAILED);
        world_pass(w, 10 * USEC_PER_SEC);
        assert_int_equal(world_lease(w)->state, LEASE_FREE);
        assert_int_equal(w->reports[REPORT_UNIT_FAILED], 1);
        world_pass(w, 70 * USEC_PER_SEC); /* a start brings what it needs along */
        assert_int_equal(w->done[ACTION_UNIT_START], 2);
        world_free(w);
}

static void what_is_put_aside_again_and_again_has_failed(void **state) {
        World *w = world_running();

        for (size_t i = 0; i < 10 && w->reports[REPORT_UNIT_FAILED] == 0; i++) {
                put_aside(w, ENDED_BY_NEED, OBSTACLE_NONE);
                world_pass(w, USEC_PER_SEC);
        }
        assert_int_equal(w->reports[REPORT_UNIT_FAILED], 1);
        world_free(w);
}

static void stop_unit(World *w) {
        world_step(w, (Event){ .kind = EVENT_RELEASE, .unit = "a.service" });
        w->unit.active = ACTIVE_INACTIVE;
        w->unit.empty = true;
        world_say_unit(w);
}

/* Another machine hands the lease to this one. */
static void hand_over(World *w) {
        LeaseRecord l = *world_lease(w);
        Entry *e;

        l.state = LEASE_HELD;
        l.index++;
        str_copy(l.machine_id, sizeof(l.machine_id), US);
        str_copy(l.session, sizeof(l.session), w->session);
        w->revision++;
        e = world_put(w, RECORD_LEASE, "a.service", &l);
        world_step(w, (Event){ .kind = EVENT_RECORDS,
                                      .answer = { .revision = w->revision,
                                                      .n_records = 1,
                                                      .records = &(Record){ .kind = e->kind,
                                                                      .name = e->name,
                                                                      .mod_revision = e->revision,
                                                                      .value = &e->value } } });
}

/* What is on its way to the registry for the lease does not keep back what other machines read of this one. */
static void the_end_of_standing_back_is_told_while_nothing_answers_for_the_lease(void **state) {
        World *w = world_running();
        const Entry *offer = w->entries;

        stop_unit(w);
        world_pass(w, 28 * USEC_PER_SEC);
        while (offer->kind != RECORD_OFFER)
                assert_true(++offer < w->entries + w->n_entries);
        assert_true(offer->value.offer.until > 0);
        hand_over(w);
        assert_int_equal(w->done[ACTION_UNIT_START], 2);
        w->hang = true;
        stop_unit(w);
        w->hang = false;
        world_pass(w, 20 * USEC_PER_SEC);
        assert_int_equal(world_lease(w)->state, LEASE_HELD);
        assert_int_equal(offer->value.offer.until, 0);
        world_free(w);
}

static void what_activates_is_starting_and_is_kept(void **state) {
        World *w = world_running();
        UnitView v;

        w->unit.active = ACTIVE_ACTIVATING;
        world_say_unit(w);
        world_pass(w, 2 * TTL);
        assert_true(core_find_unit(w->core, w->now, "a.service", &v));
        assert_int_equal(v.state, STATE_STARTING);
        assert_true(v.held_here);
        world_free(w);
}

static void a_start_that_waits_for_another_unit_waits_no_longer_than_others_could_start_it(void **state) {
        for (unsigned hold = 0; hold < 2; hold++) {
                World *w = world_new();

                w->start_waits = true;
                world_connect(w);
                world_step(w, (Event){ .kind = EVENT_CONFIGURE,
                                              .config = { .unit = "a.service",
                                                              .lease = "a.service",
                                                              .stop_grace = USEC_INFINITY,
                                                              .timeout_stop = 90 * USEC_PER_SEC,
                                                              .hold_down_failure = 60 * USEC_PER_SEC,
                                                              .hold_on_failure = hold > 0 } });
                world_pass(w, 110 * USEC_PER_SEC);
                assert_int_equal(world_lease(w)->state, LEASE_HELD);
                world_pass(w, 20 * USEC_PER_SEC);
                assert_int_equal(w->done[ACTION_UNIT_STOP] > 0, hold == 0);
                assert_int_equal(world_lease(w)->state, LEASE_HELD);
                w->unit.job = hold > 0; /* the stop ends the job that waits */
                world_say_unit(w);
                world_pass(w, USEC_PER_SEC);
                assert_int_equal(world_lease(w)->state, hold > 0 ? LEASE_HELD : LEASE_FREE);
                world_free(w);
        }
}

static void configure(World *w, bool hold) {
        world_step(w, (Event){ .kind = EVENT_CONFIGURE,
                                      .config = { .unit = "a.service",
                                                      .lease = "a.service",
                                                      .stop_grace = USEC_INFINITY,
                                                      .timeout_stop = 90 * USEC_PER_SEC,
                                                      .hold_down_release = 30 * USEC_PER_SEC,
                                                      .hold_down_failure = 60 * USEC_PER_SEC,
                                                      .hold_on_failure = hold } });
}

/* PID 1 refuses the start, as where what the unit requires fails to start. */
static World *refused(bool hold) {
        World *w = world_new();

        w->start_refused = true;
        world_connect(w);
        configure(w, hold);
        world_pass(w, 30 * USEC_PER_SEC);
        return w;
}

static void what_pid1_does_not_start_stays_here_with_hold_and_is_tried_again(void **state) {
        World *w = refused(true);
        UnitView v;

        assert_int_equal(world_lease(w)->state, LEASE_HELD);
        assert_int_equal(w->done[ACTION_UNIT_START], 5);
        assert_true(w->guard.open); /* somebody may start it */
        assert_true(core_find_unit(w->core, w->now, "a.service", &v));
        assert_int_equal(v.state, STATE_FAILED);
        assert_int_equal(v.why_not.why, WHY_FAILED_HELD);
        world_pass(w, 50 * USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_UNIT_START], 10);
        assert_int_equal(w->clean_starts, 2);
        w->start_refused = false;
        world_pass(w, 60 * USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_UNIT_START], 11);
        assert_int_equal(w->reports[REPORT_STARTED], 1);
        assert_int_equal(w->starts_again, 0);
        assert_int_equal(world_lease(w)->index, 1);
        world_free(w);
}

static void what_pid1_does_not_start_goes_elsewhere_without_hold(void **state) {
        World *w = refused(false);

        assert_int_equal(world_lease(w)->state, LEASE_FREE);
        assert_int_equal(w->reports[REPORT_UNIT_FAILED], 1);
        world_free(w);
}

static void what_pid1_does_not_start_and_is_held_is_started_and_released_at_an_operators_word(void **state) {
        World *w = refused(true);

        world_step(w, (Event){ .kind = EVENT_START, .unit = "a.service", .id = 1 });
        assert_int_equal(w->word, WORD_BEGUN);
        assert_int_equal(w->done[ACTION_UNIT_START], 6);
        world_pass(w, 30 * USEC_PER_SEC);
        w->unit.active = ACTIVE_ACTIVE; /* systemctl start */
        w->unit.run++;
        world_say_unit(w);
        assert_int_equal(w->reports[REPORT_STARTED], 1);
        w->unit.active = ACTIVE_INACTIVE;
        w->unit.ended_by = ENDED_BY_HAND;
        world_say_unit(w);
        world_pass(w, 100 * USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_UNIT_START], 10);
        assert_int_equal(w->reports[REPORT_STOPPED_BY_HAND], 1);
        world_free(w);

        w = refused(true);
        world_step(w, (Event){ .kind = EVENT_RELEASE, .unit = "a.service", .id = 1 });
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(world_lease(w)->state, LEASE_FREE);
        world_free(w);
}

static void what_is_put_aside_again_and_again_stays_here_with_hold(void **state) {
        World *w = world_running();

        configure(w, true);
        for (size_t i = 0; i < 10; i++) {
                put_aside(w, ENDED_BY_NEED, OBSTACLE_NONE);
                world_pass(w, USEC_PER_SEC);
        }
        assert_int_equal(w->done[ACTION_UNIT_START], 6);
        world_pass(w, 60 * USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_UNIT_START], 7);
        assert_int_equal(world_lease(w)->index, 1);
        assert_int_equal(w->reports[REPORT_UNIT_FAILED], 0);
        world_free(w);
}

static void a_gate_that_cannot_be_made_keeps_the_lease_here_with_hold(void **state) {
        for (unsigned hold = 0; hold < 2; hold++) {
                World *w = world_new();

                w->gate_fails = true;
                world_connect(w);
                configure(w, hold);
                world_pass(w, 30 * USEC_PER_SEC);
                assert_int_equal(world_lease(w)->state, hold ? LEASE_HELD : LEASE_FREE);
                w->gate_fails = false;
                world_pass(w, 2 * USEC_PER_SEC);
                assert_int_equal(w->done[ACTION_UNIT_START], hold);
                world_free(w);
        }
}

/* Only a start of the unit brings the slice up again. */
static void a_stopped_slice_keeps_no_machine_from_starting_the_unit(void **state) {
        for (unsigned hold = 0; hold < 2; hold++) {
                World *w = world_running();

                configure(w, hold);
                put_aside(w, ENDED_BY_NEED, OBSTACLE_SLICE);
                world_pass(w, USEC_PER_SEC);
                assert_int_equal(w->done[ACTION_UNIT_START], 1);
                world_pass(w, 10 * USEC_PER_SEC);
                assert_int_equal(w->done[ACTION_UNIT_START], 2);
                assert_int_equal(world_lease(w)->index, hold ? 1 : 2); /* another machine would have taken it */
                assert_int_equal(w->reports[REPORT_UNIT_FAILED], 0);
                world_free(w);
        }
}

/* The daemon before us knew why PID 1 has stopped the unit. PID 1 may have forgotten the unit meanwhile. */
static void what_waits_with_hold_waits_on_through_a_restart_of_leased(void **state) {
        for (unsigned forgotten = 0; forgotten < 2; forgotten++) {
                World *w = world_running();
                char session[SESSION_SIZE];

                configure(w, true);
                put_aside(w, ENDED_BY_NEED, OBSTACLE_LASTS);
                w->unit.ended_at = forgotten ? 0 : w->now.realtime;
                w->unit.run = forgotten ? 0 : w->unit.run;
                str_copy(session, sizeof(session), w->session);
                world_restart(w, session);
                world_connect(w);
                configure(w, true);
                world_pass(w, 100 * USEC_PER_SEC);
                assert_int_equal(w->done[ACTION_UNIT_START], 1);
                assert_int_equal(w->done[ACTION_UNIT_STOP], 0);
                assert_int_equal(world_lease(w)->state, LEASE_HELD);
                assert_int_equal(w->reports[REPORT_STOPPED_BY_HAND], 0);
                put_aside(w, ENDED_BY_NEED, OBSTACLE_NONE);
                world_pass(w, USEC_PER_SEC);
                assert_int_equal(w->done[ACTION_UNIT_START], 2);
                assert_int_equal(world_lease(w)->index, 1);
                world_free(w);
        }
}

static void connect_everywhere(World *w) {
        world_step(w, (Event){ .kind = EVENT_CONFIGURE,
                                      .config = { .unit = "a.service", .lease = "a.service", .global = true } });
        world_step(w, (Event){ .kind = EVENT_GUARD_UP });
        world_step(w, (Event){ .kind = EVENT_GUARD_SYNCED });
        world_say_unit(w);
        world_pass(w, USEC_PER_SEC);
}

static void what_waits_on_every_machine_waits_on_through_a_restart_of_leased(void **state) {
        World *w = world_new();

        connect_everywhere(w);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        put_aside(w, ENDED_BY_NEED, OBSTACLE_LASTS);
        world_restart(w, NULL);
        connect_everywhere(w);
        world_pass(w, 60 * USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        put_aside(w, ENDED_BY_NEED, OBSTACLE_NONE);
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_UNIT_START], 2);
        world_free(w);
}

static void what_no_unit_needs_on_every_machine_runs_again_when_the_setting_is_gone(void **state) {
        World *w = world_new();

        connect_everywhere(w);
        put_aside(w, ENDED_UNNEEDED, OBSTACLE_LASTS);
        world_pass(w, 60 * USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        put_aside(w, ENDED_UNNEEDED, OBSTACLE_NONE);
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_UNIT_START], 2);
        world_free(w);
}

/* Somebody begins a pause, or it is over. */
static void set_pause(World *w, bool on) {
        PauseRecord pause = { .stage = PAUSE_ON, .since = 1 };
        Record r = { .kind = RECORD_PAUSE, .name = "" };

        if (on) {
                w->revision++;
                r.value = &world_put(w, RECORD_PAUSE, "", &pause)->value;
        } else
                world_delete(w, RECORD_PAUSE, "");
        r.mod_revision = world_find(w, RECORD_PAUSE, "")->revision;
        world_step(w, (Event){ .kind = EVENT_RECORDS,
                                      .answer = { .revision = w->revision, .records = &r, .n_records = 1 } });
        world_pass(w, TTL / 5 + 1);
}

static World *paused(void) {
        World *w = world_running();

        set_pause(w, true);
        return w;
}

/* Nobody could take the unit, so it is not let go: it would run nowhere until the pause ends. */
static void what_pid1_has_stopped_in_a_pause_waits_here_for_the_end_of_the_cause(void **state) {
        static const struct {
                EndedBy by;
                Obstacle obstacle;
        } ends[] = { { ENDED_BY_NEED, OBSTACLE_LASTS }, { ENDED_BY_NEED, OBSTACLE_FAILED },
                { ENDED_BY_CONFLICT, OBSTACLE_LASTS }, { ENDED_UNNEEDED, OBSTACLE_LASTS } };

        for (size_t i = 0; i < ELEMENTSOF(ends); i++) {
                World *w = paused();

                put_aside(w, ends[i].by, ends[i].obstacle);
                world_pass(w, 3 * TTL);
                assert_int_equal(w->done[ACTION_UNIT_STOP], 0);
                put_aside(w, ends[i].by, OBSTACLE_NONE);
                world_pass(w, USEC_PER_SEC);
                assert_int_equal(w->done[ACTION_UNIT_START], 2);
                assert_int_equal(world_lease(w)->index, 1);
                world_free(w);
        }
}

static void what_pid1_has_stopped_in_a_pause_goes_elsewhere_after_it(void **state) {
        World *w = paused();

        put_aside(w, ENDED_BY_NEED, OBSTACLE_LASTS);
        world_pass(w, 3 * TTL);
        assert_int_equal(world_lease(w)->state, LEASE_HELD);
        set_pause(w, false);
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(world_lease(w)->state, LEASE_FREE);
        world_free(w);
}

static void what_pid1_does_not_start_in_a_pause_is_tried_again_and_goes_elsewhere_after_it(void **state) {
        World *w = paused();
        UnitView v;

        w->start_refused = true;
        put_aside(w, ENDED_BY_NEED, OBSTACLE_NONE);
        w->unit.ended_by = ENDED_BY_ITSELF; /* PID 1 has another job of the unit to tell of: ours */
        world_pass(w, 3 * TTL);
        assert_int_equal(w->done[ACTION_UNIT_START], 6);
        assert_true(core_find_unit(w->core, w->now, "a.service", &v));
        assert_int_equal(v.why_not.why, WHY_PAUSED);
        world_pass(w, 60 * USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_UNIT_START], 11);
        assert_int_equal(world_lease(w)->state, LEASE_HELD);
        set_pause(w, false);
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(world_lease(w)->state, LEASE_FREE);
        world_free(w);
}

static void what_has_crashed_while_no_daemon_looked_was_stopped_by_nobody(void **state) {
        static const EndedBy by[] = { ENDED_BY_ITSELF, ENDED_BY_CRASH };

        for (size_t i = 0; i < ELEMENTSOF(by); i++) {
                World *w = world_running();
                char session[SESSION_SIZE];

                str_copy(session, sizeof(session), w->session);
                w->unit.active = ACTIVE_FAILED;
                w->unit.failed = w->unit.empty = true;
                w->unit.ended_by = by[i];
                w->unit.ended_at = w->now.realtime;
                world_restart(w, session);
                world_connect(w);
                world_say_unit(w);
                world_pass(w, 3 * USEC_PER_SEC);
                assert_int_equal(world_lease(w)->state, by[i] == ENDED_BY_CRASH ? LEASE_FREE : LEASE_HELD);
                assert_int_equal(w->reports[REPORT_STOPPED_BY_HAND], by[i] == ENDED_BY_ITSELF);
                world_free(w);
        }
}

/* An operator has it stopped, by leased (which PID 1 may not have told of yet) or by PID 1, and wants it back at once.
 */
static void what_is_started_while_it_stops_runs_again(void **state) {
        for (int i = 0; i < 3; i++) {
                World *w = world_running();

                if (i < 2)
                        world_step(w, (Event){ .kind = EVENT_STOP, .unit = "a.service", .id = 1 });
                if (i > 0) {
                        w->unit.active = ACTIVE_DEACTIVATING;
                        w->unit.job = true;
                        world_say_unit(w);
                }
                world_step(w, (Event){ .kind = EVENT_START, .unit = "a.service", .id = 2 });
                assert_int_equal(w->word, WORD_BEGUN);
                assert_int_equal(w->done[ACTION_UNIT_START], 1);
                w->unit.active = ACTIVE_INACTIVE;
                w->unit.job = false;
                w->unit.empty = true;
                w->unit.ended_by = ENDED_BY_HAND;
                world_say_unit(w);
                world_pass(w, 2 * USEC_PER_SEC);
                assert_int_equal(w->done[ACTION_UNIT_START], 2);
                assert_int_equal(w->unit.active, ACTIVE_ACTIVE);
                assert_int_equal(w->reports[REPORT_STOPPED_BY_HAND], 0);
                assert_int_equal(world_lease(w)->state, LEASE_HELD);
                world_free(w);
        }
}

/* Once PID 1 is known to go on with the unit, what an operator stops later stays stopped. */
static void a_start_is_not_kept_for_later(void **state) {
        World *w = world_running();

        world_step(w, (Event){ .kind = EVENT_STOP, .unit = "a.service", .id = 1 });
        world_step(w, (Event){ .kind = EVENT_START, .unit = "a.service", .id = 2 });
        world_pass(w, 10 * USEC_PER_SEC);
        world_say_unit(w);
        w->unit.active = ACTIVE_INACTIVE;
        w->unit.empty = true;
        w->unit.ended_by = ENDED_BY_HAND;
        world_say_unit(w);
        world_pass(w, 10 * USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        assert_int_equal(w->reports[REPORT_STOPPED_BY_HAND], 1);
        world_free(w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_started_while_it_stops_runs_again),
                cmocka_unit_test(a_start_is_not_kept_for_later),
                cmocka_unit_test(a_start_that_waits_for_another_unit_waits_no_longer_than_others_could_start_it),
                cmocka_unit_test(what_pid1_does_not_start_stays_here_with_hold_and_is_tried_again),
                cmocka_unit_test(what_pid1_does_not_start_goes_elsewhere_without_hold),
                cmocka_unit_test(what_pid1_does_not_start_and_is_held_is_started_and_released_at_an_operators_word),
                cmocka_unit_test(what_is_put_aside_again_and_again_stays_here_with_hold),
                cmocka_unit_test(a_gate_that_cannot_be_made_keeps_the_lease_here_with_hold),
                cmocka_unit_test(a_stopped_slice_keeps_no_machine_from_starting_the_unit),
                cmocka_unit_test(what_waits_with_hold_waits_on_through_a_restart_of_leased),
                cmocka_unit_test(what_waits_on_every_machine_waits_on_through_a_restart_of_leased),
                cmocka_unit_test(what_no_unit_needs_on_every_machine_runs_again_when_the_setting_is_gone),
                cmocka_unit_test(what_pid1_has_stopped_in_a_pause_waits_here_for_the_end_of_the_cause),
                cmocka_unit_test(what_pid1_has_stopped_in_a_pause_goes_elsewhere_after_it),
                cmocka_unit_test(what_pid1_does_not_start_in_a_pause_is_tried_again_and_goes_elsewhere_after_it),
                cmocka_unit_test(what_has_crashed_while_no_daemon_looked_was_stopped_by_nobody),
                cmocka_unit_test(the_end_of_standing_back_is_told_while_nothing_answers_for_the_lease),
                cmocka_unit_test(a_unit_stopped_by_hand_stays_stopped_and_keeps_its_lease),
                cmocka_unit_test(a_unit_stopped_by_hand_stays_stopped_through_a_silence_of_the_registry),
                cmocka_unit_test(a_unit_stopped_by_hand_runs_in_the_next_tenure_that_is_ours),
                cmocka_unit_test(what_pid1_has_stopped_is_started_again_when_that_is_over),
                cmocka_unit_test(what_pid1_has_stopped_goes_elsewhere_for_as_long_as_that_lasts),
                cmocka_unit_test(what_no_unit_needs_goes_elsewhere_for_as_long_as_the_setting_is_there),
                cmocka_unit_test(what_no_unit_needs_starts_here_again_when_the_setting_is_gone),
                cmocka_unit_test(what_its_need_takes_along_when_it_fails_has_failed),
                cmocka_unit_test(what_is_put_aside_again_and_again_has_failed),
                cmocka_unit_test(what_activates_is_starting_and_is_kept),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
