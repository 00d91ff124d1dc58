/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"
#include "util/strv.h"

/*
 * Members: the other units that a lease covers (conf/dropin.h). They are the units that a timer, socket, path or
 * automount triggers, the units that are bound to a target, the units that a service or mount starts and that are
 * bound to it, whatever these units cover in turn (util/unit-facts.h), and the unit's Slice=. A socket with Accept=yes
 * covers a template, for all its instances.
 *
 * Functions that return int return an exit code, and print what is wrong or add it to the findings (ctl/finding.h);
 * some print nothing when memory is short. The argument unit is the name of the leased unit, members are its members,
 * NULL if there are none.
 */

/* Finds the members of a unit. The argument properties is what pid1_load() said of the unit. *ret is freed by
 * strv_free(), and NULL if there are none. */
int members_find(Ctl *ctl, const char *unit, const json_t *properties, char ***ret);
/* Does for a member what pid1_load() does for a unit. For a template, the properties are those of an instance that
 * is never started. */
int members_load(Ctl *ctl, const char *name, json_t **ret);
/* Adds a "refused" finding for everything that stands against leasing the unit with these members. The argument
 * properties is what pid1_load() said of the unit. Returns CTL_FAILED if there is any, or the exit code of a failure
 * to ask PID 1. */
int members_examine(Ctl *ctl, const char *unit, const json_t *properties, char *const *members, json_t *findings);
/* Whether a member of one unit and a member of another would be, or be in, the same unit: they have the same name, or
 * are slices of which one lies in the other. */
bool members_overlap(const char *one, const char *other);

/* Writes the drop-in of each member. */
int members_gate(const char *unit, char *const *members);
/* Gives the members of a unit that have a drop-in; *ret is freed by strv_free(). The drop-ins are read only once,
 * when this is called for the first time: later changes do not show. */
int members_list_gated(const char *unit, char ***ret);
/* Removes the drop-in of each member. Goes on after a failure. */
int members_ungate(char *const *members);
/* Adds to units the names for which members_load() asks PID 1, so that they can be asked for ahead
 * (ctl/pid1-ahead.h). */
int members_add_probes(char *const *members, char ***units);
/* Looks, after PID 1 has reloaded, whether the gate is in force for each member. Returns CTL_FAILED, and prints the
 * reason, for the first member for which it is not. */
int members_verify(Ctl *ctl, const char *unit, char *const *members);

/* Gives the first member that is up or has a process left, or that PID 1 could not be asked about. Borrowed from
 * members; NULL if all are down. */
const char *members_find_up(Ctl *ctl, char *const *members);
/* Finds what is up in a slice that is to become a member now, and is neither the unit nor a member. Returns the slice,
 * borrowed from members, and gives what was found in *ret, owned by the caller (NULL if memory is short). NULL: there
 * is nothing. */
const char *members_find_others(Ctl *ctl, const char *unit, char *const *members, char **ret);
/* Adds to units the units that the members stand for: a member itself, or, in place of a template, the instances of
 * it that PID 1 knows. */
int members_add_units(Ctl *ctl, char *const *members, char ***units);
