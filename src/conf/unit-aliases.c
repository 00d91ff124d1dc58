/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/unit-aliases.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "util/file-util.h"
#include "util/hash.h"
#include "util/strv.h"
#include "util/text.h"
#include "util/unit-name.h"

#define HOPS_MAX 8 /* PID 1 follows no more links */

/* A name in the search path. The first folder that has the name decides. */
typedef struct Name {
        UT_hash_handle hh;
        char *target; /* the name to which a link leads; NULL: the name is that of a unit of its own */
        char name[];
} Name;

typedef struct Alias {
        char *unit;
        const char *name; /* borrowed */
} Alias;

struct UnitAliases {
        const char *root, *const *folders; /* borrowed, while the folders are read */
        Name *names;
        Alias *list; /* sorted by .unit, then .name */
        size_t n;
};

/* ---- what is in the folders ---- */

static Name *find(const UnitAliases *a, const char *name) {
        Name *found;

        HASH_FIND_STR(a->names, name, found);
        return found;
}

/* Takes the target if there is memory. */
static int put(UnitAliases *a, const char *name, char *target) {
        Name *n = calloc(1, sizeof(Name) + strlen(name) + 1);

        if (!n)
                return -ENOMEM;
        memcpy(n->name, name, strlen(name) + 1);
        n->target = target;
        HASH_ADD_STR(a->names, name, n);
        return 0;
}

/* Gives the folder of what a link leads to, below root and without links, as PID 1 compares it with the search path.
 * Nothing is looked at in other places: a linked unit may lie on a file server that does not answer. So a link that
 * leads into the search path by a link of another name makes no alias here. */
static char *folder_of(const UnitAliases *a, const char *folder, const char *target) {
        _cleanup_free_ char *full = NULL;
        char real[PATH_MAX], real_root[PATH_MAX];
        const char *slash = strrchr(target, '/');

        if (!slash)
                return strdup(folder);
        full = *target == '/' ? text_format("%s%.*s", a->root, (int) (slash - target), target)
                              : text_format("%s%s/%.*s", a->root, folder, (int) (slash - target), target);
        if (!full)
                return NULL;
        if ((*target == '/' && !strstr(target, "/systemd/")) || !realpath(full, real))
                return strdup(full + strlen(a->root));
        if (*a->root && realpath(a->root, real_root) && startswith(real, real_root))
                return strdup(real + strlen(real_root));
        return strdup(real);
}

static bool is_in_search_path(const UnitAliases *a, const char *path) {
        for (const char *const *folder = a->folders; *folder; folder++) {
                const char *rest = path + strlen(*folder);

                if (startswith(path, *folder) && (*rest == '\0' || *rest == '/'))
                        return true;
        }
        return false;
}

/* Whether PID 1 takes a link of this name for an alias of the other name. It passes over a link to its own name, and
 * over one that leads to another kind of name or type of unit. */
static bool may_be_alias(const char *name, const char *target) {
        static const char *const types[] = { ".service", ".socket", ".target", ".timer", ".path" };
        UnitNameKind kind = unit_name_kind(name), of_target = unit_name_kind(target);
        const char *type = strrchr(name, '.');
        bool known = false;

        for (size_t i = 0; i < ELEMENTSOF(types); i++)
                known = known || streq(type, types[i]);
        if (!known || of_target == UNIT_NAME_INVALID || !streq(type, strrchr(target, '.')) || streq(name, target))
                return false;
        if (kind == UNIT_NAME_INSTANCE && of_target == UNIT_NAME_INSTANCE)
                return streq(name + unit_name_prefix(name), target + unit_name_prefix(target));
        return kind == of_target || (kind == UNIT_NAME_INSTANCE && of_target == UNIT_NAME_TEMPLATE);
}

/* Adds a link, whose target begins in the buffer. */
static int add_link(UnitAliases *a, const char *folder, const char *name, const char *target) {
        _cleanup_free_ char *path = folder_of(a, folder, target), *other = NULL;
        int r;

        if (!path)
                return -ENOMEM;
        if (!is_in_search_path(a, path))
                return put(a, name, NULL);
        if (!may_be_alias(name, base_name(target)))
                return 0; /* what a later folder has by this name counts */
        other = strdup(base_name(target));
        r = other ? put(a, name, other) : -ENOMEM;
        if (r == 0)
                TAKE_PTR(other);
        return r;
}

static int add_entry(UnitAliases *a, const char *folder, int fd, const struct dirent *e) {
        char target[PATH_MAX];
        ssize_t n = -1;

        if (unit_name_kind(e->d_name) == UNIT_NAME_INVALID || find(a, e->d_name) || e->d_type == DT_DIR)
                return 0;
        if (e->d_type == DT_LNK || e->d_type == DT_UNKNOWN)
                n = readlinkat(fd, e->d_name, target, sizeof(target) - 1);
        if (n < 0)
                return put(a, e->d_name, NULL);
        target[n] = '\0';
        return add_link(a, folder, e->d_name, target);
}

static int add_folder(UnitAliases *a, const char *folder) {
        _cleanup_free_ char *path = text_format("%s%s", a->root, folder);
        DIR *d = path ? opendir(path) : NULL;
        int r = path ? 0 : -ENOMEM;

        for (const struct dirent *e = d ? readdir(d) : NULL; e && r == 0; e = readdir(d))
                r = add_entry(a, folder, dirfd(d), e);
        if (d)
                (void) closedir(d);
        return r;
}

/* ---- which names are those of one unit ---- */

/* Follows the links of a name to that of the file from which PID 1 reads it. NULL: there is none. */
static const Name *resolve(const UnitAliases *a, const char *name) {
        const Name *n = find(a, name);
        char template[UNIT_NAME_SPACE];

        for (size_t hop = 1; n && n->target && hop < HOPS_MAX; hop++) {
                const Name *next = find(a, n->target);

                if (!next && unit_name_template(n->target, template) >= 0)
                        next = find(a, template);
                n = next;
        }
        return n && !n->target ? n : NULL;
}

/* Gives what stands between the "@" and the type in the name of an instance. */
static char *instance_of(const char *name) {
        const char *instance = name + unit_name_prefix(name) + 1;

        return strndup(instance, (size_t) (strrchr(name, '.') - instance));
}

/* Notes the name as an alias of the unit, or template, whose file it leads to. */
static int note(UnitAliases *a, const Name *n) {
        const Name *file = resolve(a, n->name);
        char filled[UNIT_NAME_SPACE];
        const char *unit;

        if (!file)
                return 0;
        unit = file->name;
        if (unit_name_is_template(unit) && unit_name_kind(n->name) == UNIT_NAME_INSTANCE) {
                _cleanup_free_ char *instance = instance_of(n->name);

                if (!instance)
                        return -ENOMEM;
                if (unit_name_fill(file->name, instance, filled) < 0)
                        return 0;
                unit = filled;
        }
        a->list[a->n] = (Alias){ strdup(unit), n->name };
        if (!a->list[a->n].unit)
                return -ENOMEM;
        a->n++;
        return 0;
}

static int by_unit(const void *x, const void *y) {
        const Alias *a = x, *b = y;
        int r = strcmp(a->unit, b->unit);

        return r != 0 ? r : strcmp(a->name, b->name);
}

static int note_all(UnitAliases *a) {
        size_t links = 0;
        int r = 0;

        for (const Name *n = a->names; n; n = n->hh.next)
                links += n->target != NULL;
        a->list = calloc(links + 1, sizeof(Alias));
        if (!a->list)
                return -ENOMEM;
        for (const Name *n = a->names; n && r == 0; n = n->hh.next)
                if (n->target)
                        r = note(a, n);
        qsort(a->list, a->n, sizeof(Alias), by_unit);
        return r;
}

int unit_aliases_read(const char *root, const char *const *folders, UnitAliases **ret) {
        _cleanup_(unit_aliases_freep) UnitAliases *a = calloc(1, sizeof(UnitAliases));
        int r = 0;

        if (!a)
                return -ENOMEM;
        a->root = root;
        a->folders = folders;
        for (const char *const *folder = folders; *folder && r == 0; folder++)
                r = add_folder(a, *folder);
        if (r == 0)
                r = note_all(a);
        a->root = NULL;
        a->folders = NULL;
        if (r == 0)
                *ret = TAKE_PTR(a);
        return r;
}

UnitAliases *unit_aliases_free(UnitAliases *a) {
        Name *n, *next;

        if (!a)
                return NULL;
        for (size_t i = 0; i < a->n; i++)
                free(a->list[i].unit);
        HASH_ITER(hh, a->names, n, next) {
                HASH_DEL(a->names, n);
                free(n->target);
                free(n);
        }
        free(a->list);
        free(a);
        return NULL;
}

/* Gives the number of the first alias of this unit, or where it would stand. */
static size_t first_of(const UnitAliases *a, const char *unit) {
        size_t from = 0, to = a->n;

        while (from < to) {
                size_t middle = from + (to - from) / 2;

                if (strcmp(a->list[middle].unit, unit) < 0)
                        from = middle + 1;
                else
                        to = middle;
        }
        return from;
}

/* Adds what the aliases of a template make of its instance. */
static int add_of_template(const UnitAliases *a, const char *template, const char *unit, char ***ret) {
        _cleanup_free_ char *instance = instance_of(unit);
        int r = instance ? 0 : -ENOMEM;

        for (size_t i = first_of(a, template); r >= 0 && i < a->n && streq(a->list[i].unit, template); i++) {
                char name[UNIT_NAME_SPACE];
                const Name *file;

                if (unit_name_fill(a->list[i].name, instance, name) < 0)
                        continue;
                file = resolve(a, name);
                if (!file || streq(file->name, template))
                        r = strv_add(ret, name);
        }
        return r;
}

static int by_bytes(const void *x, const void *y) {
        return strcmp(*(char *const *) x, *(char *const *) y);
}

int unit_aliases_find(const UnitAliases *a, const char *unit, char ***ret) {
        _cleanup_(strv_freep) char **names = NULL;
        char template[UNIT_NAME_SPACE];
        int r = 0;

        for (size_t i = first_of(a, unit); r >= 0 && i < a->n && streq(a->list[i].unit, unit); i++)
                r = strv_add(&names, a->list[i].name);
        if (r >= 0 && !find(a, unit) && unit_name_template(unit, template) >= 0)
                r = add_of_template(a, template, unit, &names);
        if (r < 0)
                return r;
        if (names)
                qsort(names, strv_length(names), sizeof(char *), by_bytes);
        *ret = TAKE_PTR(names);
        return 0;
}
