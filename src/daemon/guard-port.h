/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The daemon's end of the guard's socket (guard/protocol.h).
 *
 * While nobody listens there, the connection is tried again: at first after 20 ms, then after twice as long each time,
 * up to once a second. Each failed attempt is told through missing(), so that PID 1 can be asked to start the guard.
 * missing() is also called, once a second, while a guard is connected that has not greeted and reported its entries as
 * the protocol says: such a guard stands still, or speaks another protocol. If a guard that had reported its entries
 * owes an answer, and says nothing for 2 s, the connection to it is given up.
 *
 * A request to a guard that is not there is dropped: the core has been told (EVENT_GUARD_DOWN), and asks again when
 * the next guard has reported its entries. A guard that is slow to read loses nothing: requests that do not fit into
 * the socket wait in the port, in order.
 */

#include <systemd/sd-event.h>

#include "daemon/sink.h"

typedef struct GuardPort GuardPort;

/* Begins to connect to the socket at path. deliver() gets EVENT_GUARD_UP, EVENT_GUARD for each entry,
 * EVENT_GUARD_SYNCED when all entries are reported, and EVENT_GUARD_DOWN. missing may be NULL. userdata, which is that
 * of both, is borrowed. -ENOMEM, or an error of sd-event. */
int guard_port_new(sd_event *event, const char *path, event_sink_t deliver, void (*missing)(void *userdata),
                void *userdata, GuardPort **ret);
/* Frees g, which may be NULL, and drops requests that wait. The guard goes on. Returns NULL. */
GuardPort *guard_port_free(GuardPort *g);

/* Whether a guard is connected that has greeted, whether or not it has reported its entries. */
bool guard_port_connected(const GuardPort *g);
/* The version of the guard that is connected, borrowed; "" if none is, or if the guard does not tell it, as that of
 * 0.1.0. */
const char *guard_port_version(const GuardPort *g);
/* Since when no guard can be reached (CLOCK_BOOTTIME). USEC_INFINITY: a guard is connected, and has reported its
 * entries. */
usec_t guard_port_down_since(const GuardPort *g);

/* Sends the request of an ACTION_GUARD_* or ACTION_GATE_* to the guard, or drops it if no guard has greeted. now: the
 * CLOCK_BOOTTIME of the core's step that asked for the action. A deadline that is counted from later than now is a
 * fault, on which the daemon ends itself (law 1). */
void guard_port_act(GuardPort *g, const Action *action, usec_t now);
/* Has the guard end the unit at these times, too, which count from since (GUARD_LIMIT). GuardReport.limited tells that
 * the guard does so. */
void guard_port_limit(GuardPort *g, const char *unit, usec_t since, usec_t stop_at, usec_t kill_at);
