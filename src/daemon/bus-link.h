/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One connection to the system bus, opened without waiting, and opened anew with growing delays when it is lost:
 * sd-bus does not reconnect. What belongs to a connection is torn down outside its own callbacks.
 *
 * The daemon has two. One serves org.leased1 and asks on behalf of callers: how many answers it waits for, and how
 * much it has to write, is in the hands of others. The other is for PID 1 and logind alone, so that a StopUnit never
 * stands behind anybody: a bus allows a connection only so many answers that are due (dbus-daemon: 128).
 */

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "util/macros.h"

typedef struct BusLink BusLink;

typedef struct BusLinkCallbacks {
        /* A new connection, before it is attached to the loop: everything may be added to it. Negative: it is given
         * up. */
        int (*open)(sd_bus *bus, void *userdata);
        /* It goes, or open() failed: drop everything that was added. */
        void (*close)(void *userdata);
        /* What is wrong; not logged in here. */
        void (*trouble)(int error, const char *what, void *userdata);
        /* Time to try again what failed on a connection that is up; may be NULL. */
        int (*again)(sd_bus *bus, void *userdata);
} BusLinkCallbacks;

/* Does not open it yet. */
int bus_link_new(sd_event *event, const char *description, const BusLinkCallbacks *callbacks, void *userdata,
                BusLink **ret);
BusLink *bus_link_free(BusLink *l);

/* Opens it, if it was never opened. */
void bus_link_open(BusLink *l);
/* The connection, also one that is not up yet, or lost; NULL: none. */
sd_bus *bus_link_get(const BusLink *l);
/* The connection, if messages can be sent; or NULL. */
sd_bus *bus_link_up(const BusLink *l);
/* The connection is of no use as it is: calls again() later, after a delay that grows until bus_link_works(). */
void bus_link_try_later(BusLink *l);
void bus_link_works(BusLink *l);
