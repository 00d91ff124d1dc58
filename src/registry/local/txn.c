/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is done under the lock: get, list (which is a first look, see local-view.c) and Txn.
 *
 * A Txn, once its compares have been found true: (1) all new records are written beside and synced, which is where a
 * full disk shows; (2) the new revision is written into "store", in place; (3) the files are renamed, fences first,
 * then beats, then leases, then the rest; (4) files are unlinked in the reverse order; (5) records/ is synced. One
 * record costs two syncs. Nothing is ever half a record, and no revision is ever used twice.
 *
 * A crash in the middle of (3) or (4) leaves a prefix of a Txn of several records, and the order makes every prefix
 * safe: a touched fence whose lease was not taken makes its session read its leases, find all of them its own, and
 * beat again; a fence without its beat is a session that never began, or has ended, and a beat without its fence
 * cannot be; a lease is written only after the fence of whoever is robbed of it, and each lease of many stands for
 * itself. Nobody sees a prefix except after such a crash, or after a disk that failed in the middle, which is answered
 * with UNKNOWN: the lock is held until the end. After a power cut no session of this kernel is left that could be hurt
 * by the order in which the file system wrote the renames.
 */
#include "registry/local/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "registry/local/file.h"

/* ---- reading ---- */

/* *ret_clash: another record lies where this one would. */
static int add_key(LocalResult *result, const LocalPlace *place, const char *key, bool *ret_clash) {
        _cleanup_free_ char *escaped = local_escape(key), *copy = strdup(key);
        char name[LOCAL_NAME_SIZE];
        LocalFile file = {};
        int r;

        *ret_clash = false;
        if (!escaped || !copy)
                return -ENOMEM;
        local_name(escaped, name);
        r = local_file_read(place->records_fd, name, &file);
        if (r == -ENOENT)
                return local_result_add(result, TAKE_PTR(copy), NULL, 0, 0, false, false);
        if (r < 0)
                return r;
        *ret_clash = !file.damaged &&
                     !streq(file.key, key); /* two cut names with one hash: neither may pass for the other */
        file.damaged = file.damaged || *ret_clash;
        r = local_result_add(result, TAKE_PTR(copy), file.damaged ? NULL : TAKE_PTR(file.value), file.size,
                        file.damaged ? local_damage_revision(place, name) : file.mod_revision, file.damaged, false);
        local_file_clear(&file);
        return r;
}

int local_store_get(LocalStore *store, const LocalPatience *patience, const char *const *keys, size_t n,
                LocalResult *result) {
        const LocalPlace *place = local_store_place(store);
        bool clash;
        int r = local_store_lock(store, patience, result);

        if (r < 0)
                return r;
        for (size_t i = 0; r == 0 && i < n; i++)
                r = add_key(result, place, keys[i], &clash);
        local_store_unlock(store);
        return r < 0 ? local_result_fail(result, r, place->records, "cannot read") : 0;
}

int local_store_list(LocalStore *store, const LocalPatience *patience, const char *prefix, LocalResult *result) {
        _cleanup_(local_view_freep) LocalView *view = local_view_new(prefix);

        if (!view)
                return local_result_fail(result, ENOMEM, local_store_place(store)->records, "cannot read");
        return local_view_look(view, store, patience, true, -1, result);
}

/* ---- writing ---- */

/* Fences, beats, leases, the rest. */
static int rank(const char *key) {
        static const char *const prefixes[] = { "fences/", "beats/", "leases/" };
        int i = 0;

        while (i < (int) ELEMENTSOF(prefixes) && !startswith(key, prefixes[i]))
                i++;
        return i;
}

static int compare_all(const LocalPlace *place, const RegistryTxn *txn, bool *ret_true) {
        LocalResult found = {};
        bool clash;
        int r = 0;

        *ret_true = true;
        for (size_t i = 0; r == 0 && *ret_true && i < txn->n_compares; i++) {
                r = add_key(&found, place, txn->compares[i].key, &clash);
                if (r == 0)
                        *ret_true = !clash && found.records[i].mod_revision == txn->compares[i].mod_revision;
        }
        local_result_clear(&found);
        return r;
}

static void new_name(size_t i, char ret[static 16]) {
        (void) snprintf(ret, 16, "new-%u", (unsigned) i);
}

/* (1): all of them on the disk, none of them in its place. What is left of a failure is overwritten by the next. */
static int write_new(const LocalPlace *place, const RegistryTxn *txn, uint64_t revision) {
        int fds[REGISTRY_TXN_MAX], r = 0;
        size_t n = 0;
        char name[16];

        while (r == 0 && n < txn->n_puts) {
                _cleanup_free_ char *escaped = local_escape(txn->puts[n].key);

                if (!escaped) {
                        r = -ENOMEM;
                        break;
                }
                new_name(n, name);
                r = local_file_write(place->directory_fd, name, escaped, txn->puts[n].value, txn->puts[n].size,
                                revision, fds + n);
                n += r == 0;
        }
        for (size_t i = 0; i < n; i++) {
                if (r == 0 && fsync(fds[i]) < 0)
                        r = -errno;
                (void) close(fds[i]);
        }
        for (size_t i = 0; r < 0 && i <= n && i < txn->n_puts; i++) {
                new_name(i, name);
                (void) unlinkat(place->directory_fd, name, 0);
        }
        return r;
}

/* (3) and (4) */
static int put_in_place(const LocalPlace *place, const RegistryTxn *txn) {
        char to[LOCAL_NAME_SIZE], from[16];

        for (int turn = 0; turn < 4; turn++)
                for (size_t i = 0; i < txn->n_puts; i++) {
                        if (rank(txn->puts[i].key) != turn)
                                continue;
                        _cleanup_free_ char *escaped = local_escape(txn->puts[i].key);
                        if (!escaped)
                                return -ENOMEM;
                        local_name(escaped, to);
                        new_name(i, from);
                        if (renameat(place->directory_fd, from, place->records_fd, to) < 0)
                                return -errno;
                }
        for (int turn = 3; turn >= 0; turn--)
                for (size_t i = 0; i < txn->n_deletes; i++) {
                        if (rank(txn->deletes[i]) != turn)
                                continue;
                        _cleanup_free_ char *escaped = local_escape(txn->deletes[i]);
                        if (!escaped)
                                return -ENOMEM;
                        local_name(escaped, to);
                        if (unlinkat(place->records_fd, to, 0) < 0 && errno != ENOENT)
                                return -errno;
                }
        return 0;
}

static int apply(LocalStore *store, const RegistryTxn *txn, LocalResult *result) {
        const LocalPlace *place = local_store_place(store);
        uint64_t revision = place->revision + 1;
        int r;

        if (txn->n_puts == 0 && txn->n_deletes == 0)
                return 0;
        r = write_new(place, txn, revision);
        if (r < 0)
                return r;
        r = local_store_advance(store, txn->n_puts == 0);
        if (r < 0)
                return r;
        r = put_in_place(place, txn);
        if (r == 0 && fsync(place->records_fd) < 0)
                r = -errno;
        result->revision = revision;
        return r;
}

int local_store_txn(LocalStore *store, const LocalPatience *patience, const RegistryTxn *txn, LocalResult *result) {
        const LocalPlace *place = local_store_place(store);
        bool holds = false;
        int r = local_store_lock(store, patience, result);

        if (r < 0)
                return r;
        r = compare_all(place, txn, &holds);
        if (r == 0 && holds)
                r = apply(store, txn, result);
        for (size_t i = 0; r == 0 && !holds && i < txn->n_reads; i++)
                r = add_key(result, place, txn->reads[i], &(bool){ false });
        result->refused = !holds;
        local_store_unlock(store);
        return r < 0 ? local_result_fail(result, r, place->directory, "cannot write") : 0;
}
