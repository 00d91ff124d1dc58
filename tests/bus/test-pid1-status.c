/* SPDX-License-Identifier: Apache-2.0 */
/* What PID 1's answers mean, without a PID 1: messages are built on a connection that leads nowhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pid1/pid1-status.h"
#include "util/file-util.h"
#include "util/groups.h"
#include "util/strv.h"

#define GATE "/run/leased/held/a.service"
#define GUARD "leased-guard.service"
#define WALL 1000000u

static sd_bus *bus;
/* The latest answer; what was decoded borrows from it. */
static sd_bus_message *m;

typedef struct Assertion {
        const char *type;
        bool trigger, negate;
        const char *parameter;
} Assertion;

/* An answer to build; the defaults (see plain()) are those of a leased service that runs. */
typedef struct Answer {
        const char *id, *load_state, *active, *sub, *result, *control_group, *binds_to;
        bool need_reload;
        uint32_t job;
        uint64_t timeout_stop, timeout, active_enter, active_exit, main_exit;
        const char *exit_type;
        int remains;
        const char *type;
        Assertion asserts[3];
} Answer;

static Answer plain(void) {
        return (Answer){
                .id = "a.service",
                .load_state = "loaded",
                .active = "active",
                .sub = "running",
                .result = "success",
                .control_group = "/system.slice/a.service",
                .binds_to = GUARD,
                .timeout_stop = 90 * USEC_PER_SEC,
                .timeout = USEC_INFINITY,
                .asserts = { { "AssertPathExists", false, false, GATE } },
        };
}

static void add(const char *name, const char *type, const char *value) {
        if (value)
                assert_true(sd_bus_message_append(m, "{sv}", name, type, value) >= 0);
}

/* Adds both times of an event. The wall clock is set back all the while, so it shows a later event as an earlier one.
 */
static void add_moment(const char *name, uint64_t monotonic) {
        char other[64];

        (void) snprintf(other, sizeof(other), "%sMonotonic", name);
        assert_true(sd_bus_message_append(m, "{sv}", name, "t", monotonic > 0 ? WALL - monotonic : 0) >= 0);
        assert_true(sd_bus_message_append(m, "{sv}", other, "t", monotonic) >= 0);
}

static void add_asserts(const Answer *a) {
        assert_true(sd_bus_message_open_container(m, 'e', "sv") >= 0);
        assert_true(sd_bus_message_append(m, "s", "Asserts") >= 0);
        assert_true(sd_bus_message_open_container(m, 'v', "a(sbbsi)") >= 0);
        assert_true(sd_bus_message_open_container(m, 'a', "(sbbsi)") >= 0);
        for (size_t i = 0; i < ELEMENTSOF(a->asserts) && a->asserts[i].type; i++)
                assert_true(sd_bus_message_append(m, "(sbbsi)", a->asserts[i].type, a->asserts[i].trigger,
                                            a->asserts[i].negate, a->asserts[i].parameter, 0) >= 0);
        for (size_t i = 0; i < 3; i++)
                assert_true(sd_bus_message_close_container(m) >= 0);
}

/* What the message says of a unit; .related belongs to the next call. */
static int decode_message(const char *unit, Pid1Answer *ret) {
        static Relations related;
        int r = pid1_unit_answer_decode(m, unit, GATE, GUARD, ret);

        relations_done(&related);
        related = r >= 0 ? ret->related : (Relations){};
        return r;
}

static int decode(const Answer *a, Pid1Answer *ret) {
        m = sd_bus_message_unref(m);
        assert_true(sd_bus_message_new_signal(bus, &m, "/", "a.b", "C") >= 0);
        assert_true(sd_bus_message_open_container(m, 'a', "{sv}") >= 0);
        assert_true(sd_bus_message_append(m, "{sv}", "SomethingNew", "a(sv)", 1, "x", "u", 7) >= 0);
        add("Id", "s", a->id);
        add("LoadState", "s", a->load_state);
        add("ActiveState", "s", a->active);
        add("SubState", "s", a->sub);
        add("Result", "s", a->result);
        add("Type", "s", a->type);
        if (a->exit_type)
                add("ExitType", "s", a->exit_type);
        assert_true(sd_bus_message_append(m, "{sv}", "RemainAfterExit", "b", a->remains) >= 0);
        add_moment("ActiveEnterTimestamp", a->active_enter);
        add_moment("ActiveExitTimestamp", a->active_exit);
        add_moment("ExecMainExitTimestamp", a->main_exit);
        add("ControlGroup", "s", a->control_group);
        assert_true(sd_bus_message_append(m, "{sv}", "NeedDaemonReload", "b", a->need_reload) >= 0);
        assert_true(sd_bus_message_append(m, "{sv}", "Job", "(uo)", a->job, "/") >= 0);
        assert_true(sd_bus_message_append(m, "{sv}", "InvocationID", "ay", 16, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
                                    13, 14, 15, 16) >= 0);
        assert_true(sd_bus_message_append(m, "{sv}", "BindsTo", "as", 2, "other.service", a->binds_to) >= 0);
        if (a->timeout_stop)
                assert_true(sd_bus_message_append(m, "{sv}", "TimeoutStopUSec", "t", a->timeout_stop) >= 0);
        assert_true(sd_bus_message_append(m, "{sv}", "TimeoutUSec", "t", a->timeout) >= 0);
        add_asserts(a);
        assert_true(sd_bus_message_close_container(m) >= 0);
        assert_true(sd_bus_message_seal(m, 1, 0) >= 0);
        assert_true(sd_bus_message_rewind(m, true) >= 0);
        return decode_message("a.service", ret);
}

static Pid1UnitStatus status_of(const Answer *a) {
        Pid1Answer u;

        assert_int_equal(decode(a, &u), 0);
        return u.status;
}

static void a_running_unit_is_read_whole(void **state) {
        Answer a = plain();
        Pid1Answer u;

        a.job = 77;
        assert_int_equal(decode(&a, &u), 0);
        assert_string_equal(u.status.load_state, "loaded");
        assert_int_equal(u.status.active, UNIT_ACTIVE);
        assert_string_equal(u.status.sub_state, "running");
        assert_string_equal(u.status.control_group, "/system.slice/a.service");
        assert_string_equal(u.control_group, "/system.slice/a.service");
        assert_true(u.status.job);
        assert_int_equal(u.job_id, 77);
        assert_true(u.status.gate_loaded);
        assert_false(u.status.need_reload);
        assert_false(u.status.failed);
        assert_int_equal(u.status.invocation_id[15], 16);
        assert_true(u.status.timeout_stop == 90 * USEC_PER_SEC);
}

static void how_a_service_has_ended_is_seen_by_what_came_first(void **state) {
        static const struct {
                const char *active, *result, *type;
                uint64_t active_exit, main_exit;
                UnitSign sign;
                const char *exit_type;
                bool remains;
        } cases[] = {
                { "failed", "signal", "simple", 1000, 1000, UNIT_SIGN_CRASHED },
                { "failed", "exit-code", "simple", 1000, 999, UNIT_SIGN_CRASHED },
                { "failed", "timeout", "simple", 1000, 1001, UNIT_SIGN_NONE }, /* it was stopped before */
                { "failed", "exit-code", "simple", 1000, 0, UNIT_SIGN_NONE },
                { "failed", "watchdog", "simple", 1000, 1001, UNIT_SIGN_CRASHED },
                { "failed", "oom-kill", "simple", 1000, 1001, UNIT_SIGN_NONE }, /* perhaps while it was stopped */
                { "failed", "exit-code", "oneshot", 2000, 1000, UNIT_SIGN_NONE, "main", true }, /* its ExecStop= */
                { "failed", "timeout", "simple", 2000, 1000, UNIT_SIGN_NONE, "cgroup" },
                { "failed", "signal", "simple", 1000, 1000, UNIT_SIGN_CRASHED, "main" },
                { "failed", "exit-code", "oneshot", 0, 1000, UNIT_SIGN_NONE }, /* it was never active */
                { "inactive", "exit-code", "simple", 1000, 1000,
                                UNIT_SIGN_NONE }, /* somebody ended its auto-restart */
                { "inactive", "success", "simple", 1000, 1000, UNIT_SIGN_NONE },
                { "inactive", "success", "dbus", 1000, 1001, UNIT_SIGN_NAMED },
                { "active", "success", "dbus", 0, 0, UNIT_SIGN_NONE },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Answer a = plain();

                a.active = cases[i].active;
                a.result = cases[i].result;
                a.type = cases[i].type;
                a.active_exit = cases[i].active_exit;
                a.main_exit = cases[i].main_exit;
                a.exit_type = cases[i].exit_type;
                a.remains = cases[i].remains;
                assert_int_equal(status_of(&a).sign, cases[i].sign);
        }
}

static void a_unit_that_stops_does_so_for_as_long_as_it_is_not_active(void **state) {
        Answer a = plain();

        a.active = "deactivating";
        assert_true(status_of(&a).since == 0); /* it was never active */
        a.active_exit = 1500;
        assert_true(status_of(&a).since == 0);
        a.active_enter = 1000;
        assert_true(status_of(&a).since == WALL - 1000 + 500);
        a.active_enter = 2000; /* PID 1 shows the end of an earlier run */
        assert_true(status_of(&a).since == 0);
}

static void a_unit_of_a_type_without_processes_has_no_group(void **state) {
        Answer a = plain();
        Pid1Answer u;

        a.control_group = a.result = NULL;
        a.timeout_stop = 0;
        assert_int_equal(decode(&a, &u), 0);
        assert_null(u.control_group);
        assert_string_equal(u.status.control_group, "");
        assert_false(u.status.failed);
        assert_true(u.status.timeout_stop == USEC_INFINITY);
}

static void states_that_came_later_are_not_taken_for_down(void **state) {
        Answer a = plain();
        Pid1Answer u;

        a.active = "maintenance";
        assert_int_equal(status_of(&a).active, UNIT_DEACTIVATING);
        a.active = "refreshing";
        assert_int_equal(status_of(&a).active, UNIT_RELOADING);
        a.active = "asleep";
        assert_int_equal(decode(&a, &u), -EBADMSG);
}

static void an_answer_without_a_state_is_none(void **state) {
        Answer a = plain();
        Pid1Answer u;

        a.active = NULL;
        assert_int_equal(decode(&a, &u), -EBADMSG);
        a = plain();
        a.load_state = NULL;
        assert_int_equal(decode(&a, &u), -EBADMSG);
        a = plain();
        a.id = NULL;
        assert_int_equal(decode(&a, &u), -EBADMSG);
}

static void how_it_ended_is_seen(void **state) {
        Answer a = plain();

        a.active = "inactive";
        assert_false(status_of(&a).failed);
        a.result = "exit-code";
        assert_true(status_of(&a).failed);
        a.active = "failed";
        a.result = NULL;
        assert_true(status_of(&a).failed);
}

static void the_gate_counts_only_if_it_must_be_there(void **state) {
        static const struct {
                Assertion asserts[3];
                bool loaded;
        } cases[] = {
                { { { "AssertPathExists", false, false, GATE } }, true },
                { {}, false },
                { { { "AssertPathExists", false, true, GATE } }, false }, /* "!" */
                { { { "AssertPathExists", true, false, GATE } }, false }, /* "|" */
                { { { "AssertPathExists", true, false, GATE }, { "AssertPathExists", true, false, "/" } }, false },
                { { { "AssertPathExists", true, false, "/" }, { "AssertPathExists", false, false, GATE } }, true },
                { { { "AssertFileNotEmpty", false, false, GATE } }, false },
                { { { "AssertPathExists", false, false, GATE "x" } }, false },
                { { { "AssertPathIsDirectory", false, false, "/" }, { "AssertPathExists", false, false, GATE } },
                                true },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Answer a = plain();

                memcpy(a.asserts, cases[i].asserts, sizeof(a.asserts));
                assert_int_equal(status_of(&a).gate_loaded, cases[i].loaded);
                assert_int_equal(status_of(&a).gate_asserted, cases[i].loaded);
        }
}

static void the_gate_counts_only_with_the_guard_and_as_loaded(void **state) {
        Answer a = plain();

        a.binds_to = "leased-guard.service.d";
        assert_false(status_of(&a).gate_loaded);
        a = plain();
        a.need_reload = true;
        assert_false(status_of(&a).gate_loaded);
        assert_true(status_of(&a).gate_asserted); /* until the reload */
        assert_true(status_of(&a).need_reload);
        a = plain();
        a.load_state = "masked";
        assert_false(status_of(&a).gate_loaded);
        a = plain();
        a.id = "b.service"; /* the name has become an alias */
        assert_false(status_of(&a).gate_loaded);
}

static void a_path_too_long_is_not_cut(void **state) {
        Answer a = plain();
        Pid1Answer u;
        char path[600];

        memset(path, 'x', sizeof(path) - 1);
        path[0] = '/';
        path[sizeof(path) - 1] = '\0';
        a.control_group = path;
        assert_int_equal(decode(&a, &u), 0);
        assert_string_equal(u.status.control_group, "");
        assert_string_equal(u.control_group, path);
}

/* ---- what a unit brings ---- */

static void begin_answer(void) {
        m = sd_bus_message_unref(m);
        assert_true(sd_bus_message_new_signal(bus, &m, "/", "a.b", "C") >= 0);
}

static void end_answer(void) {
        assert_true(sd_bus_message_seal(m, 1, 0) >= 0);
        assert_true(sd_bus_message_rewind(m, true) >= 0);
}

/* Every kind of unit has both lists; which one counts depends on its type. */
static Pid1Answer answer_of(const char *unit, int accept, int persistent, uint64_t last_trigger) {
        Pid1Answer u;

        begin_answer();
        assert_true(sd_bus_message_append(m, "a{sv}", 10, "Id", "s", unit, "LoadState", "s", "loaded", "ActiveState",
                                    "s", "active", "SubState", "s", "waiting", "Job", "(uo)", 0, "/", "Triggers", "as",
                                    1, "b.service", "BoundBy", "as", 2, "c.service", "d.service", "Accept", "b",
                                    accept, "Persistent", "b", persistent, "LastTriggerUSec", "t", last_trigger) >= 0);
        end_answer();
        assert_int_equal(decode_message(unit, &u), 0);
        return u;
}

static void assert_covers(const char *unit, int accept, const char *first, const char *second) {
        Pid1Answer u = answer_of(unit, accept, 0, 0);

        assert_int_equal(strv_length(u.covers), second ? 2 : 1);
        assert_string_equal(u.covers[0], first);
        if (second)
                assert_string_equal(u.covers[1], second);
        strv_free(u.covers);
}

static void it_brings_what_it_triggers_or_what_is_bound_to_it(void **state) {
        assert_covers("a.timer", 0, "b.service", NULL);
        assert_covers("a.path", 0, "b.service", NULL);
        assert_covers("a.socket", 0, "b.service", NULL);
        assert_covers("a.target", 0, "c.service", "d.service");
        /* systemd.socket(5): one instance for each connection, of whatever name */
        assert_covers("a.socket", 1, "a@.service", NULL);
        assert_covers("a@x.socket", 1, "a@.service", NULL);
}

static void assert_covers_of_helpers(const char *unit, size_t n, const char *first, const char *second) {
        Pid1Answer u;

        begin_answer();
        assert_true(sd_bus_message_append(m, "a{sv}", 11, "Id", "s", unit, "LoadState", "s", "loaded", "ActiveState",
                                    "s", "active", "SubState", "s", "running", "Job", "(uo)", 0, "/", "Requires", "as",
                                    2, "needed.service", "stays.service", "BindsTo", "as", 1, "both-ways.service",
                                    "Wants", "as", 2, "side.service", "loose.service", "Upholds", "as", 1,
                                    "upheld.service", "Requisite", "as", 1, "by-hand.service", "BoundBy", "as", 4,
                                    "side.service", "needed.service", "by-hand.service", "upheld.service") >= 0);
        end_answer();
        assert_int_equal(decode_message(unit, &u), 0);
        assert_int_equal(strv_length(u.covers), n);
        assert_string_equal(u.covers[0], first);
        assert_string_equal(u.covers[1], second);
        strv_free(u.covers);
}

static void a_unit_brings_what_it_starts_if_that_is_bound_to_it(void **state) {
        assert_covers_of_helpers("a.service", 3, "side.service", "needed.service");
        assert_covers_of_helpers("a.mount", 3, "side.service", "needed.service");
        /* of a target, whatever is bound to it */
        assert_covers_of_helpers("a.target", 4, "side.service", "needed.service");
}

static void only_a_timer_that_catches_up_has_a_last_trigger(void **state) {
        Pid1Answer no = answer_of("a.timer", 0, 0, 17), yes = answer_of("a.timer", 0, 1, 17);

        assert_true(no.status.last_trigger == 0);
        assert_true(yes.status.last_trigger == 17);
        strv_free(no.covers);
        strv_free(yes.covers);
}

/* ---- by parts ---- */

/* How a unit is at one instant. PID 1 answers a question by parts with several messages, and each may be of another
 * instant. */
typedef struct Instant {
        uint64_t changed_at;
        const char *active, *result;
        uint32_t job;
} Instant;

static void append_variant(const char *property, const Instant *t) {
        int r = streq(property, "StateChangeTimestampMonotonic") ? sd_bus_message_append(m, "v", "t", t->changed_at)
                : streq(property, "Asserts")
                                ? sd_bus_message_append(m, "v", "a(sbbsi)", 1, "AssertPathExists", 0, 0, GATE, 1)
                : streq(property, "NeedDaemonReload") || streq(property, "RefuseManualStop")
                                ? sd_bus_message_append(m, "v", "b", 0)
                : streq(property, "RefuseManualStart") || streq(property, "StopWhenUnneeded")
                                ? sd_bus_message_append(m, "v", "b", 1)
                : streq(property, "SuccessAction") ? sd_bus_message_append(m, "v", "s", "none")
                : streq(property, "BindsTo")       ? sd_bus_message_append(m, "v", "as", 1, GUARD)
                : streq(property, "InvocationID")  ? sd_bus_message_append(m, "v", "ay", 0)
                : endswith(property, "Monotonic") || endswith(property, "Timestamp")
                                ? sd_bus_message_append(m, "v", "t", 5)
                                : sd_bus_message_append(m, "v", "as", 0);

        assert_true(r >= 0);
}

static sd_bus_message *part_of(const Pid1Part *part, const Instant *t) {
        begin_answer();
        if (part->kind == PART_PROPERTY)
                append_variant(part->property, t);
        else if (part->kind == PART_TYPE)
                assert_true(sd_bus_message_append(
                                            m, "a{sv}", 2, "Result", "s", t->result, "ControlGroup", "s", "/a") >= 0);
        else
                assert_true(sd_bus_message_append(m, "a(ssssssouso)", 1, "a.service", "", "loaded", t->active, "dead",
                                            "", "/", t->job, "", "/") >= 0);
        end_answer();
        return sd_bus_message_ref(m);
}

static bool without_what_lasts;

/* Decodes an answer whose parts below number from show the unit as *first says, and the others as *then says. */
static int decode_parts(const Instant *first, const Instant *then, size_t from, Pid1Answer *ret) {
        static char group[64];
        static const Pid1UnitStatus earlier = {
                .gate_asserted = true, .forbids = UNIT_FORBID_MANUAL_START, .stops_unneeded = true
        };
        sd_bus_message *parts[PID1_PARTS];
        int r;

        for (size_t i = 0; i < PID1_PARTS; i++)
                parts[i] = without_what_lasts && pid1_unit_parts[i].lasts
                                           ? NULL
                                           : part_of(pid1_unit_parts + i, i < from ? first : then);
        r = without_what_lasts ? pid1_unit_state_decode(parts, "a.service", &earlier, true, ret)
                               : pid1_unit_parts_decode(parts, "a.service", GATE, GUARD, ret);
        if (r >= 0) { /* what is borrowed from the messages outlives them */
                str_copy(group, sizeof(group), ret->status.control_group);
                ret->status.control_group = group;
        }
        for (size_t i = 0; i < PID1_PARTS; i++)
                sd_bus_message_unref(parts[i]);
        if (r >= 0)
                relations_done(&ret->related);
        return r;
}

static void assert_parts(void) {
        const Instant t = { 7, "inactive", "exit-code", 3 };
        Pid1Answer u;

        assert_int_equal(decode_parts(&t, &t, 0, &u), 0);
        assert_int_equal(u.status.active, UNIT_INACTIVE);
        assert_string_equal(u.status.load_state, "loaded");
        assert_string_equal(u.status.sub_state, "dead");
        assert_string_equal(u.status.control_group, "/a");
        assert_int_equal(u.job_id, 3);
        assert_true(u.status.job);
        assert_true(u.status.failed);
        assert_true(u.status.gate_loaded);
        assert_int_equal(u.status.forbids, UNIT_FORBID_MANUAL_START);
        assert_true(u.status.stops_unneeded); /* whichever setting comes first */
        assert_true(u.guard_bound);
        assert_true(u.status.inactive_since == 5);
}

static void parts_say_what_the_whole_says(void **state) {
        assert_parts();
}

/* What lasts is not asked for, and is as it was. */
static void parts_of_the_state_say_the_same(void **state) {
        size_t n = 0;

        for (size_t i = 0; i < PID1_PARTS; i++)
                n += !pid1_unit_parts[i].lasts;
        assert_in_range(n, 1, PID1_PARTS / 2);
        without_what_lasts = true;
        assert_parts();
        without_what_lasts = false;
}

/* A unit that ran well fails while the parts are read. Mixed, they could say that the unit is down and has not failed.
 */
static void parts_of_two_states_are_no_answer(void **state) {
        const Instant before = { 7, "active", "success", 0 }, after = { 8, "inactive", "exit-code", 0 };
        Pid1Answer u;

        for (size_t from = 1; from < PID1_PARTS; from++)
                assert_int_equal(decode_parts(&before, &after, from, &u), -EAGAIN);
        assert_int_equal(decode_parts(&before, &after, PID1_PARTS, &u), 0);
        assert_int_equal(u.status.active, UNIT_ACTIVE);
}

/* ---- templates ---- */

static Pid1Answer rows_of(const char *const *states, size_t n, uint32_t job, char ***ret_up) {
        Pid1Answer u;

        begin_answer();
        assert_true(sd_bus_message_open_container(m, 'a', "(ssssssouso)") >= 0);
        for (size_t i = 0; i < n; i++) {
                char name[32];

                (void) snprintf(name, sizeof(name), "a@%zu.service", i);
                assert_true(sd_bus_message_append(m, "(ssssssouso)", name, "", "loaded", states[i], "sub", "", "/",
                                            i == 0 ? job : 0, "", "/") >= 0);
        }
        assert_true(sd_bus_message_close_container(m) >= 0);
        end_answer();
        assert_int_equal(pid1_unit_rows_decode(m, &u, ret_up), 0);
        return u;
}

static void instances_are_one_unit_that_is_down_when_all_are(void **state) {
        static const char *const mixed[] = { "inactive", "deactivating", "active", "failed" };
        static const char *const going[] = { "deactivating", "failed" }, *const down[] = { "inactive", "failed" };
        char **up = NULL;

        assert_int_equal(rows_of(NULL, 0, 0, &up).status.active, UNIT_INACTIVE);
        assert_int_equal(rows_of(down, 2, 0, &up).status.active, UNIT_INACTIVE);
        assert_null(up);
        assert_true(rows_of(down, 2, 5, &up).status.job);
        assert_int_equal(rows_of(going, 2, 0, &up).status.active, UNIT_DEACTIVATING);
        up = strv_free(up);
        assert_int_equal(rows_of(mixed, 4, 0, &up).status.active, UNIT_ACTIVE);
        assert_int_equal(strv_length(up), 2);
        assert_string_equal(up[0], "a@1.service");
        assert_string_equal(up[1], "a@2.service");
        strv_free(up);
}

/* ---- control groups: a directory that looks like the kernel's ---- */

static void put(const char *root, const char *name, const char *text) {
        _cleanup_free_ char *path = NULL, *directory = NULL;

        assert_true(asprintf(&path, "%s/%s", root, name) > 0);
        directory = strndup(path, (size_t) (strrchr(path, '/') - path));
        assert_int_equal(mkdir_parents(directory, 0755), 0);
        assert_int_equal(write_file_atomic(path, text, strlen(text), 0644, 0), 0);
}

static void empty_is_only_what_was_seen_empty(void **state) {
        char root[] = "/tmp/leased-cgroup-XXXXXX", command[64];

        assert_non_null(mkdtemp(root));
        assert_true(pid1_unit_cgroup_is_empty(root, "a.service", NULL));
        /* Not a unified hierarchy: nothing is known. */
        assert_false(pid1_unit_cgroup_is_empty(root, "a.service", ""));
        assert_false(pid1_unit_cgroup_is_empty(root, "a.service", "/system.slice/a.service"));

        put(root, "cgroup.controllers", "");
        put(root, "system.slice/a.service/cgroup.events", "populated 1\nfrozen 0\n");
        put(root, "system.slice/b.service/cgroup.events", "populated 0\nfrozen 0\n");
        put(root, "system.slice/c.service/cgroup.events", "garbage\n");
        assert_false(pid1_unit_cgroup_is_empty(root, "a.service", "/system.slice/a.service"));
        assert_false(pid1_unit_cgroup_is_empty(root, "a.service", "")); /* PID 1 forgot it, the kernel did not */
        assert_true(pid1_unit_cgroup_is_empty(root, "b.service", "/system.slice/b.service"));
        assert_true(pid1_unit_cgroup_is_empty(root, "b.service", ""));
        assert_false(pid1_unit_cgroup_is_empty(root, "c.service", "/system.slice/c.service"));
        assert_true(pid1_unit_cgroup_is_empty(root, "d.service", "/system.slice/d.service"));
        assert_true(pid1_unit_cgroup_is_empty(root, "d.service", ""));

        assert_true(pid1_unit_cgroup_is_empty(root, "e@.service", ""));
        put(root, "system.slice/system-e.slice/e@1.service/cgroup.events", "populated 0\nfrozen 0\n");
        put(root, "system.slice/system-e.slice/e@.service/cgroup.events", "populated 1\nfrozen 0\n"); /* no instance */
        assert_true(pid1_unit_cgroup_is_empty(root, "e@.service", ""));
        put(root, "other.slice/e@2.service/cgroup.events", "populated 1\nfrozen 0\n");
        assert_false(pid1_unit_cgroup_is_empty(root, "e@.service", ""));

        (void) snprintf(command, sizeof(command), "rm -rf %s", root);
        assert_int_equal(system(command), 0);
}

/* Of many units that are down and have processes left, each tick looks for the groups. */
static void many_groups_are_looked_for_by_one_reading(void **state) {
        _cleanup_(groups_freep) Groups *groups = NULL;
        char root[] = "/tmp/leased-cgroup-XXXXXX", command[64];
        usec_t since = now_boottime();

        assert_non_null(mkdtemp(root));
        assert_int_equal(groups_new(root, &groups), 0);
        assert_false(pid1_unit_cgroup_is_empty_since(groups, since, "a.service", "")); /* no unified hierarchy */
        put(root, "cgroup.controllers", "");
        put(root, "system.slice/a.service/cgroup.events", "populated 1\nfrozen 0\n");
        assert_false(pid1_unit_cgroup_is_empty_since(groups, since, "a.service", ""));
        assert_true(pid1_unit_cgroup_is_empty_since(groups, since, "b.service", ""));
        put(root, "system.slice/b.service/cgroup.events", "populated 1\nfrozen 0\n");
        assert_true(pid1_unit_cgroup_is_empty_since(groups, since, "b.service", "")); /* it was not read again */
        assert_false(pid1_unit_cgroup_is_empty_since(groups, since, "b.service", "/system.slice/b.service"));
        while (now_boottime() == since)
                ;
        assert_false(pid1_unit_cgroup_is_empty_since(groups, now_boottime(), "b.service", ""));
        put(root, "system.slice/a.service/cgroup.events", "populated 0\nfrozen 0\n");
        assert_true(pid1_unit_cgroup_is_empty_since(
                        groups, since, "a.service", "")); /* what is in it is read each time */

        (void) snprintf(command, sizeof(command), "rm -rf %s", root);
        assert_int_equal(system(command), 0);
}

static int connect_nowhere(void **state) {
        int fds[2];

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0 || sd_bus_new(&bus) < 0 ||
                        sd_bus_set_fd(bus, fds[0], fds[0]) < 0 || sd_bus_start(bus) < 0)
                return -1;
        *state = (void *) (intptr_t) fds[1];
        return 0;
}

static int disconnect(void **state) {
        m = sd_bus_message_unref(m);
        bus = sd_bus_close_unref(bus);
        (void) close((int) (intptr_t) *state);
        return 0;
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_running_unit_is_read_whole),
                cmocka_unit_test(how_a_service_has_ended_is_seen_by_what_came_first),
                cmocka_unit_test(a_unit_that_stops_does_so_for_as_long_as_it_is_not_active),
                cmocka_unit_test(a_unit_of_a_type_without_processes_has_no_group),
                cmocka_unit_test(states_that_came_later_are_not_taken_for_down),
                cmocka_unit_test(how_it_ended_is_seen),
                cmocka_unit_test(the_gate_counts_only_if_it_must_be_there),
                cmocka_unit_test(the_gate_counts_only_with_the_guard_and_as_loaded),
                cmocka_unit_test(a_path_too_long_is_not_cut),
                cmocka_unit_test(it_brings_what_it_triggers_or_what_is_bound_to_it),
                cmocka_unit_test(a_unit_brings_what_it_starts_if_that_is_bound_to_it),
                cmocka_unit_test(only_a_timer_that_catches_up_has_a_last_trigger),
                cmocka_unit_test(parts_say_what_the_whole_says),
                cmocka_unit_test(parts_of_the_state_say_the_same),
                cmocka_unit_test(parts_of_two_states_are_no_answer),
                cmocka_unit_test(instances_are_one_unit_that_is_down_when_all_are),
                cmocka_unit_test(empty_is_only_what_was_seen_empty),
                cmocka_unit_test(many_groups_are_looked_for_by_one_reading),
                cmocka_unit_test(an_answer_without_a_state_is_none),
        };

        return cmocka_run_group_tests(tests, connect_nowhere, disconnect);
}
