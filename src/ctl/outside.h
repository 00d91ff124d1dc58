/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/* Adds findings (ctl/finding.h) on what the commands of a unit and of its members start outside of its control group
 * and its slice. unit: the properties of the unit called name. With weak, the findings are what can be leased all the
 * same, because it is allowed or cannot be seen from here. Without, they are what stands against leasing the unit, and
 * CTL_FAILED is returned if there are any. Otherwise an exit code; a failure to ask PID 1 has been printed. */
int outside_examine(Ctl *ctl, const char *name, const json_t *unit, bool weak, json_t *findings);
