/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a guard hands on to the program that takes its place (hand-over.h), as text:
 *
 *   leased-guard 1                                        the format's version
 *   at TIME                                               when this was written
 *   beat TIME                                             the t0 of the latest beat; 0: none has come
 *   socket DEVICE INODE MODE                              the socket at which the daemon is served, as it was made
 *   entry UNIT INDEX STOP KILL STOP-OFFSET KILL-OFFSET FLAGS
 *   limit STOP KILL                                       of the last entry, if it has a limit
 *   part UNIT                                             a member of the unit of the last entry
 *   end COUNT                                             the number of entries
 *
 * Numbers are decimal, times CLOCK_BOOTTIME in microseconds. One space stands between words, and each line ends with a
 * newline. FLAGS is the sum of 1 (expired), 2 (lost), 4 (the gate is open), 8 (ExecStopPost=) and 16
 * (FenceAction=reboot). A program that does not know a version, a line or a flag refuses all of it.
 */

#include <stdio.h>

#include "guard/client.h"
#include "guard/guard-entry.h"

typedef struct EntriesHead {
        usec_t at, beat;
        ClientSocket socket;
} EntriesHead;

/* All that is passed to a callback is borrowed for the call. */
typedef struct EntriesCallbacks {
        void (*head)(const EntriesHead *head, void *userdata);
        void (*entry)(const char *unit, const EntryKept *kept, bool fence, void *userdata);
        void (*part)(const char *unit, const char *part, void *userdata);
} EntriesCallbacks;

/* Write the text to f. These functions are to be called in this order: the head, each entry followed by its parts, the
 * end. Errors are kept in f, for ferror(). */
void entries_write_head(FILE *f, const EntriesHead *head);
void entries_write(FILE *f, const char *unit, const EntryKept *kept, bool fence);
void entries_write_part(FILE *f, const char *part);
void entries_write_end(FILE *f, size_t count);

/* Decodes a text of size bytes, whatever is in it. If the whole text is right, calls the callbacks in the order of the
 * lines and returns the number of entries; callbacks may be NULL. Returns -EBADMSG if anything in the text is wrong:
 * then nothing was called. */
int entries_decode(const char *text, size_t size, const EntriesCallbacks *callbacks, void *userdata);
