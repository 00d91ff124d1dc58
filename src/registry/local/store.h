/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The local registry's database: blocking, without a loop, used by one thread at a time (local.c gives it one of its
 * own). Any number of stores, in any number of processes and containers of one kernel, may use one directory at once.
 */

#include <sqlite3.h>
#include <sys/types.h>

#include "registry/local/patience.h"
#include "registry/local/result.h"

enum {
        LOCAL_DELETIONS_KEPT = 10000, /* revisions; a watch that was away for longer begins anew with a list */
};

typedef struct LocalStore LocalStore;

/* Opens nothing yet. NULL: out of memory. */
LocalStore *local_store_new(const char *directory);
LocalStore *local_store_free(LocalStore *store);
DEFINE_TRIVIAL_CLEANUP(LocalStore *, local_store_free)

/*
 * All return 0 or a negative errno, then with result->error. -ETIMEDOUT: the lock was not to be had in time, nothing
 * was done. After any other error a Txn may have been applied, or may turn out to have been after a power cut.
 */
int local_store_get(LocalStore *store, const LocalPatience *patience, const char *const *keys, size_t n,
                LocalResult *result);
/* newest > 0: only what was not put after that revision, without values; result->total counts all the same. */
int local_store_list(LocalStore *store, const LocalPatience *patience, const char *prefix, uint64_t newest,
                LocalResult *result);
int local_store_txn(LocalStore *store, const LocalPatience *patience, const RegistryTxn *txn, LocalResult *result);

/* ---- between the files of this folder ---- */

typedef enum LocalStatement {
        STATEMENT_HEAD,
        STATEMENT_GET,
        STATEMENT_LIST,
        STATEMENT_CHANGES,
        STATEMENT_PUT,
        STATEMENT_DELETE,
        STATEMENT_FORGET,
        STATEMENT_COUNT_,
} LocalStatement;

/* A store in the middle of one question: what local_store_begin() has found. */
struct LocalStore {
        char *directory, *path; /* path: of the database */
        sqlite3 *db;            /* NULL: not open */
        sqlite3_stmt *statements[STATEMENT_COUNT_];
        const LocalPatience *patience; /* of the question that is being answered */
        dev_t device;                  /* of the file that is open */
        ino_t inode;
        unsigned opened; /* how often: a view that has seen another opening begins anew */
        bool used;       /* it was there once: it is not made again */
        bool met;        /* what is open was looked through */
        uint64_t revision, since;
};

/* Begins a transaction and fills result's revision and store: from here to local_store_end() nobody changes what is
 * read, and, if write is set, nobody else writes. On failure result has its error, and there is nothing to end. */
int local_store_begin(LocalStore *store, const LocalPatience *patience, bool write, LocalResult *result);
/* Ends it, and undoes what was written and not committed. */
void local_store_end(LocalStore *store);
/* The prepared statement; NULL: the database does not take it, or out of memory: sqlite3_errcode() says which. */
sqlite3_stmt *local_store_statement(LocalStore *store, LocalStatement which);
/* Adds all records under the prefix to the result, sorted by key; or those that have changed since the revision, also
 * the deleted ones, in the order of their revisions. As local_store_get(). */
int local_store_add_list(LocalStore *store, const char *prefix, LocalResult *result);
int local_store_add_changes(LocalStore *store, const char *prefix, uint64_t since, LocalResult *result);
/* Writes one line about the result code of SQLite; returns a negative errno. */
int local_store_fail(LocalStore *store, int code, const char *what, LocalResult *result);
