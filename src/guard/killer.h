/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Killing a unit by its control group, without PID 1's help.
 *
 * The path of the group is remembered between two kills, because it is looked for through all slices; the files in it
 * are opened anew each time, and the group is looked for again when it is gone, and every now and then in case the
 * unit came up again in another slice. Nothing is remembered for the question whether all is gone.
 */

#include "util/macros.h"
#include "util/time-util.h"

typedef struct Killer {
        char *path;
        unsigned kills;
} Killer;

/* SIGKILL to all processes of the unit, or of all instances of a template ("foo@.service"). 1 if there was a group, 0
 * if there is none, or a negative errno. cgroup.kill is only written to where kill_each() has not done by
 * one_by_one_until. */
int killer_kill(Killer *k, const char *root, const char *unit, usec_t one_by_one_until);
/* Whether no process of the unit is left; false also where that cannot be told. */
bool killer_is_empty(const char *root, const char *unit);
/* Leaves the killer as it was before the first kill. */
void killer_reset(Killer *k);
