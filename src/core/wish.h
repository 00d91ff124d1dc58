/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the operator wishes of a unit (UnitWish). No other file writes u->wish. */

#include "core/state.h"

/* The operator wishes that the unit's lease be let go. */
void wish_release(Unit *u);
/* ... that a unit which is held here be started again as soon as it is down. */
void wish_start(Unit *u, usec_t now);
/* ... that it stay down, and its lease here. */
void wish_stop(Unit *u, usec_t now);
/* Takes both of these back. */
void wish_no_start(Unit *u);
/* Whose wish it is, for the history. */
void wish_by(Unit *u, const char *by);
/* ... that the lease be handed to that machine. */
void wish_transfer(Unit *u, const char *machine);
/* ... that the lease be taken from the holder with that Index. */
void wish_steal(Unit *u, uint64_t index);
/* ... that a unit which runs once be started. */
void wish_run(Unit *u);
/* Each of these takes a wish back, or notes that it was fulfilled. */
void wish_no_release(Unit *u);
void wish_no_transfer(Unit *u);
void wish_no_steal(Unit *u);
void wish_no_run(Unit *u);
/* Frees what the wishes hold, when the unit is about to be freed. */
void wish_done(Unit *u);
