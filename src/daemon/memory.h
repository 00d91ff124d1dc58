/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The core's memory as the text of state.json, and back. Pure, but for a word in the log on what is not believed. */

#include "core/core.h"

/* The text of state.json; owned by the caller, NULL if out of memory. */
char *memory_encode(const CoreMemory *memory);

typedef struct LoadedMemory {
        CoreMemory memory; /* its strings and indexes are owned by this struct */
} LoadedMemory;

/* Of size bytes, whatever they are: 0, -ENOMEM, or -EBADMSG with *ret_why a static text of what is wrong. */
int memory_decode(const char *text, size_t size, LoadedMemory *ret, const char **ret_why);
void memory_done(LoadedMemory *m);
