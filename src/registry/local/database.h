/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The tables of a local registry, and what SQLite's result codes mean. No file is opened in here.
 *
 *     store     one row: the registry's id, and `since`: deletions up to that revision are forgotten
 *     records   key, revision, value, crc; a deleted record stays for a while as a row without value and crc
 *     newest    a view: the row of store, with the revision of the last change
 *
 * Triggers take care of changes that are made by hand, with the sqlite3 program. They give each such change a new
 * revision, whatever revision was set, and leave a row for each record that was deleted. So every watch notices the
 * change by its revision. If a record was changed by hand, or by a bad disk, its crc does not fit, and the record
 * counts as damaged.
 */

#include <sqlite3.h>

#include "registry/local/result.h"

enum {
        LOCAL_APPLICATION_ID = 0x6c736564, /* "lsed" */
        LOCAL_FORMAT = 2,                  /* PRAGMA user_version; the files of leased 0.1.0 were format 1 */
};

/* No revision above this one is believed. Otherwise a revision that was set by hand could use up all that are left. */
#define LOCAL_REVISION_MAX INT64_C(9007199254740991)

/* The columns of a row that is passed to database_add(). */
#define DATABASE_COLUMNS                                                                                              \
        "key, revision, CASE WHEN length(value) <= 262144 THEN value END, crc, value IS NULL AND crc IS NULL"

/* The checksum of a record. */
uint32_t database_crc(const char *key, uint64_t revision, const void *value, size_t size);

/* Adds the record in the statement's present row to the result, damaged or not. A row that is no record of ours, such
 * as one with a NUL in its key, is left out. A deleted record is added only if deletions is set. Returns 0; 1: the key
 * does not begin with the prefix, and nothing was added; -ENOMEM. */
int database_add(sqlite3_stmt *row, const char *prefix, bool deletions, LocalResult *result);

/* Sets a connection up: the file is not mapped into memory, and a commit waits until its data is on the disk. Returns
 * a result code of SQLite. */
int database_prepare(sqlite3 *db);
/* Checks that the tables are there, whole, and in a form that this version understands. Returns a result code of
 * SQLite; if the database belongs to another program or version, *ret_why is a static text that says so. */
int database_check(sqlite3 *db, const char **ret_why);

/* Makes the bytes of a new database with this id and these records; damaged records stay damaged. revision: of the
 * last change that was ever made. *ret is owned by the caller, who frees it with sqlite3_free(). Returns a result code
 * of SQLite. */
int database_make(
                const char *id, uint64_t revision, const LocalResult *records, unsigned char **ret, size_t *ret_size);

/* Returns the errno (positive) that a result code of SQLite stands for. db, which may be NULL, may know more of it. */
int database_errno(sqlite3 *db, int code);
