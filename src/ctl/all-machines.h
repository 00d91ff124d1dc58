/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Where a unit would run, as leased tells it (ExplainUnit): check --all-machines. */

#include "ctl/ctl.h"

/* A row for each machine, in the order in which they would take the unit, those that would not at the end: machine_id,
 * hostname, here, fits, rank (null if it does not fit), holds, why (one line), code (leased-reasons(7); 0 if it fits).
 * here: the id of the machine that is asked. *ret is owned by the caller, and untouched on failure; *ret_fit: how many
 * would. Says what is wrong and returns an exit code. */
int all_machines_explain(Ctl *ctl, const char *unit, const char *here, json_t **ret, size_t *ret_fit);
/* The same rows for people. */
void all_machines_print(const json_t *rows);
