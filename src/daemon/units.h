/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The units that are enabled on this machine: each one's options, its object at PID 1, and what was last said of it.
 */

#include "daemon/daemon.h"
#include "unit/unit.h"

/* Begins to watch a unit, or gives it new options: EVENT_CONFIGURE. Takes options. Non-logging. */
int units_configure(Daemon *d, UnitOptions *options);
/* Of all that were configured before units_mark() and not since: EVENT_FORGET. */
void units_mark(Daemon *d);
void units_forget_marked(Daemon *d);
/* Spares a marked unit: its options cannot be read now, so the old ones stay. false: there is none of that name. */
bool units_keep(Daemon *d, const char *unit);
/* ACTION_FORGOTTEN. */
void units_drop(Daemon *d, const char *unit);
void units_free(Daemon *d);

/* ACTION_UNIT_START, _STOP, _READ. */
int units_act(Daemon *d, const Action *action);

/* The options that are in force; NULL: it is not enabled. */
const UnitOptions *units_options(const Daemon *d, const char *unit);
/* NULL: there is no such unit. */
const UnitStatus *units_status(const Daemon *d, const char *unit);
/* Slice= of an enabled unit; "" if it has none. */
const char *units_slice(const Daemon *d, const char *unit);
/* The last thing that went wrong with a unit, one line; "" if nothing did. */
const char *units_last_error(const Daemon *d, const char *unit);
usec_t units_last_error_at(const Daemon *d, const char *unit); /* CLOCK_REALTIME; 0: nothing did */
/* NULL: what was said before is over, for the unit is here anew. */
void units_set_error(Daemon *d, const char *unit, const char *line);
