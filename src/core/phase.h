/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What every phase of a unit's life needs: entering the phase, asking PID 1 and the guard, asking again. */

#include "core/state.h"

#define ASK_AGAIN USEC_PER_SEC /* what PID 1 or the guard has not done after this time is asked for again */

/* Enters a phase, and asserts that the phase may follow and that what it takes for granted is so. Each change of
 * phase goes through here. */
void phase_enter(Core *c, Unit *u, Phase phase);
/* Asks for an action for the unit, with its Index, its lease, and what the lease's record says. Returns the action,
 * for further arguments. */
Action *phase_act(Core *c, const Unit *u, ActionKind kind);
/* Asks PID 1 to start the unit and to report. first: this is not a repeated request after a refused start. */
void phase_ask_start(Core *c, Unit *u, bool first);
/* Asks the guard for something. What the guard said of the unit before does not count until it has answered. */
Action *phase_ask_guard(Core *c, Unit *u, ActionKind kind);
/* Asks the guard for an entry, or changes the timeline of the entry that it has. */
void phase_arm(Core *c, Unit *u);
