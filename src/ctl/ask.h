/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/* Has the machine that holds a unit carry something out. That machine may be any; the unit need not be enabled here.
 */

/* Asks for "release", "transfer" (to the machine with that id, whose name for people is host; both "" for the others)
 * or "rearm" of a unit that is not here, and waits until it is done, unless --no-wait is given. done is the word for
 * the last line: "released". The caller has called bus_watch_leased() before. Prints the outcome, and returns an exit
 * code. */
int ask_elsewhere(Ctl *ctl, const char *unit, const char *verb, const char *machine_id, const char *host,
                const char *done);
/* Prints that no machine has the unit enabled, with the name of the one that may have been meant. Returns
 * CTL_NO_SUCH_UNIT. */
int ask_complain_no_unit(Ctl *ctl, const char *unit);
