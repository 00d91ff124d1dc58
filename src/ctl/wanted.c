/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/wanted.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "ctl/unit-record-starts.h"
#include "ctl/unit-record.h"
#include "util/text.h"

void wanted_done(WantedList *w) {
        for (size_t i = 0; i < w->n; i++)
                free(w->items[i].template);
        free(w->items);
}

static int want(WantedList *w, const char *unit, const char *path) {
        if (!unit_record_name_is_valid(unit))
                return ctl_fail("%s: no unit of this name can be submitted: a service, timer, socket, path, mount, "
                                "automount or target, and none of the system's own",
                                path);
        w->items[w->n] = (Wanted){ .path = path };
        str_copy(w->items[w->n++].unit, UNIT_NAME_SPACE, unit);
        return CTL_OK;
}

/* Of an instance that has no file of its own, the file is that of its template beside it, as in fleet. */
static void look_for_template(Wanted *wanted) {
        size_t directory = strlen(wanted->path) - strlen(base_name(wanted->path));
        char template[UNIT_NAME_SPACE];

        if (access(wanted->path, F_OK) < 0 && errno == ENOENT && unit_name_template(wanted->unit, template) >= 0) {
                wanted->template = text_format("%.*s%s", (int) directory, wanted->path, template);
                wanted->path = wanted->template ?: wanted->path;
        }
}

/* Each instance of a template is submitted as a unit of its own: so a machine has one file for one signature. */
static int want_instances(WantedList *w, const char *template, const char *path, unsigned copies) {
        char unit[UNIT_NAME_SPACE], number[16];
        int code = CTL_OK;

        for (unsigned i = 1; i <= MAX(copies, 1u) && code == CTL_OK; i++) {
                (void) snprintf(number, sizeof(number), "%u", i);
                if (unit_name_fill(template, number, unit) < 0)
                        return ctl_fail("%s: the name is too long", path);
                if (copies == 0)
                        return ctl_fail("%s: is a template: --copies=K submits its instances 1 to K, a name such "
                                        "as %s one of them",
                                        path, unit);
                code = want(w, unit, path);
        }
        return code;
}

bool wanted_starts(const char *unit, const json_t *files, const char *other, const json_t *others_files) {
        _cleanup_free_ char *value = NULL;
        char name[UNIT_NAME_SPACE];

        if (endswith(unit, ".target"))
                return unit_record_starts_binds(other, others_files, unit);
        return unit_record_triggers(unit) && unit_record_starts_find(unit, files, name, &value) >= 0 &&
               streq(name, other);
}

static bool is_wanted(const WantedList *w, const char *unit) {
        for (size_t i = 0; i < w->n; i++)
                if (streq(w->items[i].unit, unit))
                        return true;
        return false;
}

int wanted_check(const WantedList *w, const char *unit, const json_t *files) {
        _cleanup_free_ char *value = NULL;
        char name[UNIT_NAME_SPACE];
        int r = unit_record_triggers(unit) ? unit_record_starts_find(unit, files, name, &value) : 0;

        if (r == -EXDEV)
                return ctl_fail("%s: %s=%s would be another unit on each machine: write the name of the file that "
                                "comes with it; %%n, %%N, %%p, %%i and %%j may stand in the name",
                                unit, endswith(unit, ".socket") ? "Service" : "Unit", strempty(value));
        if (r < 0)
                return ctl_fail("%s: what it starts has too long a name", unit);
        if (unit_record_triggers(unit) && *name && !is_wanted(w, name))
                return ctl_fail("%s: it starts %s, which must come with it: give both files to one submit", unit,
                                name);
        return CTL_OK;
}

int wanted_add(WantedList *w, const char *path, unsigned copies) {
        const char *unit = base_name(path);
        int code;

        if (unit_name_is_template(unit))
                return want_instances(w, unit, path, copies);
        code = want(w, unit, path);
        if (code == CTL_OK) {
                w->items[w->n - 1].copies = copies;
                look_for_template(w->items + w->n - 1);
        }
        return code;
}
