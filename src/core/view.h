/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* How the core looks from outside: what core.h's views are made of. */

#include "core/state.h"

/* Why it does not run here; WHY_NONE: it does. */
Reason view_why_not(const Core *c, const Unit *u);
/* Nothing is in hand here: another machine has it. */
bool view_is_elsewhere(const Core *c, const Unit *u);
/* What the records say is known no more, or was never: the registry has said nothing for a TTL, or is not ours. */
bool view_is_deaf(const Core *c);
/* ... and why. */
Why view_why_deaf(const Core *c);
/* Neither that the machine beats nor that it is silent is known. */
bool view_is_unproved(const Core *c, const Machine *m);
/* Says that everything looks different, once the registry has been silent for a TTL, and when it is back. */
void view_advance(Core *c);
/* When view_advance() is due by the time alone. */
usec_t view_deadline(const Core *c);
