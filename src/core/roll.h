/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Copies (Copies=K) move to a higher Version= one after the other. */

#include "core/state.h"

/* The highest Version= for which a lease of the unit was handed on, as its record says; INT64_MIN if no machine offers
 * one as high: that is not believed, since it would keep the unit from each upgrade to come. */
int64_t roll_handed_on_for(const Core *c, const Unit *u, const LeaseRecord *lease);
/* How many copies are in the way of ours, on its way to this Version=. UINT_MAX: one of them is just starting or
 * stopping. */
unsigned roll_count_behind(const Core *c, const Unit *u, int64_t version);
/* Whether it is the turn of our copy to leave for a machine with this Version= (0: there is none). A unit without
 * copies always may. Asked by each plan, which keeps *turn; if it is not our turn, the next pass over all units is due
 * when it may be by the time alone. */
bool roll_may_go(Core *c, const Unit *u, int64_t version, Turn *turn);
