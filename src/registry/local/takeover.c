/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the database comes to be: empty, or from the files that leased 0.1.0 kept in the same directory,
 *
 *     store       "leased-store 1 UUID REVISION", and the lock of that version
 *     new-N       records being written
 *     records/    one file for each record, see old-file.h
 *
 * The whole database is written to a file beside `store` and synced, and then takes the place of `store` by one
 * rename. So whenever a process is killed, there are either the old files or the database. The file that such a
 * process was writing stays: by its name it could as well be a copy that an operator has put aside. All of this
 * happens under the lock of the old version, which is waited for. So no old daemon writes meanwhile, and of two new
 * daemons the second finds the work done. An old daemon that goes on, or is started later, takes the new `store` for
 * damaged, and gets no answers.
 *
 * The id stays, and so does the revision of each record: whoever held a lease still holds it. A damaged record stays
 * damaged.
 */
#include "registry/local/takeover.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <systemd/sd-id128.h>
#include <unistd.h>

#include "registry/local/database.h"
#include "registry/local/old-file.h"
#include "util/file-util.h"
#include "util/lock-file.h"

#define OLD_HEAD "leased-store 1 %36s %20" PRIu64 "\n"

enum {
        OLD_HEAD_SIZE = 15 + 36 + 1 + 20 + 1,
};

typedef struct Old {
        const char *directory;
        char path[PATH_MAX], records[PATH_MAX]; /* of its store, and of the folder */
        int directory_fd, lock_fd;
        char id[LOCAL_STORE_ID_SIZE];
        uint64_t revision;
        LocalResult found;
} Old;

static void old_done(Old *old) {
        closep(&old->lock_fd);
        closep(&old->directory_fd);
        local_result_clear(&old->found);
}

/* Reads id and revision. 0; -ENODATA: the file is empty; -EEXIST: it is a database already; -EBADMSG: neither. */
static int read_head(Old *old) {
        char text[OLD_HEAD_SIZE + 1], id[LOCAL_STORE_ID_SIZE], again[OLD_HEAD_SIZE + 1];
        ssize_t n = pread(old->lock_fd, text, sizeof(text), 0);
        uint64_t revision;

        if (n < 0)
                return -errno;
        if (n == 0)
                return -ENODATA;
        text[MIN((size_t) n, (size_t) OLD_HEAD_SIZE)] = '\0';
        if (streq(text, "SQLite format 3"))
                return -EEXIST;
        if (n != OLD_HEAD_SIZE || sscanf(text, "leased-store 1 %36s %" SCNu64, id, &revision) != 2 ||
                        revision >= INT64_MAX || strspn(id, "0123456789abcdef-") != LOCAL_STORE_ID_SIZE - 1)
                return -EBADMSG;
        (void) snprintf(again, sizeof(again), OLD_HEAD, id, revision);
        if (!streq(text, again))
                return -EBADMSG;
        str_copy(old->id, sizeof(old->id), id);
        old->revision = revision;
        return 0;
}

static int new_id(char ret[static LOCAL_STORE_ID_SIZE]) {
        sd_id128_t id;
        int r = sd_id128_randomize(&id);

        if (r < 0)
                return r;
        (void) snprintf(ret, LOCAL_STORE_ID_SIZE, SD_ID128_UUID_FORMAT_STR, SD_ID128_FORMAT_VAL(id));
        return 0;
}

/* ---- the records ---- */

static int read_record(Old *old, int fd, const char *name, LocalResult *result) {
        LocalFile file = {};
        int r = local_file_read(fd, name, &file);

        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return local_result_fail(result, r, old->records, "cannot read");
        old->revision = MAX(old->revision, file.mod_revision);
        if (!file.key) {
                /* A file that is not ours, unless its name was cut: then the record says its key, or could. */
                if (!local_name_is_cut(name))
                        return 0;
                return local_result_fail(result, EBADMSG, old->records,
                                "a record with a long key is damaged, and its name does not tell whose it is; remove "
                                "it by hand");
        }
        r = local_result_add(&old->found, TAKE_PTR(file.key), TAKE_PTR(file.value), file.size, file.mod_revision,
                        file.damaged, false);
        local_file_clear(&file);
        return r < 0 ? local_result_fail(result, r, old->records, "cannot read") : 0;
}

static int read_records(Old *old, LocalResult *result) {
        DIR *d = opendir(old->records);
        struct dirent *e;
        int r = 0;

        if (!d)
                return errno == ENOENT ? 0 : local_result_fail(result, errno, old->records, "cannot open");
        while (r == 0 && (errno = 0, e = readdir(d)))
                if (e->d_name[0] != '.')
                        r = read_record(old, dirfd(d), e->d_name, result);
        if (r == 0 && errno != 0)
                r = local_result_fail(result, errno, old->records, "cannot read");
        (void) closedir(d);
        /* The revision of a damaged record is lost. It gets one that is not below any revision that anybody saw of it.
         */
        for (size_t i = 0; r == 0 && i < old->found.n_records; i++)
                if (old->found.records[i].damaged)
                        old->found.records[i].mod_revision = MAX(old->revision, UINT64_C(1));
        return r;
}

/* ---- under the lock ---- */

static bool is_same_file(const struct stat *a, const struct stat *b) {
        return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Takes the lock. 1: we have it, and the file is still `store` and the one that was found; 0: look again; or -errno.
 */
static int wait_for_lock(Old *old, const struct stat *found, const LocalPatience *patience, LocalResult *result) {
        struct stat a, b;

        for (int tries = 0;; tries++) {
                int r = lock_file_try(old->lock_fd);

                if (r < 0 && r != -EWOULDBLOCK)
                        return local_result_fail(result, r, old->path, "cannot lock");
                if (local_patience_is_over(patience))
                        return local_result_fail(result, ETIMEDOUT, old->path, "locked by another process");
                if (r == 0)
                        break;
                local_patience_pause(tries);
        }
        return fstat(old->lock_fd, &a) == 0 && lstat(old->path, &b) == 0 && is_same_file(&a, &b) &&
               (!found || is_same_file(&a, found));
}

static int write_database(Old *old, LocalResult *result) {
        unsigned char *image = NULL;
        size_t size = 0;
        int k = database_make(old->id, old->revision, &old->found, &image, &size), r;

        if (k != SQLITE_OK)
                return local_result_fail(result, database_errno(NULL, k), old->path, "cannot make a database");
        r = write_file_atomic(old->path, image, size, 0600, WRITE_SYNC);
        sqlite3_free(image);
        return r < 0 ? local_result_fail(result, r, old->path, "cannot write") : 0;
}

static int takeover(Old *old, const struct stat *found, bool create, LocalResult *result) {
        int r = read_head(old);

        if (r == -EEXIST && !found)
                return 0; /* somebody has just made one */
        if (r == -ENODATA && create)
                r = new_id(old->id);
        if (r == -ENODATA || r == -EBADMSG || r == -EEXIST)
                return local_result_damaged(result, old->path, "file is not a database");
        if (r < 0)
                return local_result_fail(result, r, old->path, "cannot read");
        r = read_records(old, result);
        if (r < 0)
                return r;
        r = write_database(old, result);
        if (r == 0)
                local_takeover_tidy(old->directory);
        return r;
}

int local_takeover(const char *directory, const struct stat *found, bool create, const LocalPatience *patience,
                LocalResult *result) {
        _cleanup_(old_done) Old old = { .directory = directory, .directory_fd = -1, .lock_fd = -1 };
        int r;

        if (snprintf(old.path, sizeof(old.path), "%s/store", directory) >= (int) sizeof(old.path) ||
                        snprintf(old.records, sizeof(old.records), "%s/records", directory) >=
                                        (int) sizeof(old.records))
                return local_result_fail(result, ENAMETOOLONG, directory, "cannot open");
        old.directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (old.directory_fd < 0)
                return local_result_fail(result, errno, directory, "cannot open");
        old.lock_fd = lock_file_open(old.directory_fd, "store", create);
        if (old.lock_fd < 0)
                return local_result_fail(result, old.lock_fd, old.path, "cannot open");
        r = wait_for_lock(&old, found, patience, result);
        return r <= 0 ? r : takeover(&old, found, create, result);
}

/* ---- afterwards ---- */

/* Removes the old files. A file that somebody else has put there stays, and the folder with it. */
static void remove_records(int directory_fd) {
        int fd = openat(directory_fd, "records", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        DIR *d = fd < 0 ? NULL : fdopendir(fd);
        struct dirent *e;

        if (fd >= 0 && !d)
                (void) close(fd);
        while (d && (e = readdir(d))) {
                _cleanup_free_ char *key = NULL;

                if (local_name_is_cut(e->d_name) || local_unescape(e->d_name, &key) == 1)
                        (void) unlinkat(dirfd(d), e->d_name, 0);
        }
        if (d)
                (void) closedir(d);
        (void) unlinkat(directory_fd, "records", AT_REMOVEDIR);
}

void local_takeover_tidy(const char *directory) {
        _cleanup_close_ int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        char name[16];

        if (fd < 0 || faccessat(fd, "records", F_OK, AT_SYMLINK_NOFOLLOW) < 0)
                return;
        for (unsigned i = 0; i < REGISTRY_TXN_MAX; i++) {
                (void) snprintf(name, sizeof(name), "new-%u", i);
                (void) unlinkat(fd, name, 0);
        }
        remove_records(fd);
}
