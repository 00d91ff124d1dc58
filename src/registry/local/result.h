/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the store hands up to the loop's side. */

#include "registry/registry.h"

enum {
        LOCAL_STORE_ID_SIZE = 37,
};

/* The result of a read, a Txn or a look. To be zeroed before use, and to be cleared by its owner, also on failure. */
typedef struct LocalResult {
        bool refused; /* a compare of the Txn failed */
        bool listed;  /* the records are all there are, not changes */
        uint64_t revision;
        char store[LOCAL_STORE_ID_SIZE];
        RegistryRecord *records; /* keys and values are owned */
        bool *deleted;
        size_t n_records, n_room;
        uint64_t total; /* of a list: how many keys begin with the prefix */
        bool unwatched; /* of a look: inotify does not report the database's changes */
        char *error;    /* one line for people, if the function failed */
} LocalResult;

/* Frees what the result holds, and leaves it empty. */
void local_result_clear(LocalResult *result);
/* Keeps only the records for which f is true, in their order, and frees the others. */
void local_result_filter(LocalResult *result, bool (*f)(const RegistryRecord *record, const void *userdata),
                const void *userdata);
/* Sets result->error to "path: what: text of the errno", unless there is an error already. Returns -abs(error). */
int local_result_fail(LocalResult *result, int error, const char *path, const char *what);
/* The same of a database that cannot be believed. why: a text of ours or SQLite's, and nothing that stands in the
 * file. Returns -EBADMSG. */
int local_result_damaged(LocalResult *result, const char *path, const char *why);
/* Adds a record. Takes key and value over, also on failure; key NULL counts as out of memory. Returns 0 or -ENOMEM. */
int local_result_add(LocalResult *result, char *key, char *value, size_t size, uint64_t mod_revision, bool damaged,
                bool deleted);
