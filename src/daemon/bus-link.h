/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One connection to the system bus, opened without waiting, and opened anew with growing delays when it is lost, since
 * sd-bus does not reconnect. A connection is never torn down inside its own callbacks.
 *
 * The daemon has two. One serves org.leased1 and asks questions on behalf of callers: how many answers are due on it,
 * and how much is to be written to it, is in the hands of others. The other is for PID 1 and logind alone, so that a
 * StopUnit never waits behind anybody: a bus allows a connection only a number of answers that are due (dbus-daemon:
 * 128).
 */

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "util/macros.h"

typedef struct BusLink BusLink;

typedef struct BusLinkCallbacks {
        /* There is a new connection, not attached to the loop yet: everything is to be added to it. A negative errno:
         * the connection is given up, and tried again later. */
        int (*open)(sd_bus *bus, void *userdata);
        /* The connection goes, or open() has failed: everything that was added is to be dropped. */
        void (*close)(void *userdata);
        /* Something is wrong with the connection; not logged in here. what is a static text. */
        void (*trouble)(int error, const char *what, void *userdata);
        /* After bus_link_try_later(), on a connection that is up: whatever failed is to be tried again. NULL: there is
         * nothing of that kind. */
        int (*again)(sd_bus *bus, void *userdata);
} BusLinkCallbacks;

/* Does not open a connection yet. description, callbacks and userdata are borrowed. -ENOMEM, or an error of sd-event.
 */
int bus_link_new(sd_event *event, const char *description, const BusLinkCallbacks *callbacks, void *userdata,
                BusLink **ret);
/* Closes the connection (close() is called). */
BusLink *bus_link_free(BusLink *l);

/* Opens the connection, if that was never asked for before. */
void bus_link_open(BusLink *l);
/* The connection, also while it is not up yet, or is lost and not torn down yet. NULL: there is none. */
sd_bus *bus_link_get(const BusLink *l);
/* The connection, if messages can be sent on it; otherwise NULL. */
sd_bus *bus_link_up(const BusLink *l);
/* The connection is of no use as it is: again() is called after a delay, which grows with each call of this. */
void bus_link_try_later(BusLink *l);
/* The connection is of use: the next delay is the shortest again. */
void bus_link_works(BusLink *l);
