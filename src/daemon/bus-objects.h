/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What is asked of all objects below /org/leased1 at once: GetManagedObjects, and the children of /org/leased1/unit
 * and /org/leased1/lease. sd-bus would answer in one turn of the loop. */

#include "daemon/internal.h"

/* To be added before any object. Non-logging; a negative errno. */
int bus_objects_register(Daemon *d, sd_bus *bus);
