/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Answers about what must outlive a reboot. Such an answer waits until the daemon's memory (state.h) is on the disk,
 * at most five seconds, and says so if it is not. Nothing else waits for the disk.
 */

#include "daemon/internal.h"

/* Replies to m when the memory is written. If it cannot be written, or not in time, the reply is the error NotKept,
 * with otherwise (a static text) and the reason. For a verb_t to return. */
int kept_reply(Daemon *d, sd_bus_message *m, const char *otherwise);
/* The connection is lost: nobody waits for an answer any more. */
void kept_cancel(Daemon *d);
