/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the guard does about pauses of its virtual machine (law 14): it reads a clock of the host, and moves all
 * deadlines when it finds that the machine was paused (pause.h). The clock is read in each turn of the guard, at most
 * every HOST_EVERY. While there are units to guard, a turn comes at least that often, so that a unit whose time is up
 * is killed within 100 ms of the resume. A machine without such a clock has no such turns.
 *
 * A clock that cannot be read is looked for again every HOST_AGAIN, as one may have taken its place. If the same clock
 * can be read again, a pause meanwhile is seen then.
 *
 * What is known of a pause outlives the guard in the file guard.pause beside the guard's marks: a daemon that has sent
 * no beat since the pause asks the next guard for deadlines that count from before it.
 */

#include "util/time-util.h"

typedef struct Guard Guard;

#define HOST_EVERY (50 * USEC_PER_MSEC)
#define HOST_AGAIN USEC_PER_SEC
/* Before a gate opens, the clock is read if the last reading is older. */
#define HOST_BEFORE_OPEN USEC_PER_MSEC

/* Takes over what the guard before knew of a pause, and looks for a clock of the host if the machine is a virtual one.
 */
void host_begin(Guard *g);
/* Looks for a clock of the host below root (host_clock_open()), and logs which it is. The guard keeps root, which must
 * live as long as the guard. */
void host_open(Guard *g, const char *root);
/* Reads the clock if the last reading is older than every, and moves all deadlines after a pause. */
void host_look(Guard *g, usec_t every);
/* When host_look() is due; USEC_INFINITY if there is no clock or nothing to guard. */
usec_t host_next(const Guard *g);
