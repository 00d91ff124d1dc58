/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/directory.h"

#include <dirent.h>
#include <errno.h>

#include "conf/conf.h"

static int by_bytes(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

bool directory_is_conf(const char *name) {
        return endswith(name, ".conf") && strlen(name) > strlen(".conf");
}

int directory_list(const char *path, bool (*wanted)(const char *name), char ***ret) {
        _cleanup_(strv_freep) char **names = calloc(1, sizeof(char *));
        size_t n = 0;
        DIR *dir;
        int r = 0;

        if (!names)
                return -ENOMEM;
        dir = opendir(path);
        if (!dir && errno != ENOENT)
                return -errno;
        for (struct dirent *e = dir ? readdir(dir) : NULL; e && r == 0; e = readdir(dir)) {
                char **p;

                if (e->d_name[0] == '.' || (wanted && !wanted(e->d_name)))
                        continue;
                p = realloc(names, (n + 2) * sizeof(char *));
                if (!p) {
                        r = -ENOMEM;
                        break;
                }
                names = p;
                names[n + 1] = NULL;
                names[n] = strdup(e->d_name);
                r = names[n++] ? 0 : -ENOMEM;
        }
        if (dir)
                (void) closedir(dir);
        if (r < 0)
                return r;
        qsort(names, n, sizeof(char *), by_bytes);
        *ret = TAKE_PTR(names);
        return 0;
}
