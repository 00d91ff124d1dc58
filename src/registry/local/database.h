/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The tables of a local registry, and what SQLite's result codes mean. No file is opened in here.
 *
 *     store     one row: the registry's id, and `since`: deletions up to that revision are forgotten
 *     records   key, revision, value, crc; a deleted record stays for a while as a row without value and crc
 *     newest    the row of store, with the revision of the last change
 *
 * Triggers give each change that is made by hand, with the sqlite3 program, a revision of its own, whatever revision
 * was set, and each record that is deleted by hand a row that says so. So every reader of the table sees the change by
 * its revision. The crc of a record that was changed by hand, or by a bad disk, does not fit: such a record counts as
 * damaged.
 */

#include <sqlite3.h>

#include "registry/local/result.h"

enum {
        LOCAL_APPLICATION_ID = 0x6c736564, /* "lsed" */
        LOCAL_FORMAT = 2,                  /* PRAGMA user_version; 1 were the files of leased 0.1.0 */
};

/* No revision beyond this one is believed: one that was set by hand must not use up those above it. */
#define LOCAL_REVISION_MAX INT64_C(9007199254740991)

/* What is selected of a record, in the order in which database_add() expects it. */
#define DATABASE_COLUMNS                                                                                              \
        "key, revision, CASE WHEN length(value) <= 262144 THEN value END, crc, value IS NULL AND crc IS NULL"

/* The checksum of a record. */
uint32_t database_crc(const char *key, uint64_t revision, const void *value, size_t size);

/* Adds the record of the statement's present row to the result, damaged or not. A row that is no record of ours, such
 * as one with a NUL in its key, is left out. A deleted record is added only if deletions is set. 0; 1: its key does
 * not begin with the prefix, nothing was added; -ENOMEM. */
int database_add(sqlite3_stmt *row, const char *prefix, bool deletions, LocalResult *result);

/* Sets the connection up: nothing is mapped, and what is committed is on the disk. A result code of SQLite. */
int database_prepare(sqlite3 *db);
/* Whether the tables are there and in a form that this version understands. A result code of SQLite; *ret_why is what
 * is wrong, for people, if the code is SQLITE_NOTADB or SQLITE_CORRUPT. */
int database_check(sqlite3 *db, const char **ret_why);

/* The bytes of a new database of that id with these records; those that are damaged stay damaged. revision is that of
 * the last change that was ever made. *ret is to be freed with sqlite3_free(). A result code of SQLite. */
int database_make(
                const char *id, uint64_t revision, const LocalResult *records, unsigned char **ret, size_t *ret_size);

/* The errno that a result code of SQLite stands for; > 0. db may be NULL. */
int database_errno(sqlite3 *db, int code);
