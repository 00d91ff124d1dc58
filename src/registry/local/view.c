/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a reader has already seen of the directory, so that the next look finds what is different. State is compared
 * with state: a lost hint, a file removed by hand or damaged is found like any change, at the next look.
 *
 * A file that stat() shows unchanged is not read again. Since the kernel's time stamps move in ticks and inode numbers
 * are used again, that is believed only of files that had not been touched for a while when they were last looked at.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include <uthash.h>

#include "registry/local/file.h"
#include "registry/local/store.h"

#define SETTLED_AFTER USEC_PER_SEC

typedef struct SeenFile {
        char name[LOCAL_NAME_SIZE];
        char *key; /* NULL: not a record under the prefix; it is only remembered so as not to read it again */
        uint64_t mod_revision;
        bool damaged;
        bool settled; /* what stat() says is enough */
        bool present; /* in this look */
        ino_t inode;
        off_t size;
        struct timespec modified, changed;
        UT_hash_handle hh;
} SeenFile;

struct LocalView {
        char *prefix, *escaped;
        char store[LOCAL_STORE_ID_SIZE];
        SeenFile *files;
};

static void forget_file(LocalView *view, SeenFile *file) {
        HASH_DEL(view->files, file);
        free(file->key);
        free(file);
}

static void forget_all(LocalView *view) {
        SeenFile *file, *next;

        HASH_ITER(hh, view->files, file, next)
                forget_file(view, file);
}

LocalView *local_view_free(LocalView *view) {
        if (!view)
                return NULL;
        forget_all(view);
        free(view->prefix);
        free(view->escaped);
        free(view);
        return NULL;
}

LocalView *local_view_new(const char *prefix) {
        LocalView *view = calloc(1, sizeof(LocalView));

        if (!view)
                return NULL;
        view->prefix = strdup(prefix);
        view->escaped = local_escape(prefix);
        if (!view->prefix || !view->escaped)
                return local_view_free(view);
        return view;
}

static bool same_time(struct timespec a, struct timespec b) {
        return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool is_unchanged(const SeenFile *file, const struct stat *st) {
        return file->settled && file->inode == st->st_ino && file->size == st->st_size &&
               same_time(file->modified, st->st_mtim) && same_time(file->changed, st->st_ctim);
}

static void note_stat(SeenFile *file, const struct stat *st) {
        usec_t changed = (usec_t) st->st_ctim.tv_sec * USEC_PER_SEC + (usec_t) st->st_ctim.tv_nsec / 1000;

        file->inode = st->st_ino;
        file->size = st->st_size;
        file->modified = st->st_mtim;
        file->changed = st->st_ctim;
        file->settled = usec_add(changed, SETTLED_AFTER) < now_realtime();
}

/* Reads the file and reports it if it is another than before. 0, -ENOENT, or what went wrong. */
static int look_closer(LocalView *view, LocalStore *store, SeenFile *file, LocalResult *result) {
        LocalFile read = {};
        int r = local_file_read(local_store_place(store)->records_fd, file->name, &read);

        if (r < 0)
                return r;
        if (read.damaged)
                read.mod_revision = local_damage_revision(local_store_place(store), file->name);
        if (read.key && !file->key && startswith(read.key, view->prefix)) {
                file->key = strdup(read.key);
                r = file->key ? 0 : -ENOMEM;
        }
        if (r == 0 && file->key && (read.damaged != file->damaged || file->mod_revision != read.mod_revision)) {
                file->damaged = read.damaged;
                file->mod_revision = read.mod_revision;
                r = local_result_add(result, strdup(file->key), TAKE_PTR(read.value), read.size, file->mod_revision,
                                file->damaged, false);
        }
        local_file_clear(&read);
        return r;
}

static int look_at(LocalView *view, LocalStore *store, const char *name, LocalResult *result) {
        struct stat st;
        SeenFile *file;

        HASH_FIND_STR(view->files, name, file);
        if (fstatat(local_store_place(store)->records_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : -errno;
        if (!file) {
                file = calloc(1, sizeof(SeenFile));
                if (!file)
                        return -ENOMEM;
                str_copy(file->name, sizeof(file->name), name);
                HASH_ADD_STR(view->files, name, file);
        }
        file->present = true;
        if (is_unchanged(file, &st))
                return 0;
        note_stat(file, &st);

        int r = look_closer(view, store, file, result);
        if (r < 0)
                file->settled = false;
        if (r == -ENOENT)
                file->present = false;
        return r == -ENOENT ? 0 : r;
}

static int look_for_deleted(LocalView *view, LocalResult *result) {
        SeenFile *file, *next;
        int r;

        HASH_ITER(hh, view->files, file, next) {
                if (file->present)
                        continue;
                if (file->key) {
                        /* When it went is not known, but that it was before now, and after all that was seen of it. */
                        r = local_result_add(
                                        result, strdup(file->key), NULL, 0, MAX(result->revision, 1u), false, true);
                        if (r < 0)
                                return r;
                }
                forget_file(view, file);
        }
        return 0;
}

static int look_at_all(LocalView *view, LocalStore *store, LocalResult *result) {
        DIR *d = opendir(local_store_place(store)->records);
        SeenFile *file, *next;
        struct dirent *e;
        int r = 0;

        if (!d)
                return -errno;
        HASH_ITER(hh, view->files, file, next)
                file->present = false;
        while (r == 0 && (errno = 0, e = readdir(d)))
                if (e->d_name[0] != '.' && local_name_matches(e->d_name, view->escaped))
                        r = look_at(view, store, e->d_name, result);
        if (r == 0 && errno != 0)
                r = -errno;
        (void) closedir(d);
        return r < 0 ? r : look_for_deleted(view, result);
}

/* ---- the order ---- */

typedef struct Item {
        RegistryRecord record;
        bool deleted;
} Item;

static int by_key(const void *a, const void *b) {
        return strcmp(((const Item *) a)->record.key, ((const Item *) b)->record.key);
}

static int by_revision(const void *a, const void *b) {
        const Item *x = a, *y = b;

        if (x->record.mod_revision != y->record.mod_revision)
                return x->record.mod_revision < y->record.mod_revision ? -1 : 1;
        return by_key(a, b);
}

static int sort(LocalResult *result) {
        _cleanup_free_ Item *items = calloc(result->n_records + 1, sizeof(Item));

        if (!items)
                return -ENOMEM;
        for (size_t i = 0; i < result->n_records; i++)
                items[i] = (Item){ result->records[i], result->deleted[i] };
        qsort(items, result->n_records, sizeof(Item), result->listed ? by_key : by_revision);
        for (size_t i = 0; i < result->n_records; i++) {
                result->records[i] = items[i].record;
                result->deleted[i] = items[i].deleted;
        }
        return 0;
}

int local_view_look(LocalView *view, LocalStore *store, const LocalPatience *patience, bool relist, int inotify_fd,
                LocalResult *result) {
        int r = local_store_lock(store, patience, result);

        if (r < 0)
                return r;
        if (relist || !streq(view->store, result->store)) {
                forget_all(view);
                str_copy(view->store, sizeof(view->store), result->store);
                result->listed = true;
        }
        /* Again each time, since the directory may be another by now; for the same one it is no work. New records are
         * renamed into it; what is written inside it was done by hand. */
        result->unwatched = inotify_fd < 0 ||
                            inotify_add_watch(inotify_fd, local_store_place(store)->records,
                                            IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CLOSE_WRITE | IN_DELETE_SELF |
                                                            IN_MOVE_SELF | IN_ONLYDIR) < 0;
        r = look_at_all(view, store, result);
        if (r == 0)
                r = sort(result);
        local_store_unlock(store);
        if (r < 0) {
                forget_all(view); /* what was found is lost with the result: begin anew */
                view->store[0] = '\0';
                return local_result_fail(result, r, local_store_place(store)->records, "cannot read");
        }
        return 0;
}
