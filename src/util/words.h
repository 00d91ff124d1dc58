/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Lines on stderr for which nobody waits.
 *
 * stderr belongs to somebody else: it is a pipe whose reader has stalled or gone, a terminal that was stopped, the
 * socket of the journal while journald stands still. A plain write would then wait for ever, or bring SIGPIPE, and
 * whatever was to be done next (a beat, a kill) would not be done. So a line that cannot be taken at once is dropped,
 * and counted.
 *
 * stderr itself is left as it is, since O_NONBLOCK would hold for all who share it. A pipe or a terminal is opened
 * anew, a socket is sent to with MSG_DONTWAIT. A pipe or terminal that cannot be opened anew is only written to while
 * it has room.
 */

#include "util/macros.h"

/* Looks at what stderr is. Without this call, stderr is written to while it has room. */
void words_open(void);

/* Writes one line, which ends with a newline, at once. false: it was dropped. Any thread may call it. */
bool words_write(const char *line, size_t size);

/* How many lines were dropped since the last call. */
unsigned words_dropped(void);
/* Adds n to that number: they could not be told after all. */
void words_lost(unsigned n);
