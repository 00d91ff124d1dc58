/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* When units are planned, and how many in one step. "To plan" a unit is to work out which machine should hold its
 * lease (plan.h). */

#include "core/state.h"

/* Plans units whose plan is due, as many as one step may. Does nothing while the registry is not ours or our session
 * is not settled. */
void planning_advance(Core *c);
/* Whether the unit is about to be planned anew, so that what the last plan says of it may not hold any more. */
bool planning_is_due(const Core *c, const Unit *u);
/* When planning_advance() is due by the time alone (CLOCK_BOOTTIME); USEC_INFINITY: only on an event. */
usec_t planning_deadline(const Core *c);
