/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* How machines are weighed for a unit: shared by the plan (plan.c) and by what is told of it (standing.c). */

#include "core/internal.h"

/* A unit that a machine holds, or is about to, as far as others must keep away from it. */
typedef struct Placed {
        struct Placed *next; /* on the same machine */
        const char *unit, *conflicts, *replaces;
        bool planned; /* it is not there yet */
} Placed;

typedef struct Plan {
        Core *core;
        Machine *own; /* NULL: our record is not there yet */
} Plan;

/* Counts what each machine holds, and collects what must be kept apart. */
void plan_begin(Plan *p, Core *c);
/* Whether that machine holds it, for a session. l may be NULL. */
bool plan_is_held_by(const Core *c, const Lease *l, const char *machine_id);
/* NULL: it could take the unit. Else one line, static, in buffer or in a record. A silent machine is not told from
 * others. */
const char *plan_why_not(const Plan *p, const Unit *u, const Machine *m, PlacementMachine *ret_look,
                char buffer[static PLACEMENT_WHY_SIZE]);
/* Of two that could take it. Who has just let it go comes last: he had his reasons, and may not have said so yet. */
bool plan_comes_before(const Unit *u, const PlacementMachine *a, const PlacementMachine *b);
