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

/* Adds them to the findings (ctl/finding.h) as "weak", each with what to write. unit: its properties. An exit code. */
int brought_examine(Ctl *ctl, const char *name, const json_t *unit, char *const *members, json_t *findings);
