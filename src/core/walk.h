/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Looks at the units and leases to which something has happened, or whose time has come (look.h). */

#include "core/state.h"

/* Begins a step's walk: finds whose time has come, and whether something has changed that all looks go by. */
void walk_begin(Core *c);
/* Looks at units, and then, when the guard has been told, at leases. */
void walk_units(Core *c);
void walk_leases(Core *c);
/* Ends it, when the step is over: from now on walk_deadline() knows when the next look is due by the time alone. */
void walk_end(Core *c);
usec_t walk_deadline(const Core *c);
