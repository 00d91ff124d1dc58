/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/pid1-near.h"

#include <errno.h>
#include <unistd.h>

#include "ctl/bus-many.h"
#include "ctl/bus.h"
#include "util/strv.h"

#define SOCKET_OF_PID1 "unix:path=/run/systemd/private"
#define SOCKET_OF_BUS "unix:path=/run/dbus/system_bus_socket"
#define SOCKET_OF_BUS_EARLIER "unix:path=/var/run/dbus/system_bus_socket"

/* ---- the connection ---- */

static sd_bus *near; /* as long as the process; NULL: not tried yet, or not to be had */
static bool tried;

/* Whether a connection is to the system bus of this machine, and not to that of another machine or of a test. */
static bool is_of_this_machine(sd_bus *bus) {
        const char *address;

        return sd_bus_get_address(bus, &address) >= 0 &&
               (startswith(address, SOCKET_OF_BUS) || startswith(address, SOCKET_OF_BUS_EARLIER));
}

static int open_near(sd_bus **ret) {
        sd_bus *b = NULL;
        int r = sd_bus_new(&b);

        if (r >= 0)
                r = sd_bus_set_address(b, SOCKET_OF_PID1);
        if (r >= 0)
                r = sd_bus_start(b);
        if (r < 0) {
                (void) sd_bus_close_unref(b);
                return r;
        }
        *ret = b;
        return 0;
}

sd_bus *pid1_near(sd_bus *bus) {
        if (!tried && geteuid() == 0 && is_of_this_machine(bus))
                (void) open_near(&near);
        tried = true;
        return near ?: bus;
}

bool pid1_near_lost(void) {
        bool other = near;

        near = sd_bus_close_unref(near);
        return other;
}

/* ---- the units that are held ---- */

static char **held;

typedef struct Holding {
        sd_bus *bus;
        char *const *units;
} Holding;

static int call_new(sd_bus *bus, const char *method, const char *unit, sd_bus_message **ret) {
        int r = sd_bus_message_new_method_call(bus, ret, bus_pid1.name, bus_pid1.path, bus_pid1.interface, method);

        return r < 0 ? r : sd_bus_message_append(*ret, "s", unit);
}

static int make(size_t i, sd_bus_message **ret, void *userdata) {
        const Holding *h = userdata;

        return call_new(h->bus, "RefUnit", h->units[i], ret);
}

static void take(size_t i, sd_bus_message *answer, const sd_bus_error *error, void *userdata) {
        const Holding *h = userdata;

        if (!error)
                (void) strv_add(&held, h->units[i]); /* otherwise held until the process ends */
}

int pid1_near_hold(sd_bus *bus, char *const *units) {
        Holding h = { .bus = bus, .units = units };
        const BusMany calls = { .make = make, .take = take, .userdata = &h };
        int r;

        if (geteuid() != 0) /* PID 1 refuses it to others, who go without */
                return CTL_OK;
        r = bus_call_many(bus, strv_length(units), &calls);
        return r < 0 ? bus_complain(NULL, r, NULL) : CTL_OK;
}

void pid1_near_let_go(sd_bus *bus) {
        for (char **unit = held; unit && *unit; unit++) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;

                if (call_new(bus, "UnrefUnit", *unit, &m) >= 0 && sd_bus_message_set_expect_reply(m, false) >= 0)
                        (void) sd_bus_send(bus, m, NULL);
        }
        held = strv_free(held);
}
