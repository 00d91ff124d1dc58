/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/guard-service.h"

#include <dirent.h>
#include <errno.h>

#include "guard/protocol.h"
#include "unit/unit.h"
#include "util/log.h"

#define ASK_EVERY (5 * USEC_PER_SEC)

struct GuardService {
        Unit *unit;
        usec_t asked_at; /* when PID 1 was last asked to start it; 0: never */
};

static bool gates_are_gone(void) {
        DIR *dir = opendir(GUARD_GATES);
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

static void on_status(Unit *u, const UnitStatus *s, void *userdata) {
        Daemon *d = userdata;
        usec_t down_since = guard_client_down_since(d->guard);

        /* What PID 1 said before the connection was lost may be of an earlier guard. */
        if (!s->known || down_since == USEC_INFINITY || s->asked_at < down_since)
                return;
        if ((s->active == UNIT_INACTIVE || s->active == UNIT_FAILED) && !s->job && s->empty && gates_are_gone())
                daemon_event(d, &(Event){ .kind = EVENT_GUARD_GONE });
}

static void on_refused(Unit *u, void *userdata) {
}

static void on_failed(Unit *u, bool start, int error, const char *message, void *userdata) {
}

static void on_asked(int error, const char *text, void *userdata) {
        Daemon *d = userdata;

        if (error >= 0 || d->stop_asked)
                return;
        if (isempty(text))
                log_warning_errno(error, "cannot start %s: no unit can be started before it runs", GUARD_SERVICE);
        else /* systemd's words; libsystemd takes many of its errors for odd errnos */
                log_warning("cannot start %s: no unit can be started before it runs: %s", GUARD_SERVICE, text);
}

void guard_service_missing(Daemon *d) {
        GuardService *g = d->guard_service;
        usec_t now = now_boottime();

        if (!manager_attached(d->manager))
                return;
        (void) unit_read(g->unit);
        if (d->stop_asked || (g->asked_at != 0 && now < usec_add(g->asked_at, ASK_EVERY)))
                return;
        g->asked_at = now;
        (void) manager_start_unit(d->manager, GUARD_SERVICE, on_asked, d);
}

int guard_service_new(Daemon *d) {
        static const UnitCallbacks callbacks = { .status = on_status, .refused = on_refused, .failed = on_failed };

        d->guard_service = calloc(1, sizeof(GuardService));
        if (!d->guard_service)
                return -ENOMEM;
        /* The guard itself has neither gate nor guard. */
        return unit_new(d->manager, GUARD_SERVICE, GUARD_GATES, GUARD_SERVICE, &callbacks, d, &d->guard_service->unit);
}

void guard_service_free(Daemon *d) {
        if (!d->guard_service)
                return;
        unit_free(d->guard_service->unit);
        free(d->guard_service);
        d->guard_service = NULL;
}
