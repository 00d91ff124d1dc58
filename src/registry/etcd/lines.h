/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A body that comes in pieces of any size and is read by lines: pure, no I/O.
 *
 * Each byte is moved and searched a fixed number of times, however small the pieces and however short the lines.
 */

#include "util/macros.h"

/* To be zeroed before first use; only the functions below write to it. */
typedef struct Lines {
        char *data;
        size_t size, room;
        size_t begin;    /* what stands before it has been read */
        size_t searched; /* up to here there is no end of a line behind begin */
} Lines;

/* Adds a piece. Returns 0, or -ENOMEM and nothing has changed. */
int lines_append(Lines *l, const char *data, size_t size);

/* Whether a whole line waits. */
bool lines_ready(Lines *l);

/* Takes the next whole line, without its newline, as a copy owned by the caller. A NUL follows its *ret_size bytes,
 * which may hold others. NULL with *ret_size SIZE_MAX: no line waits. NULL with another *ret_size: out of memory, and
 * the line is gone. */
char *lines_next(Lines *l, size_t *ret_size);

/* What has not been read, whole lines or not; borrowed until the next call. A NUL follows its *ret_size bytes. */
const char *lines_rest(const Lines *l, size_t *ret_size);

/* Frees what is kept, and leaves l empty, fit to be used anew. */
void lines_done(Lines *l);
