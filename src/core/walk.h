/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A step's walk: looks at the units and leases to which something has happened (look.h), or whose time has come. Each
 * step calls walk_begin(), walk_units(), walk_leases() and walk_end() once, in this order. */

#include "core/state.h"

/* Begins the walk: finds the units and leases whose time has come. If a fact has changed on which every look depends
 * (struct Common), all are looked at. */
void walk_begin(Core *c);
/* Look at the units, and at the leases. Between the two the guard is told of a committed beat (guard_side_tell()): by
 * then every lost unit has been declared lost (law 4). */
void walk_units(Core *c);
void walk_leases(Core *c);
/* Ends the walk, when all else in the step is done: works out the deadlines that walk_deadline() goes by. */
void walk_end(Core *c);
/* When the next look is due by the time alone (CLOCK_BOOTTIME); USEC_INFINITY: only when something happens. */
usec_t walk_deadline(const Core *c);
