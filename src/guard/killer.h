/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Killing a unit by its control group, without PID 1's help.
 *
 * The path of the group is remembered between two kills. Its files are opened anew each time. The group is looked for
 * again when it is gone, and at every tenth kill, in case the unit came up again in another slice.
 */

#include "guard/groups.h"

typedef struct Killer {
        char *path;     /* of the group; NULL: not known */
        unsigned kills; /* so far */
} Killer;

/* Sends SIGKILL to all processes of the unit, or of all instances of a template ("foo@.service"). Writes to
 * cgroup.kill only where kill_each() could not reach all by one_by_one_until. 1: there was a group; 0: there is none;
 * or a negative errno. */
int killer_kill(Killer *k, Groups *groups, const char *unit, usec_t one_by_one_until);
/* Whether no process of the unit is left: groups are looked for that were there at since or came later, and each one
 * found is looked at now. false also where that cannot be found out. */
bool killer_is_empty(Groups *groups, usec_t since, const char *unit);
/* Leaves the killer as it was before the first kill. */
void killer_reset(Killer *k);
