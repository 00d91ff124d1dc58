/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The core's memory on the disk: state.json holds all of it, and state.log, which goes on from there, what has changed
 * since and changes often. A change costs what the change is long, and not the memory: state.json is written again
 * only when state.log has grown as large, or something has changed that state.log cannot tell. Functions wait for the
 * disk.
 */

#include "daemon/memory-copy.h"

typedef struct StateFile StateFile;

/* Nothing is read or written yet. NULL if out of memory. */
StateFile *state_file_new(const char *directory);
/* Frees f, which is a StateFile or NULL. */
void state_file_free(void *f);

/* Reads both files into *ret, which the caller gives to memory_done(). A state.json that cannot be understood is
 * renamed to state.json.damaged, and a damaged line of state.log is left out, each with a line in the log. 0 also if
 * there is nothing; logs; a negative errno. */
int state_file_load(StateFile *f, LoadedMemory *ret);
/* Writes the memory with these changes, which it frees, and waits until they are on the disk. 0 or a negative errno;
 * the next call then writes all that is not on the disk yet. Non-logging. */
int state_file_write(StateFile *f, MemoryCopy *changes);
/* The path of state.json, borrowed. */
const char *state_file_path(const StateFile *f);
