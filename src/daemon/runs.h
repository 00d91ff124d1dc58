/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* RunCommand: a command of a caller, as a transient unit with a lease of its own. */

#include "daemon/internal.h"

/* A verb_t: answers with the unit's name and the lease's Index when PID 1 is asked to start it. */
int runs_begin(Daemon *d, sd_bus_message *m, sd_bus_error *error);
/* At the start: takes over the runs of the daemon before, which either go on or have ended meanwhile. */
void runs_adopt(Daemon *d);
/* Drops what is under way, unanswered: the connection is lost. */
void runs_cancel(Daemon *d);
