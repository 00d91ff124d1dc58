/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which units and leases must be looked at. "To look at" a unit or lease is to work out what is due for it now, and to
 * ask for that (walk.c). A step does not look at all of them, but only at those to which something has happened.
 *
 * So code that changes a fact on which a look depends must call one of these functions. A call too many costs one
 * look. A call too few means that the unit or lease is overlooked until something else happens to it;
 * tests/sim/shadow.h finds such faults. None of these functions fails: without memory the process ends.
 */

#include "core/state.h"

/* Something has happened to the unit: the unit and its lease are to be looked at. */
void look_at_unit(Core *c, Unit *u);
/* The unit was looked at: its lease is to be looked at after it. */
void look_at_lease_of(Core *c, const Unit *u);
/* Something has happened to the lease: the lease and every unit that uses it are to be looked at. */
void look_at_lease(Core *c, Lease *l);
/* Every unit and every lease is to be looked at in the next walk. */
void look_at_all(Core *c);
/* Puts every unit and every lease into the walk that is about to begin or to go on. */
void look_queue_all(Core *c);
/* The unit uses that lease from now on (NULL: none). Sets u->lease, and keeps the list Lease.users. */
void look_attach(Unit *u, Lease *l);
/* The unit or lease of that spot is being looked at: the spot is taken out of the heaps of its queue. */
void look_taken(Queue *q, Spot *spot);
/* Gives a new unit or lease its place: behind all that are there already. A new lease is also to be looked at. */
void look_new_unit(Core *c, Unit *u);
void look_new_lease(Core *c, Lease *l);
/* The unit is about to be freed: takes it out of all counters, heaps and lists. Its lease and the other units that use
 * the lease are to be looked at, since one of them may have the lease now. */
void look_forget_unit(Core *c, Unit *u);
/* The table of units has been sorted: gives each unit the place that it has now. Not to be called during a walk. */
void look_sorted(Core *c);
/* Counts the unit anew in the counters of struct Look (COUNTED_* in state.h). To be called whenever the unit's phase,
 * the reason why it leaves, or the Index at the guard has changed. */
void look_count(Core *c, Unit *u);
/* For tests: asserts that the counters say what counting all units gives. */
void look_check(const Core *c);
/* Frees the heaps of struct Look, of the plan, of the offers and of the claims, at the end of the Core. */
void look_done(Core *c);
