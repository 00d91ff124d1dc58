/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where the control groups of units lie. Finding one means going through all slices, which takes as long for one unit
 * as for all: so all are read at once and remembered, with the time before the reading. Whoever asks says how old the
 * answer may be.
 */

#include "util/macros.h"
#include "util/time-util.h"

typedef struct Groups Groups;

/* root, borrowed, is where the control groups are mounted. Nothing is read yet. -ENOMEM. */
int groups_new(const char *root, Groups **ret);
Groups *groups_free(Groups *g);
DEFINE_TRIVIAL_CLEANUP(Groups *, groups_free)
const char *groups_root(const Groups *g);
/* Forgets what was read, until it is asked for again. */
void groups_forget(Groups *g);

/* Calls f with the path of each group that cgroup_each_unit() (util/cgroup.h) would find, by a reading that began at
 * since or later (CLOCK_BOOTTIME; of a time to come: that begins now). A group may be gone by now. Ends at the first
 * result of f other than 0 and returns it; a negative errno if the groups cannot be read. */
int groups_each_unit(
                Groups *g, usec_t since, const char *unit, int (*f)(const char *path, void *userdata), void *userdata);

/* A time since when a reading is young enough to kill by: at most one round of killing old, or, where a reading takes
 * long, so old that most of the time is left for killing. */
usec_t groups_since(const Groups *g, usec_t now);
