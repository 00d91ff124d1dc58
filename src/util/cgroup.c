/* SPDX-License-Identifier: Apache-2.0 */
#include "util/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/file-util.h"
#include "util/text.h"
#include "util/unit-name.h"

static bool is_named(const char *name, const char *unit, bool template) {
        return template ? unit_name_is_instance_of(name, unit) : streq(name, unit);
}

/* Whether a directory is the group of the unit, or of any instance of a template. PID 1 puts "_" before a name that
 * begins with it or could be taken for an attribute of the kernel (systemd: cg_escape()). */
static bool is_directory_of(const char *entry, const char *unit) {
        bool template = unit_name_is_template(unit);

        return is_named(entry, unit, template) || (entry[0] == '_' && is_named(entry + 1, unit, template));
}

int cgroup_each_unit(const char *root, const char *unit, int (*f)(const char *path, void *userdata), void *userdata) {
        DIR *dir = opendir(root);
        int r = 0;

        if (!dir)
                return -errno;
        for (struct dirent *e = readdir(dir); e && r == 0; e = readdir(dir)) {
                _cleanup_free_ char *path = NULL;

                if (e->d_type != DT_DIR || e->d_name[0] == '.')
                        continue;
                if (!is_directory_of(e->d_name, unit) && !endswith(e->d_name, ".slice"))
                        continue;
                path = text_format("%s/%s", root, e->d_name);
                if (!path)
                        r = -ENOMEM;
                else if (is_directory_of(e->d_name, unit))
                        r = f(path, userdata);
                else
                        r = cgroup_each_unit(path, unit, f, userdata);
                if (r == -ENOENT)
                        r = 0; /* a group that has just gone */
        }
        (void) closedir(dir);
        return r;
}

static int take_first(const char *path, void *userdata) {
        char **ret = userdata;

        *ret = strdup(path);
        return *ret ? 1 : -ENOMEM;
}

int cgroup_find_unit(const char *root, const char *unit, char **ret) {
        char *path = NULL;
        int r = cgroup_each_unit(root, unit, take_first, &path);

        if (r > 0)
                *ret = path;
        return r > 0 ? 0 : r < 0 ? r : -ENOENT;
}

int cgroup_of_process(const char *pid, char **ret) {
        _cleanup_free_ char *text = NULL;
        char file[64];
        const char *line;
        int r;

        (void) snprintf(file, sizeof(file), "/proc/%.20s/cgroup", pid);
        r = read_file(file, 65536, &text, NULL);
        if (r < 0)
                return r;
        line = startswith(text, "0::") ? text : strstr(text, "\n0::");
        if (!line)
                return -ENODATA; /* no unified hierarchy */
        line = strchr(line, '/');
        *ret = line ? strndup(line, strcspn(line, "\n")) : NULL;
        return *ret ? 0 : line ? -ENOMEM : -EBADMSG;
}

int cgroup_unfit(void) {
        _cleanup_free_ char *first = NULL;
        int r = cgroup_of_process("1", &first);

        if (access(CGROUP_ROOT "/cgroup.controllers", F_OK) < 0 || r == -ENODATA)
                return CGROUPS_NOT_UNIFIED;
        if (r < 0)
                return CGROUPS_UNREADABLE;
        if (!streq(first, "/init.scope"))
                return CGROUPS_NOT_OURS;
        if (access(CGROUP_ROOT "/init.scope/cgroup.kill", F_OK) < 0)
                return CGROUPS_CANNOT_BE_KILLED;
        return access(CGROUP_ROOT "/init.scope/cgroup.kill", W_OK) < 0 && errno == EROFS ? CGROUPS_READ_ONLY : 0;
}

/* Gives what cgroup.events says of the key, "0" or "1"; -ENOENT: the group is gone. */
static int read_event(const char *path, const char *key) {
        _cleanup_free_ char *file = NULL, *text = NULL;
        int r;

        file = text_format("%s/cgroup.events", path);
        if (!file)
                return -ENOMEM;
        r = read_file(file, 4096, &text, NULL);
        if (r < 0)
                return r == -ENODEV ? -ENOENT : r;
        for (const char *line = text; line; line = strchr(line, '\n')) {
                line += *line == '\n';
                if (!startswith(line, key))
                        continue;
                line += strlen(key);
                if (startswith(line, " 0") || startswith(line, " 1"))
                        return line[1] == '1';
        }
        return -EBADMSG;
}

int cgroup_is_empty(const char *path) {
        int r = read_event(path, "populated");

        return r == -ENOENT ? 1 : r < 0 ? r : r == 0;
}

int cgroup_is_frozen(const char *path) {
        return read_event(path, "frozen");
}

bool cgroup_path_contains(const char *group, const char *of_process) {
        size_t n = strlen(group);

        for (const char *p = strstr(of_process, group); p && n > 1; p = strstr(p + 1, group))
                if (!p[n] || p[n] == '/' || p[n] == ' ') /* " (deleted)" */
                        return true;
        return false;
}

static int write_to(const char *path, const char *name, const char *text) {
        _cleanup_free_ char *file = text_format("%s/%s", path, name);

        if (!file)
                return -ENOMEM;

        _cleanup_close_ int fd = open(file, O_WRONLY | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT || errno == ENODEV ? 0 : -errno;
        if (write(fd, text, strlen(text)) < 0)
                return errno == ENODEV ? 0 : -errno;
        return 0;
}

int cgroup_kill(const char *path) {
        return write_to(path, "cgroup.kill", "1");
}

int cgroup_freeze(const char *path, bool frozen) {
        return write_to(path, "cgroup.freeze", frozen ? "1" : "0");
}
