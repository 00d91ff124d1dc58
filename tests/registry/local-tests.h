/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the tests share that only a local registry can pass. */

#include <sqlite3.h>

#include "conformance-util.h"
#include "registry/local/view.h"

typedef struct Directory {
        char top[64], path[96]; /* a folder of the test's own; the registry in it */
        sqlite3 *lock;          /* held by somebody else, see freeze; NULL: not held */
        bool mounted;           /* something is mounted on path */
        int thaw_fd;            /* to be closed when the file system itself is frozen; -1: it is not */
} Directory;

void directory_freeze(void *store);
void directory_thaw(void *store);
int directory_open(void *store, sd_event *event, Registry **ret, char **ret_error);

/* A file in the registry's directory; valid until the next call. */
const char *file_of(World *world, const char *name);
/* Runs statements in the database as somebody with the sqlite3 program would; asserts that they succeed. */
void by_hand(World *world, const char *sql);
/* Asserts that the key cannot be written, with an error that names the directory. */
void ask_in_vain(World *world, Registry *r, const char *key, const char *text);

/* Starts f(path) stopped, under the eyes of this process. -1 where that is not allowed. */
pid_t start_traced(int (*f)(const char *path), const char *path);
/* On to the next beginning or end of a system call. false: it has ended by itself, with *ret_status. */
bool step_traced(pid_t pid, int *ret_status);

int run_place_tests(void);
int run_damage_tests(void);
int run_crash_tests(void);
int run_takeover_tests(void);
int run_share_tests(void);
