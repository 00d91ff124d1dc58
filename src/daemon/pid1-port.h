/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The units that are enabled on this machine: each one's options, its object at PID 1, and what was last said of it.
 */

#include "daemon/internal.h"
#include "daemon/run-unit.h"
#include "pid1/pid1-unit.h"

/* Begins to watch a unit, or gives it new options: EVENT_CONFIGURE. Takes options. Non-logging. */
int pid1_port_configure(Daemon *d, UnitOptions *options);
/* Marks all units that are enabled. */
void pid1_port_mark(Daemon *d);
/* The names of all that were neither configured nor spared since; freed by strv_free(). NULL: none, or out of memory.
 */
char **pid1_port_marked(const Daemon *d);
/* The unit is not enabled any more: EVENT_FORGET. */
void pid1_port_forget(Daemon *d, const char *unit);
/* Spares a marked unit: its options cannot be read now, so the old ones stay. false: there is none of that name. */
bool pid1_port_keep(Daemon *d, const char *unit);
/* ACTION_FORGOTTEN. */
void pid1_port_drop(Daemon *d, const char *unit);
void pid1_port_free(Daemon *d);

/* A command of "leasectl run": begins to watch its unit, which PID 1 does not know yet. Takes run, also where it
 * fails. ret is what EVENT_RUN needs, valid as long as the unit is there. Non-logging. */
int pid1_port_add_run(Daemon *d, const char *unit, RunUnit *run, UnitConfig *ret);
/* How many there are, waiting or running. */
size_t pid1_port_count_runs(const Daemon *d);
/* The same for one that the daemon before us has started: EVENT_CONFIGURE. */
int pid1_port_adopt_run(Daemon *d, const char *unit, const char *lease);

/* ACTION_UNIT_START, _STOP, _READ. */
int pid1_port_act(Daemon *d, const Action *action);

/* The options that are in force; NULL: it is not enabled. */
const UnitOptions *pid1_port_options(const Daemon *d, const char *unit);
/* NULL: there is no such unit. */
const Pid1UnitStatus *pid1_port_status(const Daemon *d, const char *unit);
/* "active", "inactive", …; "unknown" while PID 1 does not answer. */
const char *pid1_port_active(const Daemon *d, const char *unit);
/* Slice= of an enabled unit; "" if it has none. */
const char *pid1_port_slice(const Daemon *d, const char *unit);
enum { UNIT_ERROR_SIZE = 256 };

/* The last thing that went wrong with a unit. */
typedef struct UnitError {
        Why why;                    /* WHY_NONE: nothing did */
        usec_t at;                  /* CLOCK_REALTIME; 0: never */
        char text[UNIT_ERROR_SIZE]; /* one line; "" */
} UnitError;

/* Never NULL. Borrowed until the daemon's next turn. */
const UnitError *pid1_port_last_error(const Daemon *d, const char *unit);
/* Notes that something went wrong now, in a line and as a number. NULL instead of a line: what was wrong before is
 * over, for the unit is here anew. */
void pid1_port_set_error(Daemon *d, const char *unit, Why why, const char *line);
