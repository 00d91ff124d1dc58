/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A unit that runs on every machine that fits, without a lease. */

#include "core/state.h"

/* Does what is due for the unit. */
void global_advance(Core *c, Unit *u);
/* How the unit is. */
UnitState global_state(const Unit *u);
/* Why the unit must not run here; WHY_NONE if it may. */
Reason global_why_not(const Core *c, const Unit *u);
