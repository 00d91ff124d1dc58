/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A copy of the core's memory that is brought up to date with what has changed, at a cost that hangs on no more than
 * that. */

#include "core/core.h"

typedef struct MemoryCopy MemoryCopy;

/* NULL: out of memory. */
MemoryCopy *memory_copy_new(void);
/* Frees c, which may be NULL. Returns NULL. */
MemoryCopy *memory_copy_free(MemoryCopy *c);
/* Takes over all but the Indexes as they are, and each Index that is named; an Index of 0 is one to forget. */
void memory_copy_take(MemoryCopy *c, const CoreMemory *changes);
/* Takes over all that from has taken, and frees from. */
void memory_copy_take_copy(MemoryCopy *c, MemoryCopy *from);
/* The text of state.json; owned by the caller, NULL if out of memory. */
char *memory_copy_encode(const MemoryCopy *c);
