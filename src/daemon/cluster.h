/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The units of all machines, told on D-Bus. */

#include "daemon/internal.h"

#define CLUSTER_UNITS "a(" CLUSTER_UNIT ")"
#define CLUSTER_UNIT "sssssstbttus"

/* Answers ListClusterUnits, as a method handler does. */
int cluster_list_units(Daemon *d, sd_bus_message *m, sd_bus_error *error);
/* Sends UnitStateChanged about an offer, unless bus is NULL. revision: listeners know all changes up to this one. */
void cluster_emit(Daemon *d, sd_bus *bus, const char *offer, uint64_t revision);
