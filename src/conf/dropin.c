/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/dropin.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "util/file-util.h"

#define SYSTEM_DIRECTORY "/etc/systemd/system"

static char *join(const char *directory, const char *name) {
        char *s;

        return asprintf(&s, "%s/%s", directory, name) < 0 ? NULL : s;
}

char *gate_path(const char *unit) {
        return join(GATE_DIRECTORY, unit);
}

char *env_path(const char *unit) {
        return join(ENV_DIRECTORY, unit);
}

char *dropin_path(const char *root, const char *unit) {
        char *s;

        return asprintf(&s, "%s" SYSTEM_DIRECTORY "/%s.d/" GATE_DROPIN_NAME, root, unit) < 0 ? NULL : s;
}

/* A path as a value in a unit file: "%" begins a specifier everywhere; in a value that PID 1 globs, glob(7)'s
 * characters are taken literally after a backslash. */
static char *escape(const char *path, bool glob) {
        char *s = malloc(strlen(path) * 2 + 1), *p = s;

        if (!s)
                return NULL;
        for (; *path; path++) {
                if (*path == '%')
                        *p++ = '%';
                else if (glob && strchr("\\*?[", *path))
                        *p++ = '\\';
                *p++ = *path;
        }
        *p = '\0';
        return s;
}

char *dropin_text(const char *unit) {
        _cleanup_free_ char *gate = gate_path(unit), *env = env_path(unit), *gate_escaped = NULL, *env_escaped = NULL;
        char *text;
        int r;

        if (!gate || !env)
                return NULL;
        gate_escaped = escape(gate, false);
        env_escaped = escape(env, true);
        if (!gate_escaped || !env_escaped)
                return NULL;
        /* The environment is optional ("-"): it is removed while ExecStopPost= may still have to run. */
        r = asprintf(&text,
                        "# Written by 'leasectl enable', removed by 'leasectl disable'. Not to be edited: while it is "
                        "here, the unit\n"
                        "# runs only on the machine that holds its lease.\n"
                        "[Unit]\n"
                        "AssertPathExists=%s\n"
                        "BindsTo=leased-guard.service\n"
                        "After=leased-guard.service leased.service\n"
                        "%s%s%s",
                        gate_escaped, endswith(unit, ".service") ? "\n[Service]\nEnvironmentFile=-" : "",
                        endswith(unit, ".service") ? env_escaped : "", endswith(unit, ".service") ? "\n" : "");
        return r < 0 ? NULL : text;
}

int dropin_write(const char *root, const char *unit) {
        _cleanup_free_ char *path = dropin_path(root, unit), *text = dropin_text(unit), *present = NULL;
        char *slash;
        int r;

        if (!path || !text)
                return -ENOMEM;
        r = read_file(path, 64 * 1024, &present, NULL);
        if (r == 0 && streq(present, text))
                return 0;
        slash = strrchr(path, '/');
        *slash = '\0';
        r = mkdir_parents(path, 0755);
        *slash = '/';
        if (r < 0)
                return r;
        r = write_file_atomic(path, text, strlen(text), 0644, WRITE_SYNC);
        return r < 0 ? r : 1;
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
        (void) rmdir(path); /* stays if somebody else's drop-ins are in it */
        return 0;
}
