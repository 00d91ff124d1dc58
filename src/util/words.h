/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Lines on stderr for which nobody waits.
 *
 * stderr depends on somebody else: it may be a pipe whose reader has stalled or gone, a terminal that was stopped, or
 * the socket of the journal while journald stands still. A plain write would then wait for ever, or bring SIGPIPE, and
 * the next thing to be done (a beat, a kill) would not be done. So a line that cannot be taken at once is dropped and
 * counted.
 *
 * The flags of stderr itself are left alone, since O_NONBLOCK would hold for all who share it. Instead, a pipe or a
 * terminal is opened anew, and a socket is sent to with MSG_DONTWAIT. If a pipe or terminal cannot be opened anew, it
 * is only written to while it has room.
 */

#include "util/macros.h"

/* Finds out what stderr is; to be called at start, before there are threads. Without this call, stderr is written to
 * only while it has room. */
void words_open(void);

/* Writes one line of size bytes, which ends with a newline. Returns false if the line, or a part of it, was dropped.
 * Any thread may call this function. */
bool words_write(const char *line, size_t size);

/* Gives how many lines were dropped since the last call. */
unsigned words_dropped(void);
/* Adds n to that number, since the caller could not report these n lines after all. */
void words_lost(unsigned n);
