/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Turns the core's memory into the text of state.json, and back. Pure, except that a line in the log tells when an
 * Index or a floor is left out because it is no number that leased hands out. */

#include "core/core.h"

/* The text of state.json; owned by the caller, NULL if out of memory. */
char *memory_encode(const CoreMemory *memory);

typedef struct LoadedMemory {
        CoreMemory memory; /* its texts and Indexes are owned by this struct */
} LoadedMemory;

/* Decodes size bytes, whatever they are, into *ret, which the caller gives to memory_done(). 0; -ENOMEM; or -EBADMSG,
 * with a static text in *ret_why of what is wrong. *ret is written only with 0. */
int memory_decode(const char *text, size_t size, LoadedMemory *ret, const char **ret_why);
/* Frees what m holds, and leaves m empty. */
void memory_done(LoadedMemory *m);
