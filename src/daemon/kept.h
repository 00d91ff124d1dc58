/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What must outlive a reboot is on the disk when it is answered, or the answer says that it is not. Nothing waits for
 * the disk but the answer, and that for five seconds.
 */

#include "daemon/internal.h"

/* Replies to m when the memory (state.h) is written; otherwise with the error NotKept, what and why it is not. For a
 * verb_t to return. */
int kept_reply(Daemon *d, sd_bus_message *m, const char *otherwise);
/* The connection is lost: nobody waits any more. */
void kept_cancel(Daemon *d);
