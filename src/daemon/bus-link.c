/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/bus-link.h"

#include <errno.h>

#include "pid1/pid1.h"
#include "util/log.h"
#include "util/time-util.h"

#define CALL_TIMEOUT (10 * USEC_PER_SEC)
#define RETRY_MIN (100 * USEC_PER_MSEC)
#define RETRY_MAX (5 * USEC_PER_SEC)
#define LASTING (10 * USEC_PER_SEC) /* a connection that has lived for longer counts as one that worked */

struct BusLink {
        sd_event *event;
        const char *description;
        const BusLinkCallbacks *callbacks;
        void *userdata;
        sd_bus *bus;
        sd_bus_slot *lost_slot;
        sd_event_source *retry;
        bool opened, lost;
        usec_t since; /* CLOCK_BOOTTIME, when the connection was last opened */
        unsigned failures;
};

sd_bus *bus_link_get(const BusLink *l) {
        return l ? l->bus : NULL;
}

sd_bus *bus_link_up(const BusLink *l) {
        return l && l->bus && !l->lost && sd_bus_is_ready(l->bus) > 0 ? l->bus : NULL;
}

void bus_link_works(BusLink *l) {
        l->failures = 0;
}

void bus_link_try_later(BusLink *l) {
        unsigned doublings = MIN(l->failures, 6u);
        usec_t delay = MIN(RETRY_MIN << doublings, RETRY_MAX);
        int r;

        l->failures++;
        delay += delay / 4 * (now_boottime() % 1000) /
                 1000; /* up to a quarter more, so that not all clients of a new broker come at once */
        r = sd_event_source_set_time(l->retry, usec_add(now_boottime(), delay));
        if (r >= 0)
                r = sd_event_source_set_enabled(l->retry, SD_EVENT_ONESHOT);
        if (r < 0)
                log_error_errno(r, "cannot arm the timer for the bus");
}

static void close_connection(BusLink *l) {
        if (!l->bus)
                return;
        l->callbacks->close(l->userdata);
        l->lost_slot = sd_bus_slot_unref(l->lost_slot);
        l->bus = sd_bus_close_unref(l->bus);
        l->lost = false;
}

static int on_lost(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        BusLink *l = userdata;

        l->lost = true;
        if (usec_sub(now_boottime(), l->since) > LASTING)
                l->failures = 0;
        l->callbacks->trouble(-ECONNRESET, "the connection to the system bus is lost", l->userdata);
        bus_link_try_later(l);
        return 0;
}

static int configure(BusLink *l) {
        const char *address = getenv("DBUS_SYSTEM_BUS_ADDRESS");
        int r;

        if ((r = sd_bus_set_description(l->bus, l->description)) < 0 ||
                        (r = sd_bus_set_address(l->bus, isempty(address) ? PID1_BUS_ADDRESS : address)) < 0 ||
                        (r = sd_bus_set_bus_client(l->bus, true)) < 0 ||
                        (r = sd_bus_set_watch_bind(l->bus, true)) < 0 ||
                        (r = sd_bus_set_method_call_timeout(l->bus, CALL_TIMEOUT)) < 0 ||
                        (r = sd_bus_start(l->bus)) < 0)
                return r;
        return sd_bus_match_signal_async(l->bus, &l->lost_slot, "org.freedesktop.DBus.Local",
                        "/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local", "Disconnected", on_lost, NULL, l);
}

static void open_connection(BusLink *l) {
        int r = sd_bus_new(&l->bus);

        l->since = now_boottime();
        if (r >= 0)
                r = configure(l);
        if (r >= 0)
                r = l->callbacks->open(l->bus, l->userdata);
        if (r >= 0)
                r = sd_bus_attach_event(l->bus, l->event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                return;
        l->callbacks->trouble(r, "cannot connect to the system bus", l->userdata);
        close_connection(l);
        bus_link_try_later(l);
}

/* The connection is torn down here, outside its own callbacks: on_lost() only sets a flag. */
static int on_retry(sd_event_source *source, uint64_t usec, void *userdata) {
        BusLink *l = userdata;

        if (l->bus && !l->lost) {
                if (l->callbacks->again && l->callbacks->again(l->bus, l->userdata) < 0)
                        bus_link_try_later(l);
                return 0;
        }
        close_connection(l);
        open_connection(l);
        return 0;
}

void bus_link_open(BusLink *l) {
        if (l->opened)
                return;
        l->opened = true;
        open_connection(l);
}

int bus_link_new(sd_event *event, const char *description, const BusLinkCallbacks *callbacks, void *userdata,
                BusLink **ret) {
        BusLink *l = calloc(1, sizeof(BusLink));
        int r;

        if (!l)
                return -ENOMEM;
        *l = (BusLink){
                .event = sd_event_ref(event), .description = description, .callbacks = callbacks, .userdata = userdata
        };
        r = sd_event_add_time(event, &l->retry, CLOCK_BOOTTIME, USEC_INFINITY, USEC_PER_MSEC, on_retry, l);
        if (r < 0) {
                bus_link_free(l);
                return r;
        }
        *ret = l;
        return 0;
}

BusLink *bus_link_free(BusLink *l) {
        if (!l)
                return NULL;
        close_connection(l);
        sd_event_source_disable_unref(l->retry);
        sd_event_unref(l->event);
        free(l);
        return NULL;
}
