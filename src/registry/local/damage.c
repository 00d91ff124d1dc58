/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The revision of a record that cannot be read. Its own is lost with it, but it must have one: whoever takes its place
 * compares with it, and whoever waits for a beat to move must see it stand still while others write. So a file that is
 * found damaged gets the store's revision of that moment, which is not older than any that was seen of it, and keeps
 * it in this process until the file is another one, as stat() shows.
 *
 * The requests' worker and the watch's ask for the same files: there is one table for all of them, and a lock.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <uthash.h>

#include "registry/local/store.h"

enum { TABLE_MAX = 4096 }; /* more damaged files than that get new revisions at times: each is then waited for anew */

typedef struct DamagedFile {
        struct {
                dev_t device;
                ino_t inode;
        } key;
        off_t size;
        struct timespec modified, changed;
        uint64_t revision;
        UT_hash_handle hh;
} DamagedFile;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static DamagedFile *table;

static bool same_time(struct timespec a, struct timespec b) {
        return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static void empty_table(void) {
        DamagedFile *f, *next;

        HASH_ITER(hh, table, f, next) {
                HASH_DEL(table, f);
                free(f);
        }
}

static uint64_t look_up(const struct stat *st, uint64_t now) {
        DamagedFile *f, sought = {};

        sought.key.device = st->st_dev;
        sought.key.inode = st->st_ino;
        HASH_FIND(hh, table, &sought.key, sizeof(sought.key), f);
        if (f && f->size == st->st_size && same_time(f->modified, st->st_mtim) && same_time(f->changed, st->st_ctim))
                return f->revision;
        if (!f) {
                if (HASH_COUNT(table) >= TABLE_MAX)
                        empty_table();
                f = calloc(1, sizeof(DamagedFile));
                if (!f)
                        return now;
                f->key = sought.key;
                HASH_ADD(hh, table, key, sizeof(f->key), f);
        }
        f->size = st->st_size;
        f->modified = st->st_mtim;
        f->changed = st->st_ctim;
        f->revision = now;
        return now;
}

uint64_t local_damage_revision(const LocalPlace *place, const char *name) {
        uint64_t now = MAX(place->revision, UINT64_C(1)), revision;
        struct stat st;

        if (fstatat(place->records_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return now;
        (void) pthread_mutex_lock(&lock);
        revision = look_up(&st, now);
        (void) pthread_mutex_unlock(&lock);
        return revision;
}
