/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Turns the core's memory into the text of state.json, and back. Pure, except that a line in the log tells when an
 * Index or a floor is left out because it is no number that leased hands out. */

#include <systemd/sd-id128.h>

#include "core/core.h"

/* The text of state.json, which names the state.log that goes on from it; owned by the caller, NULL if out of memory.
 */
char *memory_encode(const CoreMemory *memory, sd_id128_t log);

typedef struct LoadedMemory {
        CoreMemory memory; /* its texts and Indexes are owned by this struct */
        sd_id128_t log;    /* SD_ID128_NULL: no state.log goes on from here */
} LoadedMemory;

/* Decodes size bytes, whatever they are, into *ret, which the caller gives to memory_done(). 0; -ENOMEM; or -EBADMSG,
 * with a static text in *ret_why of what is wrong. *ret is written only with 0. */
int memory_decode(const char *text, size_t size, LoadedMemory *ret, const char **ret_why);
/* Frees what m holds, and leaves m empty. */
void memory_done(LoadedMemory *m);
