/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/* Prints the last lines of a unit's journal on that host, or with NULL on this machine; nothing if there are none.
 * Returns false if they cannot be read. */
bool logs_print(const char *host, const char *unit, unsigned lines);
