/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The methods for leases that a scheduler holds without a unit (fleet's package lease): AcquireLease and StealLease of
 * org.leased1.Manager, Renew and Release of org.leased1.Lease. Each call is put to the core under an id, and is
 * answered when the core knows the registry's answer (words.h).
 */

#include "daemon/authorize.h"

/* Each is a verb_t (authorize.h). The last two delete records of a machine that is silent, and of a lease that nobody
 * holds or wants. */
int call_acquire_lease(Daemon *d, sd_bus_message *m, sd_bus_error *error);
int call_steal_lease(Daemon *d, sd_bus_message *m, sd_bus_error *error);
int call_renew(Daemon *d, sd_bus_message *m, sd_bus_error *error);
int call_release(Daemon *d, sd_bus_message *m, sd_bus_error *error);
/* GetLease about a lease in fleet's registry; only if there is one (d->fleet). */
int call_get_lease(Daemon *d, sd_bus_message *m, sd_bus_error *error);
int call_lower_index(Daemon *d, sd_bus_message *m, sd_bus_error *error);
int call_forget_machine(Daemon *d, sd_bus_message *m, sd_bus_error *error);
int call_forget_lease(Daemon *d, sd_bus_message *m, sd_bus_error *error);
