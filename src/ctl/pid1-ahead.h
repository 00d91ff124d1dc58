/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/*
 * What PID 1 says of many units, asked for ahead and all at once. Until pid1_ahead_end(), pid1_load() answers from
 * memory what has been asked before, so this is no place for waiting on a change.
 *
 * Of the units named only those properties are asked for that are looked at. PID 1 works out UnitFileState by reading
 * the folders of all units, each time anew; so it is asked for only where some link names the unit, since without one
 * the unit cannot be enabled in systemd.
 *
 * Functions print what is wrong with the connection, and return an exit code. Names that are not of a unit, or that
 * PID 1 cannot be asked about, are left to pid1_load().
 */

/* For enable: all that may stand against leasing the units, and everything of what they start, trigger or are bound
 * to.
 */
int pid1_ahead_examine(sd_bus *bus, char *const *units);
/* For check: everything of the units themselves. */
int pid1_ahead_everything(sd_bus *bus, char *const *units);
/* Whether their gates are in force, and whether they are up. */
int pid1_ahead_gates(sd_bus *bus, char *const *units);
/* Whether they are up; in one call. */
int pid1_ahead_states(sd_bus *bus, char *const *units);
/* Has pid1_load() ask again. */
void pid1_ahead_end(void);
