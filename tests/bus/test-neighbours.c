/* SPDX-License-Identifier: Apache-2.0 */
/* Who stopped a unit, whatever the order in which PID 1's answers and signals come; and how often PID 1 is asked for
 * that. This program plays the bus and PID 1. The unit needs a mount, somebody stops the mount, and PID 1 stops the
 * unit first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <malloc.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>

#include "pid1/pid1.h"
#include "pid1/pid1-unit.h"
#include "util/names.h"

#define OTHER "a.service"
#define OTHERS_NEED "x.service"
#define UNIT "b.service"
#define NEED "m.mount"
#define MANY "many-" /* the units of that name's beginning are all alike, and need NEED */
#define STAMP "StateChangeTimestampMonotonic"
#define HELD_MAX 16

/* A unit of the PID 1 that is played. */
typedef struct Played {
        const char *name, *active, *need;
        uint32_t job;
        bool unneeded; /* StopWhenUnneeded=yes */
} Played;

typedef struct World {
        sd_event *event;
        sd_bus *bus, *theirs;
        Pid1 *pid1;
        Pid1Unit *other, *unit;
        Played played[5];
        bool holds_look, holds_row,
                        holds_stamp; /* what is not answered for now: looks, and of UNIT its row and STAMP */
        sd_bus_message *held[HELD_MAX];
        size_t n_held;
        bool tells_before;           /* before it answers the first of a question about UNIT, it tells of a change */
        uint32_t job;                /* the last one that was made for a call */
        unsigned questions, lasting; /* about UNIT: questions by parts, and those of them that ask for what lasts */
        unsigned messages;           /* of which all questions consist */
} World;

static Played *played(World *w, const char *name) {
        static Played one_of_many;
        static char its_name[64];

        if (startswith(name, MANY)) {
                (void) snprintf(its_name, sizeof(its_name), "%s", name);
                one_of_many = (Played){ its_name, "active", NEED, 0 };
                return &one_of_many;
        }
        for (size_t i = 0; i < ELEMENTSOF(w->played); i++)
                if (streq(w->played[i].name, name))
                        return w->played + i;
        fail_msg("no unit %s", name);
        return NULL;
}

/* ---- answers of PID 1 ---- */

static void add_row(sd_bus_message *reply, const Played *p) {
        assert_true(sd_bus_message_append(reply, "(ssssssouso)", p->name, "", "loaded", p->active, "", "", "/", p->job,
                                    p->job ? "stop" : "", "/") >= 0);
}

static void add_property(sd_bus_message *reply, const Played *p, const char *name) {
        int r;

        if (streq(name, "Id"))
                r = sd_bus_message_append(reply, "v", "s", p->name);
        else if (streq(name, "LoadState"))
                r = sd_bus_message_append(reply, "v", "s", "loaded");
        else if (streq(name, "ActiveState"))
                r = sd_bus_message_append(reply, "v", "s", p->active);
        else if (streq(name, "SubState"))
                r = sd_bus_message_append(reply, "v", "s", "");
        else if (streq(name, "Job"))
                r = sd_bus_message_append(reply, "v", "(uo)", p->job, "/");
        else if (streq(name, "Requires"))
                r = sd_bus_message_append(reply, "v", "as", 1, p->need);
        else if (streq(name, "BindsTo"))
                r = sd_bus_message_append(reply, "v", "as", 1, GUARD_SERVICE);
        else if (streq(name, "StopWhenUnneeded"))
                r = sd_bus_message_append(reply, "v", "b", p->unneeded);
        else
                r = sd_bus_message_append(reply, "v", "t", (uint64_t) 1);
        assert_true(r >= 0);
}

static void add_all(sd_bus_message *reply, const Played *p, bool whole) {
        static const char *const names[] = { "Id", "LoadState", "ActiveState", "SubState", "Job", "Requires",
                "BindsTo", "StopWhenUnneeded" };

        assert_true(sd_bus_message_open_container(reply, 'a', "{sv}") >= 0);
        for (size_t i = 0; whole && i < ELEMENTSOF(names); i++) {
                assert_true(sd_bus_message_open_container(reply, 'e', "sv") >= 0);
                assert_true(sd_bus_message_append(reply, "s", names[i]) >= 0);
                add_property(reply, p, names[i]);
                assert_true(sd_bus_message_close_container(reply) >= 0);
        }
        assert_true(sd_bus_message_close_container(reply) >= 0);
}

static Played *unit_of(World *w, sd_bus_message *m) {
        _cleanup_free_ char *name = NULL;

        assert_true(sd_bus_path_decode(sd_bus_message_get_path(m), PID1_UNIT_PATH, &name) > 0);
        return played(w, name);
}

static void add_rows(World *w, sd_bus_message *m, sd_bus_message *reply) {
        const char *name;

        assert_true(sd_bus_message_enter_container(m, 'a', "s") >= 0);
        assert_true(sd_bus_message_open_container(reply, 'a', "(ssssssouso)") >= 0);
        while (sd_bus_message_read(m, "s", &name) > 0) {
                w->questions += streq(name, UNIT);
                add_row(reply, played(w, name));
        }
        assert_true(sd_bus_message_close_container(reply) >= 0);
}

/* PID 1 answers, as of this moment. */
static void answer(World *w, sd_bus_message *m) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *interface, *name;

        w->messages++;
        assert_true(sd_bus_message_rewind(m, true) >= 0);
        assert_true(sd_bus_message_new_method_return(m, &reply) >= 0);
        if (sd_bus_message_is_method_call(m, NULL, "GetNameOwner"))
                assert_true(sd_bus_message_append(reply, "s", PID1_NAME) >= 0);
        else if (sd_bus_message_is_method_call(m, NULL, "ListUnitsByNames"))
                add_rows(w, m, reply);
        else if (sd_bus_message_is_method_call(m, NULL, "GetAll")) {
                assert_true(sd_bus_message_read(m, "s", &interface) > 0);
                add_all(reply, unit_of(w, m), isempty(interface));
        } else if (sd_bus_message_is_method_call(m, NULL, "Get")) {
                assert_true(sd_bus_message_read(m, "ss", &interface, &name) > 0);
                w->lasting += streq(name, "ConflictedBy") && streq(unit_of(w, m)->name, UNIT);
                add_property(reply, unit_of(w, m), name);
        }
        assert_true(sd_bus_send(w->theirs, reply, NULL) >= 0);
}

static bool is_held(World *w, sd_bus_message *m) {
        const char *first = "";

        if (sd_bus_message_is_method_call(m, NULL, "Get"))
                return w->holds_stamp && streq(unit_of(w, m)->name, UNIT) &&
                       sd_bus_message_read(m, "ss", NULL, &first) > 0 && streq(first, STAMP);
        if (!sd_bus_message_is_method_call(m, NULL, "ListUnitsByNames"))
                return false;
        assert_true(sd_bus_message_enter_container(m, 'a', "s") >= 0);
        assert_true(sd_bus_message_read(m, "s", &first) > 0);
        if (streq(first, UNIT))
                return w->holds_row;
        return w->holds_look && !streq(first, OTHER);
}

static void tell(World *w, const char *member, uint32_t job, const char *unit) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;

        assert_true(sd_bus_message_new_signal(w->theirs, &m, PID1_PATH, PID1_MANAGER, member) >= 0);
        assert_true(sd_bus_message_set_sender(m, PID1_NAME) >= 0);
        assert_true(sd_bus_message_append(m, "uos", job, "/", unit) >= 0);
        assert_true(streq(member, "JobNew") || sd_bus_message_append(m, "s", "done") >= 0);
        assert_true(sd_bus_send(w->theirs, m, NULL) >= 0);
}

static void tell_change(World *w) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_free_ char *path = NULL;

        assert_true(sd_bus_path_encode(PID1_UNIT_PATH, UNIT, &path) >= 0);
        assert_true(sd_bus_message_new_signal(
                                    w->theirs, &m, path, "org.freedesktop.DBus.Properties", "PropertiesChanged") >= 0);
        assert_true(sd_bus_message_set_sender(m, PID1_NAME) >= 0);
        assert_true(sd_bus_message_append(m, "sa{sv}as", PID1_UNIT, 0, 0) >= 0);
        assert_true(sd_bus_send(w->theirs, m, NULL) >= 0);
}

/* PID 1 starts or stops UNIT, at once. */
static void carry_out(World *w, sd_bus_message *m, const char *active) {
        char path[sizeof(PID1_PATH "/job/") + 10];

        played(w, UNIT)->active = active;
        tell(w, "JobNew", ++w->job, UNIT);
        (void) snprintf(path, sizeof(path), PID1_PATH "/job/%u", w->job);
        assert_true(sd_bus_reply_method_return(m, "o", path) >= 0);
        tell(w, "JobRemoved", w->job, UNIT);
}

static int on_call(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        World *w = userdata;

        if (sd_bus_message_is_method_call(m, NULL, "StartUnit") ||
                        sd_bus_message_is_method_call(m, NULL, "StopUnit")) {
                carry_out(w, m, sd_bus_message_is_method_call(m, NULL, "StartUnit") ? "active" : "inactive");
                return 1;
        }

        if (w->tells_before && sd_bus_message_is_method_call(m, NULL, "Get")) {
                w->tells_before = false;
                tell_change(w);
        }
        if (is_held(w, m)) {
                assert_true(w->n_held < HELD_MAX);
                w->held[w->n_held++] = sd_bus_message_ref(m);
        } else
                answer(w, m);
        return 1;
}

/* PID 1 answers the first n of the calls that it was given and has not answered. */
static void answer_held(World *w, size_t n) {
        assert_true(n <= w->n_held);
        for (size_t i = 0; i < n; i++) {
                answer(w, w->held[i]);
                (void) sd_bus_message_unref(w->held[i]);
        }
        w->n_held -= n;
        memmove(w->held, w->held + n, w->n_held * sizeof(w->held[0]));
}

/* ---- what happens ---- */

static void set(World *w, const char *name, const char *active, uint32_t job) {
        played(w, name)->active = active;
        played(w, name)->job = job;
}

/* Somebody stops NEED: the mount waits until the unit is down. */
static void stop_begins(World *w) {
        set(w, NEED, "active", 10);
        set(w, UNIT, "deactivating", 11);
}

static void unit_is_down(World *w) {
        set(w, UNIT, "inactive", 0);
        set(w, NEED, "deactivating", 10);
        tell(w, "JobRemoved", 11, UNIT);
}

/* ---- the world ---- */

static void turn_for(World *w, usec_t span) {
        for (usec_t end = usec_add(now_boottime(), span); now_boottime() < end;)
                assert_true(sd_event_run(w->event, 10 * USEC_PER_MSEC) >= 0);
}

#define turn_until(condition)                                                                                         \
        for (usec_t _end = usec_add(now_boottime(), 10 * USEC_PER_SEC); !(condition); turn_for(w, USEC_PER_MSEC))     \
        assert_true(now_boottime() < _end)

static sd_bus *new_bus(World *w, int fd, bool server) {
        sd_id128_t id = {};
        sd_bus *bus;

        assert_int_equal(sd_bus_new(&bus), 0);
        assert_true(sd_bus_set_fd(bus, fd, fd) >= 0);
        assert_true(!server || sd_bus_set_server(bus, true, id) >= 0);
        assert_true(sd_bus_start(bus) >= 0);
        assert_true(sd_bus_attach_event(bus, w->event, 0) >= 0);
        return bus;
}

static int set_up(void **state) {
        World *w = *state = calloc(1, sizeof(World));
        int fds[2];

        assert_non_null(w);
        w->job = 100;
        w->played[0] = (Played){ OTHER, "active", OTHERS_NEED, 0 };
        w->played[1] = (Played){ UNIT, "active", NEED, 0 };
        w->played[2] = (Played){ OTHERS_NEED, "active", NULL, 0 };
        w->played[3] = (Played){ NEED, "active", NULL, 0 };
        w->played[4] = (Played){ GUARD_SERVICE, "active", NULL, 0 };
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
        assert_int_equal(sd_event_new(&w->event), 0);
        w->theirs = new_bus(w, fds[0], true);
        assert_true(sd_bus_add_filter(w->theirs, NULL, on_call, w) >= 0);
        w->bus = new_bus(w, fds[1], false);
        assert_int_equal(pid1_new(w->event, USEC_PER_HOUR, &w->pid1), 0);
        assert_int_equal(pid1_attach(w->pid1, w->bus), 0);
        return 0;
}

static int tear_down(void **state) {
        World *w = *state;

        for (size_t i = 0; i < w->n_held; i++)
                (void) sd_bus_message_unref(w->held[i]);
        (void) pid1_free(w->pid1);
        (void) sd_bus_close_unref(w->bus);
        (void) sd_bus_close_unref(w->theirs);
        (void) sd_event_unref(w->event);
        free(w);
        return 0;
}

static Pid1Unit *watch(World *w, const char *name) {
        static const Pid1UnitCallbacks callbacks = {};
        _cleanup_free_ char *gate = NULL;
        Pid1Unit *u;

        assert_true(asprintf(&gate, GATE_DIRECTORY "/%s", name) > 0);
        assert_int_equal(pid1_unit_new(w->pid1, name, gate, GUARD_SERVICE, &callbacks, NULL, &u), 0);
        return u;
}

/* Everything that PID 1 has said is heard, and the unit was read since. */
static void settle(World *w) {
        usec_t since = now_boottime();

        assert_int_equal(pid1_unit_read(w->unit), 0);
        turn_until(pid1_unit_status(w->unit)->asked_at >= since);
        turn_for(w, 20 * USEC_PER_MSEC);
}

static void watch_unit(World *w) {
        w->unit = watch(w, UNIT);
        turn_until(pid1_unit_status(w->unit)->known);
        settle(w);
}

static void assert_stopped_with_its_need(World *w) {
        const Pid1UnitStatus *s = pid1_unit_status(w->unit);

        turn_until(s->active == UNIT_INACTIVE && s->end != UNIT_END_OWN && s->end != UNIT_END_UNKNOWN);
        assert_int_equal(s->end, UNIT_END_NEED);
        assert_string_equal(s->cause, NEED);
}

/* ---- the tests ---- */

/* PID 1 is asked about the neighbours of another unit, and has not answered yet, when the unit becomes known. */
static void a_look_at_the_neighbours_of_another_unit_says_nothing_of_ours(void **state) {
        World *w = *state;

        w->holds_row = w->holds_look = true;
        w->other = watch(w, OTHER);
        w->unit = watch(w, UNIT);
        turn_until(w->n_held == 2);
        assert_true(pid1_unit_status(w->other)->known);
        answer_held(w, 1);
        turn_until(pid1_unit_status(w->unit)->known);
        w->holds_row = w->holds_look = false;
        answer_held(w, 1);
        settle(w);

        stop_begins(w);
        tell(w, "JobNew", 10, NEED);
        tell(w, "JobNew", 11, UNIT);
        unit_is_down(w);
        assert_stopped_with_its_need(w);
}

/* The answer about the unit has many parts. The stop begins after the part that says that there is no job. */
static void a_stop_that_begins_between_two_parts_of_an_answer_is_no_older_job(void **state) {
        World *w = *state;

        watch_unit(w);
        w->holds_stamp = true;
        assert_int_equal(pid1_unit_read(w->unit), 0);
        turn_until(w->n_held == 2);
        turn_for(w, 20 * USEC_PER_MSEC);
        stop_begins(w);
        tell(w, "JobNew", 10, NEED);
        tell(w, "JobNew", 11, UNIT);
        w->holds_stamp = false;
        answer_held(w, 2);
        turn_for(w, 20 * USEC_PER_MSEC);
        unit_is_down(w);
        assert_stopped_with_its_need(w);
}

/* A look finds the mount on its way down. PID 1 tells of both jobs only then. */
static void what_is_going_down_was_up_beside_the_unit(void **state) {
        World *w = *state;

        watch_unit(w);
        w->holds_look = true;
        tell(w, "JobNew", 5, NEED);
        tell(w, "JobRemoved", 5, NEED);
        turn_until(w->n_held == 1);
        stop_begins(w);
        w->holds_look = false;
        answer_held(w, 1);
        turn_for(w, 20 * USEC_PER_MSEC);
        tell(w, "JobNew", 10, NEED);
        tell(w, "JobNew", 11, UNIT);
        unit_is_down(w);
        assert_stopped_with_its_need(w);
}

/* PID 1 tells of the job of the mount only after it was asked about the mount. */
static void a_job_that_only_the_look_shows_is_a_job(void **state) {
        World *w = *state;

        watch_unit(w);
        stop_begins(w);
        tell(w, "JobNew", 11, UNIT);
        unit_is_down(w);
        assert_stopped_with_its_need(w);
}

/* The unit's job is told of, and at once that it is over. */
static void job_of_unit(World *w, uint32_t job, const char *active) {
        set(w, UNIT, active, 0);
        tell(w, "JobNew", job, UNIT);
        tell(w, "JobRemoved", job, UNIT);
        turn_until(pid1_unit_status(w->unit)->active == (streq(active, "active") ? UNIT_ACTIVE : UNIT_INACTIVE));
}

/* PID 1's watchdog ends the guard: PID 1 stops the unit at once, while the guard's process still dies. */
static void what_ends_with_its_guard_was_not_stopped_by_hand(void **state) {
        World *w = *state;
        const Pid1UnitStatus *s;

        watch_unit(w);
        s = pid1_unit_status(w->unit);
        set(w, GUARD_SERVICE, "deactivating", 0);
        job_of_unit(w, 20, "inactive");
        turn_until(s->end != UNIT_END_OWN && s->end != UNIT_END_UNKNOWN);
        assert_int_equal(s->end, UNIT_END_NEED);
        assert_string_equal(s->cause, GUARD_SERVICE);
        assert_int_equal(s->need, NEED_FAILED);

        set(w, GUARD_SERVICE, "active", 0);
        tell(w, "JobNew", 21, GUARD_SERVICE);
        tell(w, "JobRemoved", 21, GUARD_SERVICE);
        turn_until(s->need == NEED_BACK);

        job_of_unit(w, 22, "active");
        settle(w);
        job_of_unit(w, 23, "inactive");
        turn_until(s->end != UNIT_END_OWN && s->end != UNIT_END_UNKNOWN);
        assert_int_equal(s->end, UNIT_END_HAND);
}

/* A drop-in with StopWhenUnneeded=yes has come or gone, and PID 1 has read it. */
static void reload(World *w, bool unneeded) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;

        played(w, UNIT)->unneeded = unneeded;
        assert_true(sd_bus_message_new_signal(w->theirs, &m, PID1_PATH, PID1_MANAGER, "Reloading") >= 0);
        assert_true(sd_bus_message_set_sender(m, PID1_NAME) >= 0);
        assert_true(sd_bus_message_append(m, "b", false) >= 0);
        assert_true(sd_bus_send(w->theirs, m, NULL) >= 0);
        turn_until(pid1_unit_status(w->unit)->stops_unneeded == unneeded);
        settle(w);
}

static void assert_ended(World *w, UnitEnd end, NeedState need) {
        settle(w);
        assert_int_equal(pid1_unit_status(w->unit)->end, end);
        assert_int_equal(pid1_unit_status(w->unit)->need, need);
}

/* Who has ended the unit is judged by the setting that was in force then. */
static void what_no_unit_needs_is_told_from_a_hand(void **state) {
        World *w = *state;

        watch_unit(w);
        job_of_unit(w, 20, "inactive");
        reload(w, true);
        assert_ended(w, UNIT_END_HAND, NEED_BACK);
        job_of_unit(w, 21, "active");
        settle(w);
        job_of_unit(w, 22, "inactive");
        assert_ended(w, UNIT_END_UNNEEDED, NEED_DOWN);
        reload(w, false);
        assert_ended(w, UNIT_END_UNNEEDED, NEED_BACK);
        job_of_unit(w, 23, "inactive"); /* a stop of what is down already is a hand */
        assert_ended(w, UNIT_END_HAND, NEED_BACK);
        job_of_unit(w, 24, "active");
        settle(w);
        played(w, UNIT)->unneeded = true; /* and PID 1 stops the unit at once */
        job_of_unit(w, 25, "inactive");
        assert_ended(w, UNIT_END_UNNEEDED, NEED_DOWN);
}

/* Who may end the unit is of interest when somebody has. */
static void what_lasts_is_asked_for_when_somebody_has_ended_the_unit(void **state) {
        World *w = *state;

        set(w, UNIT, "inactive", 0);
        w->unit = watch(w, UNIT);
        turn_until(pid1_unit_status(w->unit)->known);
        assert_int_equal(w->lasting, 1);
        settle(w);
        job_of_unit(w, 20, "active");
        settle(w);
        assert_int_equal(w->lasting, 1);
        job_of_unit(w, 21, "inactive");
        settle(w);
        assert_int_equal(w->lasting, 2);
}

/* PID 1 has loaded a unit since that the unit now depends on, and has told nobody. */
static void a_need_that_came_later_is_found_when_it_ends_the_unit(void **state) {
        World *w = *state;

        played(w, UNIT)->need = OTHERS_NEED;
        watch_unit(w);
        assert_int_equal(w->lasting, 1);
        played(w, UNIT)->need = NEED;
        stop_begins(w);
        tell(w, "JobNew", 10, NEED);
        tell(w, "JobNew", 11, UNIT);
        unit_is_down(w);
        assert_stopped_with_its_need(w);
}

/* Nobody else has ended a unit that we stop. */
static void a_unit_that_is_being_stopped_is_not_asked_for_what_lasts(void **state) {
        World *w = *state;
        unsigned before;

        watch_unit(w);
        before = w->lasting;
        assert_int_equal(pid1_unit_stop(w->unit), 0);
        turn_until(pid1_unit_status(w->unit)->active == UNIT_INACTIVE);
        assert_int_equal(w->lasting, before);
        assert_int_equal(pid1_unit_status(w->unit)->end, UNIT_END_OWN);
}

/* Of a unit that was ours to stop, the caller waits for one thing: that it is down. */
static void a_stop_of_ours_is_found_over_by_three_messages(void **state) {
        World *w = *state;
        unsigned before;

        watch_unit(w);
        before = w->messages;
        assert_int_equal(pid1_unit_stop(w->unit), 0);
        turn_until(pid1_unit_status(w->unit)->active == UNIT_INACTIVE);
        turn_for(w, 300 * USEC_PER_MSEC);
        assert_int_equal(w->messages - before, 3);
        assert_true(pid1_unit_status(w->unit)->known);
        assert_false(pid1_unit_status(w->unit)->job);
        assert_int_equal(pid1_unit_status(w->unit)->end, UNIT_END_OWN);
        assert_int_equal(pid1_unit_status(w->unit)->inactive_since, 1);
        assert_int_equal(pid1_unit_status(w->unit)->since, 1);
}

/* What is not down, or not by our stop alone, is asked about like any other unit. */
static void a_unit_that_goes_on_after_our_stop_is_asked_about_in_full(void **state) {
        World *w = *state;
        unsigned before;

        watch_unit(w);
        w->holds_row = true;
        assert_int_equal(pid1_unit_stop(w->unit), 0);
        turn_until(w->n_held > 0);
        w->holds_row = false;
        set(w, UNIT, "failed", 0);
        before = w->messages;
        answer_held(w, 1);
        turn_until(pid1_unit_status(w->unit)->active == UNIT_FAILED);
        assert_true(pid1_unit_status(w->unit)->failed);
        assert_in_range(w->messages - before, 10, 20);
}

/* A new job is a reason to ask a little later. The question at the job's end is as good. */
static void a_job_that_is_soon_over_costs_one_question(void **state) {
        enum { JOBS = 10 };
        World *w = *state;
        unsigned before;

        watch_unit(w);
        before = w->questions;
        for (uint32_t i = 0; i < JOBS; i++) {
                job_of_unit(w, 20 + i, i % 2 ? "active" : "inactive");
                turn_for(w, 300 * USEC_PER_MSEC);
        }
        print_message("%u questions for %d jobs\n", w->questions - before, JOBS);
        /* Two where somebody has ended the unit; and some signals may come apart. */
        assert_in_range(w->questions - before, JOBS, 2 * JOBS);
}

/* Whoever asks for a start or a stop also wishes to know what becomes of it. */
static void a_start_or_stop_of_ours_costs_one_question(void **state) {
        enum { CALLS = 10 };
        World *w = *state;
        unsigned before;

        watch_unit(w);
        before = w->questions;
        for (unsigned i = 0; i < CALLS; i++) {
                Pid1Active active = i % 2 ? UNIT_ACTIVE : UNIT_INACTIVE;

                assert_int_equal((i % 2 ? pid1_unit_start : pid1_unit_stop)(w->unit), 0);
                assert_int_equal(pid1_unit_read(w->unit), 0);
                turn_until(pid1_unit_status(w->unit)->active == active);
                turn_for(w, 300 * USEC_PER_MSEC);
        }
        print_message("%u questions for %d calls\n", w->questions - before, CALLS);
        assert_in_range(w->questions - before, CALLS, CALLS + CALLS / 2); /* the loop may stand still in between */
}

/* PID 1 tells of the end of a job first, and then of the change that the job has made. */
static void what_is_told_before_the_answer_costs_no_other_question(void **state) {
        enum { CALLS = 10 };
        World *w = *state;
        unsigned before;

        watch_unit(w);
        before = w->questions;
        for (unsigned i = 0; i < CALLS; i++) {
                Pid1Active active = i % 2 ? UNIT_ACTIVE : UNIT_INACTIVE;

                w->tells_before = true;
                assert_int_equal((i % 2 ? pid1_unit_start : pid1_unit_stop)(w->unit), 0);
                turn_until(pid1_unit_status(w->unit)->active == active && !w->tells_before);
                turn_for(w, 300 * USEC_PER_MSEC);
        }
        print_message("%u questions for %d calls\n", w->questions - before, CALLS);
        assert_in_range(w->questions - before, CALLS, CALLS + CALLS / 2);
        tell_change(w); /* and what is told when nothing is asked leads to a question */
        before = w->questions;
        turn_until(w->questions > before);
}

/* Those of sanitizers and of valgrind put room between pieces, or count nothing. */
static bool is_the_allocator_of_glibc(void) {
        enum { PIECES = 100, SIZE = 1000 };
        void *pieces[PIECES];
        size_t before = mallinfo2().uordblks, taken;

        for (size_t i = 0; i < PIECES; i++)
                assert_non_null(pieces[i] = malloc(SIZE));
        taken = mallinfo2().uordblks - before;
        for (size_t i = 0; i < PIECES; i++)
                free(pieces[i]);
        return taken >= PIECES * SIZE && taken <= PIECES * (SIZE + 16);
}

/* The names of other units are kept once, however many units need them. */
static void a_unit_takes_little_memory(void **state) {
        enum { UNITS = 200 };
        World *w = *state;
        Pid1Unit *units[UNITS];
        size_t before;

        if (!is_the_allocator_of_glibc())
                skip();
        watch_unit(w);
        before = mallinfo2().uordblks;
        for (size_t i = 0; i < UNITS; i++) {
                char name[64];

                (void) snprintf(name, sizeof(name), MANY "%zu.service", i);
                units[i] = watch(w, name);
        }
        for (size_t i = 0; i < UNITS; i++)
                turn_until(pid1_unit_status(units[i])->known);
        turn_for(w, 300 * USEC_PER_MSEC);
        print_message("%zu bytes a unit\n", (mallinfo2().uordblks - before) / UNITS);
        turn_until(mallinfo2().uordblks - before <= 1260 * UNITS); /* what the bus still holds comes and goes */
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_unit_takes_little_memory, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                what_is_told_before_the_answer_costs_no_other_question, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                a_look_at_the_neighbours_of_another_unit_says_nothing_of_ours, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                a_stop_that_begins_between_two_parts_of_an_answer_is_no_older_job, set_up, tear_down),
                cmocka_unit_test_setup_teardown(what_is_going_down_was_up_beside_the_unit, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_job_that_only_the_look_shows_is_a_job, set_up, tear_down),
                cmocka_unit_test_setup_teardown(what_ends_with_its_guard_was_not_stopped_by_hand, set_up, tear_down),
                cmocka_unit_test_setup_teardown(what_no_unit_needs_is_told_from_a_hand, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                what_lasts_is_asked_for_when_somebody_has_ended_the_unit, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                a_unit_that_is_being_stopped_is_not_asked_for_what_lasts, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                a_need_that_came_later_is_found_when_it_ends_the_unit, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_stop_of_ours_is_found_over_by_three_messages, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                a_unit_that_goes_on_after_our_stop_is_asked_about_in_full, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_job_that_is_soon_over_costs_one_question, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_start_or_stop_of_ours_costs_one_question, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
