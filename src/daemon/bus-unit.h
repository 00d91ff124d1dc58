/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* /org/leased1/unit/NAME, org.leased1.Unit: the units that are enabled on this machine. */

#include "daemon/internal.h"
#include "daemon/property.h"
#include "pid1/pid1-unit.h"

/* What the properties of a unit are taken from. Borrowed: valid until the loop turns. */
typedef struct UnitSubject {
        Daemon *daemon;
        UnitView view;
        const Pid1UnitStatus *pid1; /* NULL: PID 1 does not say */
} UnitSubject;

extern const PropertyTable bus_unit_properties;

/* The unit as it is now. false: no unit of that name is enabled here, and nothing is left of one. */
bool bus_unit_look(Daemon *d, const char *name, UnitSubject *ret);

/* Appends all properties of a unit: a{sv}. -ENOENT: there is none of that name. */
int bus_unit_append(Daemon *d, const char *name, sd_bus_message *m);

/* Adds the interface to the connection. Non-logging; a negative errno. */
int bus_unit_register(Daemon *d, sd_bus *bus);
