/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Questions about all objects below /org/leased1 at once: GetManagedObjects, and the children of /org/leased1/unit and
 * /org/leased1/lease. sd-bus would answer them within one turn of the loop, which takes long where there are many
 * objects; so they are answered through bulk.h. */

#include "daemon/internal.h"

/* Adds the answers to the connection. Must be called before any object is added, so that these answers go before
 * sd-bus's own. Non-logging; a negative errno. */
int bus_objects_register(Daemon *d, sd_bus *bus);
