/* SPDX-License-Identifier: Apache-2.0 */
/* Calls to PID 1 that are not about a unit that is watched (pid1.h). Each is one Pid1Query with one message under way
 * at a time: its slot. The outcome is kept until Pid1.turn delivers it. */
#include "pid1/pid1-internal.h"

#include <errno.h>
#include <stdio.h>

#include "util/must.h"

#define QUERY_TIMEOUT (10 * USEC_PER_SEC)
/* PID 1 answers when it has reloaded, which includes a run of all generators; each of them may take 90 s. */
#define RELOAD_TIMEOUT (5 * USEC_PER_MINUTE)

struct Pid1Query {
        Pid1 *pid1;
        sd_bus_slot *slot;
        pid1_answer_t answer;
        void *userdata;
        char *unit;             /* of pid1_run(): the unit whose job is waited for; NULL: none */
        sd_event_source *limit; /* likewise: when it is waited for no longer */
        int error;
        char *text;
        Pid1Query *prev, *next;
};

/* Ends the call with this error and text. If there is no memory for the text, a success becomes -ENOMEM. */
static void call_finish(Pid1Query *c, int error, const char *text) {
        Pid1 *m = c->pid1;

        c->slot = sd_bus_slot_unref(c->slot);
        c->limit = sd_event_source_disable_unref(c->limit);
        c->error = error;
        c->text = strdup(strempty(text));
        DL_DELETE(m->calls, c);
        DL_APPEND(m->finished, c);
        pid1_kick(m);
}

static void call_free(Pid1Query *c) {
        (void) sd_bus_slot_unref(c->slot);
        sd_event_source_disable_unref(c->limit);
        free(c->unit);
        free(c->text);
        free(c);
}

void pid1_call_deliver(Pid1 *m) {
        Pid1Query *c = m->finished, copy = *c;
        _cleanup_free_ char *text = TAKE_PTR(c->text);

        must(!c->slot);
        DL_DELETE(m->finished, c);
        call_free(c);
        copy.answer(copy.error ?: text ? copy.error : -ENOMEM, strempty(text), copy.userdata);
}

void pid1_calls_cancel(Pid1 *m) {
        while (m->calls)
                call_finish(m->calls, -ENOTCONN, "The connection to the system bus is gone");
}

void pid1_calls_free(Pid1 *m) {
        Pid1Query *c, *next;

        DL_CONCAT(m->finished, m->calls);
        m->calls = NULL;
        DL_FOREACH_SAFE(m->finished, c, next)
                call_free(c);
        m->finished = NULL;
}

/* Whether the message is an error; then the call is finished. */
static bool finished_by_error(Pid1Query *c, sd_bus_message *message) {
        const sd_bus_error *e = sd_bus_message_get_error(message);

        if (e)
                call_finish(c, -sd_bus_message_get_errno(message), e->message ?: e->name);
        return e;
}

/* Sends the next message of the call, in the place of the one before. */
static int call_send(Pid1Query *c, sd_bus_message *message, sd_bus_message_handler_t handler, usec_t timeout) {
        c->slot = sd_bus_slot_unref(c->slot);
        return sd_bus_call_async(c->pid1->bus, &c->slot, message, handler, c, timeout);
}

/* Calls a method that takes strings (NULL: no argument) as the call's next message. */
static int call_method(Pid1Query *c, const char *path, const char *interface, const char *member, const char *first,
                const char *second, sd_bus_message_handler_t handler, usec_t timeout) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        int r;

        r = pid1_message_new(c->pid1, path, interface, member, &message);
        if (r >= 0 && first)
                r = sd_bus_message_append(message, "s", first);
        if (r >= 0 && second)
                r = sd_bus_message_append(message, "s", second);
        return r < 0 ? r : call_send(c, message, handler, timeout);
}

/* Makes a call and sends its first message. If that fails, nothing is left of the call. */
static int call_begin(Pid1 *m, pid1_answer_t f, void *userdata, const char *path, const char *interface,
                const char *member, const char *first, const char *second, sd_bus_message_handler_t handler,
                usec_t timeout) {
        Pid1Query *c = calloc(1, sizeof(*c));
        int r;

        if (!c)
                return -ENOMEM;
        *c = (Pid1Query){ .pid1 = m, .answer = f, .userdata = userdata };
        r = call_method(c, path, interface, member, first, second, handler, timeout);
        if (r < 0) {
                call_free(c);
                return r;
        }
        DL_APPEND(m->calls, c);
        return 0;
}

/* ---- reload and start ---- */

static int on_reload(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Pid1Query *c = userdata;

        if (!finished_by_error(c, message))
                call_finish(c, 0, "");
        return 0;
}

int pid1_reload(Pid1 *m, pid1_answer_t f, void *userdata) {
        return call_begin(m, f, userdata, PID1_PATH, PID1_MANAGER, "Reload", NULL, NULL, on_reload, RELOAD_TIMEOUT);
}

static int on_started(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Pid1Query *c = userdata;
        const char *path = "";

        if (finished_by_error(c, message))
                return 0;
        (void) sd_bus_message_read(message, "o", &path);
        call_finish(c, 0, path);
        return 0;
}

int pid1_start_unit(Pid1 *m, const char *name, pid1_answer_t f, void *userdata) {
        return call_begin(m, f, userdata, PID1_PATH, PID1_MANAGER, "StartUnit", name, "replace", on_started,
                        QUERY_TIMEOUT);
}

int pid1_start_unit_at_once(Pid1 *m, const char *name, pid1_answer_t f, void *userdata) {
        return call_begin(m, f, userdata, PID1_PATH, PID1_MANAGER, "StartUnit", name, "ignore-dependencies",
                        on_started, QUERY_TIMEOUT);
}

int pid1_kill_unit(Pid1 *m, const char *name, int signal, pid1_answer_t f, void *userdata) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        Pid1Query *c = NULL;
        int r;

        if (!pid1_attached(m))
                return -ENOTCONN;
        r = pid1_message_new(m, PID1_PATH, PID1_MANAGER, "KillUnit", &message);
        if (r >= 0)
                r = sd_bus_message_append(message, "ssi", name, "main", signal);
        if (r < 0)
                return r;
        c = calloc(1, sizeof(*c));
        if (!c)
                return -ENOMEM;
        *c = (Pid1Query){ .pid1 = m, .answer = f, .userdata = userdata };
        r = call_send(c, message, on_reload, QUERY_TIMEOUT);
        if (r < 0) {
                call_free(c);
                return r;
        }
        DL_APPEND(m->calls, c);
        return 0;
}

/* ---- a run of a unit ---- */

static int on_limit(sd_event_source *source, uint64_t usec, void *userdata) {
        call_finish(userdata, -ETIME, "PID 1 has not told of its end");
        return 0;
}

/* PID 1 has accepted the job, of whose end it tells. */
static int on_run(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Pid1Query *c = userdata;

        if (!finished_by_error(c, message))
                c->slot = sd_bus_slot_unref(c->slot);
        return 0;
}

int pid1_run(Pid1 *m, const char *name, usec_t limit, int (*append)(sd_bus_message *message, void *what), void *what,
                pid1_answer_t f, void *userdata) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        Pid1Query *c;
        int r = pid1_message_new(m, PID1_PATH, PID1_MANAGER, "StartTransientUnit", &message);

        if (r >= 0)
                r = sd_bus_message_append(message, "ss", name, "fail");
        if (r >= 0)
                r = append(message, what);
        if (r >= 0)
                r = sd_bus_message_append(message, "a(sa(sv))", 0);
        if (r < 0)
                return r;
        c = calloc(1, sizeof(*c));
        if (!c)
                return -ENOMEM;
        *c = (Pid1Query){ .pid1 = m, .answer = f, .userdata = userdata, .unit = strdup(name) };
        r = c->unit ? call_send(c, message, on_run, QUERY_TIMEOUT) : -ENOMEM;
        if (r >= 0)
                r = sd_event_add_time(m->event, &c->limit, CLOCK_BOOTTIME, usec_add(now_boottime(), limit),
                                USEC_PER_MSEC, on_limit, c);
        if (r < 0) {
                call_free(c);
                return r;
        }
        DL_APPEND(m->calls, c);
        return 0;
}

void pid1_call_job_over(Pid1 *m, const char *unit, const char *result) {
        Pid1Query *c, *next;

        DL_FOREACH_SAFE(m->calls, c, next)
                if (c->unit && streq(c->unit, unit))
                        call_finish(c, 0, result);
}

/* ---- the job of a unit ---- */

static int on_job_type(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Pid1Query *c = userdata;
        const char *type = "";

        if (sd_bus_message_is_method_error(message, "org.freedesktop.DBus.Error.UnknownObject")) {
                call_finish(c, 0, ""); /* the job was done in between */
                return 0;
        }
        if (finished_by_error(c, message))
                return 0;
        if (sd_bus_message_read(message, "v", "s", &type) < 0)
                call_finish(c, -EBADMSG, "PID 1's answer cannot be read");
        else
                call_finish(c, 0, type);
        return 0;
}

static int on_user(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Pid1Query *c = userdata;
        const char *user = "";

        if (finished_by_error(c, message))
                return 0;
        if (sd_bus_message_read(message, "v", "s", &user) < 0)
                call_finish(c, -EBADMSG, "PID 1's answer cannot be read");
        else
                call_finish(c, 0, user);
        return 0;
}

static int on_dynamic(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Pid1Query *c = userdata;
        int dynamic;

        if (finished_by_error(c, message))
                return 0;
        if (sd_bus_message_read(message, "v", "b", &dynamic) < 0)
                call_finish(c, -EBADMSG, "PID 1's answer cannot be read");
        else
                call_finish(c, 0, dynamic ? "yes" : "no");
        return 0;
}

static int ask_of_service(Pid1 *m, const char *name, const char *property, sd_bus_message_handler_t handler,
                pid1_answer_t f, void *userdata) {
        _cleanup_free_ char *path = NULL;
        int r = sd_bus_path_encode(PID1_UNIT_PATH, name, &path);

        if (r < 0)
                return r;
        return call_begin(m, f, userdata, path, DBUS_PROPERTIES, "Get", PID1_NAME ".Service", property, handler,
                        QUERY_TIMEOUT);
}

int pid1_service_user(Pid1 *m, const char *name, pid1_answer_t f, void *userdata) {
        return ask_of_service(m, name, "User", on_user, f, userdata);
}

int pid1_service_makes_user(Pid1 *m, const char *name, pid1_answer_t f, void *userdata) {
        return ask_of_service(m, name, "DynamicUser", on_dynamic, f, userdata);
}

static int on_job(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Pid1Query *c = userdata;
        const char *path;
        uint32_t id;
        int r;

        if (finished_by_error(c, message))
                return 0;
        r = sd_bus_message_read(message, "v", "(uo)", &id, &path);
        if (r >= 0 && id == 0) {
                call_finish(c, 0, "");
                return 0;
        }
        if (r >= 0)
                r = call_method(c, path, DBUS_PROPERTIES, "Get", PID1_NAME ".Job", "JobType", on_job_type,
                                QUERY_TIMEOUT);
        if (r < 0)
                call_finish(c, r, "PID 1 cannot be asked");
        return 0;
}

int pid1_job_type(Pid1 *m, const char *name, pid1_answer_t f, void *userdata) {
        _cleanup_free_ char *path = NULL;
        int r;

        r = sd_bus_path_encode(PID1_UNIT_PATH, name, &path);
        if (r < 0)
                return r;
        return call_begin(
                        m, f, userdata, path, DBUS_PROPERTIES, "Get", PID1_NAME ".Unit", "Job", on_job, QUERY_TIMEOUT);
}

/* ---- what has failed in a slice ---- */

static void on_ignored(int error, const char *text, void *userdata) {
}

int pid1_reset_failed(Pid1 *m, const char *name) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        int r = pid1_message_new(m, PID1_PATH, PID1_MANAGER, "ResetFailedUnit", &message);

        if (r >= 0)
                r = sd_bus_message_append(message, "s", name);
        if (r >= 0)
                r = sd_bus_message_set_expect_reply(message, false);
        return r < 0 ? r : sd_bus_send(m->bus, message, NULL);
}

/* What is leased itself, and has its place in the slice, is left out: its own start resets it in order, while this
 * reset may come after the start, and hide that the start has failed. */
static int reset_in_slice(Pid1 *m, const char *name) {
        Pid1Unit *u;

        if (endswith(name, ".slice"))
                return pid1_reset_failed_in(m, name);
        HASH_FIND_STR(m->units, name, u);
        return u ? 0 : pid1_reset_failed(m, name);
}

static int on_in_slice(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Pid1Query *c = userdata;
        const char *name;
        int r;

        if (finished_by_error(c, message))
                return 0;
        r = sd_bus_message_enter_container(message, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_enter_container(message, 'a', "s");
        while (r >= 0 && (r = sd_bus_message_read_basic(message, 's', &name)) > 0)
                r = reset_in_slice(c->pid1, name);
        call_finish(c, MIN(r, 0), "");
        return 0;
}

int pid1_reset_failed_in(Pid1 *m, const char *slice) {
        _cleanup_free_ char *path = NULL;
        int r = m->bus ? sd_bus_path_encode(PID1_UNIT_PATH, slice, &path) : -ENOTCONN;

        if (r < 0)
                return r;
        return call_begin(m, on_ignored, NULL, path, DBUS_PROPERTIES, "Get", PID1_NAME ".Unit", "RequiredBy",
                        on_in_slice, QUERY_TIMEOUT);
}
