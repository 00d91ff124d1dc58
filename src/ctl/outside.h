/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/* What the commands of a unit and of its members start outside of its control group and its slice. weak: what can be
 * leased all the same, being allowed or not to be seen from here; otherwise what stands against leasing it: CTL_FAILED
 * if anything does. unit: its properties. */
int outside_examine(Ctl *ctl, const char *name, const json_t *unit, bool weak, json_t *findings);
