/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* How machines are weighed for a unit: shared by the plan (plan.c) and by what is told of it (standing.c). */

#include "core/state.h"

/* A unit that a machine holds, or is about to, as far as others must keep away from it. */
typedef struct Placed {
        struct Placed *next; /* on the same machine */
        const char *unit, *conflicts, *replaces;
        bool planned; /* it is not there yet */
} Placed;

typedef struct Plan {
        Core *core;
        Machine *own; /* NULL: our record is not there yet */
        bool wishes;  /* some unit minds what runs beside it */
} Plan;

/* Counts what each machine holds, and, where some unit minds, collects what must be kept apart. */
void plan_begin(Plan *p, Core *c, bool wishes);
/* Whether that machine holds it, for a session. l may be NULL. */
bool plan_is_held_by(const Core *c, const Lease *l, const char *machine_id);
/* Why it could not take the unit; WHY_NONE: it could. What the reason speaks of is borrowed until the step ends. A
 * silent machine is not told from others. */
Reason plan_why_not(const Plan *p, const Unit *u, const Machine *m, PlacementMachine *ret_look);
/* The same as if the unit were enabled there, and the machine took it: by the unit's wishes alone. */
Reason plan_why_not_wished(const Plan *p, const Unit *u, const Machine *m, PlacementMachine *ret_look);
/* Of two that could take it. Who has just let it go comes last: he had his reasons, and may not have said so yet. */
bool plan_comes_before(const Unit *u, const PlacementMachine *a, const PlacementMachine *b);
/* Makes the plan anew, if it is due. */
void plan_advance(Core *c);
/* When plan_advance() is due by the time alone. */
usec_t plan_deadline(const Core *c);
/* Whether the last plan found that the unit's lease can be had, and the lease has not changed since. */
bool plan_finds_available(const Unit *u);
/* When it is our turn to take the unit's lease; USEC_INFINITY: it is not. */
usec_t plan_turn_at(const Core *c, const Unit *u);
/* We are able to take it, and it is our turn, or the operator wishes it. If not, *ret_why (it may be NULL) is why not;
 * WHY_NONE: it is our turn in a moment. */
bool plan_wants_lease(const Core *c, const Unit *u, Reason *ret_why);
/* Notes whether this machine could take the unit, were it its turn, and since when; in each step. */
void plan_note_ability(Core *c, Unit *u);
