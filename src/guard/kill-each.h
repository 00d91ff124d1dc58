/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* SIGKILL to the processes of a control group one by one, without a write to cgroup.kill (law 9).
 *
 * After a write to a group's cgroup.kill, some versions of Linux (6.18 is one) kill at birth everything that is cloned
 * into the group (CLONE_INTO_CGROUP, by which systemd 257 starts every process), as long as the group exists. The unit
 * would lose its ExecStopPost=. If the group outlives the unit, because a process in it cannot die, every later start
 * of the unit on this machine would fail. So cgroup.kill is left for what cannot be killed in another way. */

#include "util/macros.h"
#include "util/time-util.h"

/* The limits of one call. The caller kills what is beyond them by cgroup.kill. */
#define KILL_EACH_PROCESSES 1024u
#define KILL_EACH_GROUPS 64u
#define KILL_EACH_LOOKS 4u

/*
 * Sends SIGKILL to each process of the group at path and of all groups below it. path is below root, where the unified
 * hierarchy is mounted. The groups are looked through until a look finds no new process, at most KILL_EACH_LOOKS
 * times: a process may fork between two looks, but not after its own signal. Frozen processes die as well. A process
 * number may belong to another process by now, which must not be killed: so a descriptor for the number is opened
 * first, and then /proc is asked for the group of its process. The search ends at until (CLOCK_BOOTTIME).
 *
 * Returns true if every process that lived there has been sent SIGKILL, and false if not all could be reached, or be
 * found in time.
 */
bool kill_each(const char *root, const char *path, usec_t until);
