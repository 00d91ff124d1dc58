/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/files.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "conf/dropin.h"
#include "util/file-util.h"

#define UNITS_DIRECTORY "/etc/leased/units"
#define OPTIONS_SIZE_MAX (1024 * 1024)

static const char new_file[] = "# Enabled by leasectl. Options of this unit on this machine, see leased.unit(5).\n"
                               "[X-Leased]\n";

static char *listed_path(const char *unit) {
        char *path;

        return asprintf(&path, UNITS_DIRECTORY "/%s", unit) < 0 ? NULL : path;
}

static int failed(const char *path, int r) {
        if (r == -EACCES || r == -EPERM)
                complain("%s: %s, do it as root", path, strerror(-r));
        else
                complain("%s: %s", path, strerror(-r));
        return CTL_FAILED;
}

bool files_listed(const char *unit) {
        _cleanup_free_ char *path = listed_path(unit);

        return path && access(path, F_OK) == 0;
}

bool files_gated(const char *unit) {
        _cleanup_free_ char *path = dropin_path("", unit);

        return path && access(path, F_OK) == 0;
}

int files_write(const char *unit, bool gate, bool *ret_new) {
        _cleanup_free_ char *path = listed_path(unit), *dropin = dropin_path("", unit);
        int r;

        if (!path || !dropin)
                return failed(unit, -ENOMEM);
        r = gate ? dropin_write("", unit) : 0;
        if (r < 0)
                return failed(dropin, r);
        *ret_new = access(path, F_OK) < 0;
        if (!*ret_new)
                return CTL_OK;
        r = mkdir_parents(UNITS_DIRECTORY, 0755);
        if (r == 0)
                r = write_file_atomic(path, new_file, strlen(new_file), 0644, WRITE_SYNC);
        return r < 0 ? failed(path, r) : CTL_OK;
}

int files_unlist(const char *unit, char **ret_text) {
        _cleanup_free_ char *path = listed_path(unit), *text = NULL;
        int r;

        if (!path)
                return failed(unit, -ENOMEM);
        r = read_file(path, OPTIONS_SIZE_MAX, &text, NULL);
        if (r < 0 && r != -ENOENT)
                return failed(path, r);
        r = unlink_if_exists(path);
        if (r < 0)
                return failed(path, r);
        *ret_text = TAKE_PTR(text);
        return CTL_OK;
}

int files_restore(const char *unit, const char *text) {
        _cleanup_free_ char *path = listed_path(unit);
        int r = path ? write_file_atomic(path, text, strlen(text), 0644, WRITE_SYNC) : -ENOMEM;

        return r < 0 ? failed(strempty(path), r) : CTL_OK;
}

int files_ungate(const char *unit) {
        int r = dropin_remove("", unit);
        _cleanup_free_ char *path = dropin_path("", unit);

        return r < 0 ? failed(strempty(path), r) : CTL_OK;
}
