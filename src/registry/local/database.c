/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/local/database.h"

#include <errno.h>
#include <stdio.h>

#include "registry/local/crc.h"

enum {
        CHECKED_PAGES = 4096,    /* 16 MB, 35 000 records: up to here the whole database is checked, in a quarter of a
                                    second */
        LOOKED_AT_PAGES = 65536, /* 256 MB: up to here the structure of all pages is checked, in the same time */
};

/* Only the view newest knows which revision is the newest. The triggers do not change what leased writes, since leased
 * writes only revisions above all that are there. */
#define NEXT "(SELECT revision FROM newest) + 1"
#define MAX_TEXT "9007199254740991"
_Static_assert(LOCAL_REVISION_MAX == (INT64_C(1) << 53) - 1, "MAX_TEXT is the same number");

static const char schema[] = "CREATE TABLE store(id TEXT NOT NULL, since INTEGER NOT NULL) STRICT;"
                             "CREATE TABLE records("
                             " key TEXT NOT NULL PRIMARY KEY"
                             "  CHECK (length(CAST(key AS BLOB)) BETWEEN 1 AND 512 AND instr(key, char(0)) = 0),"
                             " revision INTEGER NOT NULL CHECK (revision > 0),"
                             " value BLOB CHECK (length(value) <= 262144),"
                             " crc INTEGER) STRICT, WITHOUT ROWID;"
                             "CREATE INDEX by_revision ON records(revision);"
                             "CREATE INDEX deleted ON records(revision) WHERE value IS NULL;"
                             "CREATE VIEW newest AS SELECT id, since,"
                             " max(since, coalesce((SELECT max(revision) FROM records"
                             "  WHERE revision <= " MAX_TEXT "), 0)) AS revision FROM store;";

static const char triggers[] =
                "CREATE TRIGGER inserted AFTER INSERT ON records"
                " WHEN NEW.revision < (SELECT revision FROM newest) OR NEW.revision > " MAX_TEXT " BEGIN"
                " UPDATE records SET revision = " NEXT " WHERE key = NEW.key; END;"
                "CREATE TRIGGER updated AFTER UPDATE ON records"
                " WHEN NEW.revision <= OLD.revision OR NEW.revision < (SELECT revision FROM newest)"
                "  OR NEW.revision > " MAX_TEXT " BEGIN"
                " UPDATE records SET revision = " NEXT " WHERE key = NEW.key; END;"
                "CREATE TRIGGER renamed AFTER UPDATE OF key ON records WHEN NEW.key <> OLD.key BEGIN"
                " INSERT INTO records(key, revision) VALUES (OLD.key, " NEXT "); END;"
                "CREATE TRIGGER forgotten AFTER DELETE ON records WHEN OLD.value IS NULL AND OLD.crc IS NULL BEGIN"
                " UPDATE store SET since = max(since, OLD.revision); END;"
                "CREATE TRIGGER removed AFTER DELETE ON records"
                " WHEN OLD.value IS NOT NULL OR OLD.crc IS NOT NULL BEGIN"
                " INSERT INTO records(key, revision)"
                " VALUES (OLD.key, max(OLD.revision, (SELECT revision FROM newest)) + 1); END;";

static const char settings[] = "PRAGMA mmap_size = 0;" /* a file that somebody cuts would be a SIGBUS */
                               "PRAGMA trusted_schema = OFF;"
                               "PRAGMA recursive_triggers = OFF;"
                               "PRAGMA cell_size_check = ON;"
                               "PRAGMA temp_store = MEMORY;"
                               "PRAGMA secure_delete = OFF;" /* zeros would want room on a full disk */
                               "PRAGMA synchronous = FULL;"
                               "PRAGMA journal_mode = TRUNCATE;"; /* also where somebody has set another */

uint32_t database_crc(const char *key, uint64_t revision, const void *value, size_t size) {
        char number[24];
        uint32_t crc;
        int n = snprintf(number, sizeof(number), "%llu", (unsigned long long) revision);

        crc = local_crc32(0, key, strlen(key) + 1);
        crc = local_crc32(crc, number, (size_t) n + 1);
        return local_crc32(crc, value, size);
}

/* ---- rows ---- */

/* NULL: a row that is no record of ours, or out of memory. */
static const char *key_of(sqlite3_stmt *row) {
        const char *key = (const char *) sqlite3_column_text(row, 0);
        size_t size = (size_t) sqlite3_column_bytes(row, 0);

        return key && size > 0 && size <= REGISTRY_KEY_MAX && strlen(key) == size ? key : NULL;
}

static bool is_damaged(sqlite3_stmt *row, const char *key, const void *value, size_t size) {
        int64_t revision = sqlite3_column_int64(row, 1);

        return sqlite3_column_type(row, 1) != SQLITE_INTEGER || revision <= 0 ||
               sqlite3_column_type(row, 2) == SQLITE_NULL || size > REGISTRY_VALUE_MAX ||
               sqlite3_column_type(row, 3) != SQLITE_INTEGER ||
               sqlite3_column_int64(row, 3) != database_crc(key, (uint64_t) revision, value, size);
}

int database_add(sqlite3_stmt *row, const char *prefix, bool deletions, LocalResult *result) {
        const char *key = key_of(row);
        const void *value = sqlite3_column_blob(row, 2); /* NULL also for a value of no bytes */
        size_t size = (size_t) sqlite3_column_bytes(row, 2);
        bool deleted = sqlite3_column_int(row, 4), damaged;
        char *copy = NULL;

        /* SQLite returns NULL also where memory runs out: that must not look like an absent key or value. */
        if (sqlite3_errcode(sqlite3_db_handle(row)) == SQLITE_NOMEM)
                return -ENOMEM;
        if (key && !startswith(key, prefix))
                return 1;
        if (!key || (deleted && !deletions))
                return 0;
        damaged = !deleted && is_damaged(row, key, value, size);
        if (!deleted && !damaged) {
                copy = malloc(size + 1);
                if (!copy)
                        return -ENOMEM;
                if (size > 0)
                        memcpy(copy, value, size);
                copy[size] = '\0';
        }
        return local_result_add(result, strdup(key), copy, copy ? size : 0,
                        (uint64_t) MAX(sqlite3_column_int64(row, 1), INT64_C(1)), damaged, deleted);
}

/* ---- connections ---- */

static int one_number(sqlite3 *db, const char *sql, int64_t *ret) {
        sqlite3_stmt *s = NULL;
        int k = sqlite3_prepare_v2(db, sql, -1, &s, NULL);

        if (k == SQLITE_OK)
                k = sqlite3_step(s);
        if (k == SQLITE_ROW) {
                *ret = sqlite3_column_int64(s, 0);
                k = SQLITE_OK;
        } else if (k == SQLITE_DONE)
                k = SQLITE_CORRUPT;
        (void) sqlite3_finalize(s);
        return k;
}

int database_prepare(sqlite3 *db) {
        (void) sqlite3_extended_result_codes(db, 1);
        return sqlite3_exec(db, settings, NULL, NULL, NULL);
}

/* Has SQLite check the pages up to the first fault, unless there are too many pages. A result code of SQLite. */
static int look_through(sqlite3 *db) {
        sqlite3_stmt *s = NULL;
        int64_t pages = 0;
        int k = one_number(db, "PRAGMA page_count", &pages);

        if (k != SQLITE_OK || pages > LOOKED_AT_PAGES)
                return k;
        k = sqlite3_prepare_v2(db, pages > CHECKED_PAGES ? "PRAGMA quick_check(1)" : "PRAGMA integrity_check(1)", -1,
                        &s, NULL);
        if (k == SQLITE_OK)
                k = sqlite3_step(s);
        if (k == SQLITE_ROW)
                k = streq(strempty((const char *) sqlite3_column_text(s, 0)), "ok") ? SQLITE_OK : SQLITE_CORRUPT;
        (void) sqlite3_finalize(s);
        return k;
}

int database_check(sqlite3 *db, const char **ret_why) {
        int64_t application = 0, format = 0;
        int k = one_number(db, "PRAGMA application_id", &application);

        if (k == SQLITE_OK)
                k = one_number(db, "PRAGMA user_version", &format);
        if (k != SQLITE_OK)
                return k;
        if (application != LOCAL_APPLICATION_ID) {
                *ret_why = "another program's database";
                return SQLITE_CORRUPT;
        }
        if (format != LOCAL_FORMAT) {
                *ret_why = "written by another version of leased";
                return SQLITE_CORRUPT;
        }
        return look_through(db);
}

int database_errno(sqlite3 *db, int code) {
        int error = db ? sqlite3_system_errno(db) : 0;

        switch (code & 0xff) {
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
                return ETIMEDOUT;
        case SQLITE_FULL:
                return ENOSPC;
        case SQLITE_READONLY:
                return code == SQLITE_READONLY_DIRECTORY ? EACCES : EROFS;
        case SQLITE_PERM:
        case SQLITE_AUTH:
                return EACCES;
        case SQLITE_NOMEM:
                return ENOMEM;
        case SQLITE_CANTOPEN:
        case SQLITE_IOERR:
                return error > 0 ? error : EIO;
        default:
                return EBADMSG; /* malformed, no such table, a row that is too big */
        }
}

/* ---- a new one ---- */

static int insert_store(sqlite3 *db, const char *id, uint64_t revision) {
        sqlite3_stmt *s = NULL;
        int k = sqlite3_prepare_v2(db, "INSERT INTO store(id, since) VALUES (?1, ?2)", -1, &s, NULL);

        if (k == SQLITE_OK)
                k = sqlite3_bind_text(s, 1, id, -1, SQLITE_STATIC);
        if (k == SQLITE_OK)
                k = sqlite3_bind_int64(s, 2, (int64_t) revision);
        if (k == SQLITE_OK && sqlite3_step(s) != SQLITE_DONE)
                k = sqlite3_errcode(db);
        (void) sqlite3_finalize(s);
        return k;
}

/* Writes a record. A damaged record is a row with a checksum and without a value: it is there, and cannot be
 * read. */
static int insert_record(sqlite3_stmt *s, const RegistryRecord *record) {
        int k = sqlite3_bind_text(s, 1, record->key, -1, SQLITE_STATIC);

        if (k == SQLITE_OK)
                k = sqlite3_bind_int64(s, 2, (int64_t) record->mod_revision);
        if (k == SQLITE_OK)
                k = record->damaged ? sqlite3_bind_null(s, 3)
                                    : sqlite3_bind_blob(s, 3, record->value ?: "", (int) record->size, SQLITE_STATIC);
        if (k == SQLITE_OK)
                k = sqlite3_bind_int64(s, 4,
                                record->damaged ? 0
                                                : (int64_t) database_crc(record->key, record->mod_revision,
                                                                  record->value, record->size));
        if (k == SQLITE_OK && sqlite3_step(s) != SQLITE_DONE)
                k = sqlite3_errcode(sqlite3_db_handle(s));
        (void) sqlite3_reset(s);
        return k;
}

static int insert_records(sqlite3 *db, const LocalResult *records) {
        sqlite3_stmt *s = NULL;
        int k = sqlite3_prepare_v2(
                        db, "INSERT INTO records(key, revision, value, crc) VALUES (?1, ?2, ?3, ?4)", -1, &s, NULL);

        for (size_t i = 0; k == SQLITE_OK && i < records->n_records; i++)
                k = insert_record(s, records->records + i);
        (void) sqlite3_finalize(s);
        return k;
}

int database_make(
                const char *id, uint64_t revision, const LocalResult *records, unsigned char **ret, size_t *ret_size) {
        char format[96];
        sqlite3 *db = NULL;
        sqlite3_int64 size = 0;
        int k = sqlite3_open_v2(
                        ":memory:", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX, NULL);

        (void) snprintf(format, sizeof(format), "PRAGMA application_id = %d; PRAGMA user_version = %d; BEGIN;",
                        LOCAL_APPLICATION_ID, LOCAL_FORMAT);
        if (k == SQLITE_OK)
                k = sqlite3_exec(db, format, NULL, NULL, NULL);
        if (k == SQLITE_OK)
                k = sqlite3_exec(db, schema, NULL, NULL, NULL);
        if (k == SQLITE_OK)
                k = insert_store(db, id, revision);
        if (k == SQLITE_OK)
                k = insert_records(db, records); /* before the triggers, which would give them other revisions */
        if (k == SQLITE_OK)
                k = sqlite3_exec(db, triggers, NULL, NULL, NULL);
        if (k == SQLITE_OK)
                k = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
        if (k == SQLITE_OK) {
                *ret = sqlite3_serialize(db, "main", &size, 0);
                *ret_size = (size_t) size;
                k = *ret ? SQLITE_OK : SQLITE_NOMEM;
        }
        (void) sqlite3_close(db);
        return k;
}
