/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The local registry's database. These functions wait for the disk and for locks, without a loop; one thread at a time
 * may use a store (local.c has a thread for it). Any number of stores, in any number of processes and containers of
 * one kernel, may use one directory at once.
 */

#include <sqlite3.h>
#include <sys/types.h>

#include "registry/local/patience.h"
#include "registry/local/result.h"

enum {
        LOCAL_DELETIONS_KEPT = 10000, /* in revisions; a watch that was away for longer begins anew with a list */
};

typedef struct LocalStore LocalStore;

/* Makes a store, owned by the caller, and opens nothing yet. NULL: out of memory. */
LocalStore *local_store_new(const char *directory);
LocalStore *local_store_free(LocalStore *store);
DEFINE_TRIVIAL_CLEANUP(LocalStore *, local_store_free)

/*
 * A read of single keys, a list, and a Txn. Each fills result, which the caller clears, and returns 0; or a negative
 * errno with result->error. -ETIMEDOUT: the lock was not free in time, and nothing was done. After any other error a
 * Txn may have been applied, or may turn out to have been applied after a power cut (law 6).
 */
int local_store_get(LocalStore *store, const LocalPatience *patience, const char *const *keys, size_t n,
                LocalResult *result);
/* newest > 0: only records that were not put after this revision, without values; result->total counts all records. */
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
        unsigned opened;          /* how often the database was opened: a view of an earlier opening begins anew */
        bool used;                /* the database was there once: it is not made again */
        bool met;                 /* the database that is open was checked */
        uint64_t revision, since; /* of the last change; deletions up to since are forgotten */
};

/* Begins a transaction and sets result's revision and store. From here to local_store_end() nobody changes what is
 * read, and, if write is set, nobody else writes. Returns as local_store_get(); on failure there is nothing to end. */
int local_store_begin(LocalStore *store, const LocalPatience *patience, bool write, LocalResult *result);
/* Ends the transaction, and undoes what was written and not committed. */
void local_store_end(LocalStore *store);
/* Gives the prepared statement, owned by the store; NULL: sqlite3_errcode() says why. */
sqlite3_stmt *local_store_statement(LocalStore *store, LocalStatement which);
/* Adds all records under the prefix to the result, sorted by key; or the records that have changed since the revision,
 * deleted ones included, in the order of their revisions. Returns as local_store_get(). */
int local_store_add_list(LocalStore *store, const char *prefix, LocalResult *result);
int local_store_add_changes(LocalStore *store, const char *prefix, uint64_t since, LocalResult *result);
/* Sets result->error, by the result code of SQLite and by what was tried. Returns a negative errno. */
int local_store_fail(LocalStore *store, int code, const char *what, LocalResult *result);
