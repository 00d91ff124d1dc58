/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The guard: carries out what the entries decide (guard-entry.h), with the gates and marks (gate.h), the killer, PID 1
 * on the bus (pid1.h), the daemon on the socket (client.h), and PID 1's watchdog.
 *
 * guard_settle() does all the work, one turn at a time: it does what is due, tells the daemon what has changed, and
 * moves the watchdog and the one timer. Nothing in here decides about an entry, and nothing waits.
 *
 * A guard that is to end (SIGTERM or SIGINT, or PID 1 takes no stop on the bus) closes all gates and declares all
 * entries lost. It goes on until each unit is down; then the loop ends. "leased-guard --wipe" does just this, with the
 * entries that a dead guard has left as marks.
 */

#include <systemd/sd-event.h>

#include "guard/gate.h"

typedef struct Guard Guard;

/* Gives a guard without entries that the caller owns. gates are borrowed for the guard's life, and so is root, the
 * folder where the control groups are mounted; a reference to event is kept. Returns 0 or a negative errno, which is
 * not logged. */
int guard_new(sd_event *event, Gates *gates, const char *root, Guard **ret);
Guard *guard_free(Guard *g);
DEFINE_TRIVIAL_CLEANUP(Guard *, guard_free)

/* Takes up the marks of a guard that is gone, as lost entries. Returns 0 or a negative errno, which is not logged. */
int guard_take_up_marks(Guard *g);
/* Begins to serve the daemon at path, and tells PID 1 READY=1. Returns 0 or a negative errno, which is not logged. */
int guard_listen(Guard *g, const char *path);
/* Takes the place of a guard that has handed over (hand-over.h). Makes the entries that text, of size bytes, tells of,
 * and goes on to serve the daemon at path with listen_fd, which listens there. The guard owns listen_fd from now on,
 * also if this fails. PID 1 is told nothing: the guard before has told it READY=1. Returns 0 or a negative errno,
 * which is not logged. */
int guard_take_over(Guard *g, const char *path, const char *text, size_t size, int listen_fd);
/* Completes a hand-over. To be called after the first guard_settle() of a guard that has taken over. */
void guard_taken_over(void);
/* Begins to hand over to the program that is installed now at that path, by which this guard itself was executed. The
 * path is copied. Failures are logged, and the guard goes on. */
void guard_hand_over(Guard *g, const char *program);
/* Begins the guard's end, as described above; why is for the log. A second call changes nothing. */
void guard_end(Guard *g, const char *why);
/* Does what is due. To be called once before the loop, and after guard_end(); otherwise the guard calls it itself. */
void guard_settle(Guard *g);
