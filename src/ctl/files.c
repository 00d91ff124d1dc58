/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/files.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "conf/conf.h"
#include "conf/dropin.h"
#include "util/file-util.h"

#define OPTIONS_SIZE_MAX (1024 * 1024)

static const char new_file[] = "# Enabled by leasectl. Options of this unit on this machine, see leased.unit(5).\n"
                               "[X-Leased]\n";

int files_complain(const char *path, int r) {
        return ctl_fail("%s: %s%s", path, strerror(-r), r == -EACCES || r == -EPERM ? ", do it as root" : "");
}

bool files_listed(const char *unit) {
        _cleanup_free_ char *path = unit_options_path("", unit);

        return path && access(path, F_OK) == 0;
}

bool files_gated(const char *unit) {
        _cleanup_free_ char *path = dropin_path("", unit);

        return path && access(path, F_OK) == 0;
}

int files_write(const char *unit, bool gate, bool *ret_new) {
        _cleanup_free_ char *path = unit_options_path("", unit), *dropin = dropin_path("", unit),
                            *directory = unit_options_path("", "");
        int r;

        if (!path || !dropin || !directory)
                return files_complain(unit, -ENOMEM);
        r = gate ? dropin_member_write("", unit, unit) : 0;
        if (r < 0)
                return files_complain(dropin, r);
        *ret_new = access(path, F_OK) < 0;
        if (!*ret_new)
                return CTL_OK;
        r = mkdir_parents(directory, 0755);
        if (r == 0)
                r = write_file_atomic(path, new_file, strlen(new_file), 0644, WRITE_SYNC);
        return r < 0 ? files_complain(path, r) : CTL_OK;
}

int files_unlist(const char *unit, char **ret_text) {
        _cleanup_free_ char *path = unit_options_path("", unit), *text = NULL;
        int r;

        if (!path)
                return files_complain(unit, -ENOMEM);
        r = read_file(path, OPTIONS_SIZE_MAX, &text, NULL);
        if (r < 0 && r != -ENOENT)
                return files_complain(path, r);
        r = unlink_if_exists(path);
        if (r < 0)
                return files_complain(path, r);
        *ret_text = TAKE_PTR(text);
        return CTL_OK;
}

int files_restore(const char *unit, const char *text) {
        _cleanup_free_ char *path = unit_options_path("", unit);
        int r = path ? write_file_atomic(path, text, strlen(text), 0644, WRITE_SYNC) : -ENOMEM;

        return r < 0 ? files_complain(strempty(path), r) : CTL_OK;
}

int files_ungate(const char *unit) {
        int r = dropin_remove("", unit);
        _cleanup_free_ char *path = dropin_path("", unit);

        return r < 0 ? files_complain(strempty(path), r) : CTL_OK;
}
