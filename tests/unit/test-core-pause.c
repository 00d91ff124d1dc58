/* SPDX-License-Identifier: Apache-2.0 */

/* A pause: nobody takes a lease, and holders keep theirs without beats (law 13). */

#include "core-world.h"

enum { ID = 91 };

#define ROUND (TTL / 5)

static void hear(World *w, RecordKind kind, const char *name) {
        const Entry *e = world_find(w, kind, name);
        Record r = {
                .kind = kind, .name = name, .mod_revision = e->revision, .value = e->revision > 0 ? &e->value : NULL
        };

        world_step(w, (Event){ .kind = EVENT_RECORDS,
                                      .answer = { .revision = w->revision, .records = &r, .n_records = 1 } });
}

static void put(World *w, RecordKind kind, const char *name, const void *value) {
        w->revision++;
        world_put(w, kind, name, value);
        hear(w, kind, name);
}

static void set_pause(World *w, PauseStage stage, bool fell_back) {
        PauseRecord pause = { .stage = stage, .since = 1, .by = "root@them", .fell_back = fell_back };

        put(w, RECORD_PAUSE, "", &pause);
}

static void delete_pause(World *w) {
        world_delete(w, RECORD_PAUSE, "");
        hear(w, RECORD_PAUSE, "");
}

static bool is_there(World *w) {
        const Entry *e = world_find(w, RECORD_PAUSE, "");

        return e && e->revision > 0;
}

static const PauseRecord *pause_of(World *w) {
        assert_true(is_there(w));
        return &world_find(w, RECORD_PAUSE, "")->value.pause;
}

static bool says_keeps(World *w, const char *session) {
        return world_find(w, RECORD_FENCE, session)->value.fence.keeps;
}

static void say(World *w, bool on) {
        w->done[ACTION_WORD_DONE] = 0;
        w->word_why = NULL;
        world_step(w, (Event){ .kind = EVENT_PAUSE, .on = on, .id = ID, .by = "root@us" });
}

static void assert_answered(const World *w, WordResult result) {
        assert_int_equal(w->done[ACTION_WORD_DONE], 1);
        assert_int_equal(w->word, result);
}

/* What we asked for ourselves reaches us by the watch. */
static void hear_of_it(World *w) {
        hear(w, RECORD_PAUSE, "");
        world_pass(w, ROUND + USEC_PER_MSEC);
}

static World *running(void) {
        World *w = world_running();

        hear(w, RECORD_FENCE, w->session);
        return w;
}

static World *paused(void) {
        World *w = running();

        set_pause(w, PAUSE_ON, false);
        world_pass(w, ROUND + USEC_PER_MSEC);
        assert_true(says_keeps(w, w->session));
        assert_true(w->keeps);
        return w;
}

/* They hold the lease and keep it; the pause is over, and they are silent. */
static World *beside_a_keeper(void) {
        World *w = world_new();
        FenceRecord keeps = { .keeps = true };

        world_add_them(w);
        world_put(w, RECORD_FENCE, THEIR_SESSION, &keeps);
        world_connect(w);
        world_pass(w, 3 * TTL);
        assert_string_equal(world_lease(w)->session, THEIR_SESSION);
        return w;
}

static void whoever_has_read_it_lives_through_a_registry_that_is_dead_for_an_hour(void **state) {
        World *w = paused();

        w->silent = true;
        world_pass(w, USEC_PER_HOUR);
        assert_true(w->guard.open);
        assert_int_equal(w->done[ACTION_UNIT_STOP], 0);
        assert_int_equal(w->reports[REPORT_EXPIRED], 0);
        w->silent = false;
        world_pass(w, ROUND);
        assert_int_equal(w->done[ACTION_UNIT_STOP], 0);
        world_free(w);
}

static void whoever_has_not_read_it_stops_in_time(void **state) {
        World *w = running();
        PauseRecord pause = { .stage = PAUSE_ON };

        w->silent = true;
        w->revision++;
        world_put(w, RECORD_PAUSE, "", &pause);
        world_pass(w, TTL);
        assert_true(w->reports[REPORT_EXPIRED] > 0);
        assert_true(w->done[ACTION_UNIT_STOP] > 0);
        world_free(w);
}

/* The record changes before the beat that compares it reaches the registry. */
static void a_beat_that_finds_no_pause_keeps_nothing(void **state) {
        World *w = running();

        w->lose = 1u << RECORD_BEAT;
        set_pause(w, PAUSE_ON, false);
        world_pass(w, ROUND + USEC_PER_MSEC);
        assert_true(w->late.id > 0);
        world_delete(w, RECORD_PAUSE, "");
        world_land(w);
        assert_false(says_keeps(w, w->session));
        w->lose = 0;
        world_pass(w, ROUND);
        assert_false(says_keeps(w, w->session));
        assert_false(w->keeps);
        w->silent = true;
        world_pass(w, TTL);
        assert_true(w->reports[REPORT_EXPIRED] > 0);
        world_free(w);
}

static void nobody_takes_a_free_lease_before_the_end(void **state) {
        World *w = world_new();
        PauseRecord pause = { .stage = PAUSE_ON };

        w->revision++;
        world_put(w, RECORD_PAUSE, "", &pause);
        world_connect(w);
        world_pass(w, 3 * TTL);
        assert_null(world_find(w, RECORD_LEASE, "a.service"));
        world_step(w, (Event){ .kind = EVENT_CALL,
                                      .id = ID,
                                      .call = { .kind = CALL_ACQUIRE, .lease = "b", .period = TTL } });
        assert_int_equal(w->called, CALL_UNAVAILABLE);
        delete_pause(w);
        world_pass(w, ROUND);
        assert_string_equal(world_lease(w)->session, w->session);
        world_free(w);
}

/* Our watch is behind: only the registry knows of the pause. */
static void a_pause_that_was_not_heard_of_refuses_the_taking(void **state) {
        World *w = world_new();
        PauseRecord pause = { .stage = PAUSE_ON };

        w->lose = 1u << RECORD_LEASE;
        world_connect(w);
        world_pass(w, USEC_PER_SEC);
        w->lose = 0;
        w->revision++;
        world_put(w, RECORD_PAUSE, "", &pause);
        world_pass(w, TTL);
        assert_null(world_find(w, RECORD_LEASE, "a.service"));
        world_free(w);
}

static void the_operator_is_told_when_each_machine_has_read_it(void **state) {
        World *w = running();

        say(w, true);
        assert_int_equal(w->done[ACTION_WORD_DONE], 0);
        assert_string_equal(pause_of(w)->by, "root@us");
        hear_of_it(w);
        assert_answered(w, WORD_BEGUN);
        assert_true(says_keeps(w, w->session));
        assert_int_equal(w->reports[REPORT_PAUSED], 1);
        world_step(w, (Event){ .kind = EVENT_RELEASE, .unit = "a.service", .id = ID });
        assert_int_equal(w->word, WORD_UNABLE);
        assert_true(w->guard.open);
        world_free(w);
}

/* They hold a lease, beat, and have not read of the pause: it is in force, and so it is not said that nothing has
 * begun, whether the operator goes or the registry. */
static void a_pause_that_nobody_waits_for_any_more_is_in_force(void **state) {
        for (unsigned dies = 0; dies < 2; dies++) {
                World *w = world_new();

                world_add_them(w);
                world_connect(w);
                world_pass(w, USEC_PER_SEC);
                world_beat_them(w);
                world_pass(w, ROUND);
                say(w, true);
                hear(w, RECORD_PAUSE, "");
                assert_true(is_there(w));
                assert_int_equal(w->done[ACTION_WORD_DONE], 0);
                w->silent = dies;
                if (!dies)
                        world_step(w, (Event){ .kind = EVENT_WITHDRAW, .id = ID });
                world_pass(w, TTL);
                assert_answered(w, WORD_LATE);
                assert_int_equal(pause_of(w)->stage, PAUSE_ON);
                world_free(w);
        }
}

/* Its Txn was sent and not answered, and may have been carried out. */
static void a_pause_that_may_be_written_is_not_said_to_be_refused(void **state) {
        World *w = running();

        w->lose = 1u << RECORD_PAUSE;
        say(w, true);
        w->silent = true;
        world_pass(w, TTL);
        assert_answered(w, WORD_LATE);
        world_free(w);
}

static void a_machine_that_knows_no_pause_is_named(void **state) {
        World *w = running();
        MachineRecord them = { .hostname = "them", .session = THEIR_SESSION, .version = "0.1.0" };
        BeatRecord beat = { .machine_id = THEM, .nonce = "0000000000000bad-1" };

        put(w, RECORD_MACHINE, THEM, &them);
        put(w, RECORD_BEAT, THEIR_SESSION, &beat);
        say(w, true);
        assert_answered(w, WORD_UNABLE);
        assert_non_null(w->word_why);
        assert_false(is_there(w));
        world_free(w);
}

static void the_end_has_two_steps_and_deadlines_count_again(void **state) {
        World *w = paused();
        usec_t before = w->now.boottime;

        say(w, false);
        assert_int_equal(pause_of(w)->stage, PAUSE_ENDING);
        hear_of_it(w);
        assert_answered(w, WORD_BEGUN);
        assert_true(w->last_t0 >= before);
        assert_false(w->keeps);
        world_pass(w, ROUND);
        assert_false(says_keeps(w, w->session));
        hear(w, RECORD_FENCE, w->session);
        world_pass(w, ROUND);
        assert_false(is_there(w));
        assert_int_equal(w->done[ACTION_UNIT_STOP], 0);
        w->silent = true;
        world_pass(w, TTL);
        assert_true(w->reports[REPORT_EXPIRED] > 0);
        world_free(w);
}

/* Others would count the TTL, while the guard still keeps the unit. */
static void the_fence_says_nothing_else_before_the_guard_has_answered(void **state) {
        World *w = paused();

        w->keeps_mute = true;
        set_pause(w, PAUSE_ENDING, false);
        world_pass(w, 2 * TTL);
        assert_true(says_keeps(w, w->session));
        w->keeps_mute = false;
        world_step(w, (Event){ .kind = EVENT_GUARD_DOWN });
        world_connect(w);
        world_pass(w, 2 * ROUND);
        assert_false(w->keeps);
        assert_false(says_keeps(w, w->session));
        world_free(w);
}

static void it_is_kept_over_a_restart_while_the_registry_is_dead(void **state) {
        World *w = paused();
        char session[SESSION_SIZE];

        str_copy(session, sizeof(session), w->session);
        w->silent = true;
        world_restart(w, session);
        world_connect(w);
        world_pass(w, 5 * TTL);
        assert_int_equal(w->done[ACTION_UNIT_STOP], 0);
        assert_true(w->guard.open && w->keeps);
        w->silent = false;
        world_pass(w, 2 * ROUND);
        assert_int_equal(w->reports[REPORT_SESSION_ADOPTED], 1);
        assert_true(w->keeps);
        w->silent = true;
        world_pass(w, 5 * TTL);
        assert_int_equal(w->done[ACTION_UNIT_STOP], 0);
        world_free(w);
}

/* With its guard PID 1 stops the unit. */
static void a_unit_whose_guard_is_gone_starts_again_though_the_registry_is_dead(void **state) {
        World *w = paused();

        w->silent = true;
        world_pass(w, 5 * TTL);
        world_step(w, (Event){ .kind = EVENT_GUARD_DOWN });
        w->guard = (GuardReport){};
        w->keeps = false;
        world_step(w, (Event){ .kind = EVENT_GUARD_GONE });
        w->unit.active = ACTIVE_INACTIVE;
        w->unit.empty = true;
        world_say_unit(w);
        world_connect(w);
        world_pass(w, TTL);
        assert_int_equal(w->done[ACTION_UNIT_START], 2);
        assert_true(w->guard.open && w->keeps);
        world_free(w);
}

/* The record was deleted while the daemon was away: it need not have seen the end. */
static void a_daemon_that_comes_back_after_the_end_counts_again(void **state) {
        World *w = paused();
        char session[SESSION_SIZE];

        str_copy(session, sizeof(session), w->session);
        world_delete(w, RECORD_PAUSE, "");
        world_restart(w, session);
        world_connect(w);
        world_pass(w, 2 * ROUND);
        assert_false(w->keeps);
        assert_false(says_keeps(w, session));
        assert_int_equal(w->done[ACTION_UNIT_STOP], 0);
        world_free(w);
}

/* Nobody could take the unit, so it is not let go: it would run nowhere until the pause ends. */
static void a_check_that_fails_in_a_pause_ends_the_unit_after_it(void **state) {
        World *w = running();

        world_step(w, (Event){ .kind = EVENT_CONFIGURE,
                                      .config = { .unit = "a.service",
                                                      .lease = "a.service",
                                                      .checked = true,
                                                      .stop_grace = USEC_INFINITY,
                                                      .timeout_stop = 90 * USEC_PER_SEC,
                                                      .hold_down_release = 30 * USEC_PER_SEC,
                                                      .hold_down_failure = 60 * USEC_PER_SEC } });
        world_step(w, (Event){ .kind = EVENT_CHECK, .unit = "a.service", .on = true });
        say(w, true);
        hear_of_it(w);
        world_step(w, (Event){ .kind = EVENT_CHECK, .unit = "a.service" });
        world_pass(w, 3 * TTL);
        assert_int_equal(w->done[ACTION_UNIT_STOP], 0);
        say(w, false);
        hear_of_it(w);
        world_pass(w, 2 * TTL);
        hear_of_it(w);
        assert_true(w->done[ACTION_UNIT_STOP] > 0);
        world_free(w);
}

static void a_keeper_that_is_not_heard_keeps_its_lease_until_it_is_confirmed_dead(void **state) {
        World *w = beside_a_keeper();
        MachineRecord them = { .hostname = "them", .session = THEIR_SESSION };

        world_step(w, (Event){ .kind = EVENT_STEAL, .unit = "a.service", .id = ID });
        assert_int_equal(w->word, WORD_UNABLE);
        put(w, RECORD_MACHINE, THEM, &them);
        world_step(w, (Event){ .kind = EVENT_CONFIRM, .machine_id = THEM, .id = ID });
        world_pass(w, ROUND);
        assert_string_equal(world_lease(w)->session, w->session);
        world_free(w);
}

static int find_them(const MachineView *v, void *userdata) {
        if (!streq(v->machine_id, THEM))
                return 0;
        *(MachineView *) userdata = *v;
        return 1;
}

/* Somebody has deleted the record of their machine, and so nobody knows its name. */
static void a_keeper_whose_machine_has_no_record_is_named_and_can_be_confirmed_dead(void **state) {
        for (unsigned beat_is_damaged = 0; beat_is_damaged < 2; beat_is_damaged++) {
                World *w = beside_a_keeper();
                MachineView v = {};
                UnitView u;

                if (beat_is_damaged) {
                        world_damage(w, RECORD_BEAT, THEIR_SESSION);
                        world_restart(w, NULL);
                        world_connect(w);
                        world_pass(w, 3 * TTL);
                }
                assert_int_equal(core_each_machine(w->core, w->now, find_them, &v), 1);
                assert_true(v.unconfirmed && !v.alive);
                assert_int_equal(v.held, 1);
                assert_true(core_find_unit(w->core, w->now, "a.service", &u));
                assert_int_equal(u.why_not.why, WHY_KEEPS);
                world_step(w, (Event){ .kind = EVENT_CONFIRM, .machine_id = THEM, .id = ID });
                world_pass(w, ROUND);
                assert_string_equal(world_lease(w)->session, w->session);
                assert_int_equal(core_each_machine(w->core, w->now, find_them, &v), 0);
                world_free(w);
        }
}

/* Nobody could name it any more, and its leases would be taken by nobody for ever. */
static void a_machine_that_keeps_leases_is_not_forgotten(void **state) {
        World *w = beside_a_keeper();
        MachineRecord them = { .hostname = "them", .session = THEIR_SESSION };

        put(w, RECORD_MACHINE, THEM, &them);
        world_step(w, (Event){ .kind = EVENT_CALL,
                                      .id = ID,
                                      .call = { .kind = CALL_FORGET_MACHINE, .machine = THEM } });
        world_pass(w, ROUND);
        assert_int_equal(w->called, CALL_BUSY);
        assert_int_equal(w->called_why, WHY_KEEPS);
        assert_true(world_find(w, RECORD_MACHINE, THEM)->revision > 0);
        world_free(w);
}

/* The only machine of its cluster was booted during the pause: nobody else could confirm that the earlier boot is
 * over.
 */
static void a_machine_that_boots_in_a_pause_has_its_earlier_session_confirmed_dead(void **state) {
        World *w = paused();
        char earlier[SESSION_SIZE];
        UnitView u;

        str_copy(earlier, sizeof(earlier), w->session);
        w->guard = (GuardReport){};
        w->keeps = false;
        w->unit.active = ACTIVE_INACTIVE;
        w->unit.empty = true;
        w->boot = THEM;
        world_restart(w, NULL);
        world_connect(w);
        world_pass(w, ROUND);
        delete_pause(w);
        world_pass(w, 3 * TTL);
        assert_string_equal(world_lease(w)->session, earlier);
        assert_true(core_find_unit(w->core, w->now, "a.service", &u));
        assert_int_equal(u.state, STATE_WAITING);
        assert_int_equal(u.why_not.why, WHY_KEEPS);
        world_step(w, (Event){ .kind = EVENT_CONFIRM, .machine_id = US, .id = ID });
        world_pass(w, ROUND);
        assert_int_equal(w->word, WORD_BEGUN);
        assert_string_not_equal(w->session, earlier);
        assert_string_equal(world_lease(w)->session, w->session);
        world_pass(w, ROUND);
        assert_true(w->guard.open);
        world_free(w);
}

static void a_keeper_that_beats_without_the_word_is_like_any_other(void **state) {
        World *w = beside_a_keeper();
        static const FenceRecord none;

        world_beat_them(w);
        world_put(w, RECORD_FENCE, THEIR_SESSION, &none);
        hear(w, RECORD_BEAT, THEIR_SESSION);
        hear(w, RECORD_FENCE, THEIR_SESSION);
        world_pass(w, TTL);
        assert_string_equal(world_lease(w)->session, THEIR_SESSION);
        world_pass(w, ROUND);
        assert_string_equal(world_lease(w)->session, w->session);
        world_free(w);
}

static void a_fence_that_is_lost_does_not_make_a_keeper_mortal(void **state) {
        World *w = beside_a_keeper();

        world_delete(w, RECORD_FENCE, THEIR_SESSION);
        hear(w, RECORD_FENCE, THEIR_SESSION);
        world_pass(w, 3 * TTL);
        assert_string_equal(world_lease(w)->session, THEIR_SESSION);
        world_free(w);
}

static void a_lost_lease_may_be_a_keepers(void **state) {
        World *w = beside_a_keeper();

        world_delete(w, RECORD_LEASE, "a.service");
        hear(w, RECORD_LEASE, "a.service");
        world_pass(w, 3 * TTL);
        assert_int_equal(world_find(w, RECORD_LEASE, "a.service")->revision, 0);
        world_free(w);
}

/* As a foreign writer may leave it: the word in a fence, though there was no pause, and no lease, and no machine by
 * which anybody would know whose session it is. Only the beat says that. */
static void a_keeper_that_holds_nothing_is_named_to_who_waits_for_it_and_can_be_confirmed_dead(void **state) {
        World *w = beside_a_keeper();
        char text[WHY_TEXT_SIZE];
        MachineView v = {};
        UnitView u;

        world_damage(w, RECORD_LEASE, "a.service");
        world_restart(w, NULL);
        world_connect(w);
        world_pass(w, 3 * TTL);
        assert_true(world_find(w, RECORD_LEASE, "a.service")->damaged);
        assert_int_equal(core_each_machine(w->core, w->now, find_them, &v), 1);
        assert_true(v.unconfirmed && !v.alive);
        assert_int_equal(v.held, 0);
        assert_true(core_find_unit(w->core, w->now, "a.service", &u));
        assert_int_equal(u.why_not.why, WHY_MAY_BE_KEPT);
        assert_non_null(strstr(why_text(u.why_not, text), "leasectl confirm-dead " THEM));
        world_step(w, (Event){ .kind = EVENT_CONFIRM, .machine_id = THEM, .id = ID });
        world_pass(w, 3 * TTL);
        assert_string_equal(world_lease(w)->session, w->session);
        assert_int_equal(core_each_machine(w->core, w->now, find_them, &v), 0);
        world_free(w);
}

/* Nothing but the fence says whose session it is: the beat is damaged, and their record and the lease are gone. */
static void a_keeper_whose_beat_is_damaged_is_named_by_its_fence(void **state) {
        for (unsigned restarted = 0; restarted < 2; restarted++) {
                World *w = beside_a_keeper();
                char text[WHY_TEXT_SIZE];
                MachineView v = {};
                UnitView u;

                w->revision++;
                world_put(w, RECORD_FENCE, THEIR_SESSION, &(FenceRecord){ .keeps = true, .keeper = THEM });
                hear(w, RECORD_FENCE, THEIR_SESSION);
                world_damage(w, RECORD_BEAT, THEIR_SESSION);
                hear(w, RECORD_BEAT, THEIR_SESSION);
                world_damage(w, RECORD_LEASE, "a.service");
                hear(w, RECORD_LEASE, "a.service");
                if (restarted) {
                        world_restart(w, NULL);
                        world_connect(w);
                }
                world_pass(w, 200 * TTL);
                assert_true(world_find(w, RECORD_LEASE, "a.service")->damaged);
                assert_int_equal(core_each_machine(w->core, w->now, find_them, &v), 1);
                assert_true(v.unconfirmed && !v.alive);
                assert_true(core_find_unit(w->core, w->now, "a.service", &u));
                assert_int_equal(u.why_not.why, restarted ? WHY_MAY_BE_KEPT : WHY_KEEPS);
                assert_non_null(strstr(why_text(u.why_not, text), "leasectl confirm-dead"));
                world_step(w, (Event){ .kind = EVENT_CONFIRM, .machine_id = THEM, .id = ID });
                world_pass(w, 3 * TTL);
                assert_string_equal(world_lease(w)->session, w->session);
                world_free(w);
        }
}

static void a_session_that_keeps_says_in_its_fence_whose_it_is(void **state) {
        World *w = paused();

        assert_true(says_keeps(w, w->session));
        assert_string_equal(world_find(w, RECORD_FENCE, w->session)->value.fence.keeper, US);
        world_free(w);
}

static void say_damaged_pause(World *w) {
        world_damage(w, RECORD_PAUSE, "");
        world_step(w, (Event){ .kind = EVENT_RECORDS,
                                      .answer = { .revision = w->revision,
                                                      .records = &(Record){ .kind = RECORD_PAUSE,
                                                                      .name = "",
                                                                      .mod_revision = w->revision,
                                                                      .damaged = true },
                                                      .n_records = 1 } });
}

static World *at_the_end_beside_a_silent_holder(bool keeps, bool fell_back) {
        World *w = world_new();
        FenceRecord fence = { .keeps = keeps };

        world_add_them(w);
        world_put(w, RECORD_FENCE, THEIR_SESSION, &fence);
        world_connect(w);
        world_pass(w, USEC_PER_SEC);
        set_pause(w, PAUSE_ENDING, fell_back);
        return w;
}

static void a_pause_ends_a_ttl_after_the_word_at_the_latest(void **state) {
        World *w = at_the_end_beside_a_silent_holder(true, false);

        world_pass(w, TTL);
        assert_true(is_there(w));
        world_pass(w, ROUND);
        assert_false(is_there(w));
        world_free(w);
}

static void a_pause_of_a_registry_that_fell_back_waits_for_every_holder(void **state) {
        World *w = at_the_end_beside_a_silent_holder(false, true);
        SessionView view;

        world_pass(w, 10 * TTL);
        assert_true(is_there(w));
        core_session_view(w->core, w->now, &view);
        assert_true(view.pause_ends && view.pause_waits);
        world_beat_them(w);
        hear(w, RECORD_BEAT, THEIR_SESSION);
        world_pass(w, ROUND);
        assert_false(is_there(w));
        core_session_view(w->core, w->now, &view);
        assert_false(view.pause_waits);
        world_free(w);
}

/* The registry is as it was before the pause. */
static void a_pause_is_written_again_into_a_registry_that_fell_back(void **state) {
        World *w = paused();
        uint64_t revision = w->revision;

        world_find(w, RECORD_PAUSE, "")->revision = 0;
        for (size_t i = 0; i < w->n_entries; i++)
                w->entries[i].revision = MIN(w->entries[i].revision, (uint64_t) 1);
        w->revision = 1;
        world_pass(w, 2 * TTL);
        assert_int_equal(w->reports[REPORT_REGISTRY_FELL_BACK], 1);
        assert_true(w->done[ACTION_GUARD_LOSE] > 0);
        assert_true(pause_of(w)->fell_back);
        assert_int_equal(pause_of(w)->stage, PAUSE_ON);
        assert_true(core_memory(w->core)->paused);
        assert_true(w->revision < revision + 100);
        world_free(w);
}

static void a_record_that_cannot_be_read_ends_like_any_other(void **state) {
        World *w = paused();

        say_damaged_pause(w);
        world_pass(w, 2 * TTL);
        assert_false(is_there(w));
        assert_false(w->keeps);
        assert_int_equal(w->done[ACTION_UNIT_STOP], 0);
        world_free(w);
}

/* The fences of a registry that fell back may lack the word: no time is enough, whatever becomes of the record. */
static void a_pause_of_a_registry_that_fell_back_waits_also_where_its_record_is_damaged(void **state) {
        World *w = at_the_end_beside_a_silent_holder(false, true);

        say_damaged_pause(w);
        world_pass(w, 10 * TTL);
        assert_true(is_there(w));
        world_beat_them(w);
        hear(w, RECORD_BEAT, THEIR_SESSION);
        world_pass(w, ROUND);
        assert_false(is_there(w));
        world_free(w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(whoever_has_read_it_lives_through_a_registry_that_is_dead_for_an_hour),
                cmocka_unit_test(whoever_has_not_read_it_stops_in_time),
                cmocka_unit_test(a_beat_that_finds_no_pause_keeps_nothing),
                cmocka_unit_test(nobody_takes_a_free_lease_before_the_end),
                cmocka_unit_test(a_pause_that_was_not_heard_of_refuses_the_taking),
                cmocka_unit_test(the_operator_is_told_when_each_machine_has_read_it),
                cmocka_unit_test(a_pause_that_nobody_waits_for_any_more_is_in_force),
                cmocka_unit_test(a_pause_that_may_be_written_is_not_said_to_be_refused),
                cmocka_unit_test(a_machine_that_knows_no_pause_is_named),
                cmocka_unit_test(the_end_has_two_steps_and_deadlines_count_again),
                cmocka_unit_test(the_fence_says_nothing_else_before_the_guard_has_answered),
                cmocka_unit_test(it_is_kept_over_a_restart_while_the_registry_is_dead),
                cmocka_unit_test(a_unit_whose_guard_is_gone_starts_again_though_the_registry_is_dead),
                cmocka_unit_test(a_daemon_that_comes_back_after_the_end_counts_again),
                cmocka_unit_test(a_check_that_fails_in_a_pause_ends_the_unit_after_it),
                cmocka_unit_test(a_keeper_that_is_not_heard_keeps_its_lease_until_it_is_confirmed_dead),
                cmocka_unit_test(a_keeper_whose_machine_has_no_record_is_named_and_can_be_confirmed_dead),
                cmocka_unit_test(a_machine_that_keeps_leases_is_not_forgotten),
                cmocka_unit_test(a_machine_that_boots_in_a_pause_has_its_earlier_session_confirmed_dead),
                cmocka_unit_test(a_keeper_that_beats_without_the_word_is_like_any_other),
                cmocka_unit_test(a_fence_that_is_lost_does_not_make_a_keeper_mortal),
                cmocka_unit_test(a_lost_lease_may_be_a_keepers),
                cmocka_unit_test(a_keeper_that_holds_nothing_is_named_to_who_waits_for_it_and_can_be_confirmed_dead),
                cmocka_unit_test(a_keeper_whose_beat_is_damaged_is_named_by_its_fence),
                cmocka_unit_test(a_session_that_keeps_says_in_its_fence_whose_it_is),
                cmocka_unit_test(a_pause_ends_a_ttl_after_the_word_at_the_latest),
                cmocka_unit_test(a_pause_of_a_registry_that_fell_back_waits_for_every_holder),
                cmocka_unit_test(a_pause_is_written_again_into_a_registry_that_fell_back),
                cmocka_unit_test(a_record_that_cannot_be_read_ends_like_any_other),
                cmocka_unit_test(a_pause_of_a_registry_that_fell_back_waits_also_where_its_record_is_damaged),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
