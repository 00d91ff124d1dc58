/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* RunCommand of org.leased1.Manager, for "leasectl run": a command of the caller, in a transient unit with a lease of
 * its own. Such a command is called a run. */

#include "daemon/internal.h"

/* A verb_t (authorize.h), of RunCommand and RunCommandInSlots: answers with the unit's name and the lease's Index when
 * PID 1 has been asked to start the unit. */
int runs_begin(Daemon *d, sd_bus_message *m, sd_bus_error *error);
/* A verb_t, of LimitCommand: has the guard end a run when another lease of its caller may be over. Answers whether the
 * guard has said that it does. */
int runs_limit(Daemon *d, sd_bus_message *m, sd_bus_error *error);
/* At the start: takes over the runs of the daemon before, which either go on or have ended meanwhile. Logs those that
 * it cannot take over. */
void runs_adopt(Daemon *d);
/* Drops all calls that wait for the bus, unanswered: the connection is lost. */
void runs_cancel(Daemon *d);
