/* SPDX-License-Identifier: Apache-2.0 */
#include "pid1/pid1-internal.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "pid1/pid1-status.h"
#include "util/cgroup.h"
#include "util/log.h"
#include "util/must.h"
#include "util/unit-name.h"

#define UNIT_SIGNAL_MATCH(interface, member)                                                                          \
        "type='signal',sender='" PID1_NAME "',path='" PID1_PATH "',interface='" interface "',member='" member "'"

int pid1_message_new(Pid1 *m, const char *path, const char *interface, const char *member, sd_bus_message **ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        int r;

        if (!m->bus)
                return -ENOTCONN;
        r = sd_bus_message_new_method_call(m->bus, &message, PID1_NAME, path, interface, member);
        if (r < 0)
                return r;
        /* While PID 1 executes itself anew, dbus-daemon would hold the call back for up to 25 s to have PID 1 started.
         * An error at once is better. */
        r = sd_bus_message_set_auto_start(message, false);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(message);
        return 0;
}

void pid1_answered(Pid1 *m) {
        m->last_answer = now_boottime();
        room_answered(&m->room);
}

void pid1_refused(Pid1 *m, const sd_bus_error *e) {
        room_refused(&m->room, e);
        pid1_arm(m, m->room.closed_until);
}

/* ---- questions and reports ---- */

void pid1_queue(Pid1 *m, Pid1Unit *u, bool first) {
        must(!u->asking.queued && !u->asking.question);
        if (first)
                DL_PREPEND2(m->queue, u, queue_prev, queue_next);
        else
                DL_APPEND2(m->queue, u, queue_prev, queue_next);
        u->asking.queued = true;
}

void pid1_unqueue(Pid1 *m, Pid1Unit *u) {
        must(u->asking.queued);
        DL_DELETE2(m->queue, u, queue_prev, queue_next);
        u->asking.queued = false;
}

void pid1_pump(Pid1 *m) {
        pid1_jobs_send(m);
        while (m->queue && m->bus && m->owner && room_is_open(&m->room) && m->asked < QUESTIONS_MAX &&
                        m->messages + (m->room.size < ROOM_MAX ? 1 : PID1_PARTS) <= m->room.size) {
                Pid1Unit *u = m->queue;

                pid1_unqueue(m, u);
                pid1_unit_ask(u);
        }
}

static void arm_at(Pid1 *m, usec_t t) {
        if (sd_event_source_set_time(m->timer, t) >= 0)
                (void) sd_event_source_set_enabled(m->timer, SD_EVENT_ONESHOT);
}

void pid1_arm(Pid1 *m, usec_t at) {
        usec_t armed;
        int enabled;

        if (sd_event_source_get_enabled(m->timer, &enabled) < 0 || sd_event_source_get_time(m->timer, &armed) < 0)
                return;
        if (enabled == SD_EVENT_OFF || armed > at)
                arm_at(m, at);
}

void pid1_time(Pid1 *m, Pid1Unit *u) {
        if (!u->asking.timed)
                DL_APPEND2(m->timed, u, timed_prev, timed_next);
        u->asking.timed = true;
        pid1_arm(m, now_boottime() + TICK);
}

void pid1_kick(Pid1 *m) {
        if (sd_event_source_set_time(m->turn, now_boottime()) >= 0)
                (void) sd_event_source_set_enabled(m->turn, SD_EVENT_ONESHOT);
}

/* Delivers one outcome or report, and does not touch m afterwards: the callback may have freed it. */
static int on_turn(sd_event_source *source, uint64_t usec, void *userdata) {
        Pid1 *m = userdata;

        if (!m->finished && !m->reports)
                return 0;
        pid1_kick(m); /* for the next one */

        if (m->finished)
                pid1_call_deliver(m);
        else
                pid1_unit_deliver(m->reports);
        return 0;
}

/* ---- what PID 1 says ---- */

/* Whether PID 1 sent the signal. The match keeps away what others broadcast, but anybody may send a signal straight to
 * this connection. */
static bool is_from_pid1(Pid1 *m, sd_bus_message *message) {
        const char *sender = sd_bus_message_get_sender(message);

        return m->owner && sender && streq(sender, m->owner);
}

static Pid1Unit *find_unit(Pid1 *m, const char *name) {
        Pid1Unit *u;

        HASH_FIND_STR(m->units, name, u);
        return u;
}

/* "foo@bar.service" is of interest to whoever watches "foo@.service". */
static void hint_template(Pid1 *m, const char *name) {
        char template[UNIT_NAME_SPACE];
        Pid1Unit *u;

        if (unit_name_template(name, template) < 0)
                return;
        u = find_unit(m, template);
        if (u)
                pid1_unit_changed(u);
}

static int on_job_new(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Pid1 *m = userdata;
        const char *name;
        uint32_t id;

        if (!is_from_pid1(m, message) || sd_bus_message_read(message, "uos", &id, NULL, &name) < 0)
                return 0;

        m->highest_job = MAX(m->highest_job, id);
        neighbours_job_new(m, name, id);
        Pid1Unit *u = find_unit(m, name);
        if (u)
                pid1_unit_job_new(u, id);
        hint_template(m, name);
        return 0;
}

static int on_job_removed(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Pid1 *m = userdata;
        const char *name, *result;
        uint32_t id;

        if (!is_from_pid1(m, message) || sd_bus_message_read(message, "uoss", &id, NULL, &name, &result) < 0)
                return 0;

        m->highest_job = MAX(m->highest_job, id);
        neighbours_job_over(m, name, id);
        pid1_call_job_over(m, name, result);
        Pid1Unit *u = find_unit(m, name);
        if (u)
                pid1_unit_job_removed(u, id, result);
        hint_template(m, name);
        return 0;
}

/* The signal is only a hint that the unit is to be asked about: PID 1 puts several changes into one signal. */
static int on_properties(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Pid1 *m = userdata;
        _cleanup_free_ char *name = NULL;

        if (!is_from_pid1(m, message) ||
                        sd_bus_path_decode(sd_bus_message_get_path(message), PID1_UNIT_PATH, &name) <= 0)
                return 0;

        Pid1Unit *u = find_unit(m, name);
        if (u)
                pid1_unit_changed(u);
        neighbours_changed(m, name);
        hint_template(m, name);
        return 0;
}

void pid1_read_all(Pid1 *m) {
        for (Pid1Unit *u = m->units; u; u = u->hh.next) {
                pid1_unit_files_read(u);
                pid1_unit_wish(u, false);
        }
        pid1_pump(m);
}

/* Reads all units after a reload. Between Reloading(true) and Reloading(false) PID 1 merely answers late, and no unit
 * becomes unknown because of that signal. */
static int on_reloading(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Pid1 *m = userdata;
        int active;

        if (!is_from_pid1(m, message) || sd_bus_message_read(message, "b", &active) < 0 || active)
                return 0;
        pid1_read_all(m);
        return 0;
}

static int on_subscribed(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Pid1 *m = userdata;
        const sd_bus_error *e = sd_bus_message_get_error(message);

        m->subscribe_call = sd_bus_slot_unref(m->subscribe_call);
        /* After any other error the slow poll asks again, and stands in for the signals until then. */
        m->subscribed = !e || sd_bus_error_has_name(e, PID1_NAME ".AlreadySubscribed");
        return 0;
}

/* Asks PID 1 for its signals: without Subscribe() it sends none. Some versions forget the subscription when they lose
 * their bus connection. */
static int pid1_subscribe(Pid1 *m) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        int r;

        m->subscribed = false;
        m->subscribe_call = sd_bus_slot_unref(m->subscribe_call);
        r = pid1_message_new(m, PID1_PATH, PID1_MANAGER, "Subscribe", &message);
        if (r < 0)
                return r;
        return sd_bus_call_async(m->bus, &m->subscribe_call, message, on_subscribed, m, QUESTION_TIMEOUT);
}

/* ---- whether PID 1 is on the bus ---- */

/* Whether m->bus is the bus to which PID 1 comes, and not another that a test has made, and PID 1 is systemd
 * (sd_booted(3)): what else may have the number 1 would make something else of the signal. */
static bool is_bus_of_pid1(const Pid1 *m) {
        const char *address;

        return access("/run/systemd/system", F_OK) == 0 && sd_bus_get_address(m->bus, &address) >= 0 &&
               streq(address, PID1_BUS_ADDRESS);
}

static void note_away(Pid1 *m) {
        if (m->away.recall_at > 0)
                return;
        m->away.recall_at = usec_add(now_boottime(), RECALL_AFTER);
        pid1_arm(m, m->away.recall_at);
}

/* Has PID 1 come back to the bus, which it does not do by itself: before systemd 258 it gives up its connection when
 * dbus-daemon, which has much to do, does not answer an AddMatch() for 25 s, and then stays away as long as
 * dbus-daemon runs. SIGUSR1 makes it connect again (systemd(1)), and changes nothing where it is connected. */
static usec_t recall(Pid1 *m, usec_t now) {
        if (m->away.recall_at == 0)
                return USEC_INFINITY;
        if (m->away.recall_at > now)
                return m->away.recall_at;
        m->away.recall_at = usec_add(now, RECALL_AFTER);
        if (sd_bus_is_ready(m->bus) <= 0 || !is_bus_of_pid1(m))
                return m->away.recall_at;
        if (kill(1, SIGUSR1) < 0)
                log_warning_errno(errno, "systemd is not on the bus, and cannot be told to come back");
        else if (!m->away.recalled)
                log_warning("systemd has not been on the bus for %" PRIu64 " s: it is told to come back (SIGUSR1)",
                                RECALL_AFTER / USEC_PER_SEC);
        m->away.recalled = true;
        return m->away.recall_at;
}

static void note_back(Pid1 *m) {
        if (m->away.recalled)
                log_notice("systemd is on the bus again");
        m->away.recall_at = 0;
        m->away.recalled = false;
}

/* Notes PID 1's unique name on the bus; "": PID 1 is not on the bus. With a new name PID 1 is another process or on a
 * new connection, and may know neither our subscription nor our references. */
static void set_owner(Pid1 *m, const char *owner) {
        if (isempty(owner) ? !m->owner : m->owner && streq(owner, m->owner))
                return;

        free(m->owner);
        m->owner = isempty(owner) ? NULL : strdup(owner);
        if (!m->owner) {
                note_away(m);
                m->away.lost = true;
                neighbours_gap(m);
                poll_cancel(m);
                for (Pid1Unit *u = m->units; u; u = u->hh.next)
                        pid1_unit_owner_gone(u);
                return;
        }
        note_back(m);
        if (m->away.lost)
                m->away.back_at = now_boottime();
        pid1_answered(m);
        (void) pid1_subscribe(m); /* if that fails, the next tick tries again */
        pid1_read_all(m);
}

static int on_owner_changed(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Pid1 *m = userdata;
        const char *sender = sd_bus_message_get_sender(message), *old, *new;

        if (!sender || !streq(sender, DBUS_NAME) || sd_bus_message_read(message, "sss", NULL, &old, &new) < 0)
                return 0;
        if (m->owner && !isempty(new) && !streq(new, m->owner))
                set_owner(m, NULL);
        set_owner(m, new);
        return 0;
}

static int on_owner(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Pid1 *m = userdata;
        const char *owner;

        m->owner_call = sd_bus_slot_unref(m->owner_call);
        if (sd_bus_message_is_method_error(message, SD_BUS_ERROR_NAME_HAS_NO_OWNER))
                note_away(m);
        else if (!sd_bus_message_is_method_error(message, NULL) && sd_bus_message_read(message, "s", &owner) > 0)
                set_owner(m, owner);
        return 0;
}

static int ask_owner(Pid1 *m) {
        return sd_bus_call_method_async(m->bus, &m->owner_call, DBUS_NAME, DBUS_PATH, DBUS_NAME, "GetNameOwner",
                        on_owner, m, "s", PID1_NAME);
}

static void connection_gone(Pid1 *m) {
        free(m->owner);
        m->owner = NULL;
        m->away.recall_at = 0;
        m->away.recalled = false;
        m->subscribed = false;
        neighbours_gap(m);
        poll_cancel(m);
        for (Pid1Unit *u = m->units; u; u = u->hh.next)
                pid1_unit_connection_gone(u);
}

/* The connection is lost. sd-bus itself makes this signal; the user of this layer gets it as well, and will detach. */
static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        connection_gone(userdata);
        return 0;
}

/* ---- the timer ---- */

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Pid1 *m = userdata;
        usec_t now = now_boottime(), next;
        Pid1Unit *u, *following;

        if (m->bus && !m->owner && !m->owner_call)
                (void) ask_owner(m); /* its NameOwnerChanged may have been lost */
        if (m->owner && !m->subscribed && !m->subscribe_call)
                (void) pid1_subscribe(m);
        next = MIN(poll_tick(m, now), recall(m, now));
        DL_FOREACH_SAFE2(m->timed, u, following, timed_next) {
                usec_t t = pid1_unit_tick(u, now);

                if (t == USEC_INFINITY) {
                        DL_DELETE2(m->timed, u, timed_prev, timed_next);
                        u->asking.timed = false;
                }
                next = MIN(next, t);
        }
        if (!m->timed)
                groups_forget(m->groups);
        pid1_pump(m);
        neighbours_look(m);
        arm_at(m, MAX(next, now + FIRST_LOOK));
        return 0;
}

/* ---- life ---- */

int pid1_new(sd_event *event, usec_t poll, Pid1 **ret) {
        Pid1 *m = calloc(1, sizeof(*m));
        int r;

        if (!m)
                return -ENOMEM;
        m->event = sd_event_ref(event);
        m->poll.period = MAX(poll, TICK);
        m->poll.round_at = usec_add(now_boottime(), m->poll.period);

        r = groups_new(CGROUP_ROOT, &m->groups);
        if (r >= 0)
                r = sd_event_add_time(event, &m->timer, CLOCK_BOOTTIME, 0, 1, on_timer, m);
        if (r >= 0)
                r = sd_event_source_set_enabled(m->timer, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_time(event, &m->turn, CLOCK_BOOTTIME, 0, 1, on_turn, m);
        if (r >= 0)
                r = sd_event_source_set_enabled(m->turn, SD_EVENT_OFF);
        if (r < 0) {
                (void) pid1_free(m);
                return r;
        }
        (void) sd_event_source_set_description(m->timer, "unit-poll");
        (void) sd_event_source_set_description(m->turn, "unit-reports");
        *ret = m;
        return 0;
}

Pid1 *pid1_free(Pid1 *m) {
        if (!m)
                return NULL;
        pid1_detach(m);
        while (m->units)
                (void) pid1_unit_free(m->units);
        pid1_calls_free(m);
        poll_free(m);
        (void) groups_free(m->groups);
        (void) sd_event_source_disable_unref(m->timer);
        (void) sd_event_source_disable_unref(m->turn);
        (void) sd_event_unref(m->event);
        free(m);
        return NULL;
}

/* Sends all matches, in this order and on one connection, so that there are no races: the match for the owner of PID
 * 1's name is set before the owner is asked for, and the matches for signals before the first job is. */
static int queue_matches(Pid1 *m) {
        static const struct {
                const char *match;
                sd_bus_message_handler_t handler;
        } matches[_MATCH_MAX] = {
                [MATCH_OWNER] = { "type='signal',sender='" DBUS_NAME
                                  "',path='/org/freedesktop/DBus',interface='" DBUS_NAME
                                  "',member='NameOwnerChanged',arg0='" PID1_NAME "'",
                                on_owner_changed },
                [MATCH_JOB_NEW] = { UNIT_SIGNAL_MATCH(PID1_MANAGER, "JobNew"), on_job_new },
                [MATCH_JOB_REMOVED] = { UNIT_SIGNAL_MATCH(PID1_MANAGER, "JobRemoved"), on_job_removed },
                [MATCH_RELOADING] = { UNIT_SIGNAL_MATCH(PID1_MANAGER, "Reloading"), on_reloading },
                /* One match for all units: dbus-daemon allows a connection no more than 512. With each change PID 1
                 * tells of two interfaces, that of the unit's type and Unit. Both would lead to the same question. */
                [MATCH_PROPERTIES] = { "type='signal',sender='" PID1_NAME "',path_namespace='" PID1_UNIT_PATH
                                       "',interface='" DBUS_PROPERTIES "',member='PropertiesChanged',arg0='" PID1_UNIT
                                       "'",
                                on_properties },
                [MATCH_DISCONNECTED] = { "type='signal',sender='org.freedesktop.DBus.Local',path='/org/freedesktop/"
                                         "DBus/Local',"
                                         "interface='org.freedesktop.DBus.Local',member='Disconnected'",
                                on_disconnected },
        };

        for (size_t i = 0; i < _MATCH_MAX; i++) {
                int r = sd_bus_add_match_async(m->bus, &m->matches[i], matches[i].match, matches[i].handler, NULL, m);

                if (r < 0)
                        return r;
        }
        return 0;
}

int pid1_attach(Pid1 *m, sd_bus *bus) {
        int r;

        if (m->bus)
                return -EISCONN;
        m->bus = sd_bus_ref(bus);
        m->room = room_new();
        r = queue_matches(m);
        if (r >= 0)
                r = ask_owner(m);
        if (r < 0) {
                pid1_detach(m);
                return r;
        }
        pid1_arm(m, now_boottime() + TICK);
        return 0;
}

/* Gives references and subscription back. On a connection that stays, PID 1 would go on counting and sending. */
static void pid1_say_goodbye(Pid1 *m) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;

        for (Pid1Unit *u = m->units; u; u = u->hh.next)
                pid1_unit_release(u);
        if (pid1_message_new(m, PID1_PATH, PID1_MANAGER, "Unsubscribe", &message) >= 0 &&
                        sd_bus_message_set_expect_reply(message, false) >= 0)
                (void) sd_bus_send(m->bus, message, NULL);
}

void pid1_detach(Pid1 *m) {
        if (!m->bus)
                return;
        if (m->owner && sd_bus_is_open(m->bus) > 0)
                pid1_say_goodbye(m);
        connection_gone(m);
        pid1_calls_cancel(m);
        m->owner_call = sd_bus_slot_unref(m->owner_call);
        m->subscribe_call = sd_bus_slot_unref(m->subscribe_call);
        for (size_t i = 0; i < _MATCH_MAX; i++)
                m->matches[i] = sd_bus_slot_unref(m->matches[i]);
        m->bus = sd_bus_unref(m->bus);
}

bool pid1_attached(const Pid1 *m) {
        return m->bus;
}
