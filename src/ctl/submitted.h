/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/unit-record.h"

/* Reads the record of a submitted unit from the registry. *ret is what it says, which nobody has verified: it is
 * empty if there is no record or none that can be read, and freed by unit_record_done(). *ret_revision is 0 if there
 * is none. Prints what is wrong and returns an exit code. */
int submitted_read(Ctl *ctl, const char *unit, UnitRecord *ret, json_int_t *ret_revision);

/* Prints the files of a submitted unit that the registry has, if there are any, or adds them to rows. Returns
 * CTL_NO_SUCH_UNIT if there are none, and prints nothing. */
int submitted_print(Ctl *ctl, const char *unit, json_t *rows);
