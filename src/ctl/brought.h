/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/*
 * Units that PID 1 starts together with a leased unit (Wants=, Requires=, BindsTo=, Upholds=) although its lease does
 * not cover them. PID 1 starts them on each machine to which the leased unit comes, and leaves them running there.
 *
 * Only units that run because of the leased unit count. A unit that something else starts as well, at boot or on
 * demand, is a part of each machine and meant to run there.
 */

/* Adds a finding (ctl/finding.h) of severity "weak" for each such unit, with the line that would mend it, and one
 * for each unit that the leased unit needs and that has a lease of its own, since that unit may be on another machine.
 * The argument unit holds the properties of the unit called name; members are the units that its lease covers, NULL if
 * there are none. Returns an exit code; a failure to ask PID 1 has been printed. */
int brought_examine(Ctl *ctl, const char *name, const json_t *unit, char *const *members, json_t *findings);
