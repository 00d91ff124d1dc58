/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Words on stderr that nobody waits for.
 *
 * What stderr is belongs to somebody else: a pipe whose reader has stalled or gone, a terminal that was stopped, the
 * journal's socket while journald stands still. A plain write would then wait for ever, or bring SIGPIPE, and with it
 * everything that was to be done next: a beat, a kill. So a line that cannot be taken at once is dropped, and counted.
 *
 * stderr itself is left as it is (O_NONBLOCK would hold for all who share it): a pipe or a terminal is opened anew, a
 * socket is sent to with MSG_DONTWAIT. Where a pipe or terminal cannot be opened anew, it is only written to while it
 * has room.
 */

#include "util/macros.h"

/* Looks at what stderr is. Without this call, stderr is written to while it has room. */
void words_open(void);

/* Writes one line (its newline included) at once, or drops it: false. Any thread may call it. */
bool words_write(const char *line, size_t size);

/* How many lines were dropped since the last call. */
unsigned words_dropped(void);
/* Puts some back that could not be told after all. */
void words_lost(unsigned n);
