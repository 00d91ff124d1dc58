/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/*
 * Aftermath: units that PID 1 starts because another one has ended (OnFailure=, OnSuccess=). If such a unit were
 * leased by itself, it would run at once and not when the other one has ended.
 *
 * PID 1 has the other end of these dependencies as OnFailureOf= and OnSuccessOf= (since systemd 249), but only of
 * units that are loaded just then: it forgets an inactive unit at once, so that asking about it does not help either.
 * So the unit files are searched as well, but not those of leased units, which the daemon keeps loaded, and of which
 * there may be thousands; and not those of templates, of whose instances only PID 1 knows.
 */

/* Adds findings (ctl/finding.h) on the units after whose end PID 1 starts the unit called name. The argument unit
 * holds the properties of the unit. Returns CTL_FAILED if a finding is "refused", or an exit code; a failure to ask
 * PID 1 has been printed. */
int aftermath_examine(Ctl *ctl, const char *name, const json_t *unit, json_t *findings);
/* Frees what was read of the unit files. */
void aftermath_forget(void);
