/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * SIGKILL to the processes of a control group one by one, without a write to cgroup.kill.
 *
 * Linux from some version on (6.18 does) kills at birth what is cloned into a group (CLONE_INTO_CGROUP, as systemd 257
 * starts every process) after a write to that group's cgroup.kill, for as long as the group exists. So that file is
 * left for what cannot be killed in another way: otherwise a unit would lose its ExecStopPost=, and, where its group
 * outlives it because a process in it could not die, every later start on this machine.
 */

#include "util/macros.h"
#include "util/time-util.h"

/* Limits of one call: what is beyond them is a matter for cgroup.kill. */
#define KILL_EACH_PROCESSES 1024u
#define KILL_EACH_GROUPS 64u
#define KILL_EACH_LOOKS 4u

/*
 * path is a group below root, where the unified hierarchy is mounted. The group and all below it are looked through
 * until a look finds nobody who has not been sent SIGKILL, at most KILL_EACH_LOOKS times: a process that forks may
 * have a child between two looks, but none after its own signal. Frozen processes die as well. A number that another
 * process has got meanwhile is not signalled: each is looked up in /proc after a descriptor for it was opened. At
 * until (CLOCK_BOOTTIME) the search ends.
 *
 * True: whoever lived there has been sent SIGKILL. False: not all could be reached, or be found in time.
 */
bool kill_each(const char *root, const char *path, usec_t until);
