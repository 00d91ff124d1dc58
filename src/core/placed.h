/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* While a plan is made: which units are on which machine, and which of them must not be there together (Conflicts=,
 * Replaces=). */

#include "core/state.h"

/* A unit that a machine holds, or is about to, as far as others must keep away from it. */
typedef struct Placed {
        struct Placed *next, *next_picky; /* on the same machine */
        const char *unit, *conflicts, *replaces;
        bool planned; /* it is not there yet */
} Placed;

typedef struct Plan {
        Core *core;
        Machine *own;        /* NULL: our record is not there yet */
        bool wishes;         /* some unit minds what runs beside it */
        const Machine *from; /* where what moves comes from: our own machine, unless .supposed */
        bool supposed; /* nothing will move: what is planned counts as done, also for units that must run beside it */
        const Unit *counted; /* for which unit Machine.alike was counted; NULL: for none */
} Plan;

/* Collects what others must keep away from: on other machines by their offers; here also a unit that is still being
 * stopped, whoever has its lease by now. With with_planned, also what leases are planned for. Nothing is collected
 * where no unit has wishes. */
void placed_collect(Plan *p, bool with_planned);
/* From now on, in this plan, the unit is on that machine; planned: it is not there yet. m: NULL: nothing happens. */
void placed_put(Plan *p, const Unit *u, Machine *m, bool planned);
/* From now on, in this plan, the unit is not there. */
void placed_remove(Plan *p, const Unit *u, Machine *from);
/* The unit on that machine that stands against this one: by the options installed here, and by those there, since the
 * next holder goes by them (conflicts_there; NULL: none are known). NULL: there is none. */
const Placed *placed_find_conflict(Plan *p, const Unit *u, const Machine *m, const char *conflicts_there);
/* Whether u yields to a unit that is here, and not only planned to come. */
bool placed_yields_here(const Plan *p, const Unit *u);
