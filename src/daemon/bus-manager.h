/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* /org/leased1, org.leased1.Manager: its properties, and the methods that read. Those that change something are in
 * verbs.h and calls.h. */

#include "daemon/internal.h"
#include "daemon/property.h"

/* What the properties of the daemon are taken from. Borrowed: valid until the loop turns. */
typedef struct ManagerSubject {
        Daemon *daemon;
        RegistryStatus status;
        SessionView session;
} ManagerSubject;

extern const PropertyTable bus_manager_properties;

/* Everything as it is now. */
void bus_manager_look(Daemon *d, ManagerSubject *ret);

/* Adds the interface to the connection. Non-logging; a negative errno. */
int bus_manager_register(Daemon *d, sd_bus *bus);
