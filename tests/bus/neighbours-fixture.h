/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The bus and PID 1, played by the test itself, for tests of who stopped a unit. The unit needs a mount. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>
#include <malloc.h>
#include <systemd/sd-bus.h>

#include "pid1/pid1.h"
#include "pid1/pid1-unit.h"
#include "util/names.h"

#include "played-bus.h"

#define OTHER "a.service"
#define OTHERS_NEED "x.service"
#define UNIT "b.service"
#define NEED "m.mount"
#define SLICE "s.slice"
#define MANY "many-" /* the units of that name's beginning are all alike, and need NEED */
#define STAMP "StateChangeTimestampMonotonic"
#define HELD_MAX 16

/* A unit of the PID 1 that is played. */
typedef struct Played {
        const char *name, *active, *need;
        uint32_t job;
        bool unneeded; /* StopWhenUnneeded=yes */
        uint8_t run;   /* the first byte of InvocationID=; the others are 0 */
} Played;

typedef struct World {
        sd_event *event;
        sd_bus *bus, *theirs;
        Pid1 *pid1;
        Pid1Unit *other, *unit;
        Played played[6];
        bool holds_look, holds_row,
                        holds_stamp; /* what is not answered for now: looks, and of UNIT its row and STAMP */
        sd_bus_message *held[HELD_MAX];
        size_t n_held;
        bool tells_before;           /* before it answers the first of a question about UNIT, it tells of a change */
        uint32_t job;                /* the last one that was made for a call */
        unsigned questions, lasting; /* about UNIT: questions by parts, and those of them that ask for what lasts */
        unsigned messages;           /* of which all questions consist */
        char reset[256];             /* the names of the units that PID 1 was to reset, each with a space behind it */
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

static int add_run(sd_bus_message *reply, uint8_t first) {
        uint8_t run[16] = { first };

        assert_true(sd_bus_message_open_container(reply, 'v', "ay") >= 0);
        assert_true(sd_bus_message_append_array(reply, 'y', run, sizeof(run)) >= 0);
        return sd_bus_message_close_container(reply);
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
        else if (streq(name, "InvocationID"))
                r = add_run(reply, p->run);
        else if (streq(name, "StopWhenUnneeded"))
                r = sd_bus_message_append(reply, "v", "b", p->unneeded);
        else
                r = sd_bus_message_append(reply, "v", "t", (uint64_t) 1);
        assert_true(r >= 0);
}

static void add_all(sd_bus_message *reply, const Played *p, bool whole) {
        static const char *const names[] = { "Id", "LoadState", "ActiveState", "SubState", "Job", "Requires",
                "BindsTo", "StopWhenUnneeded", "InvocationID" };

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
                if (streq(sd_bus_message_get_path(m), PID1_PATH))
                        return (void) sd_bus_reply_method_return(m, "v", "t", (uint64_t) 1);
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

        if (sd_bus_message_is_method_call(m, NULL, "ResetFailedUnit")) {
                const char *name;

                assert_true(sd_bus_message_read(m, "s", &name) > 0);
                strcat(w->reset, name);
                strcat(w->reset, " ");
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

/* ---- what happens ---- */

static void set(World *w, const char *name, const char *active, uint32_t job) {
        played(w, name)->active = active;
        played(w, name)->job = job;
}

/* ---- the world ---- */

static int set_up(void **state) {
        World *w = *state = calloc(1, sizeof(World));

        assert_non_null(w);
        w->job = 100;
        w->played[0] = (Played){ OTHER, "active", OTHERS_NEED, 0 };
        w->played[1] = (Played){ UNIT, "active", NEED, 0 };
        w->played[2] = (Played){ OTHERS_NEED, "active", NULL, 0 };
        w->played[3] = (Played){ NEED, "active", NULL, 0 };
        w->played[4] = (Played){ GUARD_SERVICE, "active", NULL, 0 };
        w->played[5] = (Played){ SLICE, "active", NULL, 0 };
        assert_int_equal(sd_event_new(&w->event), 0);
        played_bus_new(w->event, &w->theirs, &w->bus);
        assert_true(sd_bus_add_filter(w->theirs, NULL, on_call, w) >= 0);
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

/* The unit's job is told of, and at once that it is over. */
static void job_of_unit(World *w, uint32_t job, const char *active) {
        set(w, UNIT, active, 0);
        tell(w, "JobNew", job, UNIT);
        tell(w, "JobRemoved", job, UNIT);
        turn_until(pid1_unit_status(w->unit)->active == (streq(active, "active") ? UNIT_ACTIVE : UNIT_INACTIVE));
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
