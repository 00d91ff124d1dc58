/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/*
 * Triggers: the timers, sockets, paths and automounts that start a unit, also those that PID 1 has not loaded because
 * nothing has asked for them yet. If such a unit were leased by itself, it would run at once and not when its trigger
 * says so. So the trigger should have the lease.
 */

/* Adds findings (ctl/finding.h) on the triggers that stand against leasing the unit called name itself. The
 * argument unit holds the properties of the unit. Returns CTL_FAILED if a finding is "refused", or an exit code; a
 * failure to ask PID 1 has been printed. */
int triggers_examine(Ctl *ctl, const char *name, const json_t *unit, json_t *findings);
