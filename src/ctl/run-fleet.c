/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/run-fleet.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/fleet-call.h"
#include "core/timeline.h"
#include "ctl/bus.h"
#include "run/protocol.h"

#define TRY_AGAIN (USEC_PER_SEC / 2)
#define PATIENCE (5 * USEC_PER_SEC)
#define LIMIT_AGAIN (20 * USEC_PER_MSEC)
#define GRACE (5 * USEC_PER_SEC) /* from SIGTERM to SIGKILL, if the lease cannot be renewed */

int run_fleet_open(RunFleet *f, Ctl *ctl, const char *lease, bool must) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        json_auto_t *manager = NULL;
        int r = bus_get_manager(ctl->bus, &manager, &error);

        *f = (RunFleet){ .ctl = ctl, .lease = lease, .unit = "", .socket = -1, .limit_at = USEC_INFINITY };
        if (r < 0)
                return must ? bus_complain(lease, r, &error) : CTL_OK;
        f->on = *get_string(manager, "LeaseRegistry");
        if (f->on && getuid() != 0) /* polkit would be asked at each renewal */
                return ctl_fail("%s: with LeaseRegistry= in leased.conf only root can run a command", lease);
        if (f->on && ctl->run_slots > 0)
                return ctl_fail("%s: --slots= cannot be used with LeaseRegistry= in leased.conf", lease);
        return CTL_OK;
}

static Timeline times(void) {
        Timeline t = {};

        (void) timeline_compute(FLEET_RUN_PERIOD, GRACE, GRACE, &t);
        return t;
}

/* The lease is held, counted from before the call was sent. */
static void note_held(RunFleet *f) {
        if (!f->held)
                f->limit_until = usec_add(now_boottime(), PATIENCE);
        f->held = true;
        f->held_from = f->period_from;
        f->next_at = usec_add(f->held_from, times().round);
        f->limit_at = 0;
}

/* Takes whether the guard ends the command in time. If it does not say so, the command does not begin; if the guard
 * could not be told later, it goes by what it was told before. */
static int on_limited(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        RunFleet *f = userdata;
        int limited = false;

        f->limit_call = sd_bus_slot_unref(f->limit_call);
        if (!sd_bus_message_is_method_error(m, NULL))
                (void) sd_bus_message_read(m, "b", &limited);
        f->limited = f->limited || limited;
        if (!limited && !f->lost)
                f->limit_at = usec_add(now_boottime(), LIMIT_AGAIN);
        if (!f->limited && now_boottime() >= f->limit_until)
                f->failure = ctl_fail("%s: the guard does not say that it would end the command in time%s%s", f->lease,
                                sd_bus_message_is_method_error(m, NULL) ? ": " : "",
                                sd_bus_message_is_method_error(m, NULL) ? sd_bus_message_get_error(m)->message : "");
        return 0;
}

static void tell_limit(RunFleet *f) {
        Timeline t = times();
        int r = sd_bus_call_method_async(f->ctl->bus, &f->limit_call, LEASED_NAME, LEASED_PATH, LEASED_MANAGER,
                        "LimitCommand", on_limited, f, "sttt", f->unit, (uint64_t) f->held_from,
                        (uint64_t) usec_add(f->held_from, t.stop), (uint64_t) usec_add(f->held_from, t.kill));

        f->limit_at = r < 0 ? usec_add(now_boottime(), LIMIT_AGAIN) : USEC_INFINITY;
}

/* The lease is not ours, or cannot be had: the command does not begin, or ends at once. */
static void note_lost(RunFleet *f) {
        const RunMessage m = { .version = RUN_PROTOCOL, .word = RUN_SIGNAL, .value = SIGTERM };

        complain("%s: fleet's registry has given the lease to somebody else, or it ran out; the command is ended",
                        f->lease);
        f->lost = true;
        f->next_at = USEC_INFINITY;
        (void) send(f->socket, &m, sizeof(m), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void on_failed(RunFleet *f, sd_bus_message *m) {
        const sd_bus_error *e = sd_bus_message_get_error(m);
        bool later = sd_bus_error_has_names(e, "org.leased1.Error.RegistryUnavailable",
                        "org.leased1.Error.OutcomeUnknown", "org.leased1.Error.Busy", SD_BUS_ERROR_NO_REPLY,
                        SD_BUS_ERROR_TIMEOUT, SD_BUS_ERROR_SERVICE_UNKNOWN, SD_BUS_ERROR_NAME_HAS_NO_OWNER);

        if (f->held && sd_bus_error_has_name(e, "org.leased1.Error.LeaseLost"))
                note_lost(f);
        else if (f->held || (later && f->ctl->wait))
                f->next_at = usec_add(now_boottime(), TRY_AGAIN);
        else
                f->failure = bus_complain(f->lease, -sd_bus_message_get_errno(m), e);
}

static int on_acquired(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        RunFleet *f = userdata;
        const char *path;
        int acquired;

        f->call = sd_bus_slot_unref(f->call);
        if (sd_bus_message_is_method_error(m, NULL))
                on_failed(f, m);
        else if (sd_bus_message_read(m, "bot", &acquired, &path, &f->index) < 0)
                f->failure = ctl_fail("%s: leased has answered what it never does", f->lease);
        else if (acquired) {
                (void) str_keep(&f->path, path);
                note_held(f);
        } else if (f->ctl->wait) {
                if (!f->waits && f->ctl->legend)
                        complain("%s: waiting, held in fleet's registry", f->lease);
                f->waits = true;
                f->next_at = usec_add(now_boottime(), TRY_AGAIN);
        } else {
                complain("%s: held in fleet's registry", f->lease);
                f->failure = CTL_NOT_HELD;
        }
        return 0;
}

static int on_renewed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        RunFleet *f = userdata;

        f->call = sd_bus_slot_unref(f->call);
        if (sd_bus_message_is_method_error(m, NULL))
                on_failed(f, m);
        else if (sd_bus_message_read(m, "t", &f->index) >= 0)
                note_held(f);
        return 0;
}

static int ask(RunFleet *f) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        f->period_from = now_boottime();
        f->next_at = USEC_INFINITY;
        if (!f->held) {
                r = sd_bus_message_new_method_call(
                                f->ctl->bus, &m, LEASED_NAME, LEASED_PATH, LEASED_MANAGER, "AcquireLease");
                if (r >= 0)
                        r = sd_bus_message_append(m, "ssxt", f->lease, "", (int64_t) 0, (uint64_t) FLEET_RUN_PERIOD);
        } else {
                r = sd_bus_message_new_method_call(f->ctl->bus, &m, LEASED_NAME, f->path, LEASED_LEASE, "Renew");
                if (r >= 0)
                        r = sd_bus_message_append(m, "tt", f->index, (uint64_t) FLEET_RUN_PERIOD);
        }
        return r < 0 ? r
                     : sd_bus_call_async(
                                       f->ctl->bus, &f->call, m, f->held ? on_renewed : on_acquired, f, 2 * PATIENCE);
}

void run_fleet_want(RunFleet *f, int socket, const char *unit) {
        f->asked = true;
        f->socket = socket;
        f->unit = unit;
        f->next_at = 0;
}

void run_fleet_step(RunFleet *f) {
        if (!f->asked || f->failure)
                return;
        if (bus_wait(f->ctl->bus, 0) < 0 && !f->held)
                f->failure = ctl_fail("%s: the connection to the bus is lost", f->lease);
        if (!f->failure && !f->call && now_boottime() >= f->next_at && ask(f) < 0)
                f->next_at = usec_add(now_boottime(), TRY_AGAIN);
        if (!f->failure && !f->limit_call && *f->unit && now_boottime() >= f->limit_at)
                tell_limit(f);
}

int run_fleet_timeout(const RunFleet *f) {
        usec_t now = now_boottime(), next = MIN(f->next_at, *f->unit ? f->limit_at : USEC_INFINITY);

        if (!f->asked || f->failure)
                return -1;
        if (f->call || f->limit_call) /* sd-bus ends a call that gets no answer only when it is asked */
                next = MIN(next, usec_add(now, TRY_AGAIN));
        if (next == USEC_INFINITY)
                return -1;
        return next <= now ? 0 : (int) ((next - now) / USEC_PER_MSEC) + 1;
}

void run_fleet_done(RunFleet *f, bool release) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        usec_t until = usec_add(now_boottime(), PATIENCE);

        while (release && f->call && now_boottime() < until && bus_wait(f->ctl->bus, USEC_PER_SEC / 10) >= 0)
                ;
        if (release && f->held && !f->lost &&
                        sd_bus_call_method(f->ctl->bus, LEASED_NAME, f->path, LEASED_LEASE, "Release", &error, NULL,
                                        "t", f->index) < 0 &&
                        !sd_bus_error_has_name(&error, "org.leased1.Error.LeaseLost"))
                complain("%s: not given back in fleet's registry, where it runs out by itself", f->lease);
        f->call = sd_bus_slot_unref(f->call);
        f->limit_call = sd_bus_slot_unref(f->limit_call);
        free(f->path);
        f->path = NULL;
}
