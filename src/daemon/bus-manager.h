/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* /org/leased1, org.leased1.Manager: its properties, and the methods that only read. The methods that change something
 * are in verbs.h, calls.h and runs.h. */

#include "daemon/internal.h"
#include "daemon/property.h"

/* What the values of the daemon's properties are taken from. Valid until the loop turns. */
typedef struct ManagerSubject {
        Daemon *daemon;
        RegistryStatus status;
        SessionView session;
} ManagerSubject;

extern const PropertyTable bus_manager_properties;

/* Fills ret with everything as it is now. */
void bus_manager_look(Daemon *d, ManagerSubject *ret);

/* Adds the interface to the connection, for as long as the connection lives. Non-logging; a negative errno. */
int bus_manager_register(Daemon *d, sd_bus *bus);
