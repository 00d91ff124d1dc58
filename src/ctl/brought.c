/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/brought.h"

#include <stdio.h>

#include "conf/conf.h"
#include "conf/dropin.h"
#include "ctl/finding.h"
#include "ctl/files.h"
#include "ctl/members.h"
#include "ctl/options.h"
#include "ctl/pid1.h"
#include "util/unit-facts.h"

/* All units that have been looked at, as rows {name, by, props, covered, ours, followed}. In a row, by is the unit
 * that pulls this unit in; covered says that this is the leased unit or a member; ours says that this unit runs
 * because of the leased unit; followed says that the units that it pulls in have been looked at. */
typedef struct Brought {
        Ctl *ctl;
        json_t *rows;
        json_t *starters; /* {name: whether it starts others by itself} of those that were looked at */
} Brought;

static json_t *find_row(const Brought *b, const char *name) {
        json_t *row;
        size_t i;

        json_array_foreach(b->rows, i, row) {
                if (streq(get_string(row, "name"), name))
                        return row;
        }
        return NULL;
}

static bool is_ours(const Brought *b, const char *name) {
        return get_boolean(find_row(b, name), "ours");
}

static void add_row(Brought *b, const char *name, const char *by, const json_t *props, bool covered) {
        (void) json_array_append_new(b->rows, json_pack("{s:s, s:s, s:O, s:b, s:b}", "name", name, "by", by, "props",
                                                              props, "ours", true, "covered", covered));
}

/* Whether the unit is one that may need a BindsTo=. Control groups, hardware, and units that PID 1 itself needs to
 * start something run by themselves. Of systemd's own units only containers do the work of somebody else. */
static bool is_of_interest(const char *name) {
        return !endswith(name, ".slice") && !endswith(name, ".scope") && !endswith(name, ".device") &&
               (!startswith(name, "systemd-") || startswith(name, "systemd-nspawn@") ||
                               startswith(name, "systemd-vmspawn@")) &&
               !startswith(name, "modprobe@") && !streq(name, DAEMON_SERVICE) && !streq(name, GUARD_SERVICE) &&
               !startswith(name, "leased-frozen@");
}

/* Whether a lease of its own decides where the unit runs, or the unit runs everywhere without one. */
static bool has_lease(const char *name) {
        _cleanup_free_ char *owner = dropin_owner("", name);

        return owner || files_listed(name);
}

/* ---- who else starts it ---- */

/* Whether the unit starts others on this machine, whatever leases the machine has. A unit that goes by a lease does so
 * only where it runs, and one that is down and is not to be started does not; of a target this is not looked at. */
static bool starts_by_itself(const Brought *b, const char *name) {
        json_t *known = json_object_get(b->starters, name);
        _cleanup_free_ char *owner = NULL;
        json_auto_t *props = NULL;
        const char *state;
        bool does;

        if (known)
                return json_is_true(known);
        owner = dropin_owner("", name);
        does = !owner && !files_gated(name);
        if (does && !endswith(name, ".target") && pid1_load(b->ctl->bus, name, &props) == CTL_OK) {
                state = get_string(props, "UnitFileState");
                does = pid1_is_active(props) || !(streq(state, "disabled") || streq(state, "masked"));
        }
        (void) json_object_set_new(b->starters, name, json_boolean(does));
        return does;
}

/* Targets are looked at first: all services of the machine require some of them, and none of these is to be loaded
 * then. */
static bool is_started_by(const Brought *b, const json_t *props, bool targets) {
        static const char *const reverse[] = { "WantedBy", "RequiredBy", "BoundBy", "UpheldBy", "TriggeredBy" };

        for (size_t r = 0; r < ELEMENTSOF(reverse); r++) {
                json_t *value;
                size_t i;

                json_array_foreach(json_object_get(props, reverse[r]), i, value) {
                        const char *name = strempty(json_string_value(value));

                        if (endswith(name, ".target") == targets && !is_ours(b, name) && starts_by_itself(b, name))
                                return true;
                }
        }
        return false;
}

static bool has_other_starter(const Brought *b, const json_t *props) {
        return startswith(get_string(props, "UnitFileState"), "enabled") || is_started_by(b, props, true) ||
               is_started_by(b, props, false);
}

/* Takes out the units that something else starts as well. This is repeated until all units that are left are
 * started only by each other. Each round begins with all units again, since the unit that starts another one may have
 * been found since the round before. */
static void drop_what_others_start(Brought *b) {
        bool changed = true;
        json_t *row;
        size_t i;

        json_array_foreach(b->rows, i, row)
                (void) json_object_set_new(row, "ours", json_true());
        while (changed) {
                changed = false;
                json_array_foreach(b->rows, i, row) {
                        if (!get_boolean(row, "ours") || get_boolean(row, "covered") ||
                                        !has_other_starter(b, json_object_get(row, "props")))
                                continue;
                        (void) json_object_set_new(row, "ours", json_false());
                        changed = true;
                }
        }
}

/* ---- what it brings ---- */

static int add_one(Ctl *ctl, Brought *b, const char *name, const char *by) {
        json_auto_t *pulled = NULL;
        const char *id;
        int code;

        if (!is_of_interest(name) || find_row(b, name))
                return CTL_OK;
        code = pid1_load(ctl->bus, name, &pulled);
        if (code != CTL_OK)
                return code;
        id = get_string(pulled, "Id");
        if (streq(get_string(pulled, "LoadState"), "loaded") && !find_row(b, id) && !has_lease(id))
                add_row(b, id, by, pulled, false);
        return CTL_OK;
}

static int add_pulled(Ctl *ctl, Brought *b, const json_t *by) {
        const char *property;
        json_t *names, *name;
        size_t i;
        int code = CTL_OK;

        json_object_foreach(json_object_get(by, "props"), property, names) {
                if (!unit_facts_pulls(property))
                        continue;
                json_array_foreach(names, i, name) {
                        if (code == CTL_OK)
                                code = add_one(ctl, b, strempty(json_string_value(name)), get_string(by, "name"));
                }
        }
        return code;
}

/* Collects the units that are pulled in. Only units that run because of the leased unit are followed: any other
 * unit is a part of the machine, and so is all that it pulls in. */
static int collect(Ctl *ctl, Brought *b) {
        bool changed = true;

        while (changed) {
                size_t end = json_array_size(b->rows);

                changed = false;
                for (size_t i = 0; i < end; i++) {
                        json_t *row = json_array_get(b->rows, i);
                        int code;

                        if (!get_boolean(row, "ours") || get_boolean(row, "followed"))
                                continue;
                        (void) json_object_set_new(row, "followed", json_true());
                        code = add_pulled(ctl, b, row);
                        if (code != CTL_OK)
                                return code;
                        changed = true;
                }
                drop_what_others_start(b);
        }
        return CTL_OK;
}

/* ---- what is said of it ---- */

static void describe(const char *unit, const json_t *row, json_t *findings) {
        const json_t *props = json_object_get(row, "props");
        const char *name = get_string(row, "name"), *by = get_string(row, "by"), *how;
        bool on_every = streq(get_string(props, "UnitFileState"), "disabled");

        how = pid1_lists(props, "PartOf", by)               ? "PartOf="
              : pid1_lists(props, "StopPropagatedFrom", by) ? "PropagatesStopTo="
                                                            : NULL;
        if (how)
                finding_add(findings, "weak",
                                "%s is started with %s and stopped with it (%s), but nobody waits for its end and "
                                "nobody kills "
                                "it in time: give it BindsTo=%s",
                                name, streq(by, unit) ? "it" : by, how, by);
        else
                finding_add(findings, "weak",
                                "%s is not bound to %s and goes on running without the lease: give it BindsTo=%s%s%s",
                                name, streq(by, unit) ? "it" : by, by,
                                on_every ? ", or, if every machine is to run it: systemctl enable " : "",
                                on_every ? name : "");
}

/* Adds a finding for each unit that the leased unit needs and that has a lease of its own, since it may be on
 * another machine. */
static void look_at_leased(const char *unit, const json_t *props, json_t *findings) {
        static const char *const needs[] = { "Requires", "BindsTo", "Requisite" };
        const UnitOptions *options = options_peek(unit);

        for (size_t n = 0; n < ELEMENTSOF(needs); n++) {
                json_t *value;
                size_t i;

                json_array_foreach(json_object_get(props, needs[n]), i, value) {
                        const char *name = strempty(json_string_value(value));

                        if (files_listed(name) && files_gated(name) &&
                                        !(options && placement_names(options->placement->machine_of, name)))
                                finding_add(findings, "weak",
                                                "%s=%s, which has a lease of its own and may be elsewhere, where this "
                                                "cannot "
                                                "start: MachineOf=%s in [X-Leased] keeps them together",
                                                needs[n], name, name);
                }
        }
}

int brought_examine(Ctl *ctl, const char *name, const json_t *unit, char *const *members, json_t *findings) {
        json_auto_t *rows = json_array(), *starters = json_object();
        Brought b = { .ctl = ctl, .rows = rows, .starters = starters };
        json_t *row;
        size_t i;
        int code;

        add_row(&b, name, "", unit, true);
        for (; members && *members; members++) {
                json_auto_t *props = NULL;

                code = members_load(ctl, *members, &props);
                if (code != CTL_OK)
                        return code;
                add_row(&b, *members, name, props, true);
        }
        look_at_leased(name, unit, findings);
        code = collect(ctl, &b);
        json_array_foreach(rows, i, row) {
                if (code == CTL_OK && get_boolean(row, "ours") && !get_boolean(row, "covered") &&
                                !endswith(get_string(row, "name"), ".target"))
                        describe(name, row, findings);
        }
        return code;
}
