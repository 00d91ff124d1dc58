/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/* Adds findings (ctl/finding.h) on the processes that the commands of a unit and of its members start outside of
 * the unit's control group and its slice. The argument unit holds the properties of the unit called name. If weak is
 * false, the findings are those that stand against leasing the unit, and CTL_FAILED is returned if there is one. If
 * weak is true, the findings are those with which the unit can be leased all the same, because AllowOutside= allows it
 * or because the place of the processes cannot be seen from here. Returns an exit code otherwise; a failure to ask PID
 * 1 has been printed. */
int outside_examine(Ctl *ctl, const char *name, const json_t *unit, bool weak, json_t *findings);

/* Looks at a command of "leasectl run" in the same way; its unit has no slice in which such work could lie. Returns
 * CTL_OK, or CTL_FAILED: the command must not run, unless --anyway was given, and the reason has been printed. What
 * may be so is printed as a note. */
int outside_refuse_run(const Ctl *ctl, char *const *argv);
