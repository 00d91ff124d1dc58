/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/bus.h"

/*
 * The whole cluster as one JSON object, as this machine knows it: "well" (nothing is wrong), "known" (the records
 * describe the present), "registry", "wrong" (an array of {kind, subject, text}, the gravest first), "machines" (rows
 * as of machines.h, with "version" and "units") and "revision". A row in "units" has the members unit, machine_id,
 * lease, state, active_state, result, since_usec, holds, index, held_since_usec, code, why: the columns of
 * ListClusterUnits.
 */

/* Reads the object, owned by the caller. Prints what is wrong and returns an exit code. */
int cluster_read(Ctl *ctl, json_t **ret);
