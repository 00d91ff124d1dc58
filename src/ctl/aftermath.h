/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/*
 * Aftermath: units that PID 1 starts because another one has ended (OnFailure=, OnSuccess=). If such a unit were
 * leased by itself, it would run at once and not when the other one has ended.
 */

/* Adds findings (ctl/finding.h) on the units after whose end PID 1 starts the unit called name. The argument unit
 * holds the properties of the unit. Returns CTL_FAILED if a finding is "refused", or an exit code; a failure to ask
 * PID 1 has been printed. */
int aftermath_examine(Ctl *ctl, const char *name, const json_t *unit, json_t *findings);
