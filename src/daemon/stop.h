/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What SIGTERM means. PID 1 sends the same signal for a stop, at the machine's shutdown, for a restart and for an
 * upgrade, and a person may send it by hand. So PID 1 is asked which job it has for our service: only "stop" (which a
 * shutdown is, too) means that units are to be stopped and their leases released. In every other case, also if no
 * answer comes soon, the daemon leaves at once and everything stays as it is: the guard keeps the time, and the next
 * daemon carries on.
 */

#include "daemon/internal.h"

/* SIGTERM or SIGINT has come. */
void stop_requested(Daemon *d);
/* A unit was stopped by somebody else, which may be the machine's shutdown: PID 1 is asked. */
void stop_suspected(Daemon *d);
/* ACTION_EXIT: all leases are released. */
void stop_finished(Daemon *d);
