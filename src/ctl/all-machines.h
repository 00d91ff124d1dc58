/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Where a unit would run: check --all-machines. Functions say what is wrong and return an exit code. */

#include "conf/conf.h"
#include "ctl/ctl.h"

/* What leased and this machine's files say of machines, leases and units. */
typedef struct AllMachines AllMachines;

int all_machines_read(Ctl *ctl, AllMachines **ret);
AllMachines *all_machines_free(AllMachines *a);
DEFINE_TRIVIAL_CLEANUP(AllMachines *, all_machines_free)

/* A row for each machine, in the order in which they would take the unit, those that would not at the end: machine_id,
 * hostname, here, fits, rank (null if it does not fit), holds, why (one line). *ret_fit: how many would. */
json_t *all_machines_weigh(const AllMachines *a, const UnitOptions *unit, size_t *ret_fit);
/* The same rows for people. */
void all_machines_print(const json_t *rows);
