/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"
#include "util/strv.h"

/*
 * Members: what a lease covers besides its unit (conf/dropin.h). That is what a timer, socket, path or automount
 * triggers, what is bound to a target, what a service or mount starts and is bound to it, whatever these cover in turn
 * (util/unit-facts.h), and the unit's Slice=. A socket with Accept=yes covers a template, for all its instances.
 *
 * Functions that return int print what is wrong, unless they add it to the findings (ctl/finding.h), and return an
 * exit code. unit is the name of the leased unit, members its members.
 */

/* Finds the members of a unit. properties: what pid1_load() said of the unit. *ret is freed by strv_free(). */
int members_find(Ctl *ctl, const char *unit, const json_t *properties, char ***ret);
/* pid1_load() of a member. For a template, the properties are those of an instance that is never started. */
int members_load(Ctl *ctl, const char *name, json_t **ret);
/* Adds findings that stand against leasing the unit with these members. CTL_FAILED if there are any. */
int members_examine(Ctl *ctl, const char *unit, char *const *members, json_t *findings);

/* Writes the drop-in of each member. */
int members_gate(const char *unit, char *const *members);
/* The members of a unit that have a drop-in, as it was when this was first called. Freed by strv_free(). */
int members_list_gated(const char *unit, char ***ret);
/* Removes the drop-in of each member. */
int members_ungate(char *const *members);
/* Adds the units that members_load() asks about, to be asked for ahead (ctl/pid1-ahead.h). */
int members_add_probes(char *const *members, char ***units);
/* Looks whether the gate is in force for each member, after PID 1 has reloaded. CTL_FAILED if it is not for one. */
int members_verify(Ctl *ctl, const char *unit, char *const *members);

/* The first member that is up or has a process left, or that PID 1 could not be asked about. Borrowed from members;
 * NULL: all are down. */
const char *members_find_up(Ctl *ctl, char *const *members);
/* Adds the units that the members stand for: of a template, the instances that PID 1 knows. */
int members_add_units(Ctl *ctl, char *const *members, char ***units);
