/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The units that are enabled here, and what is so of each. */

#include "core/state.h"

/* NULL: none of that name is known here. */
Unit *unit_find(Core *c, const char *name);
/* The same; one that is not known is made, as no longer enabled: what is left of it must be seen to its end. NULL: not
 * a valid name. */
Unit *unit_find_or_leftover(Core *c, const char *name);
/* It is enabled, or its options have changed. The configuration is copied. Returns the unit; NULL or unchanged where
 * the lease's name is not valid. */
Unit *unit_configure(Core *c, const UnitConfig *config);
/* Drops it; u is gone. */
void unit_free(Core *c, Unit *u);
/* It goes by this lease from now on. Nothing may be in its hands. */
void unit_attach(Core *c, Unit *u, const char *lease);
/* Something of it may be here, not only its lease; after a restart the guard's entry tells of it. */
bool unit_is_in_hand(const Unit *u);
/* Its lease is ours, and no other unit's here. */
bool unit_is_ours(const Core *c, const Unit *u);
/* ... at the Index in hand. */
bool unit_is_held(const Core *c, const Unit *u);
/* Another unit here than the lease's is in hand, and runs by that lease, or by that Index of it for all we know. */
bool unit_has_predecessor(const Core *c, const Lease *l, uint64_t index);
/* Why this machine could not take it, were it its turn; WHY_NONE: it could. */
Reason unit_why_unable(const Core *c, const Unit *u);
