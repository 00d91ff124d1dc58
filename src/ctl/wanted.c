/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/wanted.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

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

/* Gives the last value of the option in these files, "" if there is none; borrowed. *ret_size: its length. */
static const char *last_value(const json_t *files, const char *option, size_t *ret_size) {
        const char *value = "";
        json_t *file;
        size_t i;

        *ret_size = 0;
        json_array_foreach(files, i, file)
                for (const char *l = get_string(file, "content"); *l; l += strcspn(l, "\n"), l += *l == '\n') {
                        const char *rest = record_after(l, option);

                        if (!rest || rest[strspn(rest, " \t")] != '=')
                                continue;
                        rest += strspn(rest, " \t") + 1;
                        value = rest + strspn(rest, " \t");
                        *ret_size = strcspn(value, " \t\n");
                }
        return value;
}

/* Whether the unit stands in BindsTo= of these files. */
static bool is_bound(const json_t *files, const char *unit) {
        json_t *file;
        size_t i;

        json_array_foreach(files, i, file)
                for (const char *l = get_string(file, "content"); *l; l += strcspn(l, "\n"), l += *l == '\n') {
                        const char *rest = record_after(l, "BindsTo=");

                        while (rest && *rest && *rest != '\n') {
                                size_t n = strcspn(rest, " \t\n");

                                if (n == strlen(unit) && strncmp(rest, unit, n) == 0)
                                        return true;
                                rest += n;
                                rest += strspn(rest, " \t");
                        }
                }
        return false;
}

bool wanted_starts(const char *unit, const json_t *files, const char *other, const json_t *others_files) {
        const char *option = endswith(unit, ".socket") ? "Service" : "Unit";
        const char *kind = endswith(unit, ".automount") ? ".mount" : ".service", *value;
        size_t stem = strlen(unit) - strlen(strrchr(unit, '.')), n;

        if (endswith(unit, ".target"))
                return is_bound(others_files, unit);
        if (!unit_record_triggers(unit))
                return false;
        value = last_value(files, option, &n);
        if (n > 0)
                return strlen(other) == n && strncmp(other, value, n) == 0;
        return strncmp(other, unit, stem) == 0 && streq(other + stem, kind);
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
