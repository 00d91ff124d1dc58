/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "daemon/machine-name.h"
#include "daemon/pid1-port.h"
#include "daemon/stop.h"
#include "registry/record-json.h"
#include "util/journal.h"
#include "util/log.h"
#include "util/message-ids.h"
#include "util/text.h"

/* The ids of reports about units and their leases (MESSAGE_ID= in the journal). Other reports are about this machine
 * as a whole, and have no id. */
static const char *const ids[] = {
        [REPORT_ACQUIRED] = MESSAGE_ACQUIRED,
        [REPORT_STARTED] = MESSAGE_STARTED,
        [REPORT_STOPPED] = MESSAGE_STOPPED,
        [REPORT_RELEASED] = MESSAGE_RELEASED,
        [REPORT_ASKED] = MESSAGE_ASKED,
        [REPORT_TRANSFERRED] = MESSAGE_HANDED_ON,
        [REPORT_ROBBED] = MESSAGE_ROBBED,
        [REPORT_ADOPTED] = MESSAGE_ADOPTED,
        [REPORT_RESUMED] = MESSAGE_RESUMED,
        [REPORT_LOST] = MESSAGE_LOST,
        [REPORT_EXPIRED] = MESSAGE_EXPIRED,
        [REPORT_GUARD_LOST] = MESSAGE_GUARD_GONE,
        [REPORT_STRAY] = MESSAGE_STRAY,
        [REPORT_STOPPED_BY_HAND] = MESSAGE_BY_HAND,
        [REPORT_STOPPED_WITH] = MESSAGE_PUT_ASIDE,
        [REPORT_STOPPED_FOR] = MESSAGE_PUT_ASIDE,
        [REPORT_STARTED_AGAIN] = MESSAGE_STARTED_AGAIN,
        [REPORT_UNIT_FAILED] = MESSAGE_FAILED,
        [REPORT_DONE] = MESSAGE_DONE,
        [REPORT_SUCCEEDED] = MESSAGE_SUCCEEDED,
        [REPORT_STANDS_BACK] = MESSAGE_STANDS_BACK,
        [REPORT_GATE_MISSING] = MESSAGE_NO_GATE,
        [REPORT_DAMAGED] = MESSAGE_RECORD,
        [REPORT_RETAKEN] = MESSAGE_RECORD,
        [REPORT_RESTORED] = MESSAGE_RECORD,
};

typedef struct Line {
        Daemon *daemon;
        const Report *report;
        const char *subject; /* the unit, or else the lease */
        const char *lease;
        char machine[128]; /* the machine's name for people */
        char span[64];
} Line;

static void say(const Line *l, int level, const char *format, ...) _printf_(3, 4);

/* Why PID 1 has not loaded the unit's gate. */
static Why why_no_gate(const Line *l) {
        const Pid1UnitStatus *s = pid1_port_status(l->daemon, l->report->unit);

        if (!s || !s->known || streq(s->load_state, "loaded"))
                return WHY_NO_GATE;
        if (streq(s->load_state, "not-found"))
                return WHY_NO_UNIT_FILE;
        return streq(s->load_state, "masked") ? WHY_MASKED : WHY_BAD_UNIT_FILE;
}

/* Gives the reason that the report names or, if it names none, the reason that its kind stands for. */
static Why why_of(const Line *l) {
        if (l->report->why != WHY_NONE)
                return l->report->why;
        switch (l->report->kind) {
        case REPORT_LOST:
                return WHY_LOST;
        case REPORT_EXPIRED:
                return WHY_EXPIRED;
        case REPORT_GUARD_LOST:
                return WHY_GUARD_GONE;
        case REPORT_STRAY:
                return WHY_STRAY;
        case REPORT_DAMAGED:
                return WHY_RECORD_UNREADABLE;
        case REPORT_GATE_MISSING:
                return why_no_gate(l);
        default:
                return WHY_NONE;
        }
}

/* Keeps the line as LastError of the unit that it is about. The core may have named only the unit's lease: then the
 * unit is looked up. */
static void keep_error(const Line *l, const char *text) {
        LeaseView lease;

        if (l->report->unit)
                pid1_port_set_error(l->daemon, l->report->unit, why_of(l), text);
        else if (l->report->lease && core_find_lease(l->daemon->core, loop_now(), l->report->lease, &lease) &&
                        lease.unit)
                pid1_port_set_error(l->daemon, lease.unit, why_of(l), text);
}

/* When the unit is here again, what went wrong before is over. */
static void clear_error(const Line *l) {
        keep_error(l, NULL);
}

/* Writes the local time that was span ago: "since 03:33:28", with the date before the time from 12 hours on. */
static void format_since(char *buf, size_t size, usec_t span) {
        time_t now = (time_t) (now_realtime() / USEC_PER_SEC), then = now - (time_t) (span / USEC_PER_SEC);
        struct tm tm;

        if (localtime_r(&then, &tm))
                (void) strftime(buf, size, now - then < 12 * 3600 ? "since %H:%M:%S" : "since %Y-%m-%d %H:%M:%S", &tm);
}

/* Logs the line with the id and the fields of the report. A line about a unit is also shown in the unit's journal. A
 * warning or worse becomes the unit's LastError. */
static void say(const Line *l, int level, const char *format, ...) {
        char text[1024];
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        journal_event(level,
                        &(JournalEvent){
                                        .id = (size_t) l->report->kind < ELEMENTSOF(ids) ? ids[l->report->kind] : NULL,
                                        .unit = l->report->unit,
                                        .lease = l->subject ? l->lease : NULL,
                                        .machine = l->report->machine_id ? l->machine : NULL,
                                        .machine_id = l->report->machine_id,
                                        .reason = WHY_TEXT(reason(why_of(l))),
                                        .code = why_of(l),
                                        .index = l->report->index,
                                        .revision = l->report->revision,
                                        .by = l->report->by,
                        },
                        text);
        if (level <= LOG_WARNING)
                keep_error(l, text);
}

static void registry_error(Daemon *d, char *buf, size_t size) {
        RegistryStatus status;

        d->registry->ops->status(d->registry, &status);
        if (isempty(status.error))
                (void) snprintf(buf, size, "no answer in time");
        else
                str_copy(buf, size, status.error);
}

static void report_registry(const Line *l) {
        const Report *r = l->report;
        SessionView session;
        char error[512];

        switch (r->kind) {
        case REPORT_REGISTRY_SILENT:
                registry_error(l->daemon, error, sizeof(error));
                say(l, LOG_WARNING,
                                "the registry does not answer (%s): units that run here go on until their leases run "
                                "out",
                                error);
                break;
        case REPORT_REGISTRY_BACK:
                say(l, LOG_NOTICE, "the registry answers again after %s", l->span);
                break;
        case REPORT_REGISTRY_FOREIGN:
                core_session_view(l->daemon->core, loop_now(), &session);
                say(l, LOG_ALERT,
                                "this is not the registry that this machine knows (%s): all leased units are stopped, "
                                "and none "
                                "starts here until the other one is accepted, see `leasectl registry`",
                                strempty(session.uuid));
                break;
        case REPORT_REGISTRY_FELL_BACK:
                say(l, LOG_ALERT,
                                "the registry has fallen back behind what this machine has seen of it, as after a "
                                "restore: all leased "
                                "units are stopped, and none starts before the wait is over");
                break;
        case REPORT_REGISTRY_ACCEPTED:
                say(l, LOG_NOTICE, "the registry %s is accepted", strempty(r->registry));
                break;
        default:
                break;
        }
}

static void report_session(const Line *l) {
        const Report *r = l->report;

        switch (r->kind) {
        case REPORT_SESSION_NEW:
                say(l, LOG_INFO, "new session %s", strempty(r->session));
                break;
        case REPORT_SESSION_ADOPTED:
                say(l, LOG_INFO, "carrying on session %s", strempty(r->session));
                break;
        case REPORT_SESSION_ENDED:
                say(l, LOG_WARNING, "session %s has ended: what it held is lost, and its units are being stopped",
                                strempty(r->session));
                break;
        case REPORT_FENCING:
                say(l, LOG_NOTICE, "%s is silent: FenceCommand= is to switch it off", l->machine);
                break;
        case REPORT_FENCED:
                say(l, LOG_NOTICE, "%s is off: FenceCommand= has succeeded, and nobody waits for its TTL", l->machine);
                break;
        case REPORT_FENCE_FAILED:
                say(l, LOG_ERR, "FenceCommand= has failed for %s: its leases are taken when its TTL is over",
                                l->machine);
                break;
        case REPORT_UNDRAINED:
                say(l, LOG_NOTICE, "no longer draining: this machine has booted (drain --until-reboot)");
                break;
        case REPORT_PAUSED:
                say(l, LOG_NOTICE,
                                "paused by %s: no lease is taken, and what runs here is kept without the registry, "
                                "until `leasectl resume`",
                                isempty(r->by) ? "somebody" : r->by);
                break;
        case REPORT_PAUSE_ENDS:
                say(l, LOG_NOTICE, "the pause ends: leases run out again, and are taken when all machines beat");
                break;
        case REPORT_PAUSE_OVER:
                say(l, LOG_NOTICE, "the pause is over: leases are taken again");
                break;
        case REPORT_SESSION_OVER:
                say(l, LOG_ALERT,
                                "somebody has confirmed that this machine is off, so others may have taken what "
                                "session %s held: its units are being stopped",
                                strempty(r->session));
                break;
        case REPORT_SESSION_CLONED:
                say(l, LOG_ALERT,
                                "somebody else beats in the name of session %s: this machine or its /run was copied; "
                                "its units are "
                                "being stopped",
                                strempty(r->session));
                break;
        case REPORT_MACHINE_TWICE:
                say(l, LOG_ALERT,
                                "another live machine, %s, has our machine id %s: this one does not compete for "
                                "leases until either "
                                "has a new /etc/machine-id or MachineID=",
                                isempty(r->hostname) ? "of unknown name" : r->hostname, l->daemon->machine_id);
                break;
        default:
                break;
        }
}

static void report_acquired(const Line *l) {
        const Report *r = l->report;

        switch (r->kind) {
        case REPORT_ACQUIRED:
                clear_error(l);
                if (r->machine_id)
                        say(l, LOG_NOTICE, "lease acquired with Index %" PRIu64 ", taken over from %s, which %s",
                                        r->index, l->machine,
                                        r->why == WHY_CONFIRMED_DEAD ? "was confirmed dead" : "went silent");
                else
                        say(l, LOG_NOTICE, "lease acquired with Index %" PRIu64, r->index);
                break;
        case REPORT_ADOPTED:
                say(l, LOG_NOTICE, "still ours with Index %" PRIu64 " after the restart of the daemon", r->index);
                break;
        case REPORT_RESUMED:
                clear_error(l);
                say(l, LOG_NOTICE, "the lease is still ours (Index %" PRIu64 "): starting the unit again", r->index);
                break;
        case REPORT_ROBBED:
                say(l, LOG_NOTICE,
                                "lease taken by force from %s (Index %" PRIu64
                                "): the unit starts here when that machine has stopped it, or in %s",
                                l->machine, r->index, l->span);
                break;
        default:
                break;
        }
}

static void report_let_go(const Line *l) {
        const Report *r = l->report;

        switch (r->kind) {
        case REPORT_LOST:
                if (r->machine_id)
                        say(l, LOG_WARNING, "lease lost (Index %" PRIu64 "): %s has it now; stopping the unit here",
                                        r->index, l->machine);
                else
                        say(l, LOG_WARNING, "lease lost (Index %" PRIu64 "); stopping the unit here", r->index);
                break;
        case REPORT_EXPIRED:
                say(l, LOG_WARNING,
                                "no beat has come through in time for Index %" PRIu64
                                ": stopping the unit before anybody else may start it",
                                r->index);
                break;
        case REPORT_GUARD_LOST:
                say(l, LOG_WARNING, "%s: stopping the unit (Index %" PRIu64 ")",
                                r->why == WHY_GUARD_SILENT ? "the guard that kept its time was not reached"
                                                           : "the guard that kept its time is gone",
                                r->index);
                break;
        case REPORT_RELEASED:
                say(l, LOG_NOTICE, "lease released (Index %" PRIu64 "%s%s)", r->index, r->why != WHY_NONE ? ", " : "",
                                why_word(r->why));
                break;
        case REPORT_ASKED:
                say(l, LOG_NOTICE, "%s asked for by %s, through the registry (Index %" PRIu64 ")",
                                record_verb_word(r->verb), isempty(r->by) ? "another machine" : r->by, r->index);
                break;
        case REPORT_TRANSFERRED:
                say(l, LOG_NOTICE, "lease handed to %s, with Index %" PRIu64, l->machine, r->index);
                break;
        default:
                break;
        }
}

static void report_record(const Line *l) {
        const Report *r = l->report;

        switch (r->kind) {
        case REPORT_DAMAGED: {
                const char *why = registry_port_damage(l->daemon->registry_port, RECORD_LEASE, l->lease);

                say(l, LOG_ERR,
                                "the record of lease %s cannot be read (%s): it counts as held by somebody unknown, "
                                "until "
                                "its holder writes it again or has surely stopped",
                                l->lease, why ?: "it says what leased never wrote");
                break;
        }
        case REPORT_RESTORED:
                say(l, LOG_NOTICE,
                                "the lease's record was damaged or deleted: written again as it was, with Index "
                                "%" PRIu64,
                                r->index);
                break;
        case REPORT_RETAKEN:
                say(l, LOG_NOTICE,
                                "the lease's record was damaged or deleted, and its holder does not write it again: "
                                "taken, "
                                "with Index %" PRIu64 "; %s%s",
                                r->index, r->unit ? "the unit starts here in " : "no unit here wants it",
                                r->unit ? l->span : "");
                break;
        default:
                break;
        }
}

/* Raises the alarm that a unit is active here without its lease. This is what all the rest of leased is there to
 * prevent. */
static void report_stray(const Line *l) {
        if (l->report->machine_id)
                say(l, LOG_ALERT, "it is active on this machine without its lease, which %s holds: stopping it",
                                l->machine);
        else
                say(l, LOG_ALERT, "it is active on this machine without its lease: stopping it");
}

/* Says why the unit was stopped, and who has it now. On a machine that has lost the unit this is the last line of the
 * unit's journal, so "systemctl status" tells an operator where to look. */
static void report_stopped(const Line *l) {
        const Report *r = l->report;
        char since[64] = "in time";

        if (r->why != WHY_EXPIRED) {
                say(l, LOG_NOTICE, "stopped: %s%s%s%s",
                                r->why == WHY_GUARD_GONE     ? "its guard was gone"
                                : r->why == WHY_GUARD_SILENT ? "its guard was not reached"
                                                             : why_word(r->why),
                                r->machine_id ? "; " : "", r->machine_id ? l->machine : "",
                                r->machine_id ? " has it" : "");
                return;
        }
        if (r->span > 0)
                format_since(since, sizeof(since), r->span);
        if (r->machine_id)
                say(l, LOG_WARNING, "stopped: no beat %s; %s has it", since, l->machine);
        else
                say(l, LOG_WARNING, "stopped: no beat %s; who has it is not known yet", since);
}

/* Says why the unit has no gate. */
static void report_no_gate(const Line *l) {
        static const char tail[] = ", so this machine does not compete for its lease";

        if (startswith(l->subject, RUN_UNIT_PREFIX)) {
                say(l, LOG_ERR,
                                "a drop-in for leased-run-.service, or for all services, takes its gate away "
                                "(AssertPathExists=): ending the command");
                return;
        }
        switch (why_of(l)) {
        case WHY_NO_UNIT_FILE:
                say(l, LOG_ERR, "its unit file is missing%s until it is back", tail);
                break;
        case WHY_MASKED:
                say(l, LOG_ERR, "it is masked%s: systemctl unmask %s", tail, l->subject);
                break;
        case WHY_BAD_UNIT_FILE:
                say(l, LOG_ERR, "systemd cannot load it (%s)%s: see `systemctl status %s`",
                                pid1_port_status(l->daemon, l->report->unit)->load_state, tail, l->subject);
                break;
        case WHY_REFUSES_STOP:
        case WHY_SUCCESS_ACTION:
        case WHY_REFUSES_START:
        case WHY_STOPS_UNNEEDED:
        case WHY_DETACHES:
                say(l, LOG_ERR, "%s%s%s: see `leasectl check %s`", WHY_TEXT(reason(why_of(l))), tail,
                                why_of(l) == WHY_STOPS_UNNEEDED ? "" : " any more, and if it runs here, it runs on",
                                l->subject);
                break;
        default:
                say(l, LOG_ERR, "PID 1 has not loaded its gate%s: see `leasectl check %s`", tail, l->subject);
        }
}

static void report_unit(const Line *l) {
        const Report *r = l->report;

        switch (r->kind) {
        case REPORT_STRAY:
                report_stray(l);
                break;
        case REPORT_GATE_MISSING:
                report_no_gate(l);
                break;
        case REPORT_STOPPED_BY_HAND:
                say(l, LOG_NOTICE,
                                "stopped by hand: it stays stopped, and its lease stays here; `leasectl release %s` "
                                "gives "
                                "it to another machine",
                                l->subject);
                break;
        case REPORT_STOPPED_WITH:
                if (r->why == WHY_STOPS_UNNEEDED)
                        say(l, LOG_NOTICE,
                                        "systemd has stopped it, since no unit needs it (StopWhenUnneeded=yes): it "
                                        "starts here again when that setting is gone soon, and otherwise elsewhere");
                else
                        say(l, LOG_NOTICE,
                                        "systemd has stopped it together with %s, which it needs: it starts here "
                                        "again when that is back soon, and otherwise elsewhere",
                                        isempty(r->other) ? "a unit" : r->other);
                break;
        case REPORT_STOPPED_FOR:
                say(l, LOG_NOTICE,
                                "systemd has stopped it for %s, with which it conflicts: it starts here again when "
                                "that is over "
                                "soon, and otherwise elsewhere",
                                isempty(r->other) ? "a unit" : r->other);
                break;
        case REPORT_STARTED_AGAIN:
                say(l, LOG_NOTICE, "what it was stopped for is over: starting it again");
                break;
        case REPORT_UNIT_FAILED:
                say(l, LOG_WARNING, "%s: releasing its lease; this machine stands back for %s",
                                r->why == WHY_CHECK_FAILED ? "its check (Check=) fails" : "it failed for good",
                                l->span);
                break;
        case REPORT_DONE:
                say(l, LOG_NOTICE, "it ended well and is done: it runs nowhere again until `leasectl rearm %s`",
                                l->subject);
                break;
        case REPORT_SUCCEEDED:
                say(l, LOG_INFO, "it ended well: releasing its lease");
                break;
        case REPORT_STARTED:
                say(l, LOG_NOTICE, "started with Index %" PRIu64, r->index);
                break;
        case REPORT_STOPPED:
                report_stopped(l);
                break;
        case REPORT_STANDS_BACK:
                say(l, LOG_NOTICE, "this machine stands back for %s (%s)", l->span, why_word(r->why));
                break;
        default:
                break;
        }
}

void report_log(Daemon *d, const Report *r) {
        Line l = { .daemon = d, .report = r, .subject = r->unit ?: r->lease, .lease = r->lease ?: strempty(r->unit) };

        (void) machine_name(d->core, r->machine_id, l.machine, sizeof(l.machine));
        (void) format_span(l.span, sizeof(l.span), r->span);
        /* A shutdown of the machine looks to the core like any of these. */
        if (r->kind == REPORT_STOPPED_BY_HAND || r->kind == REPORT_STOPPED_WITH || r->kind == REPORT_STOPPED_FOR ||
                        r->kind == REPORT_GUARD_LOST)
                stop_suspected(d);
        switch (r->kind) {
        case REPORT_SESSION_NEW:
        case REPORT_SESSION_ADOPTED:
        case REPORT_SESSION_ENDED:
        case REPORT_SESSION_OVER:
        case REPORT_UNDRAINED:
        case REPORT_PAUSED:
        case REPORT_PAUSE_ENDS:
        case REPORT_PAUSE_OVER:
        case REPORT_FENCING:
        case REPORT_FENCED:
        case REPORT_FENCE_FAILED:
        case REPORT_SESSION_CLONED:
        case REPORT_MACHINE_TWICE:
                report_session(&l);
                break;
        case REPORT_REGISTRY_SILENT:
        case REPORT_REGISTRY_BACK:
        case REPORT_REGISTRY_FOREIGN:
        case REPORT_REGISTRY_FELL_BACK:
        case REPORT_REGISTRY_ACCEPTED:
                report_registry(&l);
                break;
        case REPORT_STRAY:
        case REPORT_GATE_MISSING:
        case REPORT_STOPPED_BY_HAND:
        case REPORT_STOPPED_WITH:
        case REPORT_STOPPED_FOR:
        case REPORT_STARTED_AGAIN:
        case REPORT_UNIT_FAILED:
        case REPORT_DONE:
        case REPORT_SUCCEEDED:
        case REPORT_STARTED:
        case REPORT_STOPPED:
        case REPORT_STANDS_BACK:
                report_unit(&l);
                break;
        case REPORT_ACQUIRED:
        case REPORT_ADOPTED:
        case REPORT_RESUMED:
        case REPORT_ROBBED:
                report_acquired(&l);
                break;
        case REPORT_DAMAGED:
        case REPORT_RESTORED:
        case REPORT_RETAKEN:
                report_record(&l);
                break;
        default:
                report_let_go(&l);
        }
        changed_note(d->changed);
}
