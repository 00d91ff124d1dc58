/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The rows of "leasectl check --all-machines": on which machines a unit would run. leased tells it (ExplainUnit).
 */

#include "conf/conf.h"
#include "ctl/ctl.h"

/* Asks leased which machines would take the unit. *ret is an array of rows, owned by the caller, and untouched on
 * failure: first the machines that would take the unit, in the order in which they would, then the others. A row has
 * the members machine_id, hostname, here (this is the machine that was asked), fits, rank (null if the machine does
 * not fit), holds, why (one line) and code (leased-reasons(7); 0 if the machine fits). The argument here is the id of
 * the machine that is asked; text is NULL, or stands in for its /etc/leased/units/NAME. *ret_fit is the number of
 * machines that fit. Prints what is wrong and returns an exit code. */
int all_machines_explain(
                Ctl *ctl, const char *unit, const char *text, const char *here, json_t **ret, size_t *ret_fit);
/* Prints these rows for people, a line for each. */
void all_machines_print(const json_t *rows);

enum {
        TOO_FEW_SIZE = 96,
};

/* Whether fewer machines take part than the unit is to have copies (Copies=): writes a note that says so. false also
 * if leased cannot be asked. */
bool all_machines_too_few(Ctl *ctl, const UnitOptions *options, char text[static TOO_FEW_SIZE]);
