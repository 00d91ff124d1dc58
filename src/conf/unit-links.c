/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/unit-links.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/unit-files.h"
#include "util/file-util.h"
#include "util/strv.h"
#include "util/text.h"
#include "util/unit-name.h"

typedef struct Links {
        char **names;
        size_t n;
} Links;

static int add(Links *l, const char *name) {
        if ((l->n & (l->n + 1)) == 0) { /* the names and the NULL at the end fill a power of two: no room is left */
                char **names = realloc(l->names, 2 * (l->n + 1) * sizeof(char *));

                if (!names)
                        return -ENOMEM;
                l->names = names;
        }
        l->names[l->n] = strdup(name);
        if (!l->names[l->n])
                return -ENOMEM;
        l->names[++l->n] = NULL;
        return 0;
}

static int by_bytes(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

/* ---- folders ---- */

static bool has_links(const char *name) {
        return endswith(name, ".wants") || endswith(name, ".requires") || endswith(name, ".upholds");
}

static int add_link(Links *l, int folder, const char *name) {
        char target[4096];
        ssize_t n = readlinkat(folder, name, target, sizeof(target) - 1);
        int r = add(l, name);

        if (n < 0 || r < 0)
                return r;
        target[n] = '\0';
        return add(l, base_name(target));
}

/* Returns 1 for a link, -1 for a folder, 0 for anything else. A file system need not tell the type in the listing.
 */
static int kind_of(int folder, const struct dirent *e) {
        struct stat st;

        if (e->d_type != DT_UNKNOWN)
                return e->d_type == DT_LNK ? 1 : e->d_type == DT_DIR ? -1 : 0;
        if (fstatat(folder, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return 0;
        return S_ISLNK(st.st_mode) ? 1 : S_ISDIR(st.st_mode) ? -1 : 0;
}

static int add_folder(Links *l, const char *path, bool deeper) {
        DIR *d = opendir(path);
        int r = d || errno == ENOENT || errno == ENOTDIR ? 0 : -errno;

        for (const struct dirent *e = d ? readdir(d) : NULL; e && r == 0; e = readdir(d)) {
                int kind = e->d_name[0] == '.' ? 0 : kind_of(dirfd(d), e);

                if (kind > 0)
                        r = add_link(l, dirfd(d), e->d_name);
                else if (kind < 0 && deeper && has_links(e->d_name)) {
                        _cleanup_free_ char *folder = text_format("%s/%s", path, e->d_name);

                        r = folder ? add_folder(l, folder, false) : -ENOMEM;
                }
        }
        if (d)
                (void) closedir(d);
        return r;
}

int unit_links_list(const char *root, char ***ret) {
        Links l = {};
        int r = 0;

        for (const char *const *folder = unit_files_folders; *folder && r == 0; folder++) {
                _cleanup_free_ char *path = text_format("%s%s", root, *folder);

                r = path ? add_folder(&l, path, true) : -ENOMEM;
        }
        if (r < 0) {
                strv_free(l.names);
                return r;
        }
        if (l.n > 0)
                qsort(l.names, l.n, sizeof(char *), by_bytes);
        *ret = l.names;
        return 0;
}

bool unit_links_have(char *const *links, const char *unit) {
        char template[UNIT_NAME_SPACE];
        const char *names[] = { unit, unit_name_template(unit, template) >= 0 ? template : unit };
        size_t n = strv_length(links);

        for (size_t i = 0; i < ELEMENTSOF(names) && n > 0; i++)
                if (bsearch(names + i, links, n, sizeof(char *), by_bytes))
                        return true;
        return false;
}
