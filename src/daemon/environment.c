/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/environment.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "conf/dropin.h"
#include "util/file-util.h"

#define SIZE_MAX_OF_FILE 4096u

/* Writes a name as a value for EnvironmentFile=. Within double quotes EnvironmentFile= reads a backslash as an escape
 * (systemd.exec(5)), so one in the name is doubled. No other character of a name needs that. */
static const char *quote(const char *name, char ret[static 2 * NAME_SIZE]) {
        char *q = ret;

        for (const char *p = name; *p && q < ret + 2 * NAME_SIZE - 2; p++) {
                if (*p == '\\')
                        *q++ = '\\';
                *q++ = *p;
        }
        *q = '\0';
        return ret;
}

char *environment_text(const char *machine_id, const char *name, const Environment *e) {
        char lease[2 * NAME_SIZE], unit[2 * NAME_SIZE], *text;
        int n;

        n = asprintf(&text,
                        "LEASE_NAME=\"%s\"\nLEASE_UNIT=\"%s\"\nLEASE_INDEX=%" PRIu64
                        "\nLEASE_MACHINE_ID=%s\nLEASE_VERSION=%" PRId64 "\n",
                        quote(e->lease ?: name, lease), quote(name, unit), e->index, machine_id, e->version);
        return n < 0 ? NULL : text;
}

bool environment_take(Environment *e, const Action *a) {
        if (!str_keep(&e->lease, a->lease && !streq(a->lease, a->unit) ? a->lease : NULL))
                return false;
        e->index = a->index;
        e->version = a->version;
        return true;
}

void environment_done(Environment *e) {
        free(e->lease);
        *e = (Environment){};
}

static int write_to(const char *path, const char *text) {
        (void) mkdir_parents(ENV_DIRECTORY, 0755);
        return write_file_atomic(path, text, strlen(text), 0644, 0);
}

int environment_write(const char *unit, const char *text) {
        _cleanup_free_ char *path = env_path(unit);

        return path ? write_to(path, text) : -ENOMEM;
}

int environment_keep(const char *unit, const char *text) {
        _cleanup_free_ char *path = env_path(unit), *there = NULL;
        int r;

        if (!path)
                return -ENOMEM;
        if (read_file(path, SIZE_MAX_OF_FILE, &there, NULL) >= 0 && streq(there, text))
                return 0;
        r = write_to(path, text);
        return r < 0 ? r : 1;
}

int environment_remove(const char *unit) {
        _cleanup_free_ char *path = env_path(unit);

        return path ? unlink_if_exists(path) : -ENOMEM;
}
