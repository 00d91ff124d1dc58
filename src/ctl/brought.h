/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/*
 * What the start of a leased unit brings along (Wants=, Requires=, BindsTo=, Upholds=) and its lease does not cover:
 * PID 1 starts it on each machine to which the unit comes, and leaves it running there.
 *
 * Only what runs because of the unit counts. What something else starts as well, at boot or on demand, is a part of
 * each machine and meant to run there.
 */

/* Adds each such unit to the findings (ctl/finding.h) as "weak", with the line that would mend it. unit: the
 * properties of the unit called name; members: what its lease covers. Returns an exit code; a failure to ask PID 1 has
 * been printed. */
int brought_examine(Ctl *ctl, const char *name, const json_t *unit, char *const *members, json_t *findings);
