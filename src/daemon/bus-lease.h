/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* /org/leased1/lease/NAME, org.leased1.Lease: an object for every lease in the registry, whoever holds it. */

#include "daemon/internal.h"

/* Appends all properties of a lease, as a{sv}. A negative errno; -ENOENT: there is no lease of that name. */
int bus_lease_append(Daemon *d, const char *name, sd_bus_message *m);

/* Adds the interface to the connection, for as long as the connection lives. Non-logging; a negative errno. */
int bus_lease_register(Daemon *d, sd_bus *bus);
