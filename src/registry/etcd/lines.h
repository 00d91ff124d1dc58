/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A body that comes in pieces of any size and is read by lines: pure, no I/O.
 *
 * Each byte is moved and searched a fixed number of times, in however small pieces and however short lines it comes.
 */

#include "util/macros.h"

/* To be zeroed before first use; only the functions below write to it. */
typedef struct Lines {
        char *data;
        size_t size, room;
        size_t begin;    /* what stands before it has been read */
        size_t searched; /* up to here there is no end of a line behind begin */
} Lines;

/* Adds a piece. 0 or -ENOMEM; it is as before then. */
int lines_append(Lines *l, const char *data, size_t size);

/* A whole line waits. */
bool lines_ready(Lines *l);

/* Takes the next whole line, without its end: a copy that ends in a NUL behind its *ret_size bytes (which may hold
 * others), owned by the caller. NULL: there is none, or, with *ret_size not SIZE_MAX, no memory: the line is gone. */
char *lines_next(Lines *l, size_t *ret_size);

/* What has not been read, whole lines or not; borrowed, ends in a NUL that is not counted. "" if there is nothing. */
const char *lines_rest(const Lines *l, size_t *ret_size);

/* Frees what is kept; it can be used anew. */
void lines_done(Lines *l);
