/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The units that are enabled on this machine, and the runs (runs.h): the options of each one, its object at PID 1, and
 * what PID 1 last said of it. Of a unit that is not enabled any more, an entry is left until the core has dropped it.
 */

#include "daemon/internal.h"
#include "daemon/run-unit.h"
#include "pid1/pid1-unit.h"

/* Begins to watch a unit, or gives it new options, and tells the core (EVENT_CONFIGURE). Takes options, also where it
 * fails. gated are the units whose drop-ins name this one (members.h). -ENOMEM, or another negative errno: the unit is
 * not watched. Non-logging. */
int pid1_port_configure(Daemon *d, UnitOptions *options, char *const *gated);
/* All enabled units are about to be configured or kept anew: those that are not, are not enabled any more. */
void pid1_port_begin_reading(Daemon *d);
/* One unit of those that were not configured or kept since is forgotten: this tells the core (EVENT_FORGET), and logs.
 * However many units there are, none of the others is looked at. false: there is none. */
bool pid1_port_forget_one(Daemon *d);
/* Keeps a unit, whose options stay as they are: they have not changed, or cannot be read now. false: there is no unit
 * of that name. */
bool pid1_port_keep(Daemon *d, const char *unit);
/* ACTION_FORGOTTEN: the core has no more to do with the unit, so nothing of it is kept. */
void pid1_port_drop(Daemon *d, const char *unit);
/* Writes the guard's file of members of a unit anew if need be; as own-files.h has it, with the Daemon as userdata. */
bool pid1_port_keep_members(const char *unit, void *data, void *userdata);
/* Stops watching all units; they go on as they are. */
void pid1_port_free(Daemon *d);

/* A new run: begins to watch its unit, which PID 1 does not know yet, and has it started with the next
 * ACTION_UNIT_START. Takes run, also where it fails. *ret is the configuration that EVENT_RUN needs; what it points to
 * is valid as long as the unit is there. A negative errno. Non-logging. */
int pid1_port_add_run(Daemon *d, const char *unit, RunUnit *run, UnitConfig *ret);
/* How many runs there are, waiting or running. */
size_t pid1_port_count_runs(const Daemon *d);
/* A run that an earlier daemon has started: begins to watch its unit, and tells the core (EVENT_CONFIGURE). A negative
 * errno. */
int pid1_port_adopt_run(Daemon *d, const char *unit, const char *lease);

/* ACTION_GUARD_ARM: tells the guard by which lease the unit goes, for its lines in the journal. A failure is logged.
 */
void pid1_port_name_lease(Daemon *d, const char *unit, const char *lease);
/* Has PID 1 forget what has failed in the unit's Slice=, if it has one. */
void pid1_port_clear_slice(Daemon *d, const char *unit);
/* ACTION_UNIT_START, ACTION_UNIT_STOP and ACTION_UNIT_READ. A negative errno: PID 1 could not be asked. Outcomes come
 * as EVENT_UNIT, or EVENT_FAILED if PID 1 refuses. */
int pid1_port_act(Daemon *d, const Action *action);

/* The options that are in force, borrowed until the next change; NULL: the unit is not enabled. */
const UnitOptions *pid1_port_options(const Daemon *d, const char *unit);
/* What PID 1 last said of the unit itself, without its members; borrowed until the loop turns. NULL: there is no such
 * unit. */
const Pid1UnitStatus *pid1_port_status(const Daemon *d, const char *unit);
/* The unit's state as PID 1 names it, "active", "inactive" and so on; "unknown" while PID 1 does not answer. A static
 * text. */
const char *pid1_port_active(const Daemon *d, const char *unit);
/* Slice= of an enabled unit, borrowed until the next change; "" if the unit has none. */
const char *pid1_port_slice(const Daemon *d, const char *unit);
enum { UNIT_ERROR_SIZE = 256 };

/* What last went wrong with a unit. */
typedef struct UnitError {
        Why why;                    /* WHY_NONE: nothing went wrong */
        usec_t at;                  /* CLOCK_REALTIME; 0: never */
        char text[UNIT_ERROR_SIZE]; /* one line; "" */
} UnitError;

/* What last went wrong with the unit; never NULL. Borrowed until the daemon's next turn. */
const UnitError *pid1_port_last_error(const Daemon *d, const char *unit);
/* Notes that something went wrong with the unit just now, as a number and as a line, which is copied. line is NULL:
 * the unit is up here anew, so what went wrong before is over. Does nothing for a unit that is not known here. */
void pid1_port_set_error(Daemon *d, const char *unit, Why why, const char *line);
