/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/bus.h"

/* Says of each unit that is enabled here and that nobody holds what stands against each machine: completes the rows of
 * ctl/cluster.h, which are sorted by unit, by what the planner of this machine says. leased is asked about a few such
 * units one by one, else about all units together. Prints what is wrong and returns an exit code. */
int free_units_explain(Ctl *ctl, const json_t *machines, json_t *rows);
/* Whether a reason of "why_not" (core/why.h) says that the machine takes the unit, or would. */
bool free_units_takes(json_int_t code);
