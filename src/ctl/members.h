/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"
#include "util/strv.h"

/*
 * What a lease covers besides its unit (conf/dropin.h): what a timer, socket, path or automount triggers, what is
 * bound to a target, and what these bring in turn. A socket with Accept=yes brings a template, for all its instances.
 * The unit's Slice= is one, too.
 *
 * Functions that return an exit code have said what is wrong, unless they put it among the findings (ctl/finding.h).
 */

/* properties: what pid1_load() said of the unit. *ret is freed by strv_free(). */
int members_find(Ctl *ctl, const char *unit, const json_t *properties, char ***ret);
/* pid1_load() of a member; of a template, for an instance that is never started. */
int members_load(Ctl *ctl, const char *name, json_t **ret);
/* What stands against leasing the unit with these members. */
int members_examine(Ctl *ctl, const char *unit, char *const *members, json_t *findings);

int members_gate(const char *unit, char *const *members);
int members_ungate(const char *unit);
/* After PID 1 has reloaded: is the gate in force for each? */
int members_verify(Ctl *ctl, const char *unit, char *const *members);

/* The first that is up, or has a process left, or NULL: all are down. */
const char *members_find_up(Ctl *ctl, char *const *members);
int members_stop(Ctl *ctl, char *const *members);
