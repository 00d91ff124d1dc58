/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A copy of the core's memory (CoreMemory) that is brought up to date with what has changed. The cost grows with the
 * change, and not with the memory. The names of leases and their Indexes are many; all else is small.
 *
 * state.log holds what changes often: the highest revision, and Indexes that grow. Each line is an array in JSON:
 * [log] first, which state.json must name, then [revision], or [revision, lease, index].
 */

#include "daemon/memory.h"

typedef struct MemoryCopy MemoryCopy;

/* An empty copy; NULL if out of memory. */
MemoryCopy *memory_copy_new(void);
/* Frees c, which may be NULL. Returns NULL. */
MemoryCopy *memory_copy_free(MemoryCopy *c);
/* Takes over the Indexes that changes names, where an Index of 0 means to forget it, and everything else of changes.
 * Copies the texts. */
void memory_copy_take(MemoryCopy *c, const CoreMemory *changes);
/* Takes over everything that from has taken over, and frees from. */
void memory_copy_take_copy(MemoryCopy *c, MemoryCopy *from);
/* The text of state.json; owned by the caller, NULL if out of memory. */
char *memory_copy_encode(const MemoryCopy *c, sd_id128_t log);
/* The same text without what the lines of state.log can tell. */
char *memory_copy_encode_rest(const MemoryCopy *c);

/* The first line of state.log; owned by the caller, NULL if out of memory. */
char *memory_log_begin(sd_id128_t log);
/* Further lines, from which everything that changes has taken over can be read again, except the rest; owned by the
 * caller. NULL: out of memory, or an Index is to be forgotten, which no line can tell. */
char *memory_log_lines(const MemoryCopy *changes);
/* Takes over the lines of a state.log of size bytes, whatever they are, if its first line names log. A last line
 * without its end was cut short before anybody was told that it is kept, and is left out. 0, or the number of the
 * first line that is damaged; a damaged line is left out. */
unsigned memory_copy_take_log(MemoryCopy *c, sd_id128_t log, const char *text, size_t size);
/* Puts a copy of all that c has taken over in the place of what m holds. 0, or -ENOMEM: m is unchanged. */
int memory_copy_give(const MemoryCopy *c, LoadedMemory *m);
