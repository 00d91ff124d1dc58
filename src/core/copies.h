/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Copies: a unit with Copies=K runs on up to K machines, on each by another one of its K leases, NAME#1 to NAME#K. */

#include "core/state.h"

/* Whether the unit has copies. A command of "leasectl run --slots=" has slots, and no copies. */
bool copies_has(const Unit *u);
/* The lease by which the offer's unit goes on the offer's machine: of a unit with copies, the one that the machine
 * holds, or NAME#1 if the machine holds none of them. NULL: there is no record of that lease. */
Lease *copies_lease(const Core *c, const Offer *o);
/* The name of that lease, also where there is no record of it. Borrowed. */
const char *copies_lease_name(const Core *c, const Offer *o);
/* The lease of the unit by which the machine has a copy now; NULL: it has none. */
const Lease *copies_at(const Core *c, const Unit *u, const char *machine_id);
/* If the unit's lease is the last of its K leases, gives a machine that is up and has the unit enabled under a lease
 * that is none of them; NULL: there is none. Such a machine has other options, or a version that does not know
 * Copies=, and runs the unit beside the copies. So the last copy is left out for it. */
const Machine *copies_leave_last(Core *c, const Unit *u);
/* Whether the lease is one of a unit with copies that the offer is of. */
bool copies_may_use(const Offer *o, const char *lease);
