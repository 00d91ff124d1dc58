/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/guard-service.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>

#include "core/timeline.h"
#include "guard/protocol.h"
#include "pid1/pid1-unit.h"
#include "util/log.h"

/* PID 1 is asked to start the guard so soon if a guard was reached since PID 1 was last asked: that start has worked.
 */
#define ASK_SOON (200 * USEC_PER_MSEC)
/* Otherwise it is asked so often for so long after the guard was lost: what the guard was about to kill runs on if its
 * --wipe was killed as well, and the lease may soon be another machine's ... */
#define ASK_OFTEN (500 * USEC_PER_MSEC)
#define OFTEN_FOR (10 * USEC_PER_SEC)
/* ... and so often later. */
#define ASK_EVERY (5 * USEC_PER_SEC)

/* A guard that cannot be reached is sent SIGTERM: it then stops its units, kills them in time, and closes their gates.
 * So much later it is sent SIGKILL (then ExecStopPost= of leased-guard.service does all that), and after the longer
 * time SIGTERM again. */
#define KILL_AFTER (5 * USEC_PER_SEC)
#define AGAIN_AFTER (30 * USEC_PER_SEC)
/* No entry of a guard lives longer than this after the last request that the guard has read. After that the guard
 * opens no gate, whatever else it does. */
#define ENTRY_LIFE_MAX (TTL_MAX + TTL_MAX / 50)

struct GuardService {
        Pid1Unit *unit;
        usec_t asked_at;    /* CLOCK_BOOTTIME, when PID 1 was last asked to start the guard; 0: never */
        usec_t alive_since; /* CLOCK_BOOTTIME, when the unreachable guard was first seen to run; 0: none runs */
        bool asked;         /* PID 1 was asked to start a guard since one could last be reached */
        int signal;         /* the last signal that was sent to a guard that cannot be reached */
        usec_t sent_at;     /* CLOCK_BOOTTIME, when it was sent; 0: none was, since a guard was last reached */
        bool told;          /* it is logged that no guard can be reached */
};

static bool gates_are_gone(void) {
        DIR *dir = opendir(GATE_DIRECTORY);
        bool found = false;

        if (!dir)
                return errno == ENOENT;
        errno = 0;
        for (struct dirent *e = readdir(dir); e && !found; e = readdir(dir))
                found = !streq(e->d_name, ".") && !streq(e->d_name, "..");
        found = found || errno != 0;
        (void) closedir(dir);
        return !found;
}

static void on_killed(int error, const char *text, void *userdata) {
        if (error < 0)
                log_warning("cannot end %s, which cannot be reached: %s", GUARD_SERVICE, text);
}

/* The guard runs, and has not been reached for a TTL: by now it is stopping all its units, or it stands still. */
static void replace(Daemon *d) {
        GuardService *g = d->guard_service;
        usec_t now = now_boottime();

        if (g->sent_at > 0 && now < usec_add(g->sent_at, g->signal == SIGTERM ? KILL_AFTER : AGAIN_AFTER))
                return;
        g->signal = g->sent_at > 0 && g->signal == SIGTERM ? SIGKILL : SIGTERM;
        g->sent_at = now;
        log_warning("%s runs and cannot be reached: %s it, so that another takes its place", GUARD_SERVICE,
                        g->signal == SIGTERM ? "ending" : "killing");
        (void) pid1_kill_unit(d->pid1, GUARD_SERVICE, g->signal, on_killed, d);
}

static bool is_dead(const Pid1UnitStatus *s) {
        return (s->active == UNIT_INACTIVE || s->active == UNIT_FAILED) && !s->job && s->empty;
}

static void on_status(Pid1Unit *u, const Pid1UnitStatus *s, void *userdata) {
        Daemon *d = userdata;
        GuardService *g = d->guard_service;
        usec_t down_since = guard_port_down_since(d->guard);

        /* An answer to a question that was sent before the connection was lost may be about an earlier guard. */
        if (!s->known || down_since == USEC_INFINITY || s->asked_at < down_since)
                return;
        /* A guard that is connected by now is about to report its entries, so it is not gone. */
        if (!guard_port_connected(d->guard) && (is_dead(s) || s->asked_at >= usec_add(down_since, ENTRY_LIFE_MAX)) &&
                        gates_are_gone())
                loop_event(d->loop, &(Event){ .kind = EVENT_GUARD_GONE, .on = !is_dead(s) });
        if (s->active != UNIT_ACTIVE && s->active != UNIT_DEACTIVATING)
                g->alive_since = 0;
        else if (g->alive_since == 0)
                g->alive_since = now_boottime();
        /* A guard that was started late has the same time to be reached as one whose connection is lost. */
        else if (!d->stop.asked &&
                        now_boottime() >= usec_add(MAX(down_since, g->alive_since), ttl_guard_patience(d->conf->ttl)))
                replace(d);
}

static void on_refused(Pid1Unit *u, void *userdata) {
}

static void on_failed(Pid1Unit *u, bool start, int error, const char *message, void *userdata) {
}

static void on_asked(int error, const char *text, void *userdata) {
        Daemon *d = userdata;

        if (error >= 0 || d->stop.asked)
                return;
        if (isempty(text))
                log_warning_errno(error, "cannot start %s: no unit can be started before it runs", GUARD_SERVICE);
        else /* in PID 1's own words: for many of its errors libsystemd has an errno that does not fit */
                log_warning("cannot start %s: no unit can be started before it runs: %s", GUARD_SERVICE, text);
}

/* Logs once that no guard can be reached, and again only after one could be reached meanwhile. */
static void tell(Daemon *d, usec_t now) {
        GuardService *g = d->guard_service;
        usec_t down_since = guard_port_down_since(d->guard);
        char span[64];

        if (g->told || d->stop.asked || now < usec_add(down_since, ttl_guard_patience(d->conf->ttl)))
                return;
        g->told = true;
        log_alert("%s cannot be reached for %s: no unit can run on this machine, and their leases are for others; see "
                  "systemctl "
                  "status %s",
                        GUARD_SERVICE, format_span(span, sizeof(span), now - down_since), GUARD_SERVICE);
}

void guard_service_found(Daemon *d) {
        d->guard_service->asked = false;
        d->guard_service->told = false;
        d->guard_service->sent_at = d->guard_service->alive_since = 0;
}

/* How long after PID 1 was last asked to start the guard it is asked again. */
static usec_t ask_after(const Daemon *d, usec_t now) {
        if (!d->guard_service->asked)
                return ASK_SOON;
        return now < usec_add(guard_port_down_since(d->guard), OFTEN_FOR) ? ASK_OFTEN : ASK_EVERY;
}

void guard_service_missing(Daemon *d) {
        GuardService *g = d->guard_service;
        usec_t now = now_boottime();

        tell(d, now);
        if (!pid1_attached(d->pid1))
                return;
        (void) pid1_unit_read(g->unit);
        if (d->stop.asked || (g->asked_at != 0 && now < usec_add(g->asked_at, ask_after(d, now))))
                return;
        /* A start may have to wait for the stop of a unit that is bound to the guard, for as long as that unit's
         * TimeoutStopSec=. So only the first start waits in PID 1's queue, for PID 1 refuses such a start at shutdown;
         * further ones are told not to wait for other units. */
        (void) (g->asked ? pid1_start_unit_at_once : pid1_start_unit)(d->pid1, GUARD_SERVICE, on_asked, d);
        g->asked_at = now;
        g->asked = true;
}

int guard_service_new(Daemon *d) {
        static const Pid1UnitCallbacks callbacks = { .status = on_status, .refused = on_refused, .failed = on_failed };

        d->guard_service = calloc(1, sizeof(GuardService));
        if (!d->guard_service)
                return -ENOMEM;
        /* leased-guard.service has no gate of its own: what its status says of a gate is not looked at. */
        return pid1_unit_new(
                        d->pid1, GUARD_SERVICE, GATE_DIRECTORY, GUARD_SERVICE, &callbacks, d, &d->guard_service->unit);
}

void guard_service_free(Daemon *d) {
        if (!d->guard_service)
                return;
        pid1_unit_free(d->guard_service->unit);
        free(d->guard_service);
        d->guard_service = NULL;
}
