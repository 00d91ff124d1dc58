/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* /org/leased1, org.leased1.Manager. */

#include "daemon/internal.h"

/* Adds the interface to the connection. Non-logging; a negative errno. */
int bus_manager_register(Daemon *d, sd_bus *bus);
