/* SPDX-License-Identifier: Apache-2.0 */

/* What is said of a unit and of machines, and who can know it: docs/states.md as a table. */

#include <inttypes.h>
#include <string.h>

#include "core-world.h"

static void say_records(World *w, RecordKind kind, const char *name, const void *value) {
        Record r = { .kind = kind, .name = name, .value = value };

        world_put(w, kind, name, value);
        r.mod_revision = w->revision;
        world_step(w, (Event){ .kind = EVENT_RECORDS,
                                      .answer = { .revision = w->revision, .records = &r, .n_records = 1 } });
}

static void say_lease(World *w, LeaseState state) {
        LeaseRecord l = *world_lease(w);

        l.state = state;
        l.index++;
        l.session[0] = '\0';
        str_copy(l.machine_id, sizeof(l.machine_id), THEM);
        say_records(w, RECORD_LEASE, "a.service", &l);
}

static void configure(World *w, bool hold) {
        world_step(w, (Event){ .kind = EVENT_CONFIGURE,
                                      .config = { .unit = "a.service",
                                                      .lease = "a.service",
                                                      .stop_grace = USEC_INFINITY,
                                                      .timeout_stop = 90 * USEC_PER_SEC,
                                                      .hold_down_failure = 60 * USEC_PER_SEC,
                                                      .hold_on_failure = hold } });
}

static void end_unit(World *w, bool failed) {
        w->unit.active = failed ? ACTIVE_FAILED : ACTIVE_INACTIVE;
        w->unit.failed = failed;
        w->unit.empty = true;
        world_say_unit(w);
        world_pass(w, USEC_PER_SEC);
}

/* ---- situations ---- */

static World *never_heard(void) {
        World *w = world_new();

        w->silent = true;
        world_connect(w);
        world_pass(w, 3 * USEC_PER_SEC);
        return w;
}

static World *restarted_without_a_registry(void) {
        World *w = world_running();
        char session[SESSION_SIZE];

        str_copy(session, sizeof(session), w->session);
        w->silent = true;
        w->guard.stop_at = w->now.boottime + 3 * USEC_PER_SEC;
        world_restart(w, session);
        world_connect(w);
        world_pass(w, USEC_PER_SEC);
        return w;
}

static World *running(void) {
        return world_running();
}

static World *theirs(void) {
        World *w = world_new();

        world_add_them(w);
        world_connect(w);
        world_pass(w, USEC_PER_SEC);
        world_beat_them(w);
        world_pass(w, 3 * USEC_PER_SEC); /* until it has been read */
        return w;
}

static World *theirs_long_ago(void) {
        World *w = theirs();

        w->silent = true;
        world_pass(w, 2 * TTL);
        return w;
}

static World *ours_long_ago(void) {
        World *w = world_running();

        w->silent = true;
        world_pass(w, 8 * USEC_PER_SEC);
        end_unit(w, false);
        world_pass(w, 2 * TTL);
        return w;
}

static World *done(void) {
        World *w = theirs();

        say_lease(w, LEASE_DONE);
        return w;
}

static World *freed_where_it_cannot_run(void) {
        World *w = theirs();

        w->unit.gate_loaded = false;
        w->unit.load = LOAD_MISSING;
        world_say_unit(w);
        say_lease(w, LEASE_FREE);
        return w;
}

static World *failed(void) {
        World *w = world_running();

        configure(w, false);
        end_unit(w, true);
        return w;
}

static World *failed_and_held(void) {
        World *w = world_running();

        configure(w, true);
        end_unit(w, true);
        return w;
}

static World *stopped_by_hand(void) {
        World *w = world_running();

        w->unit.ended_by = ENDED_BY_HAND;
        end_unit(w, false);
        return w;
}

/* From before a boot: it has not run out yet. */
static World *held_by_an_earlier_session_of_ours(void) {
        World *w = world_running();

        w->guard = (GuardReport){};
        w->unit.active = ACTIVE_INACTIVE;
        w->unit.empty = true;
        w->boot = THEM;
        world_restart(w, NULL);
        world_connect(w);
        world_pass(w, USEC_PER_SEC);
        return w;
}

static World *kept_since_a_pause(void) {
        World *w = theirs();
        FenceRecord keeps = { .keeps = true };

        say_records(w, RECORD_FENCE, THEIR_SESSION, &keeps);
        world_pass(w, 2 * TTL);
        return w;
}

static World *paused_and_running(void) {
        World *w = world_running();
        PauseRecord pause = { .stage = PAUSE_ON };

        w->revision++;
        say_records(w, RECORD_FENCE, w->session, &world_find(w, RECORD_FENCE, w->session)->value);
        say_records(w, RECORD_PAUSE, "", &pause);
        world_pass(w, TTL);
        assert_true(w->keeps);
        return w;
}

static World *paused_and_the_registry_silent(void) {
        World *w = paused_and_running();

        w->silent = true;
        world_pass(w, 3 * TTL);
        return w;
}

static World *paused_and_restarted_without_a_registry(void) {
        World *w = paused_and_running();
        char session[SESSION_SIZE];

        str_copy(session, sizeof(session), w->session);
        w->silent = true;
        world_restart(w, session);
        world_connect(w);
        world_pass(w, 3 * TTL);
        return w;
}

static World *free_and_paused(void) {
        World *w = world_new();
        PauseRecord pause = { .stage = PAUSE_ON };

        w->revision++;
        world_put(w, RECORD_PAUSE, "", &pause);
        world_connect(w);
        world_pass(w, USEC_PER_SEC);
        return w;
}

static World *record_never_read(void) {
        static const LeaseRecord theirs = {
                .state = LEASE_HELD, .machine_id = THEM, .session = THEIR_SESSION, .index = 7
        };
        World *w = world_new();

        w->revision++;
        world_put(w, RECORD_LEASE, "a.service", &theirs);
        world_damage(w, RECORD_LEASE, "a.service");
        world_connect(w);
        world_pass(w, USEC_PER_SEC);
        return w;
}

static World *record_deleted(void) {
        World *w = theirs();
        Record r = { .kind = RECORD_LEASE, .name = "a.service" };

        world_delete(w, RECORD_LEASE, "a.service");
        world_step(w, (Event){ .kind = EVENT_RECORDS,
                                      .answer = { .revision = w->revision, .records = &r, .n_records = 1 } });
        return w;
}

static void the_state_is_what_can_be_known(void **state) {
        static const struct {
                const char *what;
                World *(*make)(void);
                const char *state, *holder;
                bool known, held_here;
                const char *why; /* a part of this machine's own reason; "" it has none; NULL: no matter */
        } table[] = {
                { "the registry has never answered", never_heard, "unknown", "", false, false,
                                "has not answered since leased started" },
                { "it runs, leased was restarted, the registry is away", restarted_without_a_registry, "unknown", "",
                                false, false, "it runs here by an earlier beat" },
                { "it runs here", running, "running", US, true, true, "" },
                { "it is theirs", theirs, "elsewhere", THEM, true, false, "another machine holds the lease" },
                { "it was theirs, and the registry is silent", theirs_long_ago, "unknown", "", false, false,
                                "the registry does not answer" },
                { "it was ours, and the registry is silent", ours_long_ago, "held", "", false, true,
                                "the registry does not answer" },
                { "it is done", done, "done", "", true, false, "its job is done" },
                { "it is free, and its file is missing", freed_where_it_cannot_run, "waiting", "", true, false,
                                "its unit file is missing" },
                { "it has failed", failed, "failed", "", true, false, "stands back" },
                { "it has failed, OnFailure=hold", failed_and_held, "failed", US, true, true,
                                "OnFailure=hold keeps its lease here until: leasectl start" },
                { "it was stopped by hand", stopped_by_hand, "stopped", US, true, true, "stopped by hand" },
                { "we were booted within the TTL", held_by_an_earlier_session_of_ours, "waiting", US, true, false,
                                "waiting for an earlier session of this machine to end" },
                { "its holder keeps it since a pause, and is silent", kept_since_a_pause, "elsewhere", THEM, true,
                                false, "leasectl confirm-dead" },
                { "it runs here in a pause", paused_and_running, "running", US, true, true, "" },
                { "... without the registry", paused_and_the_registry_silent, "running", "", false, true, "" },
                { "... and leased was restarted", paused_and_restarted_without_a_registry, "unknown", "", false, false,
                                "as the guard knows" },
                { "it is free in a pause", free_and_paused, "waiting", "", true, false, "leasectl resume" },
                { "its record could never be read", record_never_read, "damaged", "", false, false, NULL },
                { "its record was deleted", record_deleted, "elsewhere", THEM, true, false, "was deleted" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                World *w = table[i].make();
                UnitView v;
                const char *why;

                assert_true(core_find_unit(w->core, w->now, "a.service", &v));
                why = WHY_TEXT(v.why_not);
                if (!streq(core_state_word(v.state), table[i].state) || !streq(v.machine_id, table[i].holder) ||
                                v.known != table[i].known || v.held_here != table[i].held_here ||
                                (table[i].why && (*table[i].why ? !strstr(why, table[i].why) : *why)))
                        fail_msg("%s: state %s, holder %s, known %i, held here %i, why: %s", table[i].what,
                                        core_state_word(v.state), v.machine_id, v.known, v.held_here, why);
                world_free(w);
        }
}

/* PID 1 does not know as whom it would run. */
static World *running_without_a_unit_file(void) {
        World *w = running();

        w->unit.gate_loaded = false;
        world_say_unit(w);
        return w;
}

static World *theirs_without_a_unit_file_here(void) {
        World *w = theirs();

        w->unit.gate_loaded = false;
        world_say_unit(w);
        return w;
}

/* Nothing is checked that may run here by the guard's knowledge alone: what the check said would count as a word
 * against its start. */
static void a_unit_is_checked_for_what_it_may_do(void **state) {
        static const struct {
                World *(*make)(void);
                CheckAim aim;
        } table[] = {
                { running, CHECK_AIM_RUNS },
                { theirs, CHECK_AIM_MIGHT },
                { theirs_long_ago, CHECK_AIM_MIGHT },
                { never_heard, CHECK_AIM_MIGHT },
                { done, CHECK_AIM_MIGHT },
                { failed, CHECK_AIM_MIGHT },
                { free_and_paused, CHECK_AIM_MIGHT },
                { restarted_without_a_registry, CHECK_AIM_NONE },
                { paused_and_restarted_without_a_registry, CHECK_AIM_NONE },
                { ours_long_ago, CHECK_AIM_NONE },
                { stopped_by_hand, CHECK_AIM_NONE },
                { running_without_a_unit_file, CHECK_AIM_NONE },
                { theirs_without_a_unit_file_here, CHECK_AIM_NONE },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                World *w = table[i].make();
                UnitView v;

                assert_true(core_find_unit(w->core, w->now, "a.service", &v));
                if (v.check != table[i].aim)
                        fail_msg("row %zu: %s, checked for %d", i, core_state_word(v.state), v.check);
                world_free(w);
        }
}

/* The guard knows until when, also where nobody else knows anything. */
static void what_the_guard_keeps_has_an_end_that_is_told(void **state) {
        World *w = restarted_without_a_registry();
        UnitView v;

        assert_true(core_find_unit(w->core, w->now, "a.service", &v));
        assert_int_equal(v.stop_at, w->guard.stop_at);
        assert_int_equal(v.index, 1);
        world_free(w);
}

/* leased was restarted in a pause, and nothing is known of the registry: it is not said that the unit is about to be
 * stopped, nor that there is no pause. */
static void what_the_guard_keeps_in_a_pause_has_no_end(void **state) {
        World *w = paused_and_restarted_without_a_registry();
        SessionView s;
        UnitView v;

        w->guard.stop_at = w->now.boottime + 3 * USEC_PER_SEC;
        w->guard.kill_at = w->guard.stop_at + USEC_PER_SEC;
        world_step(w, (Event){ .kind = EVENT_GUARD, .unit = "a.service", .guard = w->guard });
        core_session_view(w->core, w->now, &s);
        assert_true(s.keeps && !s.known);
        assert_true(core_find_unit(w->core, w->now, "a.service", &v));
        assert_int_equal(v.stop_at, 0);
        assert_int_equal(v.kill_at, 0);
        world_free(w);
}

/* What is kept without beats does not run out. */
static void a_lease_that_is_kept_has_its_whole_time_left(void **state) {
        World *w = paused_and_the_registry_silent();
        LeaseView l;

        assert_true(core_find_lease(w->core, w->now, "a.service", &l));
        assert_true(l.local);
        assert_int_equal(l.time_remaining, TTL);
        world_free(w);
        w = kept_since_a_pause();
        assert_true(core_find_lease(w->core, w->now, "a.service", &l));
        assert_int_equal(l.time_remaining, TTL);
        world_free(w);
}

/* Its file was removed: PID 1 first says only that it must reload. */
static void each_reason_for_which_a_gate_is_missing_is_reported_once(void **state) {
        World *w = world_new();

        w->unit.gate_loaded = false;
        world_connect(w);
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(w->reports[REPORT_GATE_MISSING], 1);
        w->unit.load = LOAD_MISSING;
        for (unsigned i = 0; i < 3; i++) {
                world_say_unit(w);
                assert_int_equal(w->reports[REPORT_GATE_MISSING], 2);
        }
        world_free(w);
}

/* ---- machines ---- */

static int find_them(const MachineView *v, void *userdata) {
        if (!streq(v->machine_id, THEM))
                return 0;
        *(MachineView *) userdata = *v;
        return 1;
}

static void say_them(World *w) {
        MachineRecord them = { .hostname = "them", .session = THEIR_SESSION };

        say_records(w, RECORD_MACHINE, THEM, &them);
}

static World *them_beating(void) {
        World *w = theirs();

        say_them(w);
        return w;
}

static World *them_late(void) {
        World *w = them_beating();

        world_pass(w, 5 * USEC_PER_SEC);
        return w;
}

static World *them_silent(void) {
        World *w = them_beating();

        world_pass(w, 2 * TTL);
        return w;
}

static World *them_and_the_registry_silent(void) {
        World *w = them_beating();

        w->silent = true;
        world_pass(w, 2 * TTL);
        return w;
}

static World *them_not_moving(void) {
        World *w = world_new();

        world_add_them(w);
        world_connect(w);
        say_them(w);
        return w;
}

static void a_machine_is_up_silent_or_unknown(void **state) {
        static const struct {
                const char *what;
                World *(*make)(void);
                bool alive, known;
                usec_t heard_ago; /* at least */
        } table[] = {
                { "its beats come", them_beating, true, true, 0 },
                { "none has come for half its TTL", them_late, true, true, 5 * USEC_PER_SEC },
                { "none has come for two of its TTLs", them_silent, false, true, 2 * TTL },
                { "nor has anything of the registry", them_and_the_registry_silent, false, false, 2 * TTL },
                { "its beat was there before us, and has not moved", them_not_moving, true, false, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                World *w = table[i].make();
                MachineView v = {};

                assert_int_equal(core_each_machine(w->core, w->now, find_them, &v), 1);
                if (v.alive != table[i].alive || v.known != table[i].known ||
                                w->now.boottime - v.heard < table[i].heard_ago)
                        fail_msg("%s: alive %i, known %i, heard %" PRIu64 " us ago", table[i].what, v.alive, v.known,
                                        w->now.boottime - v.heard);
                world_free(w);
        }
}

/* ---- what others are told to be ---- */

static int find_line(const WhyNotView *v, void *userdata) {
        if (!streq(v->machine_id, THEM))
                return 0;
        (void) why_text(v->reason, userdata);
        return 1;
}

static void who_would_be_next_is_said_of_nothing_that_is_done(void **state) {
        World *w = done();
        OfferRecord offer = { .lease = "a.service" };
        char why[WHY_TEXT_SIZE];

        say_them(w);
        say_records(w, RECORD_OFFER, THEM "/a.service", &offer);
        assert_int_equal(core_each_why_not(w->core, w->now, "a.service", find_line, why), 1);
        assert_string_equal(why, "its job is done");
        world_free(w);
}

/* It takes nothing, and so it does not compete. */
static void a_machine_whose_guard_stays_away_says_so(void **state) {
        World *w = world_running();
        SessionView v;

        core_session_view(w->core, w->now, &v);
        assert_int_equal(v.why_not, WHY_NONE);
        assert_true(v.competing);
        world_step(w, (Event){ .kind = EVENT_GUARD_DOWN });
        world_step(w, (Event){ .kind = EVENT_GUARD_GONE });
        world_pass(w, 2 * TTL);
        core_session_view(w->core, w->now, &v);
        assert_int_equal(v.why_not, WHY_GUARD_GONE);
        assert_false(v.competing);
        world_free(w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_state_is_what_can_be_known),
                cmocka_unit_test(a_unit_is_checked_for_what_it_may_do),
                cmocka_unit_test(what_the_guard_keeps_has_an_end_that_is_told),
                cmocka_unit_test(what_the_guard_keeps_in_a_pause_has_no_end),
                cmocka_unit_test(a_lease_that_is_kept_has_its_whole_time_left),
                cmocka_unit_test(each_reason_for_which_a_gate_is_missing_is_reported_once),
                cmocka_unit_test(a_machine_is_up_silent_or_unknown),
                cmocka_unit_test(a_machine_whose_guard_stays_away_says_so),
                cmocka_unit_test(who_would_be_next_is_said_of_nothing_that_is_done),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
