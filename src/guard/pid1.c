/* SPDX-License-Identifier: Apache-2.0 */
#include "guard/pid1.h"

#include <errno.h>
#include <stdio.h>
#include <systemd/sd-bus.h>
#include <utlist.h>

#include "util/bus-error.h"
#include "util/log.h"
#include "util/must.h"
#include "util/names.h"
#include "util/unit-name.h"

#define ADDRESS "unix:path=/run/dbus/system_bus_socket"

#define CALL_LIMIT USEC_PER_SEC
#define STOPS_AT_ONCE 64u
#define UNITS_A_QUESTION 256u
#define PING_EVERY (100 * USEC_PER_MSEC)
#define RECONNECT_MIN (50 * USEC_PER_MSEC)
#define RECONNECT_MAX USEC_PER_SEC

/* What PID 1 is to be asked about one unit: it waits in a queue, or its call is under way. */
typedef struct Wish {
        struct Wish *prev, *next;
        PidOne *p;
        sd_bus_slot *slot;
        char *owner;           /* NULL: nobody waits for the answer */
        bool start;            /* among the stops: to be started */
        bool refused;          /* PID 1 refuses to stop the unit, which is stopped by way of STOP_TARGET */
        struct Wish *template; /* of an instance: the stop of its template, in PidOne.templates; NULL: no instance */
        size_t instances;      /* of a template: for how many of its instances the stop is not answered yet */
        StopAnswer answer;     /* to the stop or start; of a template, the sum of the answers so far */
        char unit[];
} Wish;

struct PidOne {
        const PidOneCallbacks *callbacks;
        void *userdata;
        sd_bus *bus;
        sd_event *event;
        sd_event_source *timer; /* connects again, and answers the wishes that cannot be sent */
        sd_event_source *ping_timer;
        sd_bus_slot *gone_slot, *question_slot, *ping_slot;
        Wish *stops, *stops_sent, *asks, *asked;
        Wish *templates; /* stops of which the instances are known, and are being stopped */
        unsigned n_stops_sent;
        usec_t asked_at, reconnect_after;
        bool connected, broken;
        bool singly; /* a question about several units was refused, because of one of them: each is asked about by
                        itself now */
        Heard heard;
};

/* ---- wishes ---- */

static int wish_append(Wish **list, PidOne *p, const char *owner, const char *unit) {
        size_t n = strlen(unit) + 1, m = owner ? strlen(owner) + 1 : 0;
        Wish *w = calloc(1, sizeof(Wish) + n + m);

        if (!w)
                return -ENOMEM;
        w->p = p;
        memcpy(w->unit, unit, n);
        if (owner)
                w->owner = memcpy(w->unit + n, owner, m);
        DL_APPEND(*list, w);
        return 0;
}

static void wish_free(Wish **list, Wish *w) {
        DL_DELETE(*list, w);
        sd_bus_slot_unref(w->slot);
        free(w);
}

static void wishes_clear(Wish **list) {
        while (*list)
                wish_free(list, *list);
}

static void wish_stopped(const Wish *w, StopAnswer answer) {
        if (w->owner)
                w->p->callbacks->stopped(w->owner, answer, w->p->userdata);
}

/* The stop of one of its instances is answered, and the last one answers the stop of the template. Only a refusal
 * counts: of an instance that nothing is heard of, the next question about the template tells. */
static void instance_stopped(Wish *template, StopAnswer answer) {
        PidOne *p = template->p;

        must(template->instances > 0);
        if (answer == STOP_REFUSED)
                template->answer = STOP_REFUSED;
        if (--template->instances > 0)
                return;
        wish_stopped(template, template->answer);
        wish_free(&p->templates, template);
}

/* Answers the wish, which is in the list, and frees it. */
static void wish_end(Wish **list, Wish *w, StopAnswer answer) {
        Wish *template = w->template;

        wish_stopped(w, answer);
        wish_free(list, w);
        if (template)
                instance_stopped(template, answer);
}

static void stops_answer_silence(PidOne *p, Wish **list) {
        while (*list)
                wish_end(list, *list, STOP_SILENT);
}

static void asks_answer_silence(PidOne *p, Wish **list) {
        while (*list) {
                p->callbacks->reported((*list)->owner, (*list)->unit, &(UnitAnswer){}, p->userdata);
                wish_free(list, *list);
        }
}

/* ---- the connection ---- */

static void detach(PidOne *p) {
        p->gone_slot = sd_bus_slot_unref(p->gone_slot);
        p->question_slot = sd_bus_slot_unref(p->question_slot);
        p->ping_slot = sd_bus_slot_unref(p->ping_slot);
        for (Wish *w = p->stops_sent; w; w = w->next)
                w->slot = sd_bus_slot_unref(w->slot);
        if (p->bus) {
                (void) sd_bus_detach_event(p->bus);
                sd_bus_close(p->bus);
                p->bus = sd_bus_unref(p->bus);
        }
        p->connected = false;
        p->n_stops_sent = 0;
}

static void arm(sd_event_source *timer, usec_t after) {
        if (sd_event_source_set_time(timer, usec_add(now_boottime(), after)) < 0 ||
                        sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT) < 0)
                log_error("cannot arm the timer for the bus");
}

/* The connection is taken down by the timer, not in the midst of its own callbacks. */
static void break_up(PidOne *p) {
        if (p->broken)
                return;
        log_debug("no connection to the bus");
        p->broken = true;
        p->connected = false;
        arm(p->timer, p->reconnect_after);
        p->reconnect_after = MIN(2 * p->reconnect_after, RECONNECT_MAX);
}

static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        break_up(userdata);
        return 0;
}

static int on_ping(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        PidOne *p = userdata;

        p->ping_slot = sd_bus_slot_unref(p->ping_slot);
        if (!sd_bus_message_is_method_error(m, NULL)) {
                p->heard.bus = now_boottime();
                p->connected = true;
                p->reconnect_after = RECONNECT_MIN;
        }
        return 0;
}

/* While PID 1 owes an answer, the bus itself is asked as well, to know whether it is there. By GetId: the policy of
 * the system bus does not let Ping through to the bus. */
static void ping(PidOne *p) {
        arm(p->ping_timer, PING_EVERY);
        if (p->ping_slot)
                return;
        (void) sd_bus_call_method_async(p->bus, &p->ping_slot, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                        "org.freedesktop.DBus", "GetId", on_ping, p, "");
}

static int attach(PidOne *p) {
        int r;

        if ((r = sd_bus_new(&p->bus)) < 0 || (r = sd_bus_set_address(p->bus, ADDRESS)) < 0 ||
                        (r = sd_bus_set_bus_client(p->bus, true)) < 0 ||
                        (r = sd_bus_set_method_call_timeout(p->bus, CALL_LIMIT)) < 0)
                return r;
        r = sd_bus_start(p->bus);
        if (r < 0)
                return r;
        r = sd_bus_match_signal_async(p->bus, &p->gone_slot, "org.freedesktop.DBus.Local",
                        "/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local", "Disconnected", on_disconnected,
                        NULL, p);
        if (r < 0)
                return r;
        r = sd_bus_attach_event(p->bus, p->event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                return r;
        ping(p);
        return 0;
}

static int on_ping_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        PidOne *p = userdata;

        if (p->bus && !p->broken && (p->question_slot || p->stops_sent))
                ping(p);
        return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        PidOne *p = userdata;

        detach(p);
        p->broken = false;
        stops_answer_silence(p, &p->stops_sent);
        stops_answer_silence(p, &p->stops);
        asks_answer_silence(p, &p->asked);
        asks_answer_silence(p, &p->asks);
        if (attach(p) < 0)
                break_up(p);
        p->callbacks->settle(p->userdata);
        return 0;
}

/* ---- answers ---- */

/* The answer to a stop or a start. */
static StopAnswer judge_stop(PidOne *p, const Wish *w, sd_bus_message *m) {
        const sd_bus_error *e = sd_bus_message_get_error(m);

        if (e && bus_error_is_silence(e->name))
                return STOP_SILENT;
        p->heard.bus = p->heard.pid_one = now_boottime();
        if (!e || (!w->refused && sd_bus_error_has_name(e, PID1_ERROR("NoSuchUnit"))))
                return STOP_ACCEPTED;
        return STOP_REFUSED;
}

static bool is_up(const char *active_state) {
        return !streq(active_state, "inactive") && !streq(active_state, "failed");
}

/* Whether a mount or swap has been set up, and is not down yet. */
static bool is_attached(const char *unit, const char *sub) {
        if (endswith(unit, ".mount"))
                return streq(sub, "mounted") || startswith(sub, "unmounting");
        return endswith(unit, ".swap") && (streq(sub, "active") || startswith(sub, "deactivating"));
}

typedef int (*row_t)(PidOne *p, const char *unit, const UnitAnswer *row, void *userdata);

/* Calls f for each row, until it returns another value than 0. */
static int each_row(PidOne *p, sd_bus_message *m, row_t f, void *userdata) {
        int r = sd_bus_message_enter_container(m, 'a', "(ssssssouso)");

        while (r > 0) {
                const char *unit, *active, *sub;
                UnitAnswer row = { .known = true, .asked_at = p->asked_at };
                uint32_t job;

                r = sd_bus_message_read(
                                m, "(ssssssouso)", &unit, NULL, NULL, &active, &sub, NULL, NULL, &job, NULL, NULL);
                if (r <= 0)
                        break;
                row.up = is_up(active);
                row.post = streq(sub, "stop-post");
                row.attached = is_attached(unit, sub);
                row.job = job != 0;
                if (f(p, unit, &row, userdata) != 0)
                        return 0;
        }
        return r;
}

/* Without memory for the wish, the instance goes on for now: whoever wants the template gone asks how it is, and has
 * it stopped again. */
static int stop_instance(PidOne *p, const char *unit, const UnitAnswer *row, void *userdata) {
        Wish *template = userdata;

        if ((row->up || row->job) && wish_append(&p->stops, p, NULL, unit) == 0) {
                p->stops->prev->template = template; /* the last of the list */
                template->instances++;
        }
        return 0;
}

/* Has PID 1 stop the instances of the template that it has told of. Returns whether the wish waits for answers about
 * them. */
static bool stop_instances(Wish *w, sd_bus_message *m) {
        PidOne *p = w->p;

        if (w->start || !unit_name_is_template(w->unit) || sd_bus_message_is_method_error(m, NULL))
                return false;
        if (each_row(p, m, stop_instance, w) < 0)
                w->answer = STOP_REFUSED;
        if (w->instances == 0)
                return false;
        w->slot = sd_bus_slot_unref(w->slot);
        DL_DELETE(p->stops_sent, w);
        DL_APPEND(p->templates, w);
        return true;
}

static int send_stop(PidOne *p, Wish *w);

/* Has PID 1 stop a unit with RefuseManualStop=yes. Returns whether PID 1 is asked. */
static bool stop_by_conflict(Wish *w, const sd_bus_error *e) {
        if (w->start || w->refused || !sd_bus_error_has_name(e, PID1_ERROR("OnlyByDependency")))
                return false;
        w->refused = true;
        w->slot = sd_bus_slot_unref(w->slot);
        return send_stop(w->p, w) >= 0;
}

static int on_stop(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Wish *w = userdata;
        PidOne *p = w->p;
        StopAnswer answer = judge_stop(p, w, m);

        if (answer == STOP_REFUSED && stop_by_conflict(w, sd_bus_message_get_error(m)))
                return 0;
        if (answer == STOP_REFUSED)
                log_warning("%s: PID 1 does not %s it: %s", w->unit, w->start ? "start" : "stop",
                                strempty(sd_bus_message_get_error(m)->message));
        must(p->n_stops_sent > 0);
        p->n_stops_sent--;
        w->answer = answer;
        if (!stop_instances(w, m))
                wish_end(&p->stops_sent, w, w->answer);
        p->callbacks->settle(p->userdata);
        return 0;
}

/* PID 1 sends a row for each unit that was asked about, in the same order. The place counts and not the name: PID 1
 * may give another name of the unit. */
static int report_row(PidOne *p, const char *unit, const UnitAnswer *row, void *userdata) {
        UnitAnswer answer = *row;

        p->callbacks->reported(p->asked->owner, p->asked->unit, &answer, p->userdata);
        wish_free(&p->asked, p->asked);
        return !p->asked;
}

static int add_row(PidOne *p, const char *unit, const UnitAnswer *row, void *userdata) {
        UnitAnswer *sum = userdata;

        sum->up |= row->up;
        sum->post &= row->post || !row->up;
        sum->job |= row->job;
        return 0;
}

static int report_template(PidOne *p, sd_bus_message *m) {
        UnitAnswer sum = { .known = true, .asked_at = p->asked_at, .post = true };
        int r = each_row(p, m, add_row, &sum);

        sum.post &= sum.up;
        if (r >= 0) {
                p->callbacks->reported(p->asked->owner, p->asked->unit, &sum, p->userdata);
                wish_free(&p->asked, p->asked);
        }
        return r;
}

static int report(PidOne *p, sd_bus_message *m) {
        if (!p->asked)
                return 0;
        return unit_name_is_template(p->asked->unit) ? report_template(p, m) : each_row(p, m, report_row, NULL);
}

static int on_question(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        PidOne *p = userdata;
        const sd_bus_error *e = sd_bus_message_get_error(m);

        if (e)
                log_debug("no answer about units: %s", strempty(e->message));
        p->question_slot = sd_bus_slot_unref(p->question_slot);
        if (!e || !bus_error_is_silence(e->name))
                p->heard.bus = p->heard.pid_one = now_boottime();
        if (!e)
                (void) report(p, m);
        else if (!bus_error_is_silence(e->name) && p->asked && p->asked->next)
                p->singly = true;
        asks_answer_silence(p, &p->asked);
        p->callbacks->settle(p->userdata);
        return 0;
}

/* ---- questions ---- */

static int send_stop(PidOne *p, Wish *w) {
        char pattern[UNIT_NAME_SPACE], target[UNIT_NAME_SPACE];

        if (w->start)
                return sd_bus_call_method_async(p->bus, &w->slot, PID1_NAME, PID1_PATH, PID1_MANAGER, "StartUnit",
                                on_stop, w, "ss", w->unit, "replace");
        if (w->refused) {
                if (snprintf(target, sizeof(target), STOP_TARGET, w->unit) > UNIT_NAME_LENGTH)
                        return -ENAMETOOLONG;
                return sd_bus_call_method_async(p->bus, &w->slot, PID1_NAME, PID1_PATH, PID1_MANAGER, "StartUnit",
                                on_stop, w, "ss", target, "replace-irreversibly");
        }
        /* "replace-irreversibly": nobody's start job takes the place of the stop before the unit is down. */
        if (!unit_name_is_template(w->unit))
                return sd_bus_call_method_async(p->bus, &w->slot, PID1_NAME, PID1_PATH, PID1_MANAGER, "StopUnit",
                                on_stop, w, "ss", w->unit, "replace-irreversibly");
        if (unit_name_fill(w->unit, "*", pattern) < 0)
                return -ENAMETOOLONG;
        return sd_bus_call_method_async(p->bus, &w->slot, PID1_NAME, PID1_PATH, PID1_MANAGER, "ListUnitsByPatterns",
                        on_stop, w, "asas", 0, 1, pattern);
}

static void send_stops(PidOne *p) {
        while (p->stops && p->n_stops_sent < STOPS_AT_ONCE) {
                Wish *w = p->stops;

                if (send_stop(p, w) < 0) {
                        break_up(p);
                        return;
                }
                DL_DELETE(p->stops, w);
                DL_APPEND(p->stops_sent, w);
                p->n_stops_sent++;
        }
}

static int new_template_question(PidOne *p, sd_bus_message **ret) {
        char pattern[UNIT_NAME_SPACE];
        Wish *w = p->asks;
        int r;

        r = sd_bus_message_new_method_call(p->bus, ret, PID1_NAME, PID1_PATH, PID1_MANAGER, "ListUnitsByPatterns");
        if (r < 0 || (r = unit_name_fill(w->unit, "*", pattern)) < 0)
                return r;
        DL_DELETE(p->asks, w);
        DL_APPEND(p->asked, w);
        return sd_bus_message_append(*ret, "asas", 0, 1, pattern);
}

static int new_question(PidOne *p, sd_bus_message **ret) {
        unsigned n = 0, limit = p->singly ? 1 : UNITS_A_QUESTION;
        int r;

        if (unit_name_is_template(p->asks->unit))
                return new_template_question(p, ret);

        r = sd_bus_message_new_method_call(p->bus, ret, PID1_NAME, PID1_PATH, PID1_MANAGER, "ListUnitsByNames");
        if (r < 0 || (r = sd_bus_message_open_container(*ret, 'a', "s")) < 0)
                return r;
        while (p->asks && n++ < limit && !unit_name_is_template(p->asks->unit)) {
                Wish *w = p->asks;

                r = sd_bus_message_append(*ret, "s", w->unit);
                if (r < 0)
                        return r;
                DL_DELETE(p->asks, w);
                DL_APPEND(p->asked, w);
        }
        return sd_bus_message_close_container(*ret);
}

static void send_question(PidOne *p) {
        sd_bus_message *m = NULL;
        int r;

        if (p->question_slot || !p->asks)
                return;
        r = new_question(p, &m);
        p->asked_at = now_boottime();
        if (r >= 0)
                r = sd_bus_call_async(p->bus, &p->question_slot, m, on_question, p, CALL_LIMIT);
        sd_bus_message_unref(m);
        if (r < 0)
                break_up(p);
        else
                ping(p);
}

void pid_one_flush(PidOne *p) {
        if (!p->bus || p->broken) /* the timer will answer */
                return;
        send_stops(p);
        send_question(p);
}

int pid_one_stop(PidOne *p, const char *owner, const char *unit) {
        return wish_append(&p->stops, p, owner, unit);
}

int pid_one_ask(PidOne *p, const char *owner, const char *unit) {
        return wish_append(&p->asks, p, owner, unit);
}

int pid_one_start(PidOne *p, const char *unit) {
        int r = wish_append(&p->stops, p, NULL, unit);

        if (r == 0)
                p->stops->prev->start = true; /* the last of the list */
        return r;
}

bool pid_one_is_connected(const PidOne *p) {
        return p->connected;
}

Heard pid_one_heard(const PidOne *p) {
        return p->heard;
}

int pid_one_new(sd_event *event, const PidOneCallbacks *callbacks, void *userdata, PidOne **ret) {
        PidOne *p = calloc(1, sizeof(PidOne));
        int r;

        if (!p)
                return -ENOMEM;
        *p = (PidOne){
                .callbacks = callbacks, .userdata = userdata, .event = event, .reconnect_after = RECONNECT_MIN
        };
        r = sd_event_add_time(event, &p->timer, CLOCK_BOOTTIME, 0, 1, on_timer, p);
        if (r >= 0)
                r = sd_event_add_time(event, &p->ping_timer, CLOCK_BOOTTIME, USEC_INFINITY, 1, on_ping_timer, p);
        if (r < 0) {
                pid_one_free(p);
                return r;
        }
        *ret = p;
        return 0;
}

PidOne *pid_one_free(PidOne *p) {
        if (!p)
                return NULL;
        detach(p);
        wishes_clear(&p->stops);
        wishes_clear(&p->stops_sent);
        wishes_clear(&p->templates);
        wishes_clear(&p->asks);
        wishes_clear(&p->asked);
        sd_event_source_disable_unref(p->timer);
        sd_event_source_disable_unref(p->ping_timer);
        free(p);
        return NULL;
}
