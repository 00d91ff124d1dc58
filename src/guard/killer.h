/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Killing a unit by its control group, without PID 1's help.
 *
 * The path of the unit's group is remembered from one kill to the next. The group's files are opened anew each time.
 * The group is looked for again when it is gone, and at every tenth kill, in case the unit came up again in another
 * slice. The groups of a template or a slice are looked for at each kill.
 *
 * Nothing in here logs.
 */

#include "util/groups.h"

typedef struct Killer {
        char *path;     /* of the group, owned; NULL: not known */
        unsigned kills; /* how often killer_kill() has found a group */
} Killer;

/* Sends SIGKILL to all processes of the unit, of all instances of a template ("foo@.service"), or in a slice. Writes
 * to cgroup.kill only if kill_each() could not reach all processes by one_by_one_until (CLOCK_BOOTTIME). Returns 1 if
 * there was a group, 0 if there is none, or a negative errno. */
int killer_kill(Killer *k, Groups *groups, const char *unit, usec_t one_by_one_until);
/* Whether no process of the unit is left (law 7). The groups come from a reading that began at since (CLOCK_BOOTTIME)
 * or later, and each is looked at now. Returns false also if this cannot be found out. */
bool killer_is_empty(Groups *groups, usec_t since, const char *unit);
/* Frees what the killer owns, and leaves it as it was before the first kill (all zeros). */
void killer_reset(Killer *k);
