/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A unit's life here, from the lease to the last process. */

#include "core/state.h"

/* Lets the unit go by another lease, or run everywhere, as it is configured, once nothing of it is in hand. */
void life_take_config(Core *c, Unit *u);
/* Does what is due for a unit with a lease. */
void life_advance(Core *c, Unit *u);
/* Frees a unit that is no longer enabled and of which nothing is left. Returns true if the unit is gone. */
bool life_drop_finished(Core *c, Unit *u);
/* When life_advance() is due by the time alone. */
usec_t life_deadline(const Core *c, const Unit *u);
/* Whether the unit must stop when no beat covers it any more (cover_stop_at()). */
bool life_is_covered(const Core *c, const Unit *u);
/* An action for the unit could not be carried out: it is asked for again after a pause. unanswered: PID 1 has not said
 * anything about it. */
void life_failed(Core *c, Unit *u, ActionKind action, uint64_t id, bool unanswered);
/* The registry knows that we have let the unit's lease go. */
void life_released(Core *c, Unit *u);
