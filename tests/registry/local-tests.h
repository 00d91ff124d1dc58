/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the tests share that only a local registry can pass. */

#include "conformance-util.h"

typedef struct Directory {
        char top[64], path[96]; /* a folder of the test's own; the registry in it */
        int lock_fd;            /* held by somebody else, see freeze */
        bool mounted;           /* something is mounted on path */
        int thaw_fd;            /* to be closed when the file system itself is frozen; -1: it is not */
} Directory;

void directory_freeze(void *store);
void directory_thaw(void *store);
int directory_open(void *store, sd_event *event, Registry **ret, char **ret_error);

/* The file of a record; valid until the next call. */
const char *file_of(World *world, const char *key);
/* Asserts that the key cannot be written, with an error that names the directory. */
void ask_in_vain(World *world, Registry *r, const char *key, const char *text);

int run_place_tests(void);
int run_damage_tests(void);
int run_crash_tests(void);
