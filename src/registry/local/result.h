/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the store hands up to the loop's side. */

#include "registry/registry.h"

enum {
        LOCAL_STORE_ID_SIZE = 37,
};

/* What a caller is given; to be cleared by the caller. */
typedef struct LocalResult {
        bool refused;
        bool listed; /* the records are all there are, not changes */
        uint64_t revision;
        char store[LOCAL_STORE_ID_SIZE];
        RegistryRecord *records; /* keys and values are owned */
        bool *deleted;
        size_t n_records, n_room;
        uint64_t total; /* of a list: so many keys there are */
        bool unwatched; /* the database's changes are not reported to inotify_fd */
        char *error;    /* one line for people, if the function failed */
} LocalResult;

void local_result_clear(LocalResult *result);
/* Leaves only the records for which f is true, in their order. */
void local_result_filter(LocalResult *result, bool (*f)(const RegistryRecord *record, const void *userdata),
                const void *userdata);
/* Keeps the first error for people, "path: what: text of the errno"; returns -error. */
int local_result_fail(LocalResult *result, int error, const char *path, const char *what);
/* Likewise, of a database that cannot be believed; why is ours, and nothing that stands in the file. -EBADMSG. */
int local_result_damaged(LocalResult *result, const char *path, const char *why);
/* Takes key and value over, also on failure; key NULL is -ENOMEM. */
int local_result_add(LocalResult *result, char *key, char *value, size_t size, uint64_t mod_revision, bool damaged,
                bool deleted);
