/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/environment.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* The inverse, up to the closing quote. False: it is too long for a name. */
static bool unquote(const char *text, char ret[static NAME_SIZE]) {
        size_t n = 0;

        for (; *text && *text != '"' && n < NAME_SIZE - 1; text++) {
                text += startswith(text, "\\\\");
                ret[n++] = *text;
        }
        ret[n] = '\0';
        return *text == '"';
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

/* Looks for the values, and takes them only if the whole text is what they would be written as. */
bool environment_parse(Environment *e, const char *machine_id, const char *unit, const char *text) {
        const char *name = "LEASE_NAME=\"", *index = strstr(text, "\nLEASE_INDEX="),
                   *version = strstr(text, "\nLEASE_VERSION=");
        _cleanup_free_ char *again = NULL;
        char lease[NAME_SIZE];
        Environment found = { .lease = lease };

        if (!startswith(text, name) || !index || !version || !unquote(text + strlen(name), lease) ||
                        !lease_name_is_valid(lease))
                return false;
        found.index = strtoull(strchr(index, '=') + 1, NULL, 10);
        found.version = strtoll(strchr(version, '=') + 1, NULL, 10);
        again = environment_text(machine_id, unit, &found);
        if (!again || !streq(text, again) || !str_keep(&e->lease, lease))
                return false;
        e->index = found.index;
        e->version = found.version;
        return true;
}

/* Only what is nobody else's to write is believed. */
bool environment_read(Environment *e, const char *machine_id, const char *unit) {
        _cleanup_free_ char *path = env_path(unit), *text = NULL;
        _cleanup_close_ int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;
        struct stat st;
        size_t size;

        return fd >= 0 && fstat(fd, &st) >= 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
               !(st.st_mode & (S_IWGRP | S_IWOTH)) && read_fd(fd, SIZE_MAX_OF_FILE, &text, &size) >= 0 &&
               strlen(text) == size && environment_parse(e, machine_id, unit, text);
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
