/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The core's memory as the text of state.json, and back. Pure, except that a number that no leased hands out is left
 * out with a line in the log. */

#include "core/core.h"

/* The text of state.json; owned by the caller, NULL if out of memory. */
char *memory_encode(const CoreMemory *memory);

typedef struct LoadedMemory {
        CoreMemory memory; /* its texts and indexes are owned by this struct */
} LoadedMemory;

/* Decodes size bytes, whatever they are. 0, -ENOMEM, or -EBADMSG and *ret_why, a static text of what is wrong. *ret is
 * to be given to memory_done(). */
int memory_decode(const char *text, size_t size, LoadedMemory *ret, const char **ret_why);
/* Frees what m holds; m is empty then. */
void memory_done(LoadedMemory *m);
