/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/bus.h"

/*
 * Units and leases as rows: what leased's objects say, put together as list and status show it, sorted by name.
 * Members of a unit's row: unit, state, active_state, sub_state, machine_id, hostname, index, since_usec,
 * time_remaining_usec, lease (its name; null if it is global), local, held, global, stuck, last_error, why_not (array
 * of {machine_id, why}, one for each machine), stop_at_usec, kill_at_usec, invocation_id.
 *
 * Functions say what is wrong and return an exit code.
 */

/* A new array with the same rows, in the order of a member that is a string. */
json_t *rows_sorted(const json_t *rows, const char *key);

/* The rows of all units that are enabled here. */
int units_read(Ctl *ctl, json_t **ret);
/* The unit that an operator means: what was typed, completed (unit_name_complete()), or the unit that it is an alias
 * of. Says nothing; owned by the caller, NULL when out of memory. */
char *unit_name_resolve(Ctl *ctl, const char *typed);
/* The name of a unit's lease: 1, and *ret is owned by the caller; 0 if the unit is not enabled here or has none, or a
 * negative errno. Says nothing. */
int unit_lease_name(Ctl *ctl, const char *unit, char **ret);
/* The row of one; CTL_NO_SUCH_UNIT if it is not enabled here. */
int unit_read_one(Ctl *ctl, const char *unit, json_t **ret);
