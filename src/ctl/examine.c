/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/examine.h"

#include "conf/conf.h"
#include "ctl/aftermath.h"
#include "ctl/files.h"
#include "ctl/finding.h"
#include "ctl/members.h"
#include "ctl/options.h"
#include "ctl/outside.h"
#include "ctl/pid1.h"
#include "ctl/schedule.h"
#include "ctl/settings.h"
#include "ctl/starters.h"
#include "ctl/triggers.h"
#include "util/cgroup.h"
#include "util/shell-word.h"
#include "util/suggest.h"
#include "util/unit-name.h"

static int check_name(const char *name, json_t *findings) {
        if (unit_name_is_template(name))
                return finding_refuse(findings, "is a template, enable an instance of it");
        if (endswith(name, ".swap"))
                return finding_refuse(findings,
                                "is a swap: what is in it is of no use to another machine, and a swapoff that "
                                "takes too "
                                "long cannot be ended");
        if (strpbrk(name, "*?[") && !unit_name_is_valid(name))
                return finding_refuse(findings, "is a pattern; name each unit here");
        if (!unit_name_is_valid(name))
                return finding_refuse(findings, "is not the name of a unit that can be leased");
        return CTL_OK;
}

/* Names the unit that may have been meant, of those whose files begin with the same letter. */
static void refuse_unknown(Ctl *ctl, const char *name, json_t *findings) {
        const char pattern[] = { name[0], '*', '\0' };
        Suggestion near = suggest_begin(name);
        json_auto_t *answer = NULL;
        json_t *row;
        size_t i;

        (void) bus_call(ctl->bus, &bus_pid1, "ListUnitFilesByPatterns", &answer, NULL, "asas", 0, 1, pattern);
        json_array_foreach(json_array_get(answer, 0), i, row) {
                const char *slash = strrchr(string_at(row, 0), '/');

                if (slash && !unit_name_is_template(slash + 1))
                        suggest_consider(&near, slash + 1);
        }
        if (near.best)
                (void) finding_refuse(
                                findings, "there is no such unit on this machine, did you mean '%s'?", near.best);
        else
                (void) finding_refuse(findings, "there is no such unit on this machine");
}

static int check_loaded(Ctl *ctl, const char *typed, const json_t *unit, json_t *findings) {
        const char *load = get_string(unit, "LoadState");

        if (streq(load, "loaded"))
                return CTL_OK;
        if (streq(load, "not-found")) {
                refuse_unknown(ctl, typed, findings);
                return CTL_NO_SUCH_UNIT;
        }
        if (streq(load, "masked"))
                return finding_refuse(findings, "is masked: systemctl unmask %s", SHELL_WORD(typed));
        return finding_refuse(
                        findings, "cannot be loaded (%s), look at: systemctl status %s", load, SHELL_WORD(typed));
}

/* Refuses the unit if the unit called by starts it. The argument property is the list of the unit in which by
 * stands. */
static int check_starter(
                const char *name, const json_t *unit, const char *by, const char *property, json_t *findings) {
        bool bound = streq(property, "BoundBy"), helper = pid1_pulls_in(unit, by);

        if (bound && (helper || endswith(name, ".target")))
                return CTL_OK; /* a member: it starts only where the gate lets it */
        if (bound && files_listed(by))
                return CTL_OK; /* it runs by a lease of its own */
        if (pid1_lists(unit, "BindsTo", by))
                return finding_refuse(findings,
                                "is started by %s and bound to it, and so goes by its lease: leasectl enable %s", by,
                                SHELL_WORD(by));
        if (bound)
                return finding_refuse(findings,
                                "is pulled in by %s, which is bound to it, and would start it without its lease. If "
                                "%s is to "
                                "run wherever this runs: Wants=%s here, and it goes by the same lease; or lease it "
                                "first, with "
                                "MachineOf=%s",
                                by, by, by, name);
        if (helper)
                return finding_refuse(findings,
                                "is pulled in by %s (%s=), which would start it without its lease: BindsTo=%s there "
                                "in place of "
                                "that, and it goes by the same lease",
                                by, property, name);
        return finding_refuse(findings,
                        "is pulled in by %s (%s=), which would start it without its lease: remove that", by, property);
}

/* Refuses a unit that something else would start, at boot or along with another unit. The gate would stop that start,
 * and the starter would fail. */
static int check_not_started_by_others(Ctl *ctl, const char *name, const json_t *unit, json_t *findings) {
        const char *state = get_string(unit, "UnitFileState");

        if (startswith(state, "enabled"))
                return finding_refuse(findings,
                                "is enabled in systemd, which would start it without its lease: systemctl disable "
                                "%s%s",
                                pid1_is_active(unit) ? "--now " : "", name);
        if (streq(state, "transient"))
                return finding_refuse(findings,
                                "is transient and gone at the next boot: only units with a unit file can be leased");
        for (const StarterSetting *s = starter_settings; s->setting; s++) {
                _cleanup_(strv_freep) char **starters = NULL;
                int code = starters_find(ctl, name, unit, s->setting, s->reverse, &starters);

                for (char **by = starters; code == CTL_OK && by && *by; by++)
                        code = check_starter(name, unit, *by, s->reverse, findings);
                if (code != CTL_OK)
                        return code;
        }
        return CTL_OK;
}

static int check_processes(const json_t *unit, json_t *findings) {
        if (*get_string(unit, "PAMName"))
                return finding_refuse(findings,
                                "has PAMName=: its processes leave the control group and could not be killed in time");
        return CTL_OK;
}

/* Whether the unit runs on every machine that fits, so that its schedule need not be known elsewhere. */
static bool is_global(const char *name) {
        const UnitOptions *options = options_peek(name);

        return options && options->global;
}

static int check_schedule(Ctl *ctl, const char *name, const json_t *unit, char *const *members, json_t *findings) {
        size_t before = json_array_size(findings);
        int code = schedule_examine(ctl, name, unit, members, findings);

        return code == CTL_OK && finding_refused_since(findings, before) ? CTL_FAILED : code;
}

/* The members of the unit must be there, too, and have no other lease. */
static int check_members(Ctl *ctl, const char *name, const json_t *unit, json_t *findings) {
        _cleanup_(strv_freep) char **members = NULL;
        int code = members_find(ctl, name, unit, &members);

        if (code == CTL_OK)
                code = members_examine(ctl, name, unit, members, findings);
        if (code == CTL_OK && !is_global(name))
                code = check_schedule(ctl, name, unit, members, findings);
        return code;
}

static void keep_first(int *code, int next) {
        if (*code == CTL_OK)
                *code = next;
}

static int check_cgroups(json_t *findings) {
        int unfit = cgroup_unfit();

        if (unfit == CGROUPS_NOT_UNIFIED)
                return finding_refuse(findings,
                                "the control groups of this machine are not the unified ones (cgroup v2): processes "
                                "could "
                                "not be found and killed in time; boot with systemd.unified_cgroup_hierarchy=1");
        if (unfit == CGROUPS_NOT_OURS)
                return finding_refuse(findings,
                                "this container has no cgroup namespace of its own: the control groups of its "
                                "units could not "
                                "be found, and processes not killed in time");
        if (unfit == CGROUPS_UNREADABLE)
                return finding_refuse(findings,
                                "the control group of PID 1 (/proc/1/cgroup) cannot be read: nobody knows whether "
                                "processes could be found and killed in time");
        if (unfit == CGROUPS_CANNOT_BE_KILLED)
                return finding_refuse(findings,
                                "the kernel has no cgroup.kill (Linux 5.14 has): processes could not be "
                                "killed in time");
        if (unfit == CGROUPS_READ_ONLY)
                return finding_refuse(findings,
                                "the control groups are mounted read-only: processes could not be killed in time");
        return CTL_OK;
}

int examine_unit(Ctl *ctl, const char *typed, json_t *findings, char **ret_name, json_t **ret_unit) {
        json_auto_t *unit = NULL;
        int code = check_name(typed, findings);

        if (code == CTL_OK)
                code = pid1_load(ctl->bus, typed, &unit);
        if (code == CTL_OK)
                code = check_loaded(ctl, typed, unit, findings);
        if (code != CTL_OK)
                return code;
        *ret_name = strdup(get_string(unit, "Id"));
        if (!*ret_name)
                return finding_refuse(findings, "out of memory");
        code = check_name(*ret_name, findings);
        if (code != CTL_OK)
                return code;
        keep_first(&code, check_not_started_by_others(ctl, *ret_name, unit, findings));
        keep_first(&code, triggers_examine(ctl, *ret_name, unit, findings));
        keep_first(&code, aftermath_examine(ctl, *ret_name, unit, findings));
        keep_first(&code, check_processes(unit, findings));
        keep_first(&code, settings_refuse_name("", *ret_name, findings));
        keep_first(&code, settings_refuse("", unit, findings));
        keep_first(&code, check_cgroups(findings));
        keep_first(&code, check_members(ctl, *ret_name, unit, findings));
        keep_first(&code, outside_examine(ctl, *ret_name, unit, false, findings));
        *ret_unit = json_incref(unit);
        return code;
}
