/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Freezing a unit by its control groups, without PID 1's help (law 15). The kernel freezes a process within
 * milliseconds, unless the process waits in the kernel for a disk that does not answer. A frozen process can be
 * killed. What comes into a frozen group is frozen.
 *
 * Nothing in here logs.
 */

#include "guard/guard-entry.h"
#include "util/groups.h"

/* Freezes or thaws all groups of the unit, of all instances of a template, or of a slice. Returns 0 or a negative
 * errno; there may be no group. */
int freezer_set(Groups *groups, const char *unit, bool frozen);
/* Looks whether all groups of the unit are frozen, which counts as failed if the unit has no process. A slice may have
 * no group: PID 1 starts nothing in a slice that is down, behind a closed gate (law 7). */
Frost freezer_look(Groups *groups, const char *unit);
