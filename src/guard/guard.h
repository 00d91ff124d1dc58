/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The guard: carries out what the entries decide (guard-entry.h), with the gates and marks (gate.h), the killer, PID 1
 * on the bus (pid1.h), the daemon on the socket (client.h), and PID 1's watchdog.
 *
 * All of it turns in guard_settle(): what is due is done, what has changed is told, the watchdog and the one timer are
 * moved. Nothing in here decides about an entry, and nothing waits.
 *
 * A guard that is to end (SIGTERM, or PID 1 cannot be reached on the bus) closes all gates, loses all entries and goes
 * on until each unit is down: then the loop ends. The same is all that "leased-guard --wipe" does, with the entries
 * that a dead guard has left as marks.
 */

#include <systemd/sd-event.h>

#include "guard/gate.h"

typedef struct Guard Guard;

/* Takes up the marks of a guard that is gone, as lost entries. gates are borrowed; root, borrowed, is where the
 * control groups are mounted. 0 or a negative errno; non-logging. */
int guard_new(sd_event *event, Gates *gates, const char *root, Guard **ret);
Guard *guard_free(Guard *g);
DEFINE_TRIVIAL_CLEANUP(Guard *, guard_free)

/* Begins to serve the daemon at path, and says READY=1. 0 or a negative errno; non-logging. */
int guard_listen(Guard *g, const char *path);
/* Ends as described above; why is for the log. A second call changes nothing. */
void guard_end(Guard *g, const char *why);
/* Does what is due. To be called once before the loop; later the guard calls it itself. */
void guard_settle(Guard *g);
