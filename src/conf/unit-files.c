/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/unit-files.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "conf/directory.h"
#include "conf/unit-aliases.h"
#include "conf/unit-name.h"
#include "util/strv.h"
#include "util/text.h"

const char *const unit_files_folders[] = {
        "/etc/systemd/system.control",
        "/run/systemd/system.control",
        "/run/systemd/transient",
        "/run/systemd/generator.early",
        "/etc/systemd/system",
        "/etc/systemd/system.attached",
        "/run/systemd/system",
        "/run/systemd/system.attached",
        "/run/systemd/generator",
        "/usr/local/lib/systemd/system",
        "/usr/lib/systemd/system",
        "/lib/systemd/system",
        "/run/systemd/generator.late",
        NULL,
};

typedef struct Paths {
        char **list;
        size_t n;
} Paths;

/* ---- what is in the folders ---- */

/* The names in the folders of the search path. Each thread has a list of its own. */
static _Thread_local struct {
        char *root;           /* NULL: nothing is remembered */
        UnitAliases *aliases; /* NULL: not known */
        struct {
                char **names; /* sorted; NULL: not known */
                size_t n;
        } folders[ELEMENTSOF(unit_files_folders)];
} remembered;

void unit_files_remember(const char *root) {
        unit_files_forget();
        remembered.root = strdup(root);
        (void) unit_aliases_read(root, unit_files_folders, &remembered.aliases);
        for (size_t i = 0; unit_files_folders[i]; i++) {
                _cleanup_free_ char *path = text_format("%s%s", root, unit_files_folders[i]);

                if (path && directory_list(path, NULL, &remembered.folders[i].names) >= 0)
                        remembered.folders[i].n = strv_length(remembered.folders[i].names);
        }
}

void unit_files_forget(void) {
        for (size_t i = 0; i < ELEMENTSOF(remembered.folders); i++)
                strv_free(remembered.folders[i].names);
        unit_aliases_free(remembered.aliases);
        free(remembered.root);
        memset(&remembered, 0, sizeof(remembered));
}

static int by_bytes(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

/* Whether the folder with this number in the search path may have an entry of this name. */
static bool may_have(const char *root, size_t folder, const char *name) {
        char *const *names = remembered.folders[folder].names;

        return !names || !remembered.root || !streq(remembered.root, root) ||
               bsearch(&name, names, remembered.folders[folder].n, sizeof(char *), by_bytes);
}

/* ---- the files of one unit ---- */

static int paths_add(Paths *p, char *owned) {
        char **l = owned ? realloc(p->list, (p->n + 2) * sizeof(char *)) : NULL;

        if (!l) {
                free(owned);
                return -ENOMEM;
        }
        p->list = l;
        l[p->n++] = owned;
        l[p->n] = NULL;
        return 0;
}

/* Returns 1 if the file has something in it, 0 if it masks the name (empty, or /dev/null), -ENOENT if there is no
 * such file, or another negative errno. */
static int file_look(const char *root, const char *path) {
        _cleanup_free_ char *full = NULL;
        struct stat st;

        full = text_format("%s%s", root, path);
        if (!full)
                return -ENOMEM;
        if (stat(full, &st) < 0)
                return -errno;
        if (S_ISCHR(st.st_mode))
                return 0; /* /dev/null */
        if (!S_ISREG(st.st_mode))
                return -ENOENT;
        return st.st_size > 0;
}

static int find_unit_file(const char *root, const char *name, Paths *files) {
        for (size_t i = 0; unit_files_folders[i]; i++) {
                _cleanup_free_ char *path = NULL;
                int r;

                if (!may_have(root, i, name))
                        continue;
                path = text_format("%s/%s", unit_files_folders[i], name);
                if (!path)
                        return -ENOMEM;
                r = file_look(root, path);
                if (r == -ENOMEM)
                        return r;
                if (r < 0)
                        continue;
                return r == 0 ? 0 : paths_add(files, TAKE_PTR(path));
        }
        return -ENOENT;
}

/* Cuts a prefix behind its last dash, not counting a dash at its end: "foo-bar" and "foo-bar-baz" become "foo-" and
 * "foo-bar-", and "foo-bar-" becomes "foo-". Returns false if there is no such dash. */
static bool cut_prefix(char *prefix) {
        size_t n = strlen(prefix);
        char *dash;

        if (n > 0 && prefix[n - 1] == '-')
                prefix[n - 1] = '\0';
        dash = strrchr(prefix, '-');
        if (!dash || dash == prefix)
                return false;
        dash[1] = '\0';
        return true;
}

/*
 * Adds the names whose .d counts, in the order in which they count: the name itself; for an instance, its template
 * with all that counts for the template; and all that counts for the name with its prefix cut. With its prefix cut, a
 * template stands without "@". systemd.unit(5) does not say so, but PID 1 does it: foo-bar@i.service,
 * foo-bar@.service, foo-.service, foo-@i.service, foo-@.service.
 */
static int dropin_names(const char *prefix, const char *instance, const char *suffix, Paths *names) {
        _cleanup_free_ char *cut = strdup(prefix);
        int r = cut ? paths_add(names, unit_name_build(prefix, instance, suffix)) : -ENOMEM;

        if (r == 0 && !isempty(instance))
                r = dropin_names(prefix, "", suffix, names);
        if (r == 0 && cut_prefix(cut))
                r = dropin_names(cut, isempty(instance) ? NULL : instance, suffix, names);
        return r;
}

int unit_files_folder_names(const char *unit, char ***ret) {
        Paths names = {};
        UnitName u;
        int r = unit_name_split(unit, &u);

        if (r < 0)
                return r;
        r = dropin_names(u.prefix, u.instance, u.suffix, &names);
        if (r == 0)
                r = paths_add(&names, strdup(u.suffix));
        unit_name_done(&u);
        if (r < 0)
                strv_free(names.list);
        else
                *ret = names.list;
        return r;
}

/* Adds the drop-ins in one NAME.d of the folder with this number, except those whose file name was found in an earlier
 * folder. */
static int add_directory(const char *root, size_t folder, const char *name, Paths *found) {
        _cleanup_free_ char *entry = text_format("%s.d", name), *directory = NULL;
        const char *base = unit_files_folders[folder];
        _cleanup_(strv_freep) char **entries = NULL;
        int r;

        if (!entry)
                return -ENOMEM;
        if (!may_have(root, folder, entry))
                return 0;
        directory = text_format("%s%s/%s", root, base, entry);
        if (!directory)
                return -ENOMEM;
        r = directory_list(directory, directory_is_conf, &entries);
        if (r < 0)
                return r == -ENOMEM ? r : 0; /* PID 1 goes on, too */
        for (char **e = entries; *e; e++) {
                bool known = false;

                for (size_t i = 0; i < found->n && !known; i++)
                        known = streq(base_name(found->list[i]), *e);
                if (known)
                        continue;
                r = paths_add(found, text_format("%s/%s.d/%s", base, name, *e));
                if (r < 0)
                        return r;
        }
        return 0;
}

static int by_base_name(const void *a, const void *b) {
        return strcmp(base_name(*(char *const *) a), base_name(*(char *const *) b));
}

/* Adds the drop-ins of one name of a unit. */
static int add_name(const char *root, const UnitName *u, Paths *found) {
        Paths names = {};
        int r = dropin_names(u->prefix, u->instance, u->suffix, &names);

        for (size_t i = 0; unit_files_folders[i] && r == 0; i++)
                for (size_t j = 0; j < names.n && r == 0; j++)
                        r = add_directory(root, i, names.list[j], found);
        strv_free(names.list);
        return r;
}

static int find_aliases(const char *root, const char *unit, char ***ret) {
        _cleanup_(unit_aliases_freep) UnitAliases *own = NULL;
        int r = 0;

        if (remembered.aliases && remembered.root && streq(remembered.root, root))
                return unit_aliases_find(remembered.aliases, unit, ret);
        r = unit_aliases_read(root, unit_files_folders, &own);
        return r < 0 ? r : unit_aliases_find(own, unit, ret);
}

static int add_aliases(const char *root, const char *unit, Paths *found) {
        _cleanup_(strv_freep) char **aliases = NULL;
        int r = find_aliases(root, unit, &aliases);

        for (char **alias = aliases; alias && *alias && r == 0; alias++) {
                UnitName u = {};

                r = unit_name_split(*alias, &u);
                if (r == -EINVAL) { /* no folder can have so long a name */
                        r = 0;
                        continue;
                }
                if (r == 0)
                        r = add_name(root, &u, found);
                unit_name_done(&u);
        }
        return r;
}

static int find_dropins(const char *root, const char *unit, const UnitName *u, Paths *files) {
        Paths found = {};
        int r = add_name(root, u, &found);

        if (r == 0)
                r = add_aliases(root, unit, &found);
        for (size_t i = 0; unit_files_folders[i] && r == 0; i++)
                r = add_directory(root, i, u->suffix, &found);
        if (found.n > 0)
                qsort(found.list, found.n, sizeof(char *), by_base_name);
        for (size_t i = 0; i < found.n && r == 0; i++)
                if (file_look(root, found.list[i]) > 0)
                        r = paths_add(files, strdup(found.list[i]));
        strv_free(found.list);
        return r;
}

int unit_files_find(const char *root, const char *unit, char ***ret) {
        Paths files = {};
        UnitName u;
        int r = unit_name_split(unit, &u);

        if (r < 0)
                return r;
        r = find_unit_file(root, unit, &files);
        if (r == -ENOENT && u.instance) {
                _cleanup_free_ char *template = unit_name_build(u.prefix, "", u.suffix);

                r = template ? find_unit_file(root, template, &files) : -ENOMEM;
        }
        if (r == 0 || r == -ENOENT)
                r = find_dropins(root, unit, &u, &files);
        unit_name_done(&u);
        if (r == 0 && !files.list) {
                files.list = calloc(1, sizeof(char *));
                r = files.list ? 0 : -ENOMEM;
        }
        if (r < 0) {
                strv_free(files.list);
                return r;
        }
        *ret = files.list;
        return 0;
}
