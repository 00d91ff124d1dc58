/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/change.h"

#include <errno.h>
#include <stdio.h>

#include "conf/changes.h"
#include "ctl/all-machines.h"
#include "ctl/bus.h"
#include "ctl/cluster.h"
#include "ctl/enable.h"
#include "ctl/files.h"
#include "ctl/leases.h"
#include "ctl/machines.h"
#include "ctl/options.h"
#include "ctl/rehearse.h"
#include "util/file-util.h"
#include "util/shell-word.h"

#define TEXT_MAX ((size_t) 1024 * 1024)

enum {
        OTHERS_NAMED = 5, /* machines that are named; of the others the number is told */
        OTHERS_SIZE = OTHERS_NAMED * (HOSTNAME_SHOWN + 2),
};

static int read_text(const char *unit, char **ret) {
        _cleanup_free_ char *path = unit_options_path("", unit);
        int r = path ? read_file(path, TEXT_MAX, ret, NULL) : -ENOMEM;

        return r < 0 ? files_complain(path ?: unit, r) : CTL_OK;
}

int change_begin(Ctl *ctl, const char *typed, Change *ret) {
        int code;

        ret->unit = unit_name_resolve(ctl, typed);
        if (!ret->unit)
                return ctl_fail("%s: out of memory", typed);
        if (!unit_name_is_valid(ret->unit) || !files_listed(ret->unit)) {
                _cleanup_free_ char *near = files_near(ret->unit);

                if (near)
                        complain("%s: is not enabled here, did you mean '%s'?", ret->unit, near);
                else
                        complain("%s: is not enabled here: leasectl enable %s", ret->unit, SHELL_WORD(ret->unit));
                return CTL_NO_SUCH_UNIT;
        }
        code = read_text(ret->unit, &ret->before);
        return code == CTL_OK ? enable_prepare(ctl, 0, &ret->conf) : code;
}

int change_examine(Ctl *ctl, Change *c, const char *text) {
        int code;

        options_draft(c->unit, text);
        enable_item_done(&c->item);
        code = enable_item_examine(ctl, c->unit, c->conf, &c->item);
        c->item.before = c->before;
        c->item.text = text;
        return code;
}

static const char *lease_of(const UnitOptions *o) {
        return o->slot ?: o->lease;
}

/* Finds what the text changes in the options, and whether the unit goes by another lease then. Returns whether leased
 * has to read the text: it does not if only comments differ, or what is said is in force already. */
static bool find_changes(const Change *c, const char *text, Messages *ret, bool *ret_lease) {
        _cleanup_(unit_options_freep) UnitOptions *old = NULL, *new = NULL;
        _cleanup_(messages_done) Messages wrong = {};

        /* What was wrong before is not the matter here, and what is wrong now has been refused. */
        (void) unit_options_preview("", c->unit, &old, &wrong);
        (void) unit_options_preview_text("", c->unit, text, strlen(text), &new, &wrong);
        if (old && new)
                changes_note_unit(ret, c->unit, old, new);
        *ret_lease = old && new && !streq(strempty(lease_of(old)), strempty(lease_of(new)));
        return ret->n > 0 || !old || wrong.n > 0;
}

/* Says that the unit can never have all its copies. */
static void note_copies(Ctl *ctl, const char *unit, const char *text) {
        _cleanup_(unit_options_freep) UnitOptions *options = NULL;
        _cleanup_(messages_done) Messages m = {};
        char few[TOO_FEW_SIZE];

        (void) unit_options_preview_text("", unit, text, strlen(text), &options, &m);
        if (options && all_machines_too_few(ctl, options, few))
                complain("note: %s: %s", unit, few);
}

/* Says on which other machines the unit is enabled, since each goes by its own file, and how it is changed there. */
static void say_others(Ctl *ctl, const Change *c) {
        json_auto_t *machines = NULL, *rows = NULL;
        char names[OTHERS_SIZE] = "", name[HOSTNAME_SHOWN];
        size_t i, n = 0;
        json_t *row;

        if (!ctl->legend || bus_leased_runs(ctl->bus) <= 0 || machines_read(ctl, &machines) != CTL_OK ||
                        cluster_units_read(ctl, "", &rows) != CTL_OK)
                return;
        json_array_foreach(rows, i, row) {
                const json_t *machine = machines_find(machines, get_string(row, "machine_id"));

                if (!streq(get_string(row, "unit"), c->unit) || !machine || get_boolean(machine, "here"))
                        continue;
                if (n++ < OTHERS_NAMED)
                        (void) snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s",
                                        *names ? ", " : "",
                                        machine_name(machines, get_string(row, "machine_id"), name, sizeof(name)));
        }
        if (n > OTHERS_NAMED)
                say_hanging(2, "%s: here only; on %s and %zu more: %s", c->unit, names, n - OTHERS_NAMED, c->again);
        else if (n > 0)
                say_hanging(2, "%s: here only; on %s: %s", c->unit, names, c->again);
}

/* Says where the unit would run if the change were made. */
static int rehearse_change(Ctl *ctl, const Change *c, const char *text, bool differs, bool other_lease) {
        int code = CTL_OK;

        if (other_lease) /* what is known of the present one says nothing */
                say("%s: goes by another lease then: it stops where it runs, and starts again", c->unit);
        else if (!differs)
                say("%s: no option changes", c->unit);
        if (!other_lease && !c->item.global && bus_leased_runs(ctl->bus) > 0)
                code = rehearse_place(ctl, c->unit, text);
        if (differs)
                say_others(ctl, c);
        return code;
}

int change_apply(Ctl *ctl, Change *c, const char *text) {
        _cleanup_(messages_done) Messages changes = {};
        bool other_lease, differs = find_changes(c, text, &changes, &other_lease);
        int code;

        for (size_t i = 0; i < changes.n && ctl->dry_run; i++)
                say("%s", changes.lines[i]);
        if (differs)
                note_copies(ctl, c->unit, text);
        if (ctl->dry_run)
                return rehearse_change(ctl, c, text, differs, other_lease);
        if (!differs && !streq(text, c->before))
                code = files_restore(c->unit, text);
        else
                code = CTL_OK;
        if (!differs && code == CTL_OK)
                say("%s: no option changes", c->unit);
        if (!differs || streq(text, c->before))
                return code;
        c->item.changes = &changes;
        code = enable_all(ctl, &c->item, 1, c->conf);
        c->item.changes = NULL;
        if (code == CTL_OK)
                say_others(ctl, c);
        return code;
}

void change_done(Change *c) {
        enable_item_done(&c->item);
        leased_conf_free(c->conf);
        free(c->before);
        free(c->again);
        free(c->unit);
}
