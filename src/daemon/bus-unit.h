/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* /org/leased1/unit/NAME, org.leased1.Unit: the units that are enabled on this machine. */

#include "daemon/internal.h"

/* Adds the interface to the connection. Non-logging; a negative errno. */
int bus_unit_register(Daemon *d, sd_bus *bus);
