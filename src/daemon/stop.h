/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What SIGTERM means. PID 1 sends the same signal for a stop, at the machine's shutdown, for a restart and for an
 * upgrade, and a person may send it by hand. So PID 1 is asked which job it has for leased.service. Only the job
 * "stop", which there also is at a shutdown, means that units are to be stopped and their leases released. In every
 * other case, also if PID 1 does not answer within 2 s, the daemon leaves at once, and everything stays as it is: the
 * guard keeps the time, and the next daemon carries on.
 */

#include "daemon/internal.h"

/* SIGTERM or SIGINT has come: asks PID 1, and then stops the daemon in one way or the other. */
void stop_requested(Daemon *d);
/* Somebody else has stopped a unit, perhaps because the machine shuts down. Asks PID 1, and if it is a shutdown,
 * releases all leases. */
void stop_suspected(Daemon *d);
/* ACTION_EXIT: all leases are released, so the daemon ends. */
void stop_finished(Daemon *d);
