/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Freezing a unit by its control groups, without PID 1's help (law 15). The kernel freezes a process within
 * milliseconds, unless the process waits in the kernel for a disk that does not answer. A frozen process can be
 * killed. What comes into a frozen group is frozen.
 *
 * The kernel tells of each change of a group's cgroup.events, by inotify, at most 10 ms later. It tells that somebody
 * has thawed the group, and also that a group has become empty, which comes before its removal. Where nothing can be
 * watched, as at the limit of inotify, whoever looks is told so, and has to look more often.
 *
 * Nothing in here logs.
 */

#include <systemd/sd-event.h>

#include "guard/guard-entry.h"
#include "util/groups.h"

typedef struct Freezer Freezer;
typedef struct FrostWatch FrostWatch; /* one group that is watched */

/* Gives an object that the caller owns. groups is borrowed. told is called with an owner when a group that is watched
 * for it has changed. Returns 0 or a negative errno. Without inotify the object works, and watches nothing. */
int freezer_new(sd_event *event, Groups *groups, void (*told)(void *owner, void *userdata), void *userdata,
                Freezer **ret);
/* Nothing is watched any more then. */
Freezer *freezer_free(Freezer *f);

/* Freezes or thaws all groups of the unit, of all instances of a template, or of a slice. Returns 0 or a negative
 * errno; there may be no group. */
int freezer_set(Freezer *f, const char *unit, bool frozen);
/* Watches all groups of the unit for the owner, adds them to the owner's list, and then looks whether they are frozen.
 * needed: it counts as failed if the unit has no process. Others, such as a socket, may have none, and get a group
 * that is not frozen if PID 1 starts them anew: they are looked for again and again. */
Frost freezer_look(Freezer *f, FrostWatch **list, void *owner, const char *unit, bool needed);
/* Watches the groups of the list no longer, and frees them. The list is empty then. */
void freezer_forget(Freezer *f, FrostWatch **list);
