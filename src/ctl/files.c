/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/files.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "conf/conf.h"
#include "conf/dropin.h"
#include "util/file-util.h"
#include "util/strv.h"
#include "util/suggest.h"

#define SYSTEM_DIRECTORY "/etc/systemd/system"
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

char *files_near(const char *typed) {
        _cleanup_(messages_done) Messages messages = {};
        _cleanup_(strv_freep) char **names = NULL;
        Suggestion near = suggest_begin(typed);

        if (enabled_units_list("", &names, &messages) < 0)
                return NULL;
        for (char **name = names; name && *name; name++)
                suggest_consider(&near, *name);
        return near.best ? strdup(near.best) : NULL;
}

bool files_gated(const char *unit) {
        _cleanup_free_ char *path = dropin_path("", unit);

        return path && access(path, F_OK) == 0;
}

int files_gate(const char *unit) {
        _cleanup_free_ char *dropin = dropin_path("", unit);
        int r = dropin ? dropin_member_write("", unit, unit, 0) : -ENOMEM;

        return r < 0 ? files_complain(dropin ?: unit, r) : CTL_OK;
}

int files_list(const char *unit) {
        _cleanup_free_ char *path = unit_options_path("", unit), *directory = unit_options_path("", "");
        int r = path && directory ? mkdir_parents(directory, 0755) : -ENOMEM;

        if (r == 0)
                r = write_file_atomic(path, new_file, strlen(new_file), 0644, 0);
        return r < 0 ? files_complain(path ?: unit, r) : CTL_OK;
}

int files_sync_gates(void) {
        int r = sync_file_system(SYSTEM_DIRECTORY);

        return r < 0 ? files_complain(SYSTEM_DIRECTORY, r) : CTL_OK;
}

int files_sync_listed(void) {
        _cleanup_free_ char *directory = unit_options_path("", "");
        int r = directory ? sync_file_system(directory) : -ENOMEM;

        return r < 0 ? files_complain(strempty(directory), r) : CTL_OK;
}

int files_sync_unlisted(void) {
        _cleanup_free_ char *directory = unit_options_path("", "");
        int r = directory ? sync_directory(directory) : -ENOMEM;

        return r < 0 && r != -ENOENT ? files_complain(strempty(directory), r) : CTL_OK;
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
