/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The leases of a scheduler's own (fleet's package lease): AcquireLease, StealLease, Renew, Release. Each is put to
 * the core with an id, and answered when the core has the registry's word.
 */

#include "daemon/authorize.h"

int call_acquire_lease(Daemon *d, sd_bus_message *m, sd_bus_error *error);
int call_steal_lease(Daemon *d, sd_bus_message *m, sd_bus_error *error);
int call_renew(Daemon *d, sd_bus_message *m, sd_bus_error *error);
int call_release(Daemon *d, sd_bus_message *m, sd_bus_error *error);
