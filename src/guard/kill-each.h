/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* SIGKILL to the processes of a control group one by one, without a write to cgroup.kill (law 9).
 *
 * After a write to a group's cgroup.kill, Linux from some version on (6.18 does) kills at birth whatever is cloned
 * into that group (CLONE_INTO_CGROUP, as systemd 257 starts every process), for as long as the group exists. A unit
 * would lose its ExecStopPost=, and, where its group outlives the unit because a process in it could not die, every
 * later start on this machine. So cgroup.kill is left for what cannot be killed in another way. */

#include "util/macros.h"
#include "util/time-util.h"

/* The limits of one call. What is beyond them is killed by cgroup.kill. */
#define KILL_EACH_PROCESSES 1024u
#define KILL_EACH_GROUPS 64u
#define KILL_EACH_LOOKS 4u

/*
 * path is a group below root, where the unified hierarchy is mounted. The group and all below it are looked through
 * until a look finds nobody who has not been sent SIGKILL, at most KILL_EACH_LOOKS times: a process that forks may
 * have a child between two looks, but none after its own signal. Frozen processes die as well. A number that belongs
 * to another process by now is not signalled: after a descriptor for the number was opened, /proc is asked for the
 * group of its process. The search ends at until (CLOCK_BOOTTIME).
 *
 * true: every process that lived there has been sent SIGKILL. false: not all could be reached, or be found in time.
 */
bool kill_each(const char *root, const char *path, usec_t until);
