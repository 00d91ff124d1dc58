/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The means of a unit's life. */

#include "core/state.h"

#define ASK_AGAIN USEC_PER_SEC /* what PID 1 or the guard has not done by then is asked for again */

/* Enters a phase; to be called for each change of u->life.phase. */
void phase_enter(Core *c, Unit *u, Phase phase);
/* Asks for an action for the unit, with its Index, lease and what the lease's record says. */
Action *phase_act(Core *c, const Unit *u, ActionKind kind);
/* Asks PID 1 to start it and to report. first: not again, because the last start was refused. */
void phase_ask_start(Core *c, Unit *u, bool first);
/* Asks the guard for something. What it said of the unit before counts no more until it has answered. */
Action *phase_ask_guard(Core *c, Unit *u, ActionKind kind);
/* Asks the guard for an entry, or tells it another timeline for the one it has. */
void phase_arm(Core *c, Unit *u);
