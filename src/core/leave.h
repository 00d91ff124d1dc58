/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Why a unit is let go, and the beginning of its way down. */

#include "core/state.h"

/* The same, as the history tells it. */
Why leave_why(Leave leave);
/* A graver reason takes the place of a lesser one. */
bool leave_is_graver(Leave leave, Leave than);
/* The lease is not ours: the guard is told that it is lost, and no later beat covers the unit (law 4). */
bool leave_is_lost(Leave leave);
/* When the unit is down, the registry is told that we let it go. */
bool leave_gives_back(Leave leave);
/* The lease is handed on to another machine, where the plan knows one. */
bool leave_is_move(Leave leave);
/* Begins the way down, or gives it a graver reason. The guard is told before PID 1 is asked. */
void leave_begin(Core *c, Unit *u, Leave why);
/* What an operator, a shutdown or the plan wants of a unit that is ours; LEAVE_NONE: it may stay. */
Leave leave_wanted(const Core *c, const Unit *u);
/* Has a unit on its way down killed now. Called when the machine can stay awake no longer, or when nobody else ends
 * what is left of it. */
void leave_kill(Core *c, Unit *u);
/* Counts the units that are on their way from here because this machine drains. */
void leave_count_draining(Core *c);
