/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A copy of the core's memory (CoreMemory) that is brought up to date with what has changed. The cost grows with the
 * change, and not with the memory. The names of leases and their Indexes are many; all else is small. */

#include "core/core.h"

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
char *memory_copy_encode(const MemoryCopy *c);
