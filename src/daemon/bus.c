/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/bus.h"

#include <errno.h>

#include "daemon/authorize.h"
#include "daemon/bulk.h"
#include "daemon/bus-lease.h"
#include "daemon/bus-link.h"
#include "daemon/bus-manager.h"
#include "daemon/bus-objects.h"
#include "daemon/bus-unit.h"
#include "daemon/bus-util.h"
#include "daemon/callers.h"
#include "daemon/kept.h"
#include "daemon/reload.h"
#include "daemon/suspend.h"
#include "daemon/runs.h"
#include "daemon/unit-files.h"
#include "daemon/words.h"
#include "util/log.h"

enum {
        ANSWERS_WAITING_MAX = 1024, /* answers that wait to be written: from so many on, further calls are refused */
};

/* ---- what others ask of us ---- */

/* Logs trouble once, when it begins; name_acquired() logs its end. */
static void note_trouble(Daemon *d, int error, const char *what) {
        if (!d->links.trouble)
                (void) log_error_errno(error, "%s", what);
        d->links.trouble = true;
        notify_status(d->notifier, what);
}

static void name_acquired(Daemon *d) {
        bus_link_works(d->links.api);
        if (d->links.trouble)
                log_notice("connected to the system bus again");
        d->links.trouble = false;
        if (!d->ready)
                notify_state(d->notifier, "READY=1");
        d->ready = true;
        /* Units are ordered after the guard, which is ordered after leased.service, so PID 1 may start none before
         * READY=1: only now is PID 1 watched, and asked about them. */
        bus_link_open(d->links.own);
        changed_note(d->changed);
}

static int on_name(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Daemon *d = userdata;
        uint32_t answer = 0;
        int r;

        d->links.name = sd_bus_slot_unref(d->links.name);
        if (sd_bus_message_is_method_error(m, NULL)) {
                if (!bus_link_up(d->links.api))
                        return 0;
                note_trouble(d, -sd_bus_message_get_errno(m),
                                "the bus does not give us the name " BUS_NAME ": is its policy " BUS_NAME
                                ".conf installed, and has the bus been reloaded since");
                bus_link_try_later(d->links.api);
                return 0;
        }
        r = sd_bus_message_read(m, "u", &answer);
        if (r >= 0 && (answer == 1 || answer == 4)) /* DBUS_REQUEST_NAME_REPLY_PRIMARY_OWNER, _ALREADY_OWNER */
                name_acquired(d);
        else {
                note_trouble(d, EEXIST, "somebody else has the bus name " BUS_NAME);
                bus_link_try_later(d->links.api);
        }
        return 0;
}

static int request_name(sd_bus *bus, void *userdata) {
        Daemon *d = userdata;

        d->links.name = sd_bus_slot_unref(d->links.name);
        return sd_bus_request_name_async(bus, &d->links.name, BUS_NAME, 0, on_name, d);
}

/* Refuses calls while too many answers wait to be written: a caller that asks faster than it reads would make them
 * pile up without end. With twice as many waiting, not even the refusal is sent. */
static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        uint64_t waiting = 0;
        uint8_t type = 0;

        if (sd_bus_message_get_type(m, &type) < 0 || type != SD_BUS_MESSAGE_METHOD_CALL ||
                        sd_bus_get_n_queued_write(sd_bus_message_get_bus(m), &waiting) < 0 ||
                        waiting < ANSWERS_WAITING_MAX)
                return 0;
        if (waiting < 2 * ANSWERS_WAITING_MAX)
                (void) sd_bus_reply_method_errorf(
                                m, SD_BUS_ERROR_LIMITS_EXCEEDED, "Too many answers wait to be read.");
        return 1;
}

/* The objects are added before the name is asked for, so that nobody sees only some of them. */
static int open_api(sd_bus *bus, void *userdata) {
        Daemon *d = userdata;
        int r;

        if ((r = sd_bus_add_filter(bus, NULL, on_message, d)) < 0 ||
                        (r = sd_bus_add_object_manager(bus, NULL, BUS_PATH)) < 0 ||
                        (r = bus_objects_register(d, bus)) < 0 || (r = bus_manager_register(d, bus)) < 0 ||
                        (r = bus_lease_register(d, bus)) < 0 || (r = bus_unit_register(d, bus)) < 0)
                return r;
        return request_name(bus, d);
}

static void close_api(void *userdata) {
        Daemon *d = userdata;

        authorize_cancel(d);
        words_cancel(d);
        runs_cancel(d);
        kept_cancel(d);
        unit_files_cancel(d);
        bulk_cancel(d);
        callers_forget(d);
        if (d->reload)
                reload_cancel(d);
        d->links.name = sd_bus_slot_unref(d->links.name);
}

static void api_trouble(int error, const char *what, void *userdata) {
        note_trouble(userdata, error, what);
}

/* ---- what we ask of PID 1 and logind ---- */

static int open_own(sd_bus *bus, void *userdata) {
        Daemon *d = userdata;
        int r = suspend_attach(d);

        return r < 0 ? r : pid1_attach(d->pid1, bus);
}

static void close_own(void *userdata) {
        Daemon *d = userdata;

        pid1_detach(d->pid1);
        suspend_detach(d);
}

/* Both connections are to the same bus, and trouble is logged for the first one. */
static void own_trouble(int error, const char *what, void *userdata) {
        log_debug_errno(error, "%s", what);
}

/* ---- life ---- */

int bus_new(Daemon *d) {
        static const BusLinkCallbacks api = { open_api, close_api, api_trouble, request_name },
                                      own = { open_own, close_own, own_trouble, NULL };
        int r = bus_link_new(d->event, "leased-api", &api, d, &d->links.api);

        if (r >= 0)
                r = bus_link_new(d->event, "leased", &own, d, &d->links.own);
        if (r < 0)
                return log_error_errno(r, "cannot prepare for the system bus");
        bus_link_open(d->links.api);
        return 0;
}

void bus_free(Daemon *d) {
        d->links.api = bus_link_free(d->links.api);
        d->links.own = bus_link_free(d->links.own);
}
