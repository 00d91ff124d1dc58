/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/bus.h"

/*
 * Units and their leases as rows, put together from leased's objects as list and status show them. Members of a row:
 * unit, state, active_state, sub_state, machine_id, hostname, index, since_usec, time_remaining_usec, lease (its name;
 * null if the unit is global), local, held, global, stuck, last_error, last_error_code, last_error_usec, why_not
 * (array of {machine_id, why, code}, one for each machine), stop_at_usec, kill_at_usec, invocation_id.
 *
 * Functions print what is wrong and return an exit code, unless it is said otherwise. *ret is owned by the caller.
 */

/* Gives a new array with the same rows, ordered by a member that is a string. */
json_t *rows_sorted(const json_t *rows, const char *key);

/* The rows of all units that are enabled here, by name. */
int units_read(Ctl *ctl, json_t **ret);
/* The same with those members only that a table needs: unit, state, active_state, machine_id, hostname, index,
 * time_remaining_usec, held, local, global. This costs much less. manager: the properties of org.leased1.Manager. */
int unit_states_read(Ctl *ctl, const json_t *manager, json_t **ret);
/* Every lease in the registry, sorted by name, also of what is not enabled here. A row: lease, unit (here; null:
 * none), and of the members above machine_id, hostname, index, version, since_usec, time_remaining_usec, local, held.
 */
int leases_read(Ctl *ctl, json_t **ret);
/* The row of one unit; a negative errno and the error of the bus if it cannot be read. Prints nothing. */
int unit_read_row(Ctl *ctl, const char *unit, json_t **ret, sd_bus_error *error);
/* The same, and prints what is wrong; CTL_NO_SUCH_UNIT if it is not enabled here. */
int unit_read_one(Ctl *ctl, const char *unit, json_t **ret);
/* The name of the unit that an operator means: what was typed, completed (unit_name_complete()), or the unit of which
 * that is an alias. Prints nothing. Owned by the caller; NULL: out of memory. */
char *unit_name_resolve(Ctl *ctl, const char *typed);
/* The name of a unit's lease: 1; 0 if the unit is not enabled here or has no lease; or a negative errno. Prints
 * nothing. */
int unit_lease_name(Ctl *ctl, const char *unit, char **ret);
