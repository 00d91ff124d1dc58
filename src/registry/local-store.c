/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The local registry's directory:
 *
 *     store       "leased-store 1 UUID REVISION": who the store is, how far it has come, and the lock
 *     new-N       records being written
 *     records/    one file for each record, see local-file.h
 *
 * Whoever reads or writes holds an exclusive flock on "store" meanwhile, so everything that is answered was true at one
 * moment between question and answer: the map is linearizable between all processes of one kernel. A process that is
 * killed loses the lock; one that is stopped keeps it and makes the others time out, which is no answer and never "no".
 * The lock is waited for by asking again and again: flock() knows no time limit, and this thread may sleep.
 *
 * A Txn, once its compares have been found true: (1) all new records are written beside and synced, which is where a
 * full disk shows; (2) the new revision is written into "store", in place; (3) the files are renamed, fences first,
 * then beats, then leases, then the rest; (4) files are unlinked in the reverse order; (5) records/ is synced. One
 * record costs two syncs. Nothing is ever half a record, and no revision is ever used twice.
 *
 * A crash in the middle of (3) leaves a prefix of a Txn of several records, and the order makes every prefix safe
 * (docs/safety.md): a touched fence whose lease was not taken makes its session read its leases, find all of them its
 * own, and beat again; a beat without its fence cannot exist, a fence without its beat is a session that never began;
 * a lease is written only after the fence of whoever is robbed of it. What a Txn deletes is gone for its readers in the
 * reverse order, so a fence never goes before its beat. Nobody sees a prefix except after such a crash (or a disk that
 * fails in the middle, which is answered with UNKNOWN), since the lock is held until the end. After a power cut no session of this kernel is left that could be hurt by the order in which
 * the file system wrote the renames.
 *
 * The revision in "store" is not synced for a Txn that puts something, since the records themselves tell theirs: the
 * first time that a store is used it raises the revision to the highest record's. A Txn that only deletes syncs it.
 *
 * What is not done: no history, no journal, no repair. A damaged record stays until it is overwritten or removed by
 * hand; it fails every compare. The directory is made when the registry is opened and never again: if it vanishes
 * there is no answer; if another takes its place, that one is another store.
 */
#include "registry/local-store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "registry/local-file.h"
#include "util/file-util.h"

#define STORE_FORMAT "leased-store 1 %36s %20" PRIu64 "\n"

enum {
        STORE_SIZE = 15 + 36 + 1 + 20 + 1,
};

struct LocalStore {
        char *directory, *records_path, *store_path;
        int directory_fd, records_fd, store_fd;
        bool used; /* it was there once: it is not made again */
        char id[LOCAL_STORE_ID_SIZE];
        uint64_t revision; /* as read under the lock */
};

LocalStore *local_store_free(LocalStore *store) {
        if (!store)
                return NULL;
        closep(&store->store_fd);
        closep(&store->records_fd);
        closep(&store->directory_fd);
        free(store->directory);
        free(store->records_path);
        free(store->store_path);
        free(store);
        return NULL;
}

LocalStore *local_store_new(const char *directory) {
        _cleanup_(local_store_freep) LocalStore *store = calloc(1, sizeof(LocalStore));

        if (!store)
                return NULL;
        store->directory_fd = store->records_fd = store->store_fd = -1;
        store->directory = strdup(directory);
        if (!store->directory)
                return NULL;
        if (asprintf(&store->records_path, "%s/records", directory) < 0) {
                store->records_path = NULL;
                return NULL;
        }
        if (asprintf(&store->store_path, "%s/store", directory) < 0) {
                store->store_path = NULL;
                return NULL;
        }
        return TAKE_PTR(store);
}

int local_store_records_fd(const LocalStore *store) {
        return store->records_fd;
}

const char *local_store_records_path(const LocalStore *store) {
        return store->records_path;
}

/* ---- the store's own file ---- */

static int make_id(char ret[static LOCAL_STORE_ID_SIZE]) {
        unsigned char b[16];

        if (getrandom(b, sizeof(b), 0) != sizeof(b))
                return -EIO;
        b[6] = (unsigned char) ((b[6] & 0x0f) | 0x40); /* a random UUID, RFC 4122 4.4 */
        b[8] = (unsigned char) ((b[8] & 0x3f) | 0x80);
        (void) snprintf(ret, LOCAL_STORE_ID_SIZE,
                        "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2], b[3],
                        b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
        return 0;
}

/* In place: one write inside one page and one sector is whole or not there. */
static int write_head(LocalStore *store, uint64_t revision, bool sync) {
        char text[STORE_SIZE + 1];

        (void) snprintf(text, sizeof(text), STORE_FORMAT, store->id, revision);
        if (pwrite(store->store_fd, text, STORE_SIZE, 0) != STORE_SIZE)
                return errno ? -errno : -EIO;
        if (sync && fdatasync(store->store_fd) < 0)
                return -errno;
        store->revision = revision;
        return 0;
}

/* 0; -ENODATA: it is new; -EBADMSG. */
static int read_head(LocalStore *store) {
        char text[STORE_SIZE + 1], id[LOCAL_STORE_ID_SIZE], again[STORE_SIZE + 1];
        ssize_t n = pread(store->store_fd, text, sizeof(text), 0);
        uint64_t revision;

        if (n < 0)
                return -errno;
        if (n == 0)
                return -ENODATA;
        text[MIN((size_t) n, (size_t) STORE_SIZE)] = '\0';
        if (n != STORE_SIZE || sscanf(text, "leased-store 1 %36s %" SCNu64, id, &revision) != 2)
                return -EBADMSG;
        (void) snprintf(again, sizeof(again), STORE_FORMAT, id, revision);
        if (!streq(text, again))
                return -EBADMSG;
        str_copy(store->id, sizeof(store->id), id);
        store->revision = revision;
        return 0;
}

static int highest_record(LocalStore *store, uint64_t *ret) {
        DIR *d = opendir(store->records_path);
        uint64_t highest = 0;
        struct dirent *e;
        int r = 0;

        if (!d)
                return -errno;
        while (r == 0 && (errno = 0, e = readdir(d))) {
                LocalFile file = {};

                if (e->d_name[0] == '.')
                        continue;
                r = local_file_read(dirfd(d), e->d_name, &file);
                if (r == -ENOENT)
                        r = 0;
                highest = MAX(highest, file.mod_revision);
                local_file_clear(&file);
        }
        if (r == 0 && errno != 0)
                r = -errno;
        (void) closedir(d);
        *ret = highest;
        return r;
}

/* Under the lock, the first time that these files are used. */
static int take_over(LocalStore *store) {
        uint64_t highest = 0;
        int r;

        r = highest_record(store, &highest);
        if (r < 0)
                return r;
        r = read_head(store);
        if (r == -ENODATA) {
                r = make_id(store->id);
                if (r == 0)
                        r = write_head(store, highest, true);
                if (r == 0 && fsync(store->directory_fd) < 0)
                        r = -errno;
                return r;
        }
        if (r == 0 && store->revision < highest)
                r = write_head(store, highest, true);
        return r;
}

/* ---- opening and locking ---- */

static void store_close(LocalStore *store) {
        closep(&store->store_fd);
        closep(&store->records_fd);
        closep(&store->directory_fd);
        store->store_fd = store->records_fd = store->directory_fd = -1;
}

static int store_open(LocalStore *store, LocalResult *result) {
        struct statfs fs;

        store->directory_fd = open(store->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (store->directory_fd < 0)
                return local_result_fail(result, errno, store->directory, "cannot open");
        if (fstatfs(store->directory_fd, &fs) < 0)
                return local_result_fail(result, errno, store->directory, "cannot look at its file system");
        if (local_network_file_system((long) fs.f_type))
                return local_result_fail(result, EREMOTE, store->directory, "lies on a network or shared file system");
        if (!store->used && mkdirat(store->directory_fd, "records", 0700) < 0 && errno != EEXIST)
                return local_result_fail(result, errno, store->records_path, "cannot make");
        store->records_fd = openat(store->directory_fd, "records", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (store->records_fd < 0)
                return local_result_fail(result, errno, store->records_path, "cannot open");
        /* Not readable by others: whoever can open it can lock it, and stop all. */
        store->store_fd = openat(store->directory_fd, "store",
                        O_RDWR | O_CLOEXEC | O_NOFOLLOW | (store->used ? 0 : O_CREAT), 0600);
        if (store->store_fd < 0)
                return local_result_fail(result, errno, store->store_path, "cannot open");
        return 0;
}

/* Whether what we have open is what the next one would open. */
static bool is_current(const LocalStore *store) {
        struct stat a, b;

        return fstat(store->store_fd, &a) == 0 && stat(store->store_path, &b) == 0 && a.st_dev == b.st_dev &&
                        a.st_ino == b.st_ino && fstat(store->records_fd, &a) == 0 &&
                        stat(store->records_path, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* 0: locked; 1: held by somebody else */
static int try_lock(LocalStore *store) {
        if (flock(store->store_fd, LOCK_EX | LOCK_NB) == 0)
                return 0;
        return errno == EWOULDBLOCK || errno == EINTR ? 1 : -errno;
}

static int wait_for_lock(LocalStore *store, const LocalPatience *patience, LocalResult *result) {
        for (unsigned tries = 0;; tries++) {
                int r = try_lock(store);

                if (r < 0)
                        return local_result_fail(result, r, store->store_path, "cannot lock");
                /* Looked at also when the lock was had at once: what nobody waits for any more is not begun. */
                if ((patience->abandoned && atomic_load(patience->abandoned)) || now_boottime() >= patience->deadline) {
                        (void) flock(store->store_fd, LOCK_UN);
                        return local_result_fail(result, ETIMEDOUT, store->store_path,
                                        r > 0 ? "locked by another process" : "no time left");
                }
                if (r == 0)
                        return 0;
                /* Soon at first, since a Txn takes milliseconds, and not in step with the others. */
                (void) nanosleep(&(struct timespec){ .tv_nsec = (tries < 20 ? 200 : 2000) * 1000 +
                                                 (long) (now_boottime() % 512) * 1000 }, NULL);
        }
}

void local_store_unlock(LocalStore *store) {
        (void) flock(store->store_fd, LOCK_UN);
}

int local_store_lock(LocalStore *store, const LocalPatience *patience, LocalResult *result) {
        for (;;) {
                bool fresh = store->store_fd < 0;
                int r = 0;

                if (fresh)
                        r = store_open(store, result);
                if (r == 0)
                        r = wait_for_lock(store, patience, result);
                if (r == 0 && !is_current(store)) {
                        store_close(store); /* lets the lock go, too */
                        continue;
                }
                if (r == 0) {
                        r = fresh ? take_over(store) : read_head(store);
                        if (r < 0) {
                                r = local_result_fail(result, r == -ENODATA ? -EBADMSG : r, store->store_path,
                                                r == -EBADMSG || r == -ENODATA ?
                                                "damaged; without it the registry would begin anew" : "cannot use");
                                local_store_unlock(store);
                        }
                }
                if (r < 0) {
                        if (r != -ETIMEDOUT || fresh)
                                store_close(store);
                        return r;
                }
                store->used = true;
                result->revision = store->revision;
                str_copy(result->store, sizeof(result->store), store->id);
                return 0;
        }
}

/* ---- reading ---- */

int local_result_add_key(LocalResult *result, LocalStore *store, const char *key) {
        _cleanup_free_ char *escaped = local_escape(key), *copy = strdup(key);
        char name[LOCAL_NAME_SIZE];
        LocalFile file = {};
        int r;

        if (!escaped || !copy)
                return -ENOMEM;
        local_name(escaped, name);
        r = local_file_read(store->records_fd, name, &file);
        if (r == -ENOENT)
                return local_result_add(result, TAKE_PTR(copy), NULL, 0, 0, false, false);
        if (r < 0)
                return r;
        if (!file.damaged && !streq(file.key, key)) /* two cut names with one hash: neither may pass for the other */
                file.damaged = true;
        r = local_result_add(result, TAKE_PTR(copy), file.damaged ? NULL : TAKE_PTR(file.value), file.size,
                        /* Its own revision is lost. This one is not older than any that was seen of it. */
                        file.damaged ? MAX(store->revision, 1u) : file.mod_revision, file.damaged, false);
        local_file_clear(&file);
        return r;
}

int local_store_get(LocalStore *store, const LocalPatience *patience, const char *const *keys, size_t n,
                LocalResult *result) {
        int r = local_store_lock(store, patience, result);

        if (r < 0)
                return r;
        for (size_t i = 0; r == 0 && i < n; i++)
                r = local_result_add_key(result, store, keys[i]);
        local_store_unlock(store);
        return r < 0 ? local_result_fail(result, r, store->records_path, "cannot read") : 0;
}

int local_store_list(LocalStore *store, const LocalPatience *patience, const char *prefix, LocalResult *result) {
        _cleanup_(local_view_freep) LocalView *view = local_view_new(prefix);

        if (!view)
                return local_result_fail(result, ENOMEM, store->records_path, "cannot read");
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

static int compare_all(LocalStore *store, const RegistryTxn *txn, bool *ret_true) {
        LocalResult found = {};
        int r = 0;

        *ret_true = true;
        for (size_t i = 0; r == 0 && *ret_true && i < txn->n_compares; i++) {
                r = local_result_add_key(&found, store, txn->compares[i].key);
                if (r == 0)
                        *ret_true = !found.records[i].damaged &&
                                        found.records[i].mod_revision == txn->compares[i].mod_revision;
        }
        local_result_clear(&found);
        return r;
}

static void new_name(size_t i, char ret[static 16]) {
        (void) snprintf(ret, 16, "new-%u", (unsigned) i);
}

/* (1): all of them on the disk, none of them in its place. What is left of a failure is overwritten by the next. */
static int write_new(LocalStore *store, const RegistryTxn *txn, uint64_t revision) {
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
                r = local_file_write(store->directory_fd, name, escaped, txn->puts[n].value, txn->puts[n].size, revision,
                                fds + n);
                n += r == 0;
        }
        for (size_t i = 0; i < n; i++) {
                if (r == 0 && fsync(fds[i]) < 0)
                        r = -errno;
                (void) close(fds[i]);
        }
        for (size_t i = 0; r < 0 && i <= n && i < txn->n_puts; i++) {
                new_name(i, name);
                (void) unlinkat(store->directory_fd, name, 0);
        }
        return r;
}

/* (3) and (4) */
static int put_in_place(LocalStore *store, const RegistryTxn *txn) {
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
                        if (renameat(store->directory_fd, from, store->records_fd, to) < 0)
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
                        if (unlinkat(store->records_fd, to, 0) < 0 && errno != ENOENT)
                                return -errno;
                }
        return 0;
}

static int apply(LocalStore *store, const RegistryTxn *txn, LocalResult *result) {
        uint64_t revision = store->revision + 1;
        int r;

        if (txn->n_puts == 0 && txn->n_deletes == 0)
                return 0;
        r = write_new(store, txn, revision);
        if (r < 0)
                return r;
        r = write_head(store, revision, txn->n_puts == 0);
        if (r < 0)
                return r;
        r = put_in_place(store, txn);
        if (r == 0 && fsync(store->records_fd) < 0)
                r = -errno;
        result->revision = revision;
        return r;
}

int local_store_txn(LocalStore *store, const LocalPatience *patience, const RegistryTxn *txn, LocalResult *result) {
        bool holds = false;
        int r = local_store_lock(store, patience, result);

        if (r < 0)
                return r;
        r = compare_all(store, txn, &holds);
        if (r == 0 && holds)
                r = apply(store, txn, result);
        for (size_t i = 0; r == 0 && !holds && i < txn->n_reads; i++)
                r = local_result_add_key(result, store, txn->reads[i]);
        result->refused = !holds;
        local_store_unlock(store);
        return r < 0 ? local_result_fail(result, r, store->directory, "cannot write") : 0;
}

/* ---- where it may lie ---- */

const char *local_network_file_system(long magic) {
        static const struct {
                uint32_t magic;
                const char *name;
        } table[] = {
                { 0x6969, "NFS" },             { 0x517b, "SMB" },              { 0xff534d42, "CIFS" },
                { 0xfe534d42, "SMB" },         { 0x00c36400, "Ceph" },         { 0x5346414f, "AFS" },
                { 0x6b414653, "AFS" },         { 0x73757245, "Coda" },         { 0x564c, "NCP" },
                { 0x01021997, "9P" },          { 0x65735546, "FUSE" },         { 0x7461636f, "OCFS2" },
                { 0x01161970, "GFS2" },        { 0x0bd00bd0, "Lustre" },       { 0x47504653, "GPFS" },
                { 0x19830326, "BeeGFS" },      { 0x20030528, "OrangeFS" },     { 0xaad7aaea, "PanFS" },
                { 0x786f4256, "VirtualBox" },  { 0xbacbacbc, "VMware" },       { 0x013111a8, "IBRIX" },
                { 0x61636673, "ACFS" },        { 0xc0ffee, "HostFS" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++)
                if ((uint32_t) magic == table[i].magic)
                        return table[i].name;
        return NULL;
}

int local_directory_prepare(const char *directory, char **ret_error) {
        const char *network = NULL;
        struct statfs fs;
        int r;

        if (directory[0] != '/') {
                r = -EINVAL;
                if (asprintf(ret_error, "%s: not an absolute path", directory) < 0)
                        *ret_error = NULL;
                return r;
        }
        r = mkdir_parents(directory, 0755);
        if (r == 0 && statfs(directory, &fs) < 0)
                r = -errno;
        if (r == 0) {
                network = local_network_file_system((long) fs.f_type);
                if (!network)
                        return 0;
                r = -EREMOTE;
        }
        if (network ? asprintf(ret_error, "%s: lies on a network or shared file system (%s): a local registry excludes "
                                          "nobody outside its machine; use a directory on a local disk, or etcd",
                                    directory, network) < 0 :
                      asprintf(ret_error, "%s: cannot be made or used: %s", directory, strerror(-r)) < 0)
                *ret_error = NULL;
        return r;
}
