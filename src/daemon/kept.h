/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Answers to callers whose change must outlive a reboot. Such an answer waits, at most five seconds, until the
 * daemon's memory (state.h) is on the disk, and says so if the memory is not there by then. Nothing else in the daemon
 * waits for the disk.
 */

#include "daemon/internal.h"

/* Has the memory written, and replies to m when it is on the disk. If the memory cannot be written, or not in time,
 * the reply is the error NotKept, whose text is otherwise (a static text) and the reason. For a verb_t to return: 1,
 * or a negative errno if m is not answered. */
int kept_reply(Daemon *d, sd_bus_message *m, const char *otherwise);
/* Does the same with a reply that says more, which is referenced. */
int kept_send(Daemon *d, sd_bus_message *m, sd_bus_message *reply, const char *otherwise);
/* Drops all such answers: the connection is lost. */
void kept_cancel(Daemon *d);
