/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The control group of a unit, found and emptied without asking PID 1, since PID 1 may be busy or stuck when it
 * matters. Only the unified hierarchy (cgroup v2) is known.
 *
 * Functions that return int return a negative errno on failure, unless another result is named. Nothing in here logs.
 */

#include "util/macros.h"

#define CGROUP_ROOT "/sys/fs/cgroup"

/* Calls f with the absolute path (borrowed) of each control group below root that has the name of a system unit: of an
 * ordinary unit there is one as a rule, of a template ("foo@.service") one for each instance. Only slices are looked
 * into, so the units of a user, which lie in user@UID.service, are never met. Ends at the first result of f that is
 * neither 0 nor -ENOENT, and returns that result; else 0. -ENOENT: there is no root. */
int cgroup_each_unit(const char *root, const char *unit, int (*f)(const char *path, void *userdata), void *userdata);
/* Gives the path of the first such group, owned by the caller. 0; -ENOENT: there is none. */
int cgroup_find_unit(const char *root, const char *unit, char **ret);

/* Gives the control group of a process ("self", "1") as /proc/PID/cgroup states it, for example
 * "/system.slice/foo.service"; owned by the caller. 0; -ENODATA: the process is in no unified hierarchy; -EBADMSG: the
 * file states no path. */
int cgroup_of_process(const char *pid, char **ret);

/* The reasons why units cannot be found below CGROUP_ROOT by their names and killed there. */
enum {
        CGROUPS_NOT_UNIFIED = 1, /* cgroup v1, or none */
        CGROUPS_NOT_OURS, /* PID 1 and its units lie deeper: a container without a cgroup namespace of its own */
        CGROUPS_CANNOT_BE_KILLED, /* a kernel without cgroup.kill, before Linux 5.14 */
        CGROUPS_UNREADABLE,       /* /proc/1/cgroup cannot be read, so it is not known where units lie */
        CGROUPS_READ_ONLY,        /* they are mounted read-only for this process, as by ProtectControlGroups= */
};
/* Returns one of these reasons, or 0: units can be found and killed. Never fails. */
int cgroup_unfit(void);

/* Returns 1 if no process lives in the group at path (absolute) or below it, or the group is gone; 0 if one does. */
int cgroup_is_empty(const char *path);

/* Whether a process lives in the group or below it. of_process: the group of the process, from cgroup_of_process().
 * group: the path of the group as PID 1 states it; of "/" and "" the answer is false. In a container that shares the
 * hierarchy of its host, the group of the process begins with a path that PID 1 does not state, so group may stand
 * anywhere in of_process. */
bool cgroup_path_contains(const char *group, const char *of_process);

/* Sends SIGKILL to every process in the group at path (absolute) and below it. 0; also if the group is gone. The file
 * cgroup.kill is opened anew each time: when a unit restarts, PID 1 removes its directory and makes a new one, and a
 * descriptor of the old file only fails with ENODEV. */
int cgroup_kill(const char *path);
/* Has the kernel freeze all processes in the group, or thaw them. They are not frozen yet when the function returns.
 * Returns 0, also if the group is gone, or a negative errno. */
int cgroup_freeze(const char *path, bool frozen);
/* Whether all processes in the group are frozen. Returns 1, 0, -ENOENT if the group is gone, or another negative
 * errno.
 */
int cgroup_is_frozen(const char *path);
