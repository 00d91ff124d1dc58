/* SPDX-License-Identifier: Apache-2.0 */
/* What is done in one transaction of the database: get, list and Txn. */
#include "registry/local/store.h"

#include <errno.h>

#include "registry/local/database.h"

/* ---- reading ---- */

/* The record of the key, absent or damaged or well. */
static int add_key(LocalStore *store, const char *key, LocalResult *result) {
        sqlite3_stmt *s = local_store_statement(store, STATEMENT_GET);
        size_t before = result->n_records;
        int k, r = 0;

        if (!s)
                return local_store_fail(store, sqlite3_extended_errcode(store->db), "cannot read", result);
        (void) sqlite3_bind_text(s, 1, key, -1, SQLITE_STATIC);
        k = sqlite3_step(s);
        if (k == SQLITE_ROW)
                r = database_add(s, "", false, result);
        if (r == 0 && result->n_records == before)
                r = local_result_add(result, strdup(key), NULL, 0, 0, false, false);
        (void) sqlite3_reset(s);
        if (k != SQLITE_ROW && k != SQLITE_DONE)
                return local_store_fail(store, k, "cannot read", result);
        return r < 0 ? local_result_fail(result, r, store->path, "cannot read") : 0;
}

static int add_keys(LocalStore *store, const char *const *keys, size_t n, LocalResult *result) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < n; i++)
                r = add_key(store, keys[i], result);
        return r;
}

/* All rows of the bound statement whose key begins with the prefix. Where they are sorted by key, they end with the
 * first one that does not. */
static int add_rows(LocalStore *store, sqlite3_stmt *s, const char *prefix, bool sorted, LocalResult *result) {
        int k, r = 0;

        while (r == 0 && (k = sqlite3_step(s)) == SQLITE_ROW) {
                r = database_add(s, prefix, !sorted, result);
                if (r == 1 && sorted)
                        k = SQLITE_DONE;
                else if (r == 1)
                        r = 0;
        }
        (void) sqlite3_reset(s);
        if (r < 0)
                return local_result_fail(result, r, store->path, "cannot read");
        return k == SQLITE_DONE ? 0 : local_store_fail(store, k, "cannot read", result);
}

int local_store_add_list(LocalStore *store, const char *prefix, LocalResult *result) {
        sqlite3_stmt *s = local_store_statement(store, STATEMENT_LIST);

        if (!s)
                return local_store_fail(store, sqlite3_extended_errcode(store->db), "cannot read", result);
        (void) sqlite3_bind_text(s, 1, prefix, -1, SQLITE_STATIC);
        result->listed = true;
        return add_rows(store, s, prefix, true, result);
}

int local_store_add_changes(LocalStore *store, const char *prefix, uint64_t since, LocalResult *result) {
        sqlite3_stmt *s = local_store_statement(store, STATEMENT_CHANGES);

        if (!s)
                return local_store_fail(store, sqlite3_extended_errcode(store->db), "cannot read", result);
        (void) sqlite3_bind_int64(s, 1, (int64_t) since);
        return add_rows(store, s, prefix, false, result);
}

int local_store_get(LocalStore *store, const LocalPatience *patience, const char *const *keys, size_t n,
                LocalResult *result) {
        int r = local_store_begin(store, patience, false, result);

        if (r < 0)
                return r;
        r = add_keys(store, keys, n, result);
        local_store_end(store);
        return r;
}

static bool is_old(const RegistryRecord *record, const void *newest) {
        return record->mod_revision <= *(const uint64_t *) newest;
}

int local_store_list(LocalStore *store, const LocalPatience *patience, const char *prefix, uint64_t newest,
                LocalResult *result) {
        int r = local_store_begin(store, patience, false, result);

        if (r < 0)
                return r;
        r = local_store_add_list(store, prefix, result);
        local_store_end(store);
        result->total = result->n_records;
        if (newest == 0)
                return r;
        local_result_filter(result, is_old, &newest);
        for (size_t i = 0; i < result->n_records; i++) {
                RegistryRecord *record = result->records + i;

                free((void *) record->value);
                record->value = NULL;
                record->size = 0;
        }
        return r;
}

/* ---- writing ---- */

static int compare_all(LocalStore *store, const RegistryTxn *txn, LocalResult *result, bool *ret_true) {
        LocalResult found = {};
        int r = 0;

        *ret_true = true;
        for (size_t i = 0; r == 0 && *ret_true && i < txn->n_compares; i++) {
                r = add_key(store, txn->compares[i].key, &found);
                *ret_true = r == 0 && found.records[i].mod_revision == txn->compares[i].mod_revision;
        }
        if (r < 0 && !result->error)
                result->error = TAKE_PTR(found.error);
        local_result_clear(&found);
        return r;
}

/* Runs a bound statement that gives no rows. A result code of SQLite. */
static int change(sqlite3_stmt *s) {
        int k = sqlite3_step(s);

        (void) sqlite3_reset(s);
        (void) sqlite3_clear_bindings(s);
        return k == SQLITE_DONE ? SQLITE_OK : k;
}

static int put(LocalStore *store, const RegistryRecord *record, uint64_t revision) {
        sqlite3_stmt *s = local_store_statement(store, STATEMENT_PUT);

        if (!s)
                return sqlite3_extended_errcode(store->db);
        (void) sqlite3_bind_text(s, 1, record->key, -1, SQLITE_STATIC);
        (void) sqlite3_bind_int64(s, 2, (int64_t) revision);
        (void) sqlite3_bind_blob(s, 3, record->size > 0 ? record->value : "", (int) record->size, SQLITE_STATIC);
        (void) sqlite3_bind_int64(s, 4, database_crc(record->key, revision, record->value, record->size));
        return change(s);
}

static int delete (LocalStore *store, const char *key, uint64_t revision) {
        sqlite3_stmt *s = local_store_statement(store, STATEMENT_DELETE);

        if (!s)
                return sqlite3_extended_errcode(store->db);
        (void) sqlite3_bind_text(s, 1, key, -1, SQLITE_STATIC);
        (void) sqlite3_bind_int64(s, 2, (int64_t) revision);
        return change(s);
}

/* Forgets old deletions. A watch that has not seen them by now begins anew with a list: a trigger notes up to which
 * revision deletions are forgotten. */
static int forget(LocalStore *store, uint64_t revision) {
        sqlite3_stmt *s = local_store_statement(store, STATEMENT_FORGET);

        if (revision <= LOCAL_DELETIONS_KEPT)
                return SQLITE_OK;
        if (!s)
                return sqlite3_extended_errcode(store->db);
        (void) sqlite3_bind_int64(s, 1, (int64_t) (revision - LOCAL_DELETIONS_KEPT));
        return change(s);
}

static int apply(LocalStore *store, const RegistryTxn *txn, LocalResult *result) {
        uint64_t revision = store->revision + 1;
        int k = SQLITE_OK, before = sqlite3_total_changes(store->db);

        for (size_t i = 0; k == SQLITE_OK && i < txn->n_puts; i++)
                k = put(store, txn->puts + i, revision);
        for (size_t i = 0; k == SQLITE_OK && i < txn->n_deletes; i++)
                k = delete (store, txn->deletes[i], revision);
        if (k == SQLITE_OK && sqlite3_total_changes(store->db) == before)
                return 0; /* all that was to be deleted was absent */
        if (k == SQLITE_OK && txn->n_deletes > 0)
                k = forget(store, revision);
        if (k == SQLITE_OK)
                k = sqlite3_exec(store->db, "COMMIT", NULL, NULL, NULL);
        if (k != SQLITE_OK)
                return local_store_fail(store, k, "cannot write", result);
        result->revision = revision;
        return 0;
}

int local_store_txn(LocalStore *store, const LocalPatience *patience, const RegistryTxn *txn, LocalResult *result) {
        bool writes = txn->n_puts > 0 || txn->n_deletes > 0, holds = false;
        int r = local_store_begin(store, patience, writes, result);

        if (r < 0)
                return r;
        r = compare_all(store, txn, result, &holds);
        if (r == 0 && holds && writes)
                r = apply(store, txn, result);
        if (r == 0 && !holds)
                r = add_keys(store, txn->reads, txn->n_reads, result);
        result->refused = !holds;
        local_store_end(store);
        return r;
}
