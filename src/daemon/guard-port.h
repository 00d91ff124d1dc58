/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The daemon's end of the guard's socket (guard/protocol.h).
 *
 * While nobody listens it tries again, at first after 20 ms, later once a second, and says so through missing, so that
 * PID 1 can be asked to start the guard. Likewise while somebody listens who does not greet and report its entries as
 * this protocol says (it stands still, or speaks another one). A guard that owes an answer and says nothing for 2 s is
 * dropped. What is asked of a guard that is not there is dropped: the core has been told (EVENT_GUARD_DOWN), and asks
 * anew when the next one has reported its entries. A guard that is slow to read loses nothing: what does not fit into
 * the socket waits here, in order.
 */

#include <systemd/sd-event.h>

#include "daemon/sink.h"

typedef struct GuardPort GuardPort;

/* missing is called at each failed attempt, and once a second while who is connected has not reported; may be NULL. */
int guard_port_new(sd_event *event, const char *path, event_sink_t deliver, void (*missing)(void *userdata),
                void *userdata, GuardPort **ret);
GuardPort *guard_port_free(GuardPort *g);

bool guard_port_connected(const GuardPort *g);
/* Since when no guard can be reached (CLOCK_BOOTTIME); USEC_INFINITY while one has greeted and reported its entries.
 */
usec_t guard_port_down_since(const GuardPort *g);

/* ACTION_GUARD_* and the gate's half of ACTION_GATE_*. now: CLOCK_BOOTTIME of the step that asked for it. */
void guard_port_act(GuardPort *g, const Action *action, usec_t now);
