/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/*
 * What starts a unit: a timer, a socket or a path, also one that PID 1 has not loaded because nothing has asked for it
 * yet. Enabled by itself such a unit would run at once, and not when that says so: its trigger is what should have the
 * lease.
 */

/* Adds what stands against leasing the unit itself to the findings (ctl/finding.h). unit: its properties. An exit
 * code. */
int triggers_examine(Ctl *ctl, const char *name, const json_t *unit, json_t *findings);
