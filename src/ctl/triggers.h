/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/*
 * Triggers: the timers, sockets and paths that start a unit, also those that PID 1 has not loaded because nothing has
 * asked for them yet. Leased by itself, such a unit would run at once instead of when its trigger says so. So it is
 * the trigger that should have the lease.
 */

/* Adds findings (ctl/finding.h) on the triggers of the unit called name that stand against leasing the unit itself.
 * unit: the properties of the unit. Returns an exit code; a failure to ask PID 1 has been printed. */
int triggers_examine(Ctl *ctl, const char *name, const json_t *unit, json_t *findings);
