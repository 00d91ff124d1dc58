/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The local registry's directory:
 *
 *     store       "leased-store 1 UUID REVISION": who the store is, how far it has come, and the lock
 *     new-N       records being written
 *     records/    one file for each record, see local-file.h
 *
 * Whoever reads or writes holds an exclusive flock on "store" meanwhile, so everything that is answered was true at
 * one moment between question and answer: the map is linearizable between all processes of one kernel. A process that
 * is killed loses the lock; one that is stopped keeps it and makes the others time out: no answer, and never "no".
 * The lock is waited for by asking again and again: flock() knows no time limit, and this thread may sleep.
 *
 * The revision in "store" is not synced for a Txn that puts something, since the records themselves tell theirs: the
 * first time that a store is used it raises the revision to the highest record's. A Txn that only deletes syncs it.
 *
 * What is not done: no history, no journal, no repair. A damaged record stays until it is overwritten or removed by
 * hand; it fails every compare. The directory is made when the registry is opened and never again: if it vanishes
 * there is no answer; if another takes its place, that one is another store.
 */
#include "registry/local/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "registry/local/file.h"
#include "util/file-util.h"
#include "util/lock-file.h"

#define STORE_FORMAT "leased-store 1 %36s %20" PRIu64 "\n"

enum {
        STORE_SIZE = 15 + 36 + 1 + 20 + 1,
};

struct LocalStore {
        LocalPlace place;
        char *directory, *records, *head; /* paths */
        int head_fd;
        bool used; /* it was there once: it is not made again */
        char id[LOCAL_STORE_ID_SIZE];
};

LocalStore *local_store_free(LocalStore *store) {
        if (!store)
                return NULL;
        closep(&store->head_fd);
        closep(&store->place.records_fd);
        closep(&store->place.directory_fd);
        free(store->directory);
        free(store->records);
        free(store->head);
        free(store);
        return NULL;
}

LocalStore *local_store_new(const char *directory) {
        _cleanup_(local_store_freep) LocalStore *store = calloc(1, sizeof(LocalStore));

        if (!store)
                return NULL;
        store->place.directory_fd = store->place.records_fd = store->head_fd = -1;
        store->directory = strdup(directory);
        if (!store->directory)
                return NULL;
        if (asprintf(&store->records, "%s/records", directory) < 0) {
                store->records = NULL;
                return NULL;
        }
        if (asprintf(&store->head, "%s/store", directory) < 0) {
                store->head = NULL;
                return NULL;
        }
        store->place.directory = store->directory;
        store->place.records = store->records;
        return TAKE_PTR(store);
}

const LocalPlace *local_store_place(const LocalStore *store) {
        return &store->place;
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
        if (pwrite(store->head_fd, text, STORE_SIZE, 0) != STORE_SIZE)
                return errno ? -errno : -EIO;
        if (sync && fdatasync(store->head_fd) < 0)
                return -errno;
        store->place.revision = revision;
        return 0;
}

int local_store_advance(LocalStore *store, bool sync) {
        return write_head(store, store->place.revision + 1, sync);
}

/* 0; -ENODATA: it is new; -EBADMSG. */
static int read_head(LocalStore *store) {
        char text[STORE_SIZE + 1], id[LOCAL_STORE_ID_SIZE], again[STORE_SIZE + 1];
        ssize_t n = pread(store->head_fd, text, sizeof(text), 0);
        uint64_t revision;

        if (n < 0)
                return -errno;
        if (n == 0)
                return -ENODATA;
        text[MIN((size_t) n, (size_t) STORE_SIZE)] = '\0';
        if (n != STORE_SIZE || sscanf(text, "leased-store 1 %36s %" SCNu64, id, &revision) != 2 ||
                        revision > INT64_MAX || strspn(id, "0123456789abcdef-") != LOCAL_STORE_ID_SIZE - 1)
                return -EBADMSG;
        (void) snprintf(again, sizeof(again), STORE_FORMAT, id, revision);
        if (!streq(text, again))
                return -EBADMSG;
        str_copy(store->id, sizeof(store->id), id);
        store->place.revision = revision;
        return 0;
}

static int highest_record(LocalStore *store, uint64_t *ret) {
        DIR *d = opendir(store->records);
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
                if (r == 0 && fsync(store->place.directory_fd) < 0)
                        r = -errno;
                return r;
        }
        if (r == 0 && store->place.revision < highest)
                r = write_head(store, highest, true);
        return r;
}

/* ---- opening and locking ---- */

static void store_close(LocalStore *store) {
        closep(&store->head_fd);
        closep(&store->place.records_fd);
        closep(&store->place.directory_fd);
        store->head_fd = store->place.records_fd = store->place.directory_fd = -1;
}

static int store_open(LocalStore *store, LocalResult *result) {
        struct statfs fs;

        store->place.directory_fd = open(store->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (store->place.directory_fd < 0)
                return local_result_fail(result, errno, store->directory, "cannot open");
        if (fstatfs(store->place.directory_fd, &fs) < 0)
                return local_result_fail(result, errno, store->directory, "cannot look at its file system");
        if (local_network_file_system((long) fs.f_type))
                return local_result_fail(result, EREMOTE, store->directory, "lies on a network or shared file system");
        if (!store->used && mkdirat(store->place.directory_fd, "records", 0700) < 0 && errno != EEXIST)
                return local_result_fail(result, errno, store->records, "cannot make");
        store->place.records_fd = openat(store->place.directory_fd, "records", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (store->place.records_fd < 0)
                return local_result_fail(result, errno, store->records, "cannot open");
        store->head_fd = lock_file_open(store->place.directory_fd, "store", !store->used);
        if (store->head_fd < 0)
                return local_result_fail(result, store->head_fd, store->head, "cannot open");
        return 0;
}

/* Whether what we have open is what the next one would open. */
static bool is_current(const LocalStore *store) {
        struct stat a, b;

        return fstat(store->head_fd, &a) == 0 && stat(store->head, &b) == 0 && a.st_dev == b.st_dev &&
               a.st_ino == b.st_ino && fstat(store->place.records_fd, &a) == 0 && stat(store->records, &b) == 0 &&
               a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static const char *why_not_locked(const LocalStore *store, int r) {
        if (r == 0)
                return "no time left";
        return lock_file_is_private(store->head_fd)
                               ? "locked by another process"
                               : "locked by another process, perhaps of another user, since others may open it";
}

/* Whether what is open, and locked, is what the next one would open, and nobody can lock it who is not meant to.
 * Otherwise it is to be opened anew. A copy takes the place of a file that others can open only here, under the lock:
 * none of those who wait for the old one then writes to it. */
static int secure(LocalStore *store, LocalResult *result) {
        int r;

        if (!is_current(store))
                return 1;
        if (lock_file_is_private(store->head_fd))
                return 0;
        r = lock_file_replace(store->place.directory_fd, "store", &store->head_fd);
        return r < 0 ? local_result_fail(result, r, store->head,
                                       "others may open it, and it cannot be replaced by a copy")
                     : 0;
}

static int wait_for_lock(LocalStore *store, const LocalPatience *patience, LocalResult *result) {
        for (unsigned tries = 0;; tries++) {
                int r = lock_file_try(store->head_fd);

                if (r < 0 && r != -EWOULDBLOCK)
                        return local_result_fail(result, r, store->head, "cannot lock");
                /* Looked at also when the lock was had at once: what nobody waits for any more is not begun. */
                if ((patience->abandoned && atomic_load(patience->abandoned)) ||
                                now_boottime() >= patience->deadline) {
                        lock_file_unlock(store->head_fd);
                        return local_result_fail(result, ETIMEDOUT, store->head, why_not_locked(store, r));
                }
                if (r == 0)
                        return 0;
                /* Soon at first, since a Txn takes milliseconds, and not in step with the others. */
                (void) nanosleep(&(struct timespec){ .tv_nsec = (tries < 20 ? 200 : 2000) * 1000 +
                                                                (long) (now_boottime() % 512) * 1000 },
                                NULL);
        }
}

void local_store_unlock(LocalStore *store) {
        lock_file_unlock(store->head_fd);
}

int local_store_lock(LocalStore *store, const LocalPatience *patience, LocalResult *result) {
        for (;;) {
                bool fresh = store->head_fd < 0;
                int r = 0;

                if (fresh)
                        r = store_open(store, result);
                if (r == 0)
                        r = wait_for_lock(store, patience, result);
                if (r == 0)
                        r = secure(store, result);
                if (r > 0) {
                        store_close(store); /* lets the lock go, too */
                        continue;
                }
                if (r == 0) {
                        r = fresh ? take_over(store) : read_head(store);
                        if (r < 0) {
                                r = local_result_fail(result, r == -ENODATA ? -EBADMSG : r, store->head,
                                                r == -EBADMSG || r == -ENODATA
                                                                ? "damaged; without it the registry would begin anew"
                                                                : "cannot use");
                                local_store_unlock(store);
                        }
                }
                if (r < 0) {
                        if (r != -ETIMEDOUT || fresh)
                                store_close(store);
                        return r;
                }
                store->used = true;
                result->revision = store->place.revision;
                str_copy(result->store, sizeof(result->store), store->id);
                return 0;
        }
}
