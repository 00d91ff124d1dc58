/* SPDX-License-Identifier: Apache-2.0 */
#include "util/groups.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <uthash.h>

#include "util/text.h"
#include "util/unit-name.h"

/* The limits of groups_since(). There is an upper limit because a reading may have taken long only since the machine
 * stood still meanwhile, which says nothing of how long the next reading takes. */
#define YOUNG (20 * USEC_PER_MSEC)
#define OLD (200 * USEC_PER_MSEC)

/* The name of a unit or of a template, and the paths of its groups. */
typedef struct Name {
        UT_hash_handle hh;
        char **paths;
        size_t n_paths;
        char name[];
} Name;

struct Groups {
        const char *root;
        Name *names;
        usec_t read_at, took; /* when the last reading began, and how long it took; read_at 0: none is remembered */
};

int groups_new(const char *root, Groups **ret) {
        Groups *g = calloc(1, sizeof(Groups));

        if (!g)
                return -ENOMEM;
        g->root = root;
        *ret = g;
        return 0;
}

void groups_forget(Groups *g) {
        Name *n, *next;

        HASH_ITER(hh, g->names, n, next) {
                HASH_DEL(g->names, n);
                for (size_t i = 0; i < n->n_paths; i++)
                        free(n->paths[i]);
                free(n->paths);
                free(n);
        }
        g->read_at = 0;
}

Groups *groups_free(Groups *g) {
        if (g)
                groups_forget(g);
        free(g);
        return NULL;
}

const char *groups_root(const Groups *g) {
        return g->root;
}

usec_t groups_since(const Groups *g, usec_t now) {
        usec_t age = MAX(YOUNG, 4 * g->took);

        return usec_sub(now, MIN(age, OLD));
}

/* Finds the name, or makes it without groups. NULL: out of memory. */
static Name *name_obtain(Groups *g, const char *name) {
        size_t size = strlen(name) + 1;
        Name *n;

        HASH_FIND_STR(g->names, name, n);
        if (n)
                return n;
        n = calloc(1, sizeof(Name) + size);
        if (!n)
                return NULL;
        memcpy(n->name, name, size);
        HASH_ADD_STR(g->names, name, n);
        return n;
}

static int add(Groups *g, const char *name, const char *path) {
        Name *n = name_obtain(g, name);
        char **larger = n ? realloc(n->paths, (n->n_paths + 1) * sizeof(char *)) : NULL;

        if (!larger)
                return -ENOMEM;
        n->paths = larger;
        n->paths[n->n_paths] = strdup(path);
        if (!n->paths[n->n_paths])
                return -ENOMEM;
        n->n_paths++;
        return 0;
}

/* An instance ("foo@1.service") is also found by the name of its template ("foo@.service"). */
static int add_with_template(Groups *g, const char *name, const char *path) {
        char template[UNIT_NAME_SPACE];
        int r = add(g, name, path);

        return r < 0 || unit_name_template(name, template) < 0 ? r : add(g, template, path);
}

/* PID 1 puts "_" before some units' names to get the names of their groups (util/cgroup.c): such a group is found by
 * both names. */
static int add_directory(Groups *g, const char *entry, const char *path) {
        int r = add_with_template(g, entry, path);

        return r < 0 || entry[0] != '_' ? r : add_with_template(g, entry + 1, path);
}

/* Adds every group in the folder, and looks into those that are slices. */
static int read_directory(Groups *g, const char *path) {
        DIR *dir = opendir(path);
        int r = 0;

        if (!dir)
                return -errno;
        for (struct dirent *e = readdir(dir); e && r == 0; e = readdir(dir)) {
                _cleanup_free_ char *below = NULL;

                if (e->d_type != DT_DIR || e->d_name[0] == '.')
                        continue;
                below = text_format("%s/%s", path, e->d_name);
                r = below ? add_directory(g, e->d_name, below) : -ENOMEM;
                if (r == 0 && endswith(e->d_name, ".slice"))
                        r = read_directory(g, below);
                if (r == -ENOENT)
                        r = 0; /* a slice that has just gone */
        }
        (void) closedir(dir);
        return r;
}

/* The time is taken before the first folder is opened: a group that was made before this time is found. */
static int read_all(Groups *g) {
        usec_t now = now_boottime();
        int r;

        groups_forget(g);
        r = read_directory(g, g->root);
        if (r < 0)
                groups_forget(g);
        else
                g->read_at = now;
        g->took = usec_sub(now_boottime(), now);
        return r;
}

int groups_each_unit(Groups *g, usec_t since, const char *unit, int (*f)(const char *path, void *userdata),
                void *userdata) {
        int r = g->read_at == 0 || g->read_at < since ? read_all(g) : 0;
        Name *n = NULL;

        if (r == 0)
                HASH_FIND_STR(g->names, unit, n);
        for (size_t i = 0; n && r == 0 && i < n->n_paths; i++) {
                r = f(n->paths[i], userdata);
                if (r == -ENOENT)
                        r = 0;
        }
        return r;
}
