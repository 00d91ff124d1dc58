/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A step's walk: looks at the units and leases to which something has happened (look.h), or whose time has come. Each
 * step calls walk_begin(), walk_units(), walk_leases() and walk_end() once, in this order. There may be more to look
 * at than a beat can wait for: then the walk goes on in the next step, which is due at once. */

#include "core/state.h"

enum { WALK_LOOKS = 200 }; /* the default of CoreConfig.looks_at_once: each look may ask for a few actions */

/* Begins the walk: finds the units and leases whose time has come. If a fact has changed on which every look depends
 * (struct Common), all are looked at. */
void walk_begin(Core *c);
/* Look at the units, and then at the leases; at no more than CoreConfig.looks_at_once of each. walk_units() returns
 * true if it has come to the end in this step: every lost unit has been declared lost (law 4), and the guard may be
 * told of a committed beat (guard_side_tell()). */
bool walk_units(Core *c);
void walk_leases(Core *c);
/* Ends the walk, when all else in the step is done: works out the deadlines that walk_deadline() goes by. */
void walk_end(Core *c);
/* When the next look is due by the time alone (CLOCK_BOOTTIME); USEC_INFINITY: only when something happens. */
usec_t walk_deadline(const Core *c);
