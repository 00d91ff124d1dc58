/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/dropin.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "conf/conf.h"
#include "conf/directory.h"
#include "util/file-util.h"
#include "util/strv.h"
#include "util/text.h"

#define SYSTEM_DIRECTORY "/etc/systemd/system"
#define DROPIN_SIZE_MAX ((size_t) 64 * 1024)
#define GATE_LINE "AssertPathExists="

char *gate_path(const char *unit) {
        return text_format(GATE_DIRECTORY "/%s", unit);
}

char *env_path(const char *unit) {
        return text_format(ENV_DIRECTORY "/%s", unit);
}

char *dropin_path(const char *root, const char *unit) {
        return text_format("%s" SYSTEM_DIRECTORY "/%s.d/" GATE_DROPIN_NAME, root, unit);
}

/* Gives a path as a value for a unit file. "%" would begin a specifier, so it is doubled. In a value that PID 1
 * globs, the characters of glob(7) are taken literally after a backslash. */
static char *escape(const char *path, bool specifiers, bool glob) {
        char *s = malloc(strlen(path) * 2 + 1), *p = s;

        if (!s)
                return NULL;
        for (; *path; path++) {
                if (specifiers && *path == '%')
                        *p++ = '%';
                else if (glob && strchr("\\*?[", *path))
                        *p++ = '\\';
                *p++ = *path;
        }
        *p = '\0';
        return s;
}

char *env_pattern(const char *unit) {
        _cleanup_free_ char *path = env_path(unit);

        return path ? escape(path, false, true) : NULL;
}

/* Lines that a type of unit needs in addition. With its default dependencies, a socket or a path comes before
 * basic.target and a mount before local-fs.target, while leased and the guard come after both. That would be a circle,
 * at which PID 1 refuses "systemctl isolate" and drops jobs at boot. So the default dependencies are switched off, and
 * those that matter are written out. */
static const char *ordering_of(const char *unit) {
        if (endswith(unit, ".socket") || endswith(unit, ".path"))
                return "DefaultDependencies=no\n"
                       "Requires=sysinit.target\n"
                       "After=sysinit.target\n"
                       "Conflicts=shutdown.target\n"
                       "Before=shutdown.target\n";
        if (endswith(unit, ".mount") || endswith(unit, ".automount"))
                return "DefaultDependencies=no\n"
                       "Requires=sysinit.target\n"
                       "After=sysinit.target remote-fs-pre.target\n"
                       "Conflicts=umount.target\n"
                       "Before=umount.target\n";
        return "";
}

char *dropin_member_text(const char *member, const char *unit) {
        _cleanup_free_ char *gate = gate_path(unit), *env = env_path(unit), *gate_escaped = NULL, *env_escaped = NULL;
        bool service = endswith(member, ".service");

        if (!gate || !env)
                return NULL;
        gate_escaped = escape(gate, true, false);
        env_escaped = escape(env, true, true);
        if (!gate_escaped || !env_escaped)
                return NULL;
        /* The environment file is optional ("-"), because it is removed while ExecStopPost= may still have to run.
         * IgnoreOnIsolate=yes, because no target pulls the unit in, and "systemctl isolate" of any target would stop
         * it. The target decides about leased.service instead; when that is stopped, it stops the unit itself.
         * The unit comes after the guard, which comes after leased.service, and so is stopped first at shutdown. It
         * does not itself come after leased.service: as long as PID 1 stops a unit, it starts nothing that the unit
         * comes after, and a leased that was killed meanwhile would stay away until all leases here are over. */
        return text_format(
                        "# Written by 'leasectl enable', removed by 'leasectl disable'. Not to be edited: while it is "
                        "here, the unit\n"
                        "# runs only on the machine that holds its lease.\n"
                        "[Unit]\n"
                        "%s%s\n"
                        "BindsTo=" GUARD_SERVICE "\n"
                        "After=" GUARD_SERVICE "\n"
                        "IgnoreOnIsolate=yes\n"
                        "%s%s%s%s",
                        GATE_LINE, gate_escaped, ordering_of(member), service ? "\n[Service]\nEnvironmentFile=-" : "",
                        service ? env_escaped : "", service ? "\n" : "");
}

int dropin_member_write(const char *root, const char *member, const char *unit, WriteFlags flags) {
        _cleanup_free_ char *path = dropin_path(root, member), *text = dropin_member_text(member, unit),
                            *present = NULL;
        char *slash;
        int r;

        if (!path || !text)
                return -ENOMEM;
        r = read_file(path, DROPIN_SIZE_MAX, &present, NULL);
        if (r == 0 && streq(present, text))
                return 0;
        slash = strrchr(path, '/');
        *slash = '\0';
        r = mkdir_parents(path, 0755);
        *slash = '/';
        if (r < 0)
                return r;
        r = write_file_atomic(path, text, strlen(text), 0644, flags);
        return r < 0 ? r : 1;
}

static bool is_enabled(const char *root, const char *unit) {
        _cleanup_free_ char *path = unit_options_path(root, unit);

        return path && access(path, F_OK) == 0;
}

/* `leasectl disable` removes the unit's options first, and its drop-ins at the end. So a drop-in that comes back after
 * that, because the disk was slow, finds the options gone. */
int dropin_member_mend(const char *root, const char *member, const char *unit) {
        bool enabled = is_enabled(root, unit);
        int r = dropin_member_write(root, member, unit, WRITE_SYNC);

        if (r <= 0 || !enabled || is_enabled(root, unit))
                return r;
        r = dropin_remove(root, member);
        return MIN(r, 0);
}

char *dropin_owner(const char *root, const char *member) {
        _cleanup_free_ char *path = dropin_path(root, member), *text = NULL;
        const char *line, *end;
        char *gate, *to;

        if (!path || read_file(path, DROPIN_SIZE_MAX, &text, NULL) < 0)
                return NULL;
        line = strstr(text, "\n" GATE_LINE GATE_DIRECTORY "/");
        if (!line)
                return NULL;
        line += strlen("\n" GATE_LINE GATE_DIRECTORY "/");
        end = strchrnul(line, '\n');
        gate = to = strndup(line, (size_t) (end - line));
        for (const char *from = gate; from && *from; from++) {
                from += from[0] == '%' && from[1] == '%';
                *to++ = *from;
        }
        if (to)
                *to = '\0';
        return gate;
}

static bool is_dropin_directory(const char *name) {
        return endswith(name, ".d");
}

static int by_bytes(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

/* Gives the names of all units that have a folder for drop-ins, whoever made the folder, sorted. */
static int list_units_with_dropins(const char *root, char ***ret) {
        _cleanup_free_ char *directory = NULL;
        int r;

        directory = text_format("%s" SYSTEM_DIRECTORY, root);
        if (!directory)
                return -ENOMEM;
        r = directory_list(directory, is_dropin_directory, ret);
        for (char **n = r >= 0 ? *ret : NULL; n && *n; n++)
                (*n)[strlen(*n) - strlen(".d")] = '\0';
        if (r >= 0) /* without the ending the order may be another one */
                qsort(*ret, strv_length(*ret), sizeof(char *), by_bytes);
        return r;
}

int dropin_units_list(const char *root, char ***ret) {
        _cleanup_(strv_freep) char **names = NULL, **units = NULL;
        int r = list_units_with_dropins(root, &names);

        for (char **n = names; r >= 0 && n && *n; n++) {
                _cleanup_free_ char *owner = dropin_owner(root, *n);

                if (owner && streq(owner, *n))
                        r = strv_add(&units, *n);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(units);
        return 0;
}

int dropins_renew(const char *root) {
        _cleanup_(strv_freep) char **names = NULL;
        int r = list_units_with_dropins(root, &names), n = 0;

        for (char **name = names; r >= 0 && name && *name; name++) {
                _cleanup_free_ char *owner = dropin_owner(root, *name);

                r = owner ? dropin_member_mend(root, *name, owner) : 0;
                n += r > 0;
        }
        return r < 0 ? r : n;
}

/* Removes from the list units the names that the list listed has, too. Both lists are sorted. */
static void leave_out(char **units, char *const *listed) {
        size_t kept = 0;

        for (char **unit = units; unit && *unit; unit++) {
                while (listed && *listed && strcmp(*listed, *unit) < 0)
                        listed++;
                if (listed && *listed && streq(*listed, *unit))
                        free(*unit);
                else
                        units[kept++] = *unit;
        }
        if (units)
                units[kept] = NULL;
}

static int by_owner(const void *a, const void *b) {
        const DropinMember *x = a, *y = b;
        int r = strcmp(x->unit, y->unit);

        return r != 0 ? r : strcmp(x->member, y->member);
}

static int add_member(DropinMembers *m, char *unit, const char *member) {
        DropinMember *list = realloc(m->list, (m->n + 1) * sizeof(DropinMember));

        if (list)
                m->list = list;
        if (list)
                list[m->n] = (DropinMember){ .unit = unit, .member = strdup(member) };
        if (!list || !list[m->n].member) {
                free(unit);
                return -ENOMEM;
        }
        m->n++;
        return 0;
}

int dropin_members_begin(const char *root, DropinMembers *m) {
        _cleanup_(strv_freep) char **names = NULL, **listed = NULL;
        _cleanup_free_ char *directory = unit_options_path(root, "");
        int r = directory ? directory_list(directory, NULL, &listed) : -ENOMEM;

        *m = (DropinMembers){};
        if (r >= 0)
                r = list_units_with_dropins(root, &names);
        if (r < 0)
                return r;
        leave_out(names, listed);
        m->names = TAKE_PTR(names);
        return m->names && *m->names;
}

static int read_next(const char *root, DropinMembers *m) {
        const char *name = m->names[m->next++];
        char *owner = dropin_owner(root, name);

        if (owner && !streq(owner, name))
                return add_member(m, owner, name);
        free(owner);
        return 0;
}

int dropin_members_next(const char *root, DropinMembers *m) {
        int r = m->names && m->names[m->next] ? read_next(root, m) : 0;

        if (r < 0) {
                dropin_members_done(m);
                return r;
        }
        if (m->names && m->names[m->next])
                return 1;
        if (m->n > 0)
                qsort(m->list, m->n, sizeof(DropinMember), by_owner);
        return 0;
}

int dropin_members_read(const char *root, DropinMembers *ret) {
        DropinMembers m = {};
        int r = dropin_members_begin(root, &m);

        while (r > 0)
                r = dropin_members_next(root, &m);
        if (r >= 0)
                *ret = m;
        return r;
}

void dropin_members_done(DropinMembers *m) {
        for (size_t i = 0; i < m->n; i++) {
                free(m->list[i].unit);
                free(m->list[i].member);
        }
        free(m->list);
        strv_free(m->names);
        *m = (DropinMembers){};
}

int dropin_members_of(const DropinMembers *m, const char *unit, char ***ret) {
        _cleanup_(strv_freep) char **members = NULL;
        size_t from = 0, to = m->n;
        int r = 0;

        while (from < to) { /* the first of this unit */
                size_t middle = from + (to - from) / 2;

                if (strcmp(m->list[middle].unit, unit) < 0)
                        from = middle + 1;
                else
                        to = middle;
        }
        for (; r >= 0 && from < m->n && streq(m->list[from].unit, unit); from++)
                r = strv_add(&members, m->list[from].member);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(members);
        return 0;
}

int dropin_members_list(const char *root, const char *unit, char ***ret) {
        DropinMembers m = {};
        int r = dropin_members_read(root, &m);

        if (r >= 0)
                r = dropin_members_of(&m, unit, ret);
        dropin_members_done(&m);
        return r;
}

int dropin_remove(const char *root, const char *unit) {
        _cleanup_free_ char *path = dropin_path(root, unit);
        int r;

        if (!path)
                return -ENOMEM;
        r = unlink_if_exists(path);
        if (r < 0)
                return r;
        *strrchr(path, '/') = '\0';
        (void) rmdir(path); /* the folder stays if somebody else's drop-ins are in it */
        return 0;
}
