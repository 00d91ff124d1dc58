/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the processes of a search share, and how far they have come (progress.c). In a file, a search can be ended and
 * gone on with: what follows from a first trouble is searched by one process, and either wholly or not at all.
 */

#include "search.h"

enum { PROCESSES_MAX = 16, ROOTS_MAX = 11 };

typedef struct Progress {
        uint64_t bounds; /* fingerprint of the program and of what it was asked to search */
        SearchShared shared;
        SearchCounts counts[PROCESSES_MAX];
        uint8_t firsts[TROUBLES_MAX][ROOTS_MAX][FIRSTS_MAX];
} Progress;

/* Gives the progress of a new search, or of that in the file, with the table of its states. file may be NULL: nothing
 * is kept then. Returns NULL, having said why, if the file cannot be used. Neither is ever freed. */
Progress *progress_open(const char *file, unsigned bits, uint64_t bounds, Seen **ret_seen);
