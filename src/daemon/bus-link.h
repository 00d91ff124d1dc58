/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One connection to the system bus. The connection is opened without waiting for the bus. When it is lost, a new one
 * is opened after a delay that grows from failure to failure (100 ms to 5 s), since sd-bus does not reconnect. A
 * connection is never torn down inside its own callbacks.
 *
 * The daemon has two. One serves org.leased1 and asks questions on behalf of callers: how many answers are due on this
 * connection, and how much is to be written to it, is in the hands of others. The other is for PID 1 and logind alone.
 * So a StopUnit never waits behind anybody's request, and never finds the limit reached that a bus sets to the answers
 * that are due on one connection (dbus-daemon: 128).
 */

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "util/macros.h"

typedef struct BusLink BusLink;

typedef struct BusLinkCallbacks {
        /* There is a new connection, not attached to the loop yet: add everything to it. A negative errno: the
         * connection is given up, and another one opened later. */
        int (*open)(sd_bus *bus, void *userdata);
        /* The connection goes, or open() has failed: drop everything that was added. */
        void (*close)(void *userdata);
        /* Something is wrong with the connection. error is a negative errno, what a static text; bus-link.c logs
         * nothing of it. */
        void (*trouble)(int error, const char *what, void *userdata);
        /* Called some time after bus_link_try_later(), if the connection is up: try again what has failed on it. A
         * negative errno: it has failed again, and this is called once more after a longer delay. NULL: there is
         * nothing of that kind. */
        int (*again)(sd_bus *bus, void *userdata);
} BusLinkCallbacks;

/* Makes a link that has no connection yet: see bus_link_open(). description, callbacks and userdata are borrowed until
 * bus_link_free(). -ENOMEM, or an error of sd-event. */
int bus_link_new(sd_event *event, const char *description, const BusLinkCallbacks *callbacks, void *userdata,
                BusLink **ret);
/* Frees l, which may be NULL, and closes its connection, after a call of close(). Returns NULL. */
BusLink *bus_link_free(BusLink *l);

/* Opens the connection; all further calls do nothing. What fails is told through trouble(), and tried again. */
void bus_link_open(BusLink *l);
/* The connection, borrowed, also while it is not up yet, or is lost and not torn down yet. NULL: there is none. */
sd_bus *bus_link_get(const BusLink *l);
/* The connection, borrowed, if messages can be sent on it now; otherwise NULL. */
sd_bus *bus_link_up(const BusLink *l);
/* The connection is of no use as it is: again() is called after a delay, which grows with each call of this function.
 */
void bus_link_try_later(BusLink *l);
/* The connection is of use: the next delay is the shortest one again. */
void bus_link_works(BusLink *l);
