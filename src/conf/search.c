/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/search.h"

#include <errno.h>
#include <sys/stat.h>

#include "conf/directory.h"
#include "util/strv.h"
#include "util/text.h"

/* Of files with the same name the one in the first of these folders is read. */
static const char *const folders[] = { "/etc", "/run", "/usr/local/lib", "/usr/lib" };

/* Whether the file is empty or a link to /dev/null: it hides the files of its name in later folders, and is itself not
 * read. */
static bool is_mask(const char *full) {
        struct stat st;

        return stat(full, &st) == 0 && (S_ISCHR(st.st_mode) || (S_ISREG(st.st_mode) && st.st_size == 0));
}

int search_file(const char *root, const char *name, char **ret) {
        for (size_t i = 0; i < ELEMENTSOF(folders); i++) {
                _cleanup_free_ char *path = text_format("%s/%s", folders[i], name), *full = NULL;
                struct stat st;

                full = path ? text_format("%s%s", root, path) : NULL;
                if (!full)
                        return -ENOMEM;
                if (lstat(full, &st) < 0 && errno == ENOENT)
                        continue;
                *ret = is_mask(full) ? NULL : TAKE_PTR(path);
                return 0;
        }
        *ret = NULL;
        return 0;
}

static const char *name_of(const char *path) {
        return strrchr(path, '/') + 1;
}

static int by_name(const void *a, const void *b) {
        return strcmp(name_of(*(char *const *) a), name_of(*(char *const *) b));
}

/* Adds the paths of the folder's files, except those whose names an earlier folder has as well. */
static int add_folder(char ***paths, const char *folder, char *const *names) {
        size_t before = strv_length(*paths);

        for (char *const *n = names; n && *n; n++) {
                _cleanup_free_ char *path = text_format("%s/%s", folder, *n);
                bool is_there = false;
                int r;

                if (!path)
                        return -ENOMEM;
                for (size_t i = 0; i < before && !is_there; i++)
                        is_there = streq(name_of((*paths)[i]), *n);
                r = is_there ? 0 : strv_add(paths, path);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Gives a new list without the files that are empty or links to /dev/null. Their own paths had to stand in the list
 * until now, to keep out the files of their names in later folders. */
static int without_masks(const char *root, char *const *paths, char ***ret) {
        _cleanup_(strv_freep) char **kept = NULL;

        for (char *const *p = paths; p && *p; p++) {
                _cleanup_free_ char *full = text_format("%s%s", root, *p);
                int r = full ? 0 : -ENOMEM;

                if (r == 0 && !is_mask(full))
                        r = strv_add(&kept, *p);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(kept);
        return 0;
}

int search_folder(
                const char *root, const char *name, bool (*wanted)(const char *name), char ***ret, char **ret_unread) {
        _cleanup_(strv_freep) char **paths = NULL;
        int failed = 0, r = 0;

        *ret_unread = NULL;
        for (size_t i = 0; i < ELEMENTSOF(folders); i++) {
                _cleanup_free_ char *folder = text_format("%s/%s", folders[i], name), *full = NULL;
                _cleanup_(strv_freep) char **names = NULL;

                full = folder ? text_format("%s%s", root, folder) : NULL;
                if (!full)
                        return -ENOMEM;
                r = directory_list(full, wanted, &names);
                if (r >= 0)
                        r = add_folder(&paths, folder, names);
                if (r == -ENOMEM)
                        return r;
                if (r < 0 && !*ret_unread) {
                        failed = r;
                        *ret_unread = TAKE_PTR(folder);
                }
        }
        if (paths)
                qsort(paths, strv_length(paths), sizeof(char *), by_name);
        r = without_masks(root, paths, ret);
        return r < 0 ? r : failed;
}
