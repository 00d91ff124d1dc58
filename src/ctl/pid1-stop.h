/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/* StopUnit of all units of a list, which may be NULL, and waits until PID 1 has done it. codes: for each an exit code;
 * another than CTL_OK if PID 1 refuses. */
int pid1_stop(sd_bus *bus, char *const *units, int *codes);
