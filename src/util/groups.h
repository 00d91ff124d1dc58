/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where the control groups of units lie. To find the group of one unit all slices must be looked through, which takes
 * as long for one unit as for all. So all groups are read at once ("a reading") and remembered, with the time when the
 * reading began. Each caller says how old the reading may be that it wants an answer from.
 *
 * Nothing in here logs.
 */

#include "util/macros.h"
#include "util/time-util.h"

typedef struct Groups Groups;

/* Gives an object that the caller owns, and reads nothing yet. root is the folder where the control groups are
 * mounted; it is borrowed for the object's life. Returns 0 or -ENOMEM. */
int groups_new(const char *root, Groups **ret);
Groups *groups_free(Groups *g);
DEFINE_TRIVIAL_CLEANUP(Groups *, groups_free)
/* Gives the root, borrowed. */
const char *groups_root(const Groups *g);
/* Forgets the last reading, and frees its memory. The next question reads anew. */
void groups_forget(Groups *g);

/* Calls f with the path (borrowed) of each group that cgroup_each_unit() (util/cgroup.h) would find for the unit. The
 * paths come from a reading that began at since (CLOCK_BOOTTIME) or later; if there is none, the groups are read now.
 * A group may be gone by the time of the call: -ENOENT of f counts as 0. Ends at the first other result of f that is
 * not 0, and returns it. Returns 0 after the last group, or a negative errno if the groups cannot be read. */
int groups_each_unit(
                Groups *g, usec_t since, const char *unit, int (*f)(const char *path, void *userdata), void *userdata);

/* Gives the since for a kill at now (both CLOCK_BOOTTIME): a reading may be one round of killing old (20 ms). Where
 * one reading takes more than 5 ms, it may be four times as old as it took, so that at most a fifth of the time goes
 * into reading; but never older than 200 ms. */
usec_t groups_since(const Groups *g, usec_t now);
