/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* How machines are weighed for a unit: shared by the plan (plan.c) and by what is told of it (standing.c). */

#include "core/placed.h"

/* Counts what each machine holds. If some unit minds what runs beside it, also collects which units must be kept
 * apart. */
void plan_begin(Plan *p, Core *c, bool wishes);
/* Why the machine could not take the unit; WHY_NONE if it could. The name in the reason is borrowed until the step
 * ends. Does not look whether the machine is silent. */
Reason plan_why_not(Plan *p, const Unit *u, const Machine *m, PlacementMachine *ret_look);
/* The same by the unit's wishes alone, as if the unit were enabled on the machine and the machine took it. */
Reason plan_why_not_wished(Plan *p, const Unit *u, const Machine *m, PlacementMachine *ret_look);
/* Of two machines that could take the unit, whether a comes first. A machine that has just let the unit go comes
 * last: its offer may not say yet why it did. */
bool plan_comes_before(const Unit *u, const PlacementMachine *a, const PlacementMachine *b);
/* Begins a slice of the plan: what is planned already counts as held. */
void plan_go_on(Plan *p, Core *c);
/* Plans one unit. */
void plan_unit(Plan *p, Unit *u);
/* Whether the lease can be had for a unit of that Version=. */
bool plan_can_have(const Core *c, const Lease *l, int64_t version);
/* Whether the unit's lease can be had. */
bool plan_is_available(const Core *c, const Unit *u);
/* Whether some unit minds what runs beside it: then every change of a holder may matter. Notes which units those are
 * that others must run beside. */
bool plan_has_wishes(Core *c);
/* Whether the last plan found that the unit's lease can be had, and the lease has not changed since. */
bool plan_finds_available(const Unit *u);
/* What was counted for a unit (Plan.counted) is not used any more: the unit is gone. */
void plan_count_anew(Plan *p);
/* The machine to which the unit would be handed from p->from; NULL: there is none. */
Machine *plan_choose(Plan *p, const Unit *u);
/* From now on, in this plan, the unit counts as held by that machine; as not held by it any more. */
void plan_suppose(Plan *p, const Unit *u, Machine *to);
void plan_leave(Plan *p, const Unit *u, Machine *from);
/* How much was weighed since core_new(), in pairs of unit and machine. A pair costs as much as a meeting of a unit
 * with 16 others. */
uint64_t plan_weight(const Core *c);
/* When it is our turn to take the unit's lease; USEC_INFINITY if it is not. */
usec_t plan_turn_at(const Core *c, const Unit *u);
/* If it is our turn only because the machine that comes first has not taken the lease yet, and that machine was seen
 * to take another lease meanwhile, our turn counts from then on: the machine is not late, but has many leases to take,
 * and would otherwise get less than its share. This ends after a TTL, since the machine may be unable to take this
 * lease. Returns whether our turn was put off. */
bool plan_put_off(Core *c, Unit *u);
/* Whether we are able to take the lease, and it is our turn or an operator wishes it. If not, *ret_why (it may be
 * NULL) is the reason; WHY_NONE: it is our turn in a moment. */
bool plan_wants_lease(const Core *c, const Unit *u, Reason *ret_why);
/* Notes, in each step, whether this machine could take the unit if it were its turn, and since when. */
void plan_note_ability(Core *c, Unit *u);
