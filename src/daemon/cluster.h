/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Tells of the units of all machines on D-Bus (ListClusterUnits, UnitStateChanged). */

#include "daemon/internal.h"

/* The type of the array that ListClusterUnits gives, and of the members of one element:
 * dbus/org.leased1.Manager.xml says what they are. */
#define CLUSTER_UNITS "a(" CLUSTER_UNIT ")"
#define CLUSTER_UNIT "sssssstbttusu"

/* Answers ListClusterUnits, now or later. Returns what a method handler has to return, with error set if the arguments
 * are wrong or too many answers are under way. */
int cluster_list_units(Daemon *d, sd_bus_message *m, sd_bus_error *error);
/* Sends UnitStateChanged about the offer of that name, unless bus is NULL or the offer is not known any more. The
 * argument revision is sent with it: listeners have been told of all changes up to this revision. */
void cluster_emit(Daemon *d, sd_bus *bus, const char *offer, uint64_t revision);
