/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Sessions: restarts, another TTL, a registry that is not the one we knew, and what the guard was told of them.
 */

#include "core-world.h"

static void a_restarted_daemon_keeps_the_unit_its_session_and_its_index(void **state) {
        World *w = world_running();
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

static void what_ran_out_before_a_restart_has_run_out_and_lost_no_guard(void **state) {
        World *w = world_running();
        char session[SESSION_SIZE];

        str_copy(session, sizeof(session), w->session);
        w->guard.expired = true;
        w->guard.open = false;
        world_restart(w, session);
        world_connect(w);
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(w->reports[REPORT_GUARD_LOST], 0);
        assert_int_equal(w->reports[REPORT_EXPIRED], 1);
        world_free(w);
}

static void a_session_whose_beat_is_gone_is_over(void **state) {
        World *w = world_running();
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
        World *w = world_running();
        BeatRecord b = { .machine_id = US, .nonce = "00000000000c10e0-1" };

        w->revision++;
        world_put(w, RECORD_BEAT, w->session, &b);
        world_pass(w, 3 * USEC_PER_SEC);
        assert_int_equal(w->reports[REPORT_SESSION_CLONED], 1);
        assert_int_equal(w->done[ACTION_GUARD_LOSE], 1);
        world_free(w);
}

static void an_old_list_of_the_watch_while_the_floor_is_raised_lets_the_core_rest(void **state) {
        World *w = world_running();
        Entry *meta = world_find(w, RECORD_META, "");
        Record old = { .kind = RECORD_META, .name = "", .mod_revision = 1, .value = &meta->value };

        w->revision = 1; /* it fell back */
        w->hang = true;
        world_pass(w, 3 * USEC_PER_SEC);
        assert_int_equal(w->reports[REPORT_REGISTRY_FELL_BACK], 1);
        world_step(w, (Event){ .kind = EVENT_RECORDS,
                                      .answer = { .complete = RECORD_ALL, .records = &old, .n_records = 1 } });
        world_pass(w, USEC_PER_SEC);
        world_free(w);
}

static void a_registry_that_fell_back_is_silent_for_a_while_and_the_index_goes_on(void **state) {
        World *w = world_running();
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

static void a_registry_that_is_emptied_before_its_floor_is_raised_gets_a_name_that_can_be_accepted(void **state) {
        World *w = world_new();
        MetaRecord *meta = &world_find(w, RECORD_META, "")->value.meta;

        world_connect(w);
        world_pass(w, USEC_PER_SEC);
        str_copy(meta->uuid, sizeof(meta->uuid), "v");
        w->revision++;
        world_find(w, RECORD_META, "")->revision = w->revision;
        world_pass(w, 3 * USEC_PER_SEC);
        world_restart(w, NULL);
        world_connect(w);
        w->lose = 1u << RECORD_META;
        world_step(w, (Event){ .kind = EVENT_ACCEPT, .uuid = "v" });
        world_pass(w, 5 * USEC_PER_SEC);
        assert_int_equal(w->reports[REPORT_REGISTRY_ACCEPTED], 1);
        for (size_t i = 0; i < w->n_entries; i++)
                w->entries[i].revision = 0;
        w->lose = 0;
        world_pass(w, 70 * USEC_PER_SEC); /* in which nobody else writes the old name again */
        assert_int_equal(strlen(meta->uuid), UUID_SIZE - 1);
        world_step(w, (Event){ .kind = EVENT_ACCEPT, .uuid = meta->uuid });
        world_pass(w, 80 * USEC_PER_SEC);
        assert_int_equal(world_lease(w)->state, LEASE_HELD);
        assert_true(meta->index_floor > 0);
        world_free(w);
}

/* Its name had been seen to be gone at a higher revision than the one at which it is written now. */
static void a_registry_replaced_by_an_older_state_while_it_has_no_name_gets_one_in_a_few_requests(void **state) {
        World *w = world_new();
        LeaseRecord l = { .state = LEASE_FREE, .index = 1 };
        unsigned asked;

        world_put(w, RECORD_LEASE, "a.service", &l); /* it is not a new one: a name is not given at once */
        world_delete(w, RECORD_META, "");
        w->revision = 500;
        world_connect(w);
        world_pass(w, 5 * USEC_PER_SEC);
        world_find(w, RECORD_LEASE, "a.service")->revision = 0;
        w->revision = 20;
        world_step(w, (Event){ .kind = EVENT_RECORDS,
                                      .answer = { .revision = 20, .complete = RECORD_ALL, .store = "store" } });
        asked = w->done[ACTION_TXN];
        world_pass(w, 10 * USEC_PER_SEC);
        assert_int_equal(strlen(world_find(w, RECORD_META, "")->value.meta.uuid), UUID_SIZE - 1);
        assert_true(w->done[ACTION_TXN] < asked + 30);
        world_step(w, (Event){ .kind = EVENT_ACCEPT, .uuid = world_find(w, RECORD_META, "")->value.meta.uuid });
        world_pass(w, 80 * USEC_PER_SEC);
        assert_int_equal(world_lease(w)->state, LEASE_HELD);
        world_free(w);
}

/* It grew beyond all that we had seen while we heard nothing of it, so that its revision does not show it. */
static void a_record_older_than_it_was_seen_means_that_the_registry_fell_back(void **state) {
        World *w = world_new();
        SessionView view;

        world_add_them(w);
        world_connect(w);
        for (unsigned i = 0; i < 10; i++) {
                world_beat_them(w);
                world_pass(w, 2 * USEC_PER_SEC);
        }
        assert_int_equal(w->reports[REPORT_REGISTRY_FELL_BACK], 0);
        world_find(w, RECORD_BEAT, THEIR_SESSION)->revision -= 5;
        w->revision += 1000;
        world_pass(w, 3 * USEC_PER_SEC);
        assert_int_equal(w->reports[REPORT_REGISTRY_FELL_BACK], 1);
        world_pass(w, 15 * USEC_PER_SEC);
        core_session_view(w->core, (Now){ .boottime = w->now.boottime, .realtime = 5000 * USEC_PER_SEC }, &view);
        assert_false(view.competing);
        assert_int_equal(view.why_not, WHY_REGISTRY_REPLACED);
        assert_non_null(strstr(WHY_TEXT(reason(view.why_not)), "fell back"));
        assert_in_range(view.why_not_until, (5000 + 40) * USEC_PER_SEC, (5000 + 47) * USEC_PER_SEC);
        world_pass(w, 40 * USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_UNIT_START], 0);
        world_pass(w, 30 * USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        assert_true(world_lease(w)->index > 1000000);
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
        World *w = world_running();

        restart_unconnected(w);
        world_rob_us(w);
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
        World *w = world_running();
        Event e = { .kind = EVENT_CONFIGURE,
                .config = { .unit = "a.service",
                                .lease = "other",
                                .stop_grace = USEC_INFINITY,
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
        World *w = world_running();

        restart_unconnected(w);
        w->unit = (UnitReport){
                .empty = true, .gate_loaded = true, .run = 1, .ended_at = 1
        }; /* of an earlier tenure */
        world_connect(w);
        world_pass(w, 5 * USEC_PER_SEC);
        assert_int_equal(w->reports[REPORT_STOPPED_BY_HAND], 0);
        assert_int_equal(w->done[ACTION_UNIT_START], 2);
        /* The guard is there, no beat is missing, and the unit has not run. */
        assert_int_equal(w->reports[REPORT_GUARD_LOST] + w->reports[REPORT_EXPIRED] + w->reports[REPORT_STOPPED], 0);
        world_free(w);
}

static void a_loss_that_the_guard_did_not_hear_is_said_again(void **state) {
        World *w = world_running();
        Event e = { .kind = EVENT_GUARD, .unit = "a.service" };
        unsigned before;

        w->guard_mute = true; /* the connection goes, and with it what was said last */
        world_rob_us(w);
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
        assert_int_equal(w->armed_kill, ttl - ttl / 50 - ttl_kill_slack(ttl));
        assert_true(w->last_t0 > t);
        t = world_find(w, RECORD_BEAT, before)->revision;
        world_pass(w, 60 * USEC_PER_SEC);
        assert_int_equal(world_find(w, RECORD_BEAT, before)->revision, t); /* the old one is beaten no more */
}

static void another_ttl_is_another_session_and_stops_no_unit(void **state) {
        World *w = world_running();

        change_ttl(w, 2 * USEC_PER_SEC);
        change_ttl(w, 60 * USEC_PER_SEC);
        change_ttl(w, 10 * USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_UNIT_STOP], 0);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        assert_int_equal(w->reports[REPORT_EXPIRED], 0);
        world_free(w);
}

/* The lease was on its way to the second session when the third TTL, the first one again, was wanted. */
static void a_ttl_that_is_changed_back_while_the_session_moves_stops_no_unit(void **state) {
        World *w = world_running();

        w->lose = 1u << RECORD_LEASE;
        world_step(w, (Event){ .kind = EVENT_TTL, .span = 20 * USEC_PER_SEC });
        world_pass(w, 3 * USEC_PER_SEC);
        world_step(w, (Event){ .kind = EVENT_TTL, .span = TTL });
        world_pass(w, 3 * USEC_PER_SEC);
        w->lose = 0;
        world_land(w);
        world_pass(w, 60 * USEC_PER_SEC);
        assert_int_equal(session_ttl(world_lease(w)->session), TTL);
        assert_string_equal(world_lease(w)->session, w->session);
        assert_int_equal(world_lease(w)->index, 1);
        assert_int_equal(w->done[ACTION_GUARD_LOSE], 0);
        assert_int_equal(w->done[ACTION_UNIT_STOP], 0);
        assert_int_equal(w->reports[REPORT_MACHINE_TWICE], 0);
        world_free(w);
}

/* Until the machine's record names the new session, the old one is not a stranger's. */
static void a_machine_record_that_gets_lost_while_the_session_moves_is_no_twin(void **state) {
        World *w = world_running();

        world_pass(w, 10 * USEC_PER_SEC); /* it has been seen to beat */
        w->lose = 1u << RECORD_MACHINE;
        world_step(w, (Event){ .kind = EVENT_TTL, .span = 20 * USEC_PER_SEC });
        world_pass(w, 10 * USEC_PER_SEC);
        w->lose = 0;
        world_pass(w, 10 * USEC_PER_SEC);
        assert_int_equal(w->reports[REPORT_MACHINE_TWICE], 0);
        assert_string_equal(world_find(w, RECORD_MACHINE, US)->value.machine.session, w->session);
        assert_int_equal(w->done[ACTION_UNIT_STOP], 0);
        world_free(w);
}

/* The lease still hangs on the one that is being left when somebody beats in its name. */
static void a_session_that_ends_while_it_is_left_is_not_the_one_to_carry_on(void **state) {
        World *w = world_running();
        BeatRecord b = { .machine_id = US, .nonce = "00000000000c10e0-1" };
        char before[SESSION_SIZE];
        SessionView view;

        str_copy(before, sizeof(before), w->session);
        w->lose = 1u << RECORD_LEASE;
        world_step(w, (Event){ .kind = EVENT_TTL, .span = 20 * USEC_PER_SEC });
        world_pass(w, 5 * USEC_PER_SEC);
        assert_string_equal(w->session, before);
        w->revision++;
        world_put(w, RECORD_BEAT, before, &b);
        world_pass(w, 5 * USEC_PER_SEC);
        core_session_view(w->core, w->now, &view);
        assert_int_equal(session_ttl(view.session), 20 * USEC_PER_SEC);
        assert_string_equal(w->session, view.session);
        world_free(w);
}

static void a_daemon_restarted_with_another_ttl_moves_after_it_has_adopted(void **state) {
        World *w = world_running();
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

/* The attempt under way fails after so many milliseconds. Returns how many pass until the next one, from its begin. */
static unsigned next_after(World *w, unsigned took) {
        unsigned before = w->done[ACTION_TXN], ms = took;

        world_pass(w, took * USEC_PER_MSEC);
        world_step(w, (Event){ .kind = EVENT_TXN, .id = w->hanging, .answer.outcome = OUTCOME_UNKNOWN });
        for (; w->done[ACTION_TXN] == before && ms < 10000; ms++)
                world_pass(w, USEC_PER_MSEC);
        return ms;
}

static void an_attempt_that_hung_is_followed_at_once_and_those_that_fail_at_once_ever_later(void **state) {
        World *w = world_running();

        world_pass(w, 4 * USEC_PER_SEC); /* that the unit runs has been told */
        w->hang = true;
        world_pass(w, 2 * USEC_PER_SEC); /* the next round has begun */
        for (unsigned i = 0; i < 6; i++)
                assert_int_equal(next_after(w, 500), 500);
        for (unsigned ms = 50; ms < 1000; ms *= 2)
                assert_in_range(next_after(w, 0), ms - 1, ms + 1);
        assert_in_range(next_after(w, 0), 999, 1001);
        assert_int_equal(next_after(w, 500), 500);
        assert_in_range(next_after(w, 0), 49, 51);
        world_free(w);
}

/* The watch stands still meanwhile. Our silence was long enough for others, and then a beat of ours comes through
 * again. */
static void a_lease_given_to_us_and_taken_again_unseen_is_not_ours_when_the_watch_tells_of_the_gift(void **state) {
        World *w = world_new();
        LeaseRecord given = { .state = LEASE_HELD, .machine_id = US, .index = 8 };
        Record old = { .kind = RECORD_LEASE, .name = "a.service", .lease = &given };

        world_add_them(w);
        world_connect(w);
        world_pass(w, 3 * USEC_PER_SEC);
        str_copy(given.session, sizeof(given.session), w->session);
        w->revision++;
        world_put(w, RECORD_LEASE, "a.service", &given);
        old.mod_revision = w->revision;
        world_rob_us(w);
        world_lease(w)->n_debts = 0; /* not by force */
        world_beat_them(w);
        world_pass(w, 3 * USEC_PER_SEC);
        world_step(w, (Event){ .kind = EVENT_RECORDS,
                                      .answer = { .revision = old.mod_revision,
                                                      .store = "store",
                                                      .records = &old,
                                                      .n_records = 1 } });
        world_pass(w, 2 * USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_GUARD_ARM], 0);
        assert_int_equal(w->done[ACTION_UNIT_START], 0);
        world_free(w);
}

static void connect_without_units(World *w) {
        world_step(w, (Event){ .kind = EVENT_GUARD_UP });
        world_step(w, (Event){ .kind = EVENT_GUARD_SYNCED });
}

/* What PID 1 says of one that ended comes when the next one is connected already. */
static void a_word_of_an_earlier_guard_makes_nobody_deaf_to_the_next_one(void **state) {
        World *w = world_running();
        Event entry = { .kind = EVENT_GUARD, .unit = "a.service", .guard = w->guard };

        w->guard_mute = true;
        world_step(w, (Event){ .kind = EVENT_GUARD_DOWN });
        w->guard_mute = false;
        memset(w->done, 0, sizeof(w->done));
        world_step(w, (Event){ .kind = EVENT_GUARD_UP });
        world_step(w, entry);
        world_step(w, (Event){ .kind = EVENT_GUARD_GONE });
        world_step(w, (Event){ .kind = EVENT_GUARD_SYNCED });
        world_pass(w, 30 * USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_UNIT_STOP], 0);
        assert_true(w->done[ACTION_GUARD_BEAT] > 0);
        assert_string_equal(world_lease(w)->session, w->session);
        assert_true(w->guard.open);
        world_free(w);
}

static void lose_guard(World *w, bool lives) {
        w->guard_mute = true;
        world_step(w, (Event){ .kind = EVENT_GUARD_DOWN });
        assert_int_equal(w->reports[REPORT_GUARD_LOST], 0);
        world_step(w, (Event){ .kind = EVENT_GUARD_GONE, .on = lives });
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(w->reports[REPORT_GUARD_LOST], 1);
        w->unit.active = ACTIVE_INACTIVE;
        w->unit.empty = true;
        world_say_unit(w);
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(w->reports[REPORT_STOPPED], 1);
}

static void a_guard_that_lives_and_cannot_be_reached_is_not_said_to_be_gone(void **state) {
        World *dead = world_running(), *deaf = world_running();

        lose_guard(dead, false);
        assert_int_equal(dead->report_whys[REPORT_GUARD_LOST], WHY_GUARD_GONE);
        assert_int_equal(dead->report_whys[REPORT_STOPPED], WHY_GUARD_GONE);
        world_free(dead);
        lose_guard(deaf, true);
        assert_int_equal(deaf->report_whys[REPORT_GUARD_LOST], WHY_GUARD_SILENT);
        assert_int_equal(deaf->report_whys[REPORT_STOPPED], WHY_GUARD_SILENT);
        world_free(deaf);
}

/* Handed to us, where nothing wants it; nobody knows whether our release has landed, or when it will. */
static void a_unit_that_is_enabled_while_its_lease_is_being_given_up_waits_for_the_outcome(void **state) {
        World *w = world_new();
        LeaseRecord given = { .state = LEASE_HELD, .machine_id = US, .index = 8 };

        connect_without_units(w);
        world_pass(w, 15 * USEC_PER_SEC);
        str_copy(given.session, sizeof(given.session), w->session);
        w->revision++;
        world_put(w, RECORD_LEASE, "a.service", &given);
        w->lose_replies = true;
        world_step(w, (Event){ .kind = EVENT_RECORDS,
                                      .answer = { .revision = w->revision,
                                                      .store = "store",
                                                      .n_records = 1,
                                                      .records = &(Record){ .kind = RECORD_LEASE,
                                                                      .name = "a.service",
                                                                      .mod_revision = w->revision,
                                                                      .lease = &given } } });
        assert_int_equal(world_lease(w)->state, LEASE_FREE);
        world_connect(w);
        assert_int_equal(w->done[ACTION_GUARD_ARM], 0);
        w->lose_replies = false;
        world_pass(w, 5 * USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        assert_int_equal(w->armed, 9);
        world_free(w);
}

/* `systemctl stop leased` ends when the unit is down, also when it comes before the daemon knows what it holds. */
static void a_service_stopped_as_soon_as_it_was_started_stops_its_unit_first(void **state) {
        World *w = world_running();

        w->silent = true;
        restart_unconnected(w);
        w->done[ACTION_UNIT_STOP] = 0;
        world_step(w, (Event){ .kind = EVENT_SHUTDOWN });
        assert_int_equal(w->done[ACTION_EXIT], 0);
        world_connect(w);
        assert_true(w->done[ACTION_UNIT_STOP] > 0);
        assert_int_equal(w->done[ACTION_GUARD_LOSE], 0);
        world_pass(w, 30 * USEC_PER_SEC); /* its stop is slow */
        assert_int_equal(w->done[ACTION_EXIT], 0);
        w->unit.active = ACTIVE_INACTIVE;
        w->unit.empty = true;
        world_say_unit(w);
        world_pass(w, TTL / 2 + USEC_PER_SEC); /* for the registry might answer */
        assert_int_equal(w->done[ACTION_EXIT], 1);
        world_free(w);
}

static void a_guard_that_says_nothing_keeps_no_service_from_ending(void **state) {
        World *w = world_running();

        restart_unconnected(w);
        world_step(w, (Event){ .kind = EVENT_SHUTDOWN });
        world_pass(w, TTL / 2 - USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_EXIT], 0);
        world_pass(w, 2 * USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_EXIT], 1);
        world_free(w);
}

static void the_same_seed_and_events_give_the_same_session(void **state) {
        World *a = world_running(), *b = world_running();

        assert_string_equal(a->session, b->session);
        world_free(a);
        world_free(b);
}

/* Ten thousand records, a slow disk, a busy machine: a list has no less time than it needs, however short the TTL is.
 */
static void a_list_that_takes_longer_than_a_request_is_got_all_the_same(void **state) {
        World *w = world_new();
        char session[SESSION_SIZE];

        w->list_takes = 4 * USEC_PER_SEC;
        world_connect(w);
        world_pass(w, 3 * TTL);
        assert_string_equal(world_lease(w)->session, w->session);
        assert_true(w->guard.open);
        str_copy(session, sizeof(session), w->session);
        world_restart(w, session);
        world_connect(w);
        world_pass(w, TTL);
        assert_int_equal(w->reports[REPORT_SESSION_ADOPTED], 1);
        assert_int_equal(w->done[ACTION_UNIT_STOP], 0);
        world_free(w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_restarted_daemon_keeps_the_unit_its_session_and_its_index),
                cmocka_unit_test(what_ran_out_before_a_restart_has_run_out_and_lost_no_guard),
                cmocka_unit_test(a_session_whose_beat_is_gone_is_over),
                cmocka_unit_test(somebody_who_beats_in_our_name_ends_our_session),
                cmocka_unit_test(an_old_list_of_the_watch_while_the_floor_is_raised_lets_the_core_rest),
                cmocka_unit_test(a_registry_that_fell_back_is_silent_for_a_while_and_the_index_goes_on),
                cmocka_unit_test(
                                a_registry_that_is_emptied_before_its_floor_is_raised_gets_a_name_that_can_be_accepted),
                cmocka_unit_test(
                                a_registry_replaced_by_an_older_state_while_it_has_no_name_gets_one_in_a_few_requests),
                cmocka_unit_test(a_record_older_than_it_was_seen_means_that_the_registry_fell_back),
                cmocka_unit_test(what_was_lost_while_the_daemon_was_down_is_not_covered_by_its_first_beat),
                cmocka_unit_test(another_lease_name_found_at_the_start_releases_nothing_while_its_unit_runs),
                cmocka_unit_test(a_unit_active_without_an_entry_is_stopped_also_while_the_registry_is_silent),
                cmocka_unit_test(a_daemon_that_died_before_it_had_asked_for_the_start_asks_when_it_is_back),
                cmocka_unit_test(a_loss_that_the_guard_did_not_hear_is_said_again),
                cmocka_unit_test(another_ttl_is_another_session_and_stops_no_unit),
                cmocka_unit_test(a_ttl_that_is_changed_back_while_the_session_moves_stops_no_unit),
                cmocka_unit_test(a_machine_record_that_gets_lost_while_the_session_moves_is_no_twin),
                cmocka_unit_test(a_session_that_ends_while_it_is_left_is_not_the_one_to_carry_on),
                cmocka_unit_test(a_daemon_restarted_with_another_ttl_moves_after_it_has_adopted),
                cmocka_unit_test(an_attempt_that_hung_is_followed_at_once_and_those_that_fail_at_once_ever_later),
                cmocka_unit_test(
                                a_lease_given_to_us_and_taken_again_unseen_is_not_ours_when_the_watch_tells_of_the_gift),
                cmocka_unit_test(a_unit_that_is_enabled_while_its_lease_is_being_given_up_waits_for_the_outcome),
                cmocka_unit_test(a_service_stopped_as_soon_as_it_was_started_stops_its_unit_first),
                cmocka_unit_test(a_word_of_an_earlier_guard_makes_nobody_deaf_to_the_next_one),
                cmocka_unit_test(a_guard_that_lives_and_cannot_be_reached_is_not_said_to_be_gone),
                cmocka_unit_test(a_guard_that_says_nothing_keeps_no_service_from_ending),
                cmocka_unit_test(the_same_seed_and_events_give_the_same_session),
                cmocka_unit_test(a_list_that_takes_longer_than_a_request_is_got_all_the_same),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
