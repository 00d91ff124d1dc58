/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Units that are frozen (frost.c). Included by sim.h only. */

#include "sim.h"

/* Thaws the unit; by PID 1: which stops it, so that it must be dead soon if it has no lease any more. */
void unit_thaw(World *w, Machine *m, size_t unit, bool by_pid1);
void frost_event(World *w, Machine *m, const SimEvent *e);
/* Carries out what the guard's entry wants thawed, frozen and looked at. Returns the actions that are left. */
unsigned frost_move(World *w, Machine *m, size_t unit, unsigned actions);
