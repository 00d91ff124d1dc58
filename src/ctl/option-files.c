/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/option-files.h"

#include <errno.h>

#include "conf/conf.h"
#include "conf/ini-edit.h"
#include "conf/unit-files.h"
#include "ctl/ctl.h"
#include "ctl/files.h"
#include "util/file-util.h"

#define FILE_SIZE_MAX ((size_t) 1024 * 1024)

static int add(OptionFiles *f, const char *path) {
        static const char *const sections[] = { "X-Fleet", "X-Leased", NULL };
        _cleanup_free_ char *text = NULL, *part = NULL, *copy = NULL;
        OptionFile *list;
        int r = read_file(path, FILE_SIZE_MAX, &text, NULL);

        if (r == -ENOENT)
                return 0;
        if (r >= 0)
                r = ini_edit_extract(text, sections, &part);
        if (r < 0 || !*part)
                return r;
        copy = strdup(path);
        list = realloc(f->list, (f->n + 1) * sizeof(OptionFile));
        if (list)
                f->list = list;
        if (!copy || !list)
                return -ENOMEM;
        f->list[f->n++] = (OptionFile){ .path = TAKE_PTR(copy), .text = TAKE_PTR(part) };
        return 0;
}

int option_files_read(const char *unit, bool own, OptionFiles *ret) {
        _cleanup_free_ char *path = unit_options_path("", unit);
        _cleanup_(strv_freep) char **paths = NULL;
        int r = path ? unit_files_find("", unit, &paths) : -ENOMEM;

        if (r >= 0 && own)
                r = strv_add(&paths, path);
        if (r < 0)
                return ctl_fail("%s: %s", unit, strerror(-r));
        for (char **p = paths; p && *p; p++)
                if ((r = add(ret, *p)) < 0)
                        return files_complain(*p, r);
        return CTL_OK;
}

void option_files_done(OptionFiles *f) {
        for (size_t i = 0; i < f->n; i++) {
                free(f->list[i].path);
                free(f->list[i].text);
        }
        free(f->list);
        *f = (OptionFiles){};
}
