/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* /org/leased1/unit/NAME, org.leased1.Unit: an object for each unit that is enabled on this machine. */

#include "daemon/internal.h"
#include "daemon/property.h"
#include "pid1/pid1-unit.h"

/* What the values of a unit's properties are taken from. Valid until the loop turns. */
typedef struct UnitSubject {
        Daemon *daemon;
        UnitView view;
        const Pid1UnitStatus *pid1; /* what PID 1 says of the unit; NULL: nothing */
} UnitSubject;

extern const PropertyTable bus_unit_properties;

/* Fills ret with the unit as it is now. false: no unit of that name is enabled here, and nothing is left of one that
 * was. */
bool bus_unit_look(Daemon *d, const char *name, UnitSubject *ret);

/* Appends all properties of a unit, as a{sv}. A negative errno; -ENOENT: there is no unit of that name. */
int bus_unit_append(Daemon *d, const char *name, sd_bus_message *m);

/* Adds the interface to the connection, for as long as the connection lives. Non-logging; a negative errno. */
int bus_unit_register(Daemon *d, sd_bus *bus);
