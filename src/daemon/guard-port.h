/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The daemon's end of the guard's socket (guard/protocol.h).
 *
 * While nobody listens there, the connection is tried again, at first after 20 ms, later once a second. Each failed
 * attempt is told through missing, so that PID 1 can be asked to start the guard. The same holds while a guard is
 * connected that does not greet and report its entries as the protocol says: it stands still, or speaks another
 * protocol. The connection to a guard that owes an answer and says nothing for 2 s is given up.
 *
 * A request to a guard that is not there is dropped: the core has been told (EVENT_GUARD_DOWN), and asks again when
 * the next guard has reported its entries. A guard that is slow to read loses nothing: requests that do not fit into
 * the socket wait here, in order.
 */

#include <systemd/sd-event.h>

#include "daemon/sink.h"

typedef struct GuardPort GuardPort;

/* deliver gets EVENT_GUARD_UP, EVENT_GUARD for each entry, EVENT_GUARD_SYNCED, and EVENT_GUARD_DOWN. missing (may be
 * NULL) is called at each failed attempt, and once a second while a connected guard has not reported its entries.
 * -ENOMEM, or an error of sd-event. */
int guard_port_new(sd_event *event, const char *path, event_sink_t deliver, void (*missing)(void *userdata),
                void *userdata, GuardPort **ret);
/* Requests that wait are dropped. */
GuardPort *guard_port_free(GuardPort *g);

/* Whether a guard is connected that has greeted. */
bool guard_port_connected(const GuardPort *g);
/* Since when no guard can be reached (CLOCK_BOOTTIME). USEC_INFINITY: one is connected, and has reported its entries.
 */
usec_t guard_port_down_since(const GuardPort *g);

/* Sends the request of an ACTION_GUARD_* or ACTION_GATE_* to the guard. now: CLOCK_BOOTTIME of the core's step. */
void guard_port_act(GuardPort *g, const Action *action, usec_t now);
