/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The control group of a unit, found and emptied without asking PID 1, which may be busy or stuck when it matters.
 * Only the unified hierarchy (cgroup v2) is known.
 *
 * Functions that return int return a negative errno on failure. Nothing in here logs.
 */

#include "util/macros.h"

#define CGROUP_ROOT "/sys/fs/cgroup"

/* Calls f with the absolute path of each control group that a system unit of that name has below root: one; of a
 * template
 * ("foo@.service"), one for each instance. Only slices are looked into, so the units of a user, which lie in
 * user@UID.service, are never met. Ends at the first result of f other than 0 and returns it. */
int cgroup_each_unit(const char *root, const char *unit, int (*f)(const char *path, void *userdata), void *userdata);
/* Gives the path of the first such group, owned by the caller. -ENOENT: there is none. */
int cgroup_find_unit(const char *root, const char *unit, char **ret);

/* Gives the control group of a process ("self", "1") as /proc/PID/cgroup has it, e.g. "/system.slice/foo.service".
 * Owned by the caller. -ENODATA: the process is in no unified hierarchy. */
int cgroup_of_process(const char *pid, char **ret);

/* Why units cannot be found below CGROUP_ROOT by their names and killed there. */
enum {
        CGROUPS_NOT_UNIFIED = 1, /* cgroup v1, or none */
        CGROUPS_NOT_OURS, /* PID 1 and its units lie deeper: a container without a cgroup namespace of its own */
        CGROUPS_CANNOT_BE_KILLED, /* a kernel without cgroup.kill, before Linux 5.14 */
};
/* Gives one of these, or 0: they can. */
int cgroup_unfit(void);

/* 1 if no process lives in the group or below it, or the group is gone; 0 if one does. */
int cgroup_is_empty(const char *path);

/* Whether a process, by its group as of cgroup_of_process(), lives in the group or below it. group: a path as PID 1
 * has it. In a container that shares the hierarchy of its host, the group of the process has more in front. */
bool cgroup_path_contains(const char *group, const char *of_process);

/* Sends SIGKILL to every process in the group and below. 0 also if the group is gone. cgroup.kill is opened anew each
 * time: PID 1 removes and recreates the directory on a restart, and an old descriptor then answers ENODEV. */
int cgroup_kill(const char *path);
