/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/bus.h"

/*
 * The whole cluster as one JSON object, as this machine knows it. The object has the members "well" (nothing is
 * wrong), "known" (the records describe the present), "registry", "wrong", "machines" (rows as of machines.h, with
 * "version" and "units") and "revision" (as of ListClusterUnits).
 *
 * The array "wrong" has an object {kind, subject, text, next} for each thing that is wrong: first about the registry,
 * this machine and its configuration, then about units in the order of their names, then about machines. "next" says
 * what an operator does next ("see: leasectl logs foo.service"); "": the text says so.
 *
 * A row in "units" has the members unit, machine_id, lease, state, active_state, result, since_usec, holds, index,
 * held_since_usec, code, why, copies: the columns of ListClusterUnits. Of a unit whose machine has told nothing since
 * it took the lease, the state is "starting" here for as long as the machine may need to tell of the start, and then
 * "held"; since_usec is when the lease was taken.
 */

/* Asks leased for all this. Returns CTL_OK and gives the object, owned by the caller; or prints why leased could not
 * be asked, leaves *ret untouched and returns another exit code. */
int cluster_read(Ctl *ctl, json_t **ret);
/* Gives only those rows of all units that are about the machine with this id; with "" about all machines. They are
 * sorted by the names of the units. Fails in the same way. */
int cluster_units_read(Ctl *ctl, const char *machine_id, json_t **ret);
