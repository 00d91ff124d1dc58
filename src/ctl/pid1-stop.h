/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/* Has PID 1 stop all units of a list, and waits until no unit has a job any more. The argument units may be NULL.
 * The argument codes has a place for each unit, and gets its exit code: another than CTL_OK if PID 1 refuses the stop.
 * Prints what is wrong. Returns an exit code: of the last unit that was refused, or of a failure of the connection. */
int pid1_stop(sd_bus *bus, char *const *units, int *codes);
