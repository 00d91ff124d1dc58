/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A unit's control group, found and emptied without asking PID 1, who may be busy or stuck when it matters.
 * Only the unified hierarchy (cgroup v2) is known; all functions return a negative errno on failure and do not log.
 */

#include "util/macros.h"

#define CGROUP_ROOT "/sys/fs/cgroup"

/* Calls f with the absolute path of each group of a system unit below root, found by its name: one, or, of a template
 * ("foo@.service"), one for each instance. Only slices are looked into (a user's own units lie inside user@UID.service
 * and are never met). Ends at f's first result other than 0 and returns it. */
int cgroup_each_unit(const char *root, const char *unit, int (*f)(const char *path, void *userdata), void *userdata);
/* The first of them, owned by the caller. -ENOENT: there is none. */
int cgroup_find_unit(const char *root, const char *unit, char **ret);

/* The group of a process ("self", "1") as /proc/PID/cgroup has it, e.g. "/system.slice/foo.service", owned by the
 * caller. */
int cgroup_of_process(const char *pid, char **ret);

/* Whether units can be found below CGROUP_ROOT by name, and killed there: 0, or why not. */
enum {
        CGROUPS_NOT_UNIFIED = 1, /* cgroup v1, or none */
        CGROUPS_NOT_OURS, /* PID 1 and its units lie deeper: a container without a cgroup namespace of its own */
        CGROUPS_CANNOT_BE_KILLED, /* a kernel without cgroup.kill, before Linux 5.14 */
};
int cgroup_unfit(void);

/* 1 if no process lives in the group or below, or the group is gone; 0 if one does. */
int cgroup_is_empty(const char *path);

/* Whether the group of a process, as above, is the group of that path in the hierarchy or lies below it. Where the
 * machine is a container that shares the hierarchy of its host, the former has more in front. */
bool cgroup_path_contains(const char *group, const char *of_process);

/* SIGKILL to every process in the group and below. The file is opened anew each time: PID 1 removes and recreates
 * the directory on a restart, and an old descriptor then answers ENODEV. A group that is gone is fine. */
int cgroup_kill(const char *path);
