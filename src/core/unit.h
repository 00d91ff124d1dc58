/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The units that are enabled here, and questions about each. */

#include "core/state.h"

/* Gives the unit of that name; NULL if no such unit is known here. */
Unit *unit_find(Core *c, const char *name);
/* The same, but makes a unit that is not known, as one that is not enabled any more, so that what is left of it is
 * stopped. NULL if the name is not valid. */
Unit *unit_find_or_leftover(Core *c, const char *name);
/* Makes the unit if it is new, and takes over its options, which are copied. Returns the unit. If the lease's name
 * is not valid, returns the unit unchanged, or NULL if there is none. */
Unit *unit_configure(Core *c, const UnitConfig *config);
/* Takes the unit out of the core and frees it. */
void unit_free(Core *c, Unit *u);
/* Makes the unit use this lease from now on. Nothing of the unit may be in hand. */
void unit_attach(Core *c, Unit *u, const char *lease);
/* The same for a unit that seeks a slot: this lease is the configured one as well, if it is one of the unit's slots.
 * If not, the unit's lease counts as renamed. The guard may have an entry of the unit, from before our restart. */
void unit_change_slot(Core *c, Unit *u, const char *lease);
/* Whether something of the unit may be on this machine, besides its lease. After a restart the guard's entry says
 * so. */
bool unit_is_in_hand(const Unit *u);
/* Whether this machine holds the unit's lease, and for this unit. */
bool unit_is_ours(const Core *c, const Unit *u);
/* The same, and what is in hand by the guard's entry, if there is one, bears the Index of that lease, and is not known
 * to run by another. */
bool unit_is_in_slot(const Core *c, const Unit *u);
/* The same, at the Index in hand. */
bool unit_is_held(const Core *c, const Unit *u);
/* Whether another unit than the lease's own is in hand here, and runs by this lease. If it is not known after a
 * restart by which lease a unit runs, its Index is compared instead (law 7). */
bool unit_has_predecessor(const Core *c, const Lease *l, uint64_t index);
/* Why this machine could not take the unit if it were its turn; WHY_NONE if it could. */
Reason unit_why_unable(const Core *c, const Unit *u);
/* Whether the unit's plan is the one that it was before, with this text of what its reason spoke of. */
bool unit_plan_is(const Unit *u, const UnitPlan *before, const char *what);
