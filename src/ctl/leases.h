/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/bus.h"

/*
 * Units and their leases as rows, put together from the objects of leased, as list and status show them. A row has the
 * members unit, state, active_state, sub_state, machine_id, hostname, index, version, since_usec, time_remaining_usec,
 * lease (the name of the lease; null if the unit is global), local, held, global, stuck, slice, last_error,
 * last_error_code, last_error_usec, why_not (an array of {machine_id, why, code}, one for each machine), stop_at_usec,
 * kill_at_usec, invocation_id; and, while the holder is not known, last_machine_id and last_hostname of the last
 * holder that was known.
 *
 * Functions print what is wrong and return an exit code, unless their comment says otherwise. *ret is owned by the
 * caller.
 */

/* Gives a new array with the same rows, ordered by the string member key. Owned by the caller; empty if memory is
 * short. */
json_t *rows_sorted(const json_t *rows, const char *key);

/* Gives the rows of all units that are enabled here, by name. */
int units_read(Ctl *ctl, json_t **ret);
/* Gives the same rows with only the members that a table needs: unit, state, active_state, machine_id, hostname,
 * index, time_remaining_usec, held, local, global. This costs much less. The argument manager holds the properties of
 * org.leased1.Manager. */
int unit_states_read(Ctl *ctl, const json_t *manager, json_t **ret);
/* Gives a row for every lease in the registry, sorted by name, also for leases of units that are not enabled here.
 * A row has the members lease, unit (the unit that is enabled here; null if none is), period_usec (the lease's own TTL
 * if a program took it over D-Bus; 0 if not), and, of the members above, machine_id, hostname, index, version,
 * since_usec, time_remaining_usec, local, held. */
int leases_read(Ctl *ctl, json_t **ret);
/* Gives the row of one unit. Prints nothing. Returns 0, or a negative errno with the error of the bus. */
int unit_read_row(Ctl *ctl, const char *unit, json_t **ret, sd_bus_error *error);
/* Does the same, but prints what is wrong and returns an exit code: CTL_NO_SUCH_UNIT if the unit is not enabled
 * here. */
int unit_read_one(Ctl *ctl, const char *unit, json_t **ret);
/* Gives the name of the unit that an operator means: the word that was typed, completed (unit_name_complete()); or,
 * if that is an alias and no unit enabled here, the unit of which it is an alias. Prints nothing. Owned by the caller;
 * NULL if memory is short. */
char *unit_name_resolve(Ctl *ctl, const char *typed);
/* Gives the name of a unit's lease in *ret and returns 1. Returns 0 if the unit is not enabled here or has no
 * lease, or a negative errno. Prints nothing. */
int unit_lease_name(Ctl *ctl, const char *unit, char **ret);
