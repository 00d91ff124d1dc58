/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/members.h"

#include <errno.h>
#include <stdio.h>

#include "conf/conf.h"
#include "conf/dropin.h"
#include "ctl/finding.h"
#include "ctl/files.h"
#include "ctl/options.h"
#include "ctl/pid1.h"
#include "ctl/settings.h"
#include "ctl/starters.h"
#include "util/shell-word.h"
#include "util/unit-name.h"

/* Gives the name to ask PID 1 for: in place of a template, an instance that is never started. Owned by the caller;
 * NULL if memory is short. */
static char *instance_of(const char *name) {
        char instance[UNIT_NAME_SPACE];

        return strdup(unit_name_fill(name, GATE_PROBE, instance) < 0 ? name : instance);
}

int members_load(Ctl *ctl, const char *name, json_t **ret) {
        _cleanup_free_ char *instance = instance_of(name);

        return instance ? pid1_load(ctl->bus, instance, ret) : ctl_fail("%s: out of memory", name);
}

/* ---- who they are ---- */

/* Adds the units that the unit or member called name covers, except the leased unit itself. */
static int add_covered(const char *name, const json_t *properties, const char *unit, char ***members) {
        _cleanup_(strv_freep) char **covered = NULL;
        int r = pid1_add_covered(properties, name, &covered);

        for (char **each = covered; r >= 0 && each && *each; each++)
                if (!streq(*each, unit))
                        r = strv_add(members, *each);
        return r;
}

static int add_slice(const char *unit, char ***members) {
        const UnitOptions *options = options_peek(unit);

        return options && options->slice && !options->global ? strv_add(members, options->slice) : 0;
}

int members_find(Ctl *ctl, const char *unit, const json_t *properties, char ***ret) {
        _cleanup_(strv_freep) char **members = NULL;
        int r = add_covered(unit, properties, unit, &members), code;

        for (size_t i = 0; r >= 0 && i < strv_length(members); i++) {
                json_auto_t *each = NULL;

                code = members_load(ctl, members[i], &each);
                if (code != CTL_OK)
                        return code;
                r = add_covered(members[i], each, unit, &members);
        }
        if (r >= 0)
                r = add_slice(unit, &members);
        if (r < 0)
                return ctl_fail("%s: out of memory", unit);
        *ret = TAKE_PTR(members);
        return CTL_OK;
}

/* ---- what stands against them ---- */

static int examine_starters(Ctl *ctl, const char *unit, const char *member, char *const *members,
                const json_t *properties, json_t *findings) {
        int code = CTL_OK;

        for (const StarterSetting *s = starter_settings; s->setting && code == CTL_OK; s++) {
                _cleanup_(strv_freep) char **starters = NULL;

                code = starters_find(ctl, member, properties, s->setting, s->reverse, &starters);
                for (char **by = starters; code == CTL_OK && by && *by; by++)
                        if (!streq(*by, unit) && !strv_contains(members, *by))
                                (void) finding_refuse(findings,
                                                "brings %s, which is pulled in by %s (%s=), too, and that would start "
                                                "it without the lease: remove that",
                                                member, *by, s->reverse);
        }
        return code;
}

/* Reads what goes by which lease, once for all units of a command. */
static int read_gated(const char *unit, const DropinMembers **ret) {
        static DropinMembers all;
        static bool known;
        int r = known ? 0 : dropin_members_read("", &all);

        known = known || r >= 0;
        *ret = &all;
        return r < 0 ? ctl_fail("%s: cannot list what goes by its lease: %s", unit, strerror(-r)) : CTL_OK;
}

static bool is_slice(const char *name) {
        return endswith(name, ".slice");
}

bool members_overlap(const char *one, const char *other) {
        return streq(one, other) ||
               (is_slice(one) && is_slice(other) && (slice_contains(one, other) || slice_contains(other, one)));
}

/* Refuses a slice that lies in another unit's slice, or has it in itself: all in both would run, and be stopped and
 * killed, by two leases. */
static int examine_nesting(const char *unit, const char *member, json_t *findings) {
        const DropinMembers *all;
        int code = read_gated(unit, &all);

        for (size_t i = 0; code == CTL_OK && i < all->n; i++) {
                const DropinMember *each = all->list + i;

                if (!streq(each->unit, unit) && !streq(each->member, member) && members_overlap(member, each->member))
                        (void) finding_refuse(findings,
                                        "brings %s; %s, which goes by the lease of %s, lies in the same slice", member,
                                        each->member, each->unit);
        }
        return code;
}

/* Refuses units with leases of their own in the member, a slice, of which this slice is a part or all. */
static int examine_inside(Ctl *ctl, const char *unit, const char *member, const char *slice, char *const *members,
                json_t *findings) {
        json_auto_t *properties = NULL;
        json_t *value;
        size_t i;
        int code = members_load(ctl, slice, &properties);

        json_array_foreach(json_object_get(properties, "RequiredBy"), i, value) {
                const char *each = strempty(json_string_value(value));
                _cleanup_free_ char *owner = dropin_owner("", each);

                if (code != CTL_OK)
                        break;
                if (is_slice(each) && slice_contains(slice, each) && !strv_contains(members, each))
                        code = examine_inside(ctl, unit, member, each, members, findings);
                else if (owner && !streq(owner, unit))
                        (void) finding_refuse(findings,
                                        "brings %s; %s lies in it, and goes by the lease of %s: it would be stopped "
                                        "and killed with this unit, too",
                                        member, each, owner);
        }
        return code;
}

/* Refuses a unit, or a member, that lies in the slice of another unit with a lease. */
static int examine_place(const char *unit, const char *name, const json_t *properties, json_t *findings) {
        const char *slice = get_string(properties, "Slice");
        const DropinMembers *all;
        bool own = slice_name_is_valid(slice); /* system.slice and the like have no lease */
        int code = own ? read_gated(unit, &all) : CTL_OK;

        for (size_t i = 0; own && code == CTL_OK && i < all->n; i++) {
                const DropinMember *each = all->list + i;

                if (!streq(each->unit, unit) && is_slice(each->member) && slice_contains(each->member, slice))
                        (void) finding_refuse(findings,
                                        "%s%slies in %s, which goes by the lease of %s: it could run only beside that "
                                        "unit (Slice= in systemd's unit file)",
                                        streq(name, unit) ? "" : name, streq(name, unit) ? "" : " ", each->member,
                                        each->unit);
        }
        return code;
}

static int examine_one(Ctl *ctl, const char *unit, const char *member, char *const *members, json_t *findings) {
        _cleanup_free_ char *owner = dropin_owner("", member);
        json_auto_t *properties = NULL;
        int code = members_load(ctl, member, &properties);
        char with[300];

        if (code != CTL_OK)
                return code;
        if (files_listed(member))
                (void) finding_refuse(findings, "brings %s, which has a lease of its own: leasectl disable %s", member,
                                SHELL_WORD(member));
        else if (owner && !streq(owner, unit))
                (void) finding_refuse(findings, "brings %s, which goes by the lease of %s already", member, owner);
        if (!streq(get_string(properties, "LoadState"), "loaded"))
                (void) finding_refuse(findings, "brings %s, which cannot be loaded (%s)", member,
                                get_string(properties, "LoadState"));
        if (*get_string(properties, "PAMName"))
                (void) finding_refuse(findings,
                                "brings %s with PAMName=: its processes leave the control group and could not be "
                                "killed in time",
                                member);
        if (!is_slice(member)) { /* a slice is required by all that lies in it */
                code = examine_starters(ctl, unit, member, members, properties, findings);
                if (code == CTL_OK)
                        code = examine_place(unit, member, properties, findings);
        } else {
                code = examine_nesting(unit, member, findings);
                if (code == CTL_OK)
                        code = examine_inside(ctl, unit, member, member, members, findings);
        }
        (void) snprintf(with, sizeof(with), "brings %s, which ", member);
        (void) settings_refuse_name(with, member, findings);
        (void) settings_refuse(with, properties, findings);
        return code;
}

int members_examine(Ctl *ctl, const char *unit, const json_t *properties, char *const *members, json_t *findings) {
        _cleanup_free_ char *owner = dropin_owner("", unit);
        size_t before = json_array_size(findings);
        int code = CTL_OK;

        if (owner && !streq(owner, unit))
                (void) finding_refuse(findings, "goes by the lease of %s already", owner);
        code = examine_place(unit, unit, properties, findings);
        for (size_t i = 0; members && members[i] && code == CTL_OK; i++)
                code = examine_one(ctl, unit, members[i], members, findings);
        if (code == CTL_OK && json_array_size(findings) > before)
                code = CTL_FAILED;
        return code;
}

/* ---- their gates ---- */

int members_gate(const char *unit, char *const *members) {
        for (; members && *members; members++) {
                int r = dropin_member_write("", *members, unit, 0);

                if (r < 0)
                        return ctl_fail("%s: cannot write the gate of %s: %s", unit, *members, strerror(-r));
        }
        return CTL_OK;
}

int members_list_gated(const char *unit, char ***ret) {
        const DropinMembers *all;
        int code = read_gated(unit, &all), r = code == CTL_OK ? dropin_members_of(all, unit, ret) : 0;

        return r < 0 ? ctl_fail("%s: cannot list what goes by its lease: %s", unit, strerror(-r)) : code;
}

int members_ungate(char *const *members) {
        int code = CTL_OK;

        for (; members && *members; members++)
                if (files_ungate(*members) != CTL_OK)
                        code = CTL_FAILED;
        return code;
}

int members_add_probes(char *const *members, char ***units) {
        for (; members && *members; members++) {
                _cleanup_free_ char *instance = instance_of(*members);

                if (!instance || strv_add(units, instance) < 0)
                        return ctl_fail("%s: out of memory", *members);
        }
        return CTL_OK;
}

int members_verify(Ctl *ctl, const char *unit, char *const *members) {
        for (; members && *members; members++) {
                _cleanup_free_ char *instance = instance_of(*members);
                json_auto_t *properties = NULL;
                int code = members_load(ctl, *members, &properties);
                char trouble[PID1_TROUBLE_SIZE];

                if (code != CTL_OK)
                        return code;
                if (instance && pid1_gate_loaded(properties, instance, unit))
                        continue;
                return ctl_fail("%s: the gate has no effect on %s, which it brings: %s", unit, *members,
                                pid1_gate_trouble(properties, strempty(instance), unit, trouble, sizeof(trouble)));
        }
        return CTL_OK;
}

/* ---- their life ---- */

/* Gives the instances of a template that PID 1 knows, as rows of ListUnits. */
static int list_instances(Ctl *ctl, const char *template, json_t **ret) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        char pattern[UNIT_NAME_SPACE];
        json_auto_t *answer = NULL;
        int r;

        if (unit_name_fill(template, "*", pattern) < 0)
                return ctl_fail("%s: the names of its instances are too long", template);
        r = bus_call(ctl->bus, &bus_pid1, "ListUnitsByPatterns", &answer, &error, "asas", 0, 1, pattern);
        if (r < 0)
                return bus_complain(template, r, &error);
        *ret = json_incref(json_array_get(answer, 0));
        return CTL_OK;
}

/* Calls f for each unit that a member stands for, until f returns something else than CTL_OK. */
static int each_unit(Ctl *ctl, const char *member, int (*f)(Ctl *ctl, const char *name)) {
        json_auto_t *rows = NULL;
        json_t *row;
        size_t i;
        int code;

        if (!unit_name_is_template(member))
                return f(ctl, member);
        code = list_instances(ctl, member, &rows);
        json_array_foreach(rows, i, row) {
                if (code == CTL_OK)
                        code = f(ctl, string_at(row, 0));
        }
        return code;
}

static int check_down(Ctl *ctl, const char *name) {
        json_auto_t *properties = NULL;
        int code = pid1_load(ctl->bus, name, &properties);

        return code == CTL_OK && !pid1_is_down(properties) ? CTL_FAILED : code;
}

const char *members_find_up(Ctl *ctl, char *const *members) {
        for (; members && *members; members++)
                if (each_unit(ctl, *members, check_down) != CTL_OK)
                        return *members;
        return NULL;
}

const char *members_find_others(Ctl *ctl, const char *unit, char *const *members, char **ret) {
        for (char *const *m = members; m && *m; m++) {
                _cleanup_free_ char *owner = dropin_owner("", *m);
                json_auto_t *properties = NULL;
                json_t *value;
                size_t i;

                if ((owner && streq(owner, unit)) || !is_slice(*m) || members_load(ctl, *m, &properties) != CTL_OK)
                        continue;
                json_array_foreach(json_object_get(properties, "RequiredBy"), i, value) {
                        const char *each = strempty(json_string_value(value));

                        if (!streq(each, unit) && !strv_contains(members, each) && check_down(ctl, each) != CTL_OK) {
                                *ret = strdup(each);
                                return *m;
                        }
                }
        }
        return NULL;
}

int members_add_units(Ctl *ctl, char *const *members, char ***units) {
        int code = CTL_OK;

        for (; members && *members && code == CTL_OK; members++) {
                json_auto_t *rows = NULL;
                json_t *row;
                size_t i;

                if (!unit_name_is_template(*members) && strv_add(units, *members) < 0)
                        return ctl_fail("%s: out of memory", *members);
                if (unit_name_is_template(*members))
                        code = list_instances(ctl, *members, &rows);
                json_array_foreach(rows, i, row) {
                        if (strv_add(units, string_at(row, 0)) < 0)
                                return ctl_fail("%s: out of memory", *members);
                }
        }
        return code;
}
