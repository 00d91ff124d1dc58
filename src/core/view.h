/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* How the core looks from outside: what core.h's views are made of. */

#include "core/state.h"

/* Why the unit does not run here; WHY_NONE if it does. */
Reason view_why_not(const Core *c, const Unit *u);
/* Until when the machine stands back, if why, by its own word, is all that keeps it from the unit; otherwise 0. */
usec_t view_stands_back_until(const Core *c, const Unit *u, const Machine *m, Reason why);
/* Whether another machine has the unit, and nothing of it is in hand here. */
bool view_is_elsewhere(const Core *c, const Unit *u);
/* Whether the records do not describe the present: the registry has said nothing for a TTL, or is not ours. */
bool view_is_deaf(const Core *c);
/* The reason for that. */
Why view_why_deaf(const Core *c);
/* Whether it is known neither that the machine beats nor that it is silent. */
bool view_is_unproved(const Core *c, const Machine *m);
/* Says that everything looks different when the registry has been silent for a TTL, and when it answers again. */
void view_advance(Core *c);
/* When view_advance() is due by the time alone. */
usec_t view_deadline(const Core *c);
