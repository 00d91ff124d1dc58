/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which units and leases the next step must look at: those to which something has happened. Whoever changes what a
 * look goes by says so here; what is said once too often costs a look, what is not said is overlooked until something
 * else happens (tests/sim/shadow.h).
 */

#include "core/state.h"

/* Something has happened to the unit: it is looked at, and its lease. */
void look_at_unit(Core *c, Unit *u);
/* The unit was looked at, and its lease is to follow. */
void look_at_lease_of(Core *c, const Unit *u);
/* Something has happened to the lease: it is looked at, and every unit that goes by it. */
void look_at_lease(Core *c, Lease *l);
/* ... to all of them. */
void look_at_all(Core *c);
/* The unit goes by that lease from now on; NULL: by none. */
void look_attach(Unit *u, Lease *l);
/* A new unit or lease: its place is behind all that are there. */
void look_new_unit(Core *c, Unit *u);
void look_new_lease(Core *c, Lease *l);
/* The unit is about to be freed. */
void look_forget_unit(Core *c, Unit *u);
/* The units have been sorted: each has another place. */
void look_sorted(Core *c);
/* Keeps the counters of units: called whenever the unit's phase, why it leaves or the Index in hand has changed. */
void look_count(Core *c, Unit *u);
/* Asserts that the counters are right. */
void look_check(const Core *c);
/* Frees what it keeps. */
void look_done(Core *c);
