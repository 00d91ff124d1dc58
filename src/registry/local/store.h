/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The directory itself: blocking, without a loop, used by one thread at a time (local.c gives it one of its own).
 * Any number of stores, in any number of processes and containers of one kernel, may use one directory at once.
 */

#include <stdatomic.h>

#include "registry/registry.h"

typedef struct LocalStore LocalStore;

enum {
        LOCAL_STORE_ID_SIZE = 37,
};

/* What a caller is given; to be cleared by him. */
typedef struct LocalResult {
        bool refused;
        bool listed; /* the records are all there are, not changes */
        uint64_t revision;
        char store[LOCAL_STORE_ID_SIZE];
        RegistryRecord *records; /* keys and values are owned */
        bool *deleted;
        size_t n_records, n_room;
        bool unwatched; /* the directory's changes are not reported to inotify_fd */
        char *error;    /* one line for people, if the function failed */
} LocalResult;

void local_result_clear(LocalResult *result);

/* How long a function may wait for the others: until the deadline (CLOCK_BOOTTIME), or until *abandoned is set. Once
 * it has the lock it goes on to the end: neither can stop it in a system call. */
typedef struct LocalPatience {
        usec_t deadline;
        const atomic_bool *abandoned; /* may be NULL */
} LocalPatience;

/* The name of a file system that several machines may have mounted, by its statfs() magic; NULL: it is not one. */
const char *local_network_file_system(long magic);

/* Makes the directory and looks at it. A negative errno, with one line for people. */
int local_directory_prepare(const char *directory, char **ret_error);

LocalStore *local_store_new(const char *directory);
LocalStore *local_store_free(LocalStore *store);
DEFINE_TRIVIAL_CLEANUP(LocalStore *, local_store_free)

/*
 * All return 0 or a negative errno, then with result->error. -ETIMEDOUT: the lock was not to be had in time, nothing
 * was done. After any other error a Txn may have been applied, or may turn out to have been after a power cut.
 */
int local_store_get(LocalStore *store, const LocalPatience *patience, const char *const *keys, size_t n,
                LocalResult *result);
int local_store_list(LocalStore *store, const LocalPatience *patience, const char *prefix, LocalResult *result);
int local_store_txn(LocalStore *store, const LocalPatience *patience, const RegistryTxn *txn, LocalResult *result);

/* ---- for the watch: what has changed since the last look ---- */

typedef struct LocalView LocalView;

LocalView *local_view_new(const char *prefix);
LocalView *local_view_free(LocalView *view);
DEFINE_TRIVIAL_CLEANUP(LocalView *, local_view_free)

/*
 * Fills result with the whole (the first time, if relist, or if the directory was replaced) or with what is different
 * from the last look, in the order of the revisions; nothing at all is a good result, too. inotify_fd >= 0: sees to it
 * that the directory's changes are reported there from before the look; if the kernel has no room for that,
 * result->unwatched says so.
 */
int local_view_look(LocalView *view, LocalStore *store, const LocalPatience *patience, bool relist, int inotify_fd,
                LocalResult *result);

/* ---- between the files of this layer ---- */

/* Where the store is, while it is locked. */
typedef struct LocalPlace {
        const char *directory, *records; /* paths */
        int directory_fd, records_fd;
        uint64_t revision;
} LocalPlace;

const LocalPlace *local_store_place(const LocalStore *store);
/* Fills result's revision and store; on failure its error, and there is nothing to unlock. */
int local_store_lock(LocalStore *store, const LocalPatience *patience, LocalResult *result);
void local_store_unlock(LocalStore *store);
/* The revision of a record that was found damaged, while the store is locked: it stands while the file is the same. */
uint64_t local_damage_revision(const LocalPlace *place, const char *name);
/* Writes the next revision down. */
int local_store_advance(LocalStore *store, bool sync);

/* Keeps the first error for people; returns it. */
int local_result_fail(LocalResult *result, int error, const char *path, const char *what);
/* Takes key and value over, also on failure; key NULL is -ENOMEM. */
int local_result_add(LocalResult *result, char *key, char *value, size_t size, uint64_t mod_revision, bool damaged,
                bool deleted);
