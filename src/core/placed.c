/* SPDX-License-Identifier: Apache-2.0 */

/* What keeps away from each other: units that must not run on one machine. */

#include "core/placed.h"

#include "core/copies.h"
#include "core/lease.h"
#include "core/mirror.h"
#include "core/output.h"
#include "core/unit.h"
#include "util/must.h"

static bool is_picky(const Placed *o) {
        return o->conflicts[0] || o->replaces[0];
}

static void add(Plan *p, Machine *m, Placed placed) {
        p->counted = NULL;
        placed.next = m->placed;
        placed.next_picky = m->picky;
        m->placed = output_copy(p->core, &placed, sizeof(placed));
        if (is_picky(m->placed))
                m->picky = m->placed;
}

void placed_put(Plan *p, const Unit *u, Machine *m, bool planned) {
        if (p->wishes && m)
                add(p, m,
                                (Placed){ .unit = u->name,
                                                .conflicts = u->config.placement->conflicts,
                                                .replaces = u->config.placement->replaces,
                                                .planned = planned });
}

void placed_collect(Plan *p, bool with_planned) {
        Core *c = p->core;

        for (Machine *m = c->machines; m; m = m->hh.next)
                m->placed = m->picky = NULL;
        if (!p->wishes)
                return;
        for (const Offer *o = c->offers; o; o = o->hh.next) {
                bool own = strncmp(o->name, c->here.machine_id, MACHINE_SIZE - 1) == 0;
                Lease *l = o->seen.revision > 0 && !o->damaged && !own ? copies_lease(c, o) : NULL;

                if (l && lease_is_at(l, o->name) && mirror_find_machine(c, l->value->machine_id))
                        add(p, mirror_find_machine(c, l->value->machine_id),
                                        (Placed){ .unit = o->unit,
                                                        .conflicts = o->terms->value.conflicts,
                                                        .replaces = o->terms->value.replaces });
        }
        for (const Unit *u = c->units; u; u = u->hh.next)
                if (!u->config.once && (unit_is_in_hand(u) || unit_is_ours(c, u)))
                        placed_put(p, u, p->own, false);
        for (const Unit *u = with_planned ? c->units : NULL; u; u = u->hh.next)
                if (u->lease->unit == u && u->lease->planned_at)
                        placed_put(p, u, u->lease->planned_at, true);
}

static bool meet(const Unit *u, const char *conflicts, const Placed *o) {
        return placement_matches(conflicts, o->unit) || placement_matches(o->conflicts, u->name) ||
               placement_matches(o->replaces, u->name);
}

/* Which units of a machine a unit may meet: where it has no wish itself, only those that have one. */
static const Placed *first_to_meet(const Machine *m, bool has_wish) {
        return !m ? NULL : has_wish ? m->placed : m->picky;
}

static const Placed *next_to_meet(const Placed *o, bool has_wish) {
        return has_wish ? o->next : o->next_picky;
}

const Placed *placed_find_conflict(Plan *p, const Unit *u, const Machine *m, const char *conflicts_there) {
        const char *conflicts = u->config.placement->conflicts;
        bool has_wish;

        if (!conflicts_there || streq(conflicts_there, conflicts))
                conflicts_there = "";
        has_wish = conflicts[0] || conflicts_there[0];
        for (const Placed *o = first_to_meet(m, has_wish); o; o = next_to_meet(o, has_wish)) {
                p->core->look.work.meetings++;
                if ((meet(u, conflicts, o) || placement_matches(conflicts_there, o->unit)) && !streq(o->unit, u->name))
                        return o;
        }
        return NULL;
}

void placed_remove(Plan *p, const Unit *u, Machine *from) {
        Placed **at = &from->placed, **picky = &from->picky;

        while (*at && !streq((*at)->unit, u->name))
                at = &(*at)->next;
        while (*picky && *picky != *at)
                picky = &(*picky)->next_picky;
        must(!*at || is_picky(*at) == !!*picky); /* it is in both lists, or in one */
        if (*picky)
                *picky = (*picky)->next_picky;
        if (*at)
                *at = (*at)->next;
        p->counted = NULL;
}

/* Of two units that must not run beside each other, whether u is the one that goes. That is the unit that the other
 * replaces; else the one that is not in hand yet; else the one with the younger tenure. */
static bool yields(const Core *c, const Unit *u, const Placed *to) {
        const Unit *o = unit_find((Core *) c, to->unit);
        bool replaced = placement_matches(to->replaces, u->name),
             replaces = placement_matches(u->config.placement->replaces, to->unit);

        if (replaced != replaces)
                return replaced;
        if (!o || unit_is_in_hand(u) != unit_is_in_hand(o))
                return !o || unit_is_in_hand(o);
        if (u->lease->value->since != o->lease->value->since)
                return u->lease->value->since > o->lease->value->since;
        return strcmp(u->name, o->name) > 0;
}

bool placed_yields_here(const Plan *p, const Unit *u) {
        bool has_wish = u->config.placement->conflicts[0];

        for (const Placed *o = first_to_meet(p->own, has_wish); o; o = next_to_meet(o, has_wish)) {
                p->core->look.work.meetings++;
                if (!o->planned && meet(u, u->config.placement->conflicts, o) && !streq(o->unit, u->name) &&
                                yields(p->core, u, o))
                        return true;
        }
        return false;
}
