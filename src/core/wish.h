/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the operator wishes of a unit (UnitWish). No other file writes u->wish. */

#include "core/state.h"

/* That its lease be let go; that it be handed to that machine; that it be taken from the holder with that Index; that
 * a unit which runs once be started. */
void wish_release(Unit *u);
void wish_transfer(Unit *u, const char *machine);
void wish_steal(Unit *u, uint64_t index);
void wish_run(Unit *u);
/* The same wishes taken back, or fulfilled. */
void wish_no_release(Unit *u);
void wish_no_transfer(Unit *u);
void wish_no_steal(Unit *u);
void wish_no_run(Unit *u);
