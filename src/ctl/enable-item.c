/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/enable-item.h"

#include "ctl/brought.h"
#include "ctl/examine.h"
#include "ctl/files.h"
#include "ctl/members.h"
#include "ctl/options.h"
#include "ctl/output.h"
#include "ctl/pid1.h"
#include "util/shell-word.h"
#include "util/unit-name.h"

/* ---- what is refused ---- */

/* Reads the unit's options and looks whether its stop fits into the TTL. */
static int check_options(const char *name, const json_t *unit, const LeasedConf *conf, bool *ret_global) {
        const UnitOptions *options = NULL;
        _cleanup_(messages_done) Messages m = {};
        int r = options_preview(name, &options, &m);

        if (r >= 0 && !options->global)
                r = unit_options_check(options, conf->ttl, pid1_timeout_stop(unit), &m);
        print_messages(&m);
        if (r < 0 && m.n == 0)
                complain("%s: its options cannot be read: %s", name, strerror(-r));
        *ret_global = options && options->global;
        return r < 0 ? CTL_FAILED : CTL_OK;
}

static int note_brought(Ctl *ctl, const EnableItem *item, const json_t *unit) {
        json_auto_t *findings = json_array();
        int code = brought_examine(ctl, item->name, unit, item->members, findings);
        json_t *finding;
        size_t i;

        json_array_foreach(findings, i, finding)
                complain("note: %s: %s", item->name, get_string(finding, "text"));
        return code;
}

/* Looks whether the unit and its members are down. Without a gate until now they may be up, and then --stop is
 * needed. */
static int check_down(Ctl *ctl, EnableItem *item, const json_t *unit) {
        const char *up = pid1_is_down(unit) ? members_find_up(ctl, item->members) : item->name;

        item->to_stop = up && ctl->stop;
        if (!up || ctl->stop)
                return CTL_OK;
        if (streq(up, item->name))
                return ctl_fail("%s: is %s: systemctl stop %s, or use --stop", up, get_string(unit, "ActiveState"),
                                SHELL_WORD(up));
        return ctl_fail("%s: brings %s, which is up: systemctl stop %s, or use --stop", item->name, up,
                        SHELL_WORD(up));
}

/* Looks whether a slice that the unit is to have from now on is free: its gate would be closed wherever the unit does
 * not run, and what else lies in the slice be killed there. */
static int check_new_slice(Ctl *ctl, const EnableItem *item) {
        _cleanup_free_ char *other = NULL;
        const char *slice = members_find_others(ctl, item->name, item->members, &other);

        if (!slice)
                return CTL_OK;
        return ctl_fail("%s: brings %s, in which %s is up: systemctl stop %s", item->name, slice, strempty(other),
                        SHELL_WORD(strempty(other)));
}

/* Prints only the first reason; "leasectl check" tells all of them. */
static int complain_refused(const char *name, const json_t *findings, int code) {
        const char *text = get_string(json_array_get(findings, 0), "text");

        if (*text)
                complain("%s: %s", name, text);
        return code;
}

int enable_item_examine(Ctl *ctl, const char *typed, const LeasedConf *conf, EnableItem *item) {
        json_auto_t *unit = NULL, *findings = json_array();
        _cleanup_free_ char *name = unit_name_complete(typed);
        int code;

        if (!name)
                return ctl_fail("%s: out of memory", typed);
        code = examine_unit(ctl, name, findings, &item->name, &unit);
        if (code != CTL_OK)
                return complain_refused(item->name ?: name, findings, code);
        code = check_options(item->name, unit, conf, &item->global);
        if (code != CTL_OK)
                return code;
        /* A unit that was leased before runs only under its lease. */
        item->kept = item->global || (files_listed(item->name) && pid1_gate_loaded(unit, item->name, item->name));
        if (item->global)
                return CTL_OK;
        code = members_find(ctl, item->name, unit, &item->members);
        if (code == CTL_OK)
                code = note_brought(ctl, item, unit);
        if (code != CTL_OK)
                return code;
        return item->kept ? check_new_slice(ctl, item) : check_down(ctl, item, unit);
}

/* ---- what is done ---- */

int enable_item_take_back(EnableItem *item) {
        _cleanup_free_ char *text = NULL;

        item->written = false;
        item->to_stop = false;
        if (item->new) {
                (void) files_unlist(item->name, &text);
                (void) files_sync_unlisted();
                (void) members_ungate(item->members);
                (void) files_ungate(item->name);
        } else if (item->text)
                (void) files_restore(item->name, item->before);
        return CTL_FAILED;
}

int enable_item_gate(EnableItem *item) {
        int code;

        item->new = !files_listed(item->name);
        code = item->global ? CTL_OK : files_gate(item->name);
        if (code == CTL_OK && !item->global)
                code = members_gate(item->name, item->members);
        item->written = code == CTL_OK;
        return code == CTL_OK || !item->new ? code : enable_item_take_back(item);
}

int enable_item_list(EnableItem *item) {
        int code = item->new ? files_list(item->name) : item->text ? files_restore(item->name, item->text) : CTL_OK;

        if (code != CTL_OK && !item->new) { /* its file has the old text still */
                item->written = false;
                return code;
        }
        return code == CTL_OK ? code : enable_item_take_back(item);
}

int enable_item_verify(Ctl *ctl, EnableItem *item) {
        json_auto_t *unit = NULL;
        int code = pid1_load(ctl->bus, item->name, &unit);

        if (code != CTL_OK)
                return enable_item_take_back(item);
        if (!pid1_gate_loaded(unit, item->name, item->name)) {
                char trouble[PID1_TROUBLE_SIZE];

                complain("%s: the gate has no effect: %s", item->name,
                                pid1_gate_trouble(unit, item->name, item->name, trouble, sizeof(trouble)));
                return enable_item_take_back(item);
        }
        if (members_verify(ctl, item->name, item->members) != CTL_OK)
                return enable_item_take_back(item);
        /* Somebody may have started it before the gate was shut. */
        item->to_stop = !item->kept && (!pid1_is_down(unit) || members_find_up(ctl, item->members));
        return CTL_OK;
}

int enable_item_ungate(EnableItem *item) {
        _cleanup_(strv_freep) char **members = NULL;
        int code = members_list_gated(item->name, &members);

        if (code == CTL_OK)
                code = members_ungate(members);
        return code == CTL_OK ? files_ungate(item->name) : code;
}

void enable_item_done(EnableItem *item) {
        free(item->name);
        strv_free(item->members);
        *item = (EnableItem){};
}
