/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Why a unit is let go, and the beginning of its way down. */

#include "core/state.h"

/* The reason as the history tells it. */
Why leave_why(Leave leave);
/* Whether the first reason takes the place of the second one. */
bool leave_is_graver(Leave leave, Leave than);
/* Whether the reason means that the lease is not ours: the guard is then told so, and no later beat covers the unit
 * (law 4). */
bool leave_is_lost(Leave leave);
/* Whether the registry is to be told, when the unit is down, that we let the lease go. */
bool leave_gives_back(Leave leave);
/* Whether the lease is handed to another machine, if the plan knows one. */
bool leave_is_move(Leave leave);
/* Begins to stop the unit, or gives the stop a graver reason. The guard is told before PID 1 is asked. */
void leave_begin(Core *c, Unit *u, Leave why);
/* Why a shutdown, an operator or the plan wants the unit to be let go; LEAVE_NONE if the unit may stay. */
Leave leave_wanted(const Core *c, const Unit *u);
/* Reports that the unit is down and why, and which machine has its lease, if that is known. Reports nothing of a unit
 * that has not run, or whose end was reported as done or failed. */
void leave_tell_stopped(Core *c, Unit *u);
/* Reports which machine has the lease of an idle unit, if the last run of the unit ended for want of a beat and it was
 * not known then who has the lease. */
void leave_tell_taken(Core *c, Unit *u);
/* Has a unit that is being stopped killed now. Called when the machine cannot stay awake any longer, or when nobody
 * else ends what is left of the unit. */
void leave_kill(Core *c, Unit *u);
/* Begins a step: counts the units that are being stopped because this machine drains. */
void leave_count_draining(Core *c);
/* Whether another unit may be stopped because this machine drains. */
bool leave_may_drain(const Core *c);
/* Whether the unit should go because this machine drains, and must wait until others are down. */
bool leave_is_withheld(const Core *c, const Unit *u);
