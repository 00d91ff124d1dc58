/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* When units are planned, and how many in one step. */

#include "core/state.h"

/* Plans what is due, as much as one step may. */
void planning_advance(Core *c);
/* Whether the unit is about to be planned anew. */
bool planning_is_due(const Core *c, const Unit *u);
/* When planning_advance() is due by the time alone. */
usec_t planning_deadline(const Core *c);
