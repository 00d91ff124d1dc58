/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/* Prints the last lines of a unit's journal on this machine, or on ctl->host. Prints nothing if there are none, or if
 * they cannot be read. */
void logs_print_here(const Ctl *ctl, const char *unit, unsigned lines);
