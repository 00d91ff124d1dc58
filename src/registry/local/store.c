/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The local registry is one SQLite database, DIRECTORY/store, with a rollback journal beside it.
 *
 * Whoever reads holds SQLite's shared lock meanwhile and whoever writes its exclusive one, so everything that is
 * answered was true at one moment between question and answer: the map is linearizable between all processes of one
 * kernel. A process that is killed loses its lock, and the next one undoes what it had not committed. A process that
 * is stopped keeps its lock and makes the others time out: they get no answer, and never a wrong one. A lock is waited
 * for by trying again and again, with pauses.
 *
 * A Txn is committed once the journal is cut and that is on the disk (synchronous=FULL, journal_mode=TRUNCATE): four
 * syncs. A write-ahead log would need one, but its index is a file that must not be removed, copied or put back under
 * a process that is running, and people do that to files.
 *
 * SQLite alone opens the file: the kernel drops all of a process's locks on a file when any descriptor of it is
 * closed. Only root may open it at all, or anybody could hold its locks; a database that others may open is replaced
 * by a copy.
 *
 * Nothing is repaired. A damaged record stays until it is overwritten or removed by hand, and it fails every compare.
 * A damaged database gives no answers. The database is made when the registry is first used and never again: if it
 * vanishes there is no answer; if another takes its place, that one is another store.
 */
#include "registry/local/store.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "registry/local/database.h"
#include "registry/local/directory.h"
#include "registry/local/takeover.h"
#include "util/file-util.h"
#include "util/text.h"

static const char *const statements[STATEMENT_COUNT_] = {
        [STATEMENT_HEAD] = "SELECT id, since, revision FROM newest LIMIT 2",
        [STATEMENT_GET] = "SELECT " DATABASE_COLUMNS " FROM records WHERE key = ?1",
        [STATEMENT_LIST] = "SELECT " DATABASE_COLUMNS " FROM records WHERE key >= ?1 ORDER BY key",
        [STATEMENT_CHANGES] = "SELECT " DATABASE_COLUMNS " FROM records INDEXED BY by_revision WHERE revision > ?1"
                              " ORDER BY revision, key",
        [STATEMENT_PUT] = "INSERT INTO records(key, revision, value, crc) VALUES (?1, ?2, ?3, ?4) ON CONFLICT(key) DO"
                          " UPDATE SET revision = excluded.revision, value = excluded.value, crc = excluded.crc",
        [STATEMENT_DELETE] = "UPDATE records SET revision = ?2, value = NULL, crc = NULL"
                             " WHERE key = ?1 AND (value IS NOT NULL OR crc IS NOT NULL)",
        [STATEMENT_FORGET] = "DELETE FROM records WHERE value IS NULL AND crc IS NULL AND revision <= ?1",
};

static int on_busy(void *userdata, int tries) {
        const LocalStore *store = userdata;

        if (local_patience_is_over(store->patience))
                return 0;
        local_patience_pause(tries);
        return 1;
}

/* ---- what went wrong ---- */

static bool is_private(const struct stat *st) {
        return (st->st_mode & 0077) == 0 && st->st_uid == geteuid();
}

static const char *why_busy(const LocalStore *store) {
        struct stat st;

        return stat(store->path, &st) < 0 || is_private(&st)
                               ? "locked by another process"
                               : "locked by another process, perhaps of another user, since others may open it";
}

static int why_readonly(const LocalStore *store, int error) {
        return access(store->path, W_OK) < 0 || access(store->directory, W_OK) < 0 ? errno : error;
}

int local_store_fail(LocalStore *store, int code, const char *what, LocalResult *result) {
        int error = database_errno(store->db, code);

        if (error == ETIMEDOUT)
                return local_result_fail(result, ETIMEDOUT, store->path, why_busy(store));
        if (error == EBADMSG)
                return local_result_damaged(result, store->path, sqlite3_errstr(code));
        if ((code & 0xff) == SQLITE_READONLY)
                error = why_readonly(store, error);
        return local_result_fail(result, error, store->path, what);
}

/* ---- opening and closing ---- */

static void store_close(LocalStore *store) {
        for (size_t i = 0; i < STATEMENT_COUNT_; i++) {
                (void) sqlite3_finalize(store->statements[i]);
                store->statements[i] = NULL;
        }
        (void) sqlite3_close(store->db);
        store->db = NULL;
        store->met = false;
}

LocalStore *local_store_free(LocalStore *store) {
        if (!store)
                return NULL;
        store_close(store);
        free(store->directory);
        free(store->path);
        free(store);
        return NULL;
}

LocalStore *local_store_new(const char *directory) {
        _cleanup_(local_store_freep) LocalStore *store = calloc(1, sizeof(LocalStore));

        if (!store)
                return NULL;
        store->directory = strdup(directory);
        if (!store->directory)
                return NULL;
        if (asprintf(&store->path, "%s/store", directory) < 0) {
                store->path = NULL;
                return NULL;
        }
        return TAKE_PTR(store);
}

sqlite3_stmt *local_store_statement(LocalStore *store, LocalStatement which) {
        if (!store->statements[which])
                (void) sqlite3_prepare_v3(store->db, statements[which], -1, SQLITE_PREPARE_PERSISTENT,
                                &store->statements[which], NULL);
        return store->statements[which];
}

/* Looks at what lies in the place of the database, without opening it. Returns 1: it may be a database; 0: a database
 * is to be made or taken over first; or -errno. */
static int look_before(LocalStore *store, struct stat *ret, LocalResult *result) {
        struct statfs fs;

        if (statfs(store->directory, &fs) < 0)
                return local_result_fail(result, errno, store->directory, "cannot open");
        if (local_network_file_system((long) fs.f_type))
                return local_result_fail(result, EREMOTE, store->directory, "lies on a network or shared file system");
        if (lstat(store->path, ret) < 0)
                return errno == ENOENT && !store->used ? 0
                                                       : local_result_fail(result, errno, store->path, "cannot open");
        if (!S_ISREG(ret->st_mode))
                return local_result_damaged(result, store->path, "not a regular file");
        return ret->st_size > 0;
}

/* Whether the file that is open is the one that the next process would open. */
static bool is_current(const LocalStore *store) {
        struct stat st;
        int moved = 1;

        return lstat(store->path, &st) == 0 && st.st_dev == store->device && st.st_ino == store->inode &&
               sqlite3_file_control(store->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && !moved;
}

/* Opens the database. Returns 0: it is open, though nothing of it was read; 1: look again; or -errno. */
static int store_open(LocalStore *store, LocalResult *result) {
        struct stat st = {};
        int r = look_before(store, &st, result), k;

        if (r == 0)
                r = local_takeover(store->directory, st.st_ino ? &st : NULL, !store->used, store->patience, result);
        if (r <= 0)
                return r < 0 ? r : 1;
        k = sqlite3_open_v2(store->path, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
        if (k == SQLITE_OK)
                k = sqlite3_busy_handler(store->db, on_busy, store);
        if (k == SQLITE_OK)
                k = database_prepare(store->db);
        /* The file of leased 0.1.0, perhaps. It may be opened by hand, since nobody can have a database open there. */
        if ((k & 0xff) == SQLITE_NOTADB) {
                store_close(store);
                r = local_takeover(store->directory, &st, false, store->patience, result);
                return r < 0 ? r : 1;
        }
        if (k != SQLITE_OK)
                return local_store_fail(store, k, "cannot open", result);
        store->device = st.st_dev;
        store->inode = st.st_ino;
        return is_current(store) ? 0 : 1;
}

/* Checks a database that is read for the first time since it was opened. */
static int store_meet(LocalStore *store, LocalResult *result) {
        const char *why = NULL;
        int k = database_check(store->db, &why);

        if (why)
                return local_result_damaged(result, store->path, why);
        if (k != SQLITE_OK)
                return local_store_fail(store, k, "cannot read", result);
        local_takeover_tidy(store->directory);
        store->met = true;
        store->opened++;
        return 0;
}

/* ---- transactions ---- */

static int run(LocalStore *store, const char *sql) {
        return sqlite3_exec(store->db, sql, NULL, NULL, NULL);
}

void local_store_end(LocalStore *store) {
        if (!store->db)
                return;
        for (size_t i = 0; i < STATEMENT_COUNT_; i++)
                (void) sqlite3_reset(store->statements[i]);
        if (!sqlite3_get_autocommit(store->db))
                (void) run(store, "ROLLBACK");
}

/* Reads the store's name and its revision. The first read takes the shared lock. Returns a result code of SQLite. */
static int read_head(LocalStore *store, LocalResult *result) {
        sqlite3_stmt *s = local_store_statement(store, STATEMENT_HEAD);
        const char *id;
        int k = s ? sqlite3_step(s) : sqlite3_extended_errcode(store->db);

        if (k != SQLITE_ROW)
                return k == SQLITE_DONE ? SQLITE_CORRUPT : k;
        id = (const char *) sqlite3_column_text(s, 0);
        if (!id || strlen(id) != LOCAL_STORE_ID_SIZE - 1 || strspn(id, "0123456789abcdef-") != LOCAL_STORE_ID_SIZE - 1)
                return SQLITE_CORRUPT;
        for (int i = 1; i <= 2; i++)
                if (sqlite3_column_type(s, i) != SQLITE_INTEGER || sqlite3_column_int64(s, i) < 0 ||
                                sqlite3_column_int64(s, i) > LOCAL_REVISION_MAX)
                        return SQLITE_CORRUPT;
        str_copy(result->store, sizeof(result->store), id);
        store->since = (uint64_t) sqlite3_column_int64(s, 1);
        store->revision = (uint64_t) sqlite3_column_int64(s, 2);
        result->revision = store->revision;
        k = sqlite3_step(s); /* a second row would be a second store */
        (void) sqlite3_reset(s);
        return k == SQLITE_DONE ? SQLITE_OK : k == SQLITE_ROW ? SQLITE_CORRUPT : k;
}

/* Removes SQLite's files beside the database. SQLite gives them the mode of the database. If others could write to the
 * database, somebody may have such a file open, and could have anything played back into the database at any later
 * time. Under the exclusive lock, and with nothing written, these files hold nothing. */
static int remove_beside(const LocalStore *store) {
        static const char *const ends[] = { "-journal", "-wal", "-shm" };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(ends); i++) {
                _cleanup_free_ char *path = text_format("%s%s", store->path, ends[i]);

                r = path ? unlink_if_exists(path) : -ENOMEM;
        }
        return r;
}

/* Puts a copy in the place of a database that others could open: somebody who has the old file open could lock it at
 * any later time. This is done under the exclusive lock, so that no process that waits for the old file writes to it.
 * The files beside the database are removed first: if this process is killed in between, the next one replaces the
 * database again. Returns 1: look again; or -errno. */
static int replace_by_copy(LocalStore *store, LocalResult *result) {
        sqlite3_int64 size = 0;
        unsigned char *image;
        int r, k;

        local_store_end(store);
        k = run(store, "BEGIN EXCLUSIVE");
        if (k != SQLITE_OK)
                return local_store_fail(store, k, "cannot lock", result);
        if (!is_current(store))
                return 1;
        image = sqlite3_serialize(store->db, "main", &size, 0);
        r = image ? remove_beside(store) : -ENOMEM;
        if (r >= 0)
                r = write_file_atomic(store->path, image, (size_t) size, 0600, WRITE_SYNC);
        sqlite3_free(image);
        return r < 0 ? local_result_fail(result, r, store->path,
                                       "others may open it, and it cannot be replaced by a copy")
                     : 1;
}

/* Checks, under the lock, that the open file is still the database, and that no other user can lock it. Returns 0: so
 * it is; 1: the database is to be opened anew; or -errno. */
static int secure(LocalStore *store, LocalResult *result) {
        struct stat st;

        if (!is_current(store) || lstat(store->path, &st) < 0)
                return 1;
        return is_private(&st) ? 0 : replace_by_copy(store, result);
}

/* Tries once to begin a transaction. Returns 0; 1: look again; or a negative errno. */
static int try_begin(LocalStore *store, bool write, LocalResult *result) {
        int r = store->db ? 0 : store_open(store, result), k;

        if (r != 0)
                return r;
        if (write && sqlite3_db_readonly(store->db, "main")) /* it could not be opened otherwise; it is tried again */
                return local_store_fail(store, SQLITE_READONLY, "cannot write", result);
        k = run(store, write ? "BEGIN IMMEDIATE" : "BEGIN");
        if (k == SQLITE_OK && !store->met) {
                r = store_meet(store, result);
                if (r < 0)
                        return r;
        }
        if (k == SQLITE_OK)
                k = read_head(store, result);
        if (k != SQLITE_OK)
                return local_store_fail(store, k, "cannot read", result);
        r = secure(store, result);
        if (r == 0 && local_patience_is_over(store->patience))
                r = local_result_fail(result, ETIMEDOUT, store->path, "no time left");
        return r;
}

int local_store_begin(LocalStore *store, const LocalPatience *patience, bool write, LocalResult *result) {
        int r;

        store->patience = patience;
        do {
                r = try_begin(store, write, result);
                if (r != 0)
                        local_store_end(store);
                /* What is wrong may be mended by the next time, perhaps by another file, so the file is closed. */
                if (r > 0 || (r < 0 && (r != -ETIMEDOUT || !store->met)))
                        store_close(store);
                if (r > 0 && local_patience_is_over(patience))
                        r = local_result_fail(result, ETIMEDOUT, store->path, "no time left");
        } while (r > 0);
        if (r == 0)
                store->used = true;
        return r;
}
