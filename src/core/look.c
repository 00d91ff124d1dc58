/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Which units and leases are to be looked at. A walk (walk.c) looks at them in the order of their places in their
 * table, and at each at most once. If something happens to a unit whose turn in this walk has passed, the unit is
 * looked at in the walk of the next step. The order is that of a walk over all, so both come to the same actions.
 */

#include "core/look.h"

static bool is_queued(const Queue *q, const HeapNode *due) {
        return heap_has(q->heaps, due) || heap_has(q->heaps + 1, due);
}

/* Puts the unit or lease into this walk, or into the next one if the walk has passed its place. Nothing is done for
 * one that waits in either already. */
static void queue(Core *c, Queue *q, HeapNode *node, uint64_t place) {
        c->look.fresh = c->look.fresh || !c->look.walks;
        if (!is_queued(q, node))
                heap_set(q->heaps + (q->walking && place <= q->at ? !q->now : q->now), node, place);
}

void look_at_lease_of(Core *c, const Unit *u) {
        queue(c, &c->look.leases, &u->lease->spot.due, u->lease->spot.place);
}

void look_at_unit(Core *c, Unit *u) {
        queue(c, &c->look.units, &u->spot.due, u->spot.place);
        look_at_lease_of(c, u);
}

void look_at_lease(Core *c, Lease *l) {
        queue(c, &c->look.leases, &l->spot.due, l->spot.place);
        for (Unit *u = l->users; u; u = u->next_user)
                queue(c, &c->look.units, &u->spot.due, u->spot.place);
}

void look_at_all(Core *c) {
        c->look.all = true;
}

void look_queue_all(Core *c) {
        for (Unit *u = c->units; u; u = u->hh.next)
                queue(c, &c->look.units, &u->spot.due, u->spot.place);
        for (Lease *l = c->leases; l; l = l->hh.next)
                queue(c, &c->look.leases, &l->spot.due, l->spot.place);
}

void look_attach(Unit *u, Lease *l) {
        Unit **at = u->lease ? &u->lease->users : NULL;

        while (at && *at != u)
                at = &(*at)->next_user;
        if (at)
                *at = u->next_user;
        u->lease = l;
        u->next_user = l ? l->users : NULL;
        if (l)
                l->users = u;
}

void look_taken(Queue *q, Spot *spot) {
        heap_remove(q->heaps, &spot->due);
        heap_remove(q->heaps + 1, &spot->due);
        heap_remove(&q->deadlines, &spot->deadline);
}

void look_new_unit(Core *c, Unit *u) {
        u->spot.place = ++c->look.units.last;
}

void look_new_lease(Core *c, Lease *l) {
        l->spot.place = ++c->look.leases.last;
        look_at_lease(c, l);
}

/* Gives the node the unit's new place as its key, if it is in the heap. */
static void give_place(Heap *h, HeapNode *node, uint64_t place) {
        if (heap_has(h, node))
                heap_set(h, node, place);
}

void look_sorted(Core *c) {
        uint64_t place = 0;

        must(!c->look.units.walking);
        for (Unit *u = c->units; u; u = u->hh.next) {
                u->spot.place = ++place;
                give_place(c->look.units.heaps, &u->spot.due, place);
                give_place(c->look.units.heaps + 1, &u->spot.due, place);
                give_place(&c->look.withheld, &u->withheld, place);
                give_place(&c->plan.queue, &u->to_plan, place);
                give_place(&c->offering.queue, &u->to_offer, place);
                give_place(&c->offering.late, &u->to_tell, place);
        }
        c->look.units.last = place;
}

/* What the unit is to be counted for: a mask of COUNTED_*. */
static unsigned counts_of(const Unit *u) {
        bool in_hand = u->life.phase != PHASE_IDLE || u->said.guard.index > 0;
        bool known = u->life.phase != PHASE_IDLE && u->life.origin != ORIGIN_LEFTOVER;

        if (u->global)
                return u->life.phase != PHASE_IDLE ? COUNTED_GLOBAL : 0;
        return (in_hand && !known ? COUNTED_UNSURE : 0) |
               (u->life.phase >= PHASE_CLOSING && u->life.leave == LEAVE_DRAIN ? COUNTED_DRAINING : 0) |
               (u->life.phase != PHASE_IDLE && u->life.phase != PHASE_RELEASING ? COUNTED_BUSY : 0) |
               (u->life.phase == PHASE_RELEASING ? COUNTED_RELEASING : 0) |
               (u->life.phase >= PHASE_CLOSING && u->life.phase < PHASE_RELEASING ? COUNTED_LEAVING : 0);
}

/* The order of the counters is that of the bits of COUNTED_*. */
static void count(Core *c, Unit *u, unsigned now) {
        size_t *const counters[] = { &c->look.n_unsure, &c->look.n_draining, &c->look.n_busy, &c->look.n_releasing,
                &c->look.n_global, &c->look.n_leaving };

        for (size_t i = 0; i < ELEMENTSOF(counters); i++)
                *counters[i] += (size_t) (now >> i & 1) - (u->counted >> i & 1);
        u->counted = now;
}

void look_count(Core *c, Unit *u) {
        count(c, u, counts_of(u));
}

void look_check(const Core *c) {
        size_t n[6] = {};

        for (const Unit *u = c->units; u; u = u->hh.next) {
                must(u->counted == counts_of(u));
                for (size_t i = 0; i < ELEMENTSOF(n); i++)
                        n[i] += u->counted >> i & 1;
        }
        must(n[0] == c->look.n_unsure && n[1] == c->look.n_draining && n[2] == c->look.n_busy &&
                        n[3] == c->look.n_releasing && n[4] == c->look.n_global && n[5] == c->look.n_leaving);
}

void look_forget_unit(Core *c, Unit *u) {
        Lease *l = u->lease;

        count(c, u, 0);
        c->look.n_wait_for_beat -= u->waits_for_beat;
        c->look.n_with_conflicts -= u->has_conflicts;
        look_attach(u, NULL);
        if (l)
                look_at_lease(c, l); /* another unit may have it */
        look_taken(&c->look.units, &u->spot);
        heap_remove(&c->look.covers, &u->cover);
        heap_remove(&c->look.withheld, &u->withheld);
        heap_remove(&c->plan.queue, &u->to_plan);
        heap_remove(&c->offering.queue, &u->to_offer);
        heap_remove(&c->offering.late, &u->to_tell);
}

void look_done(Core *c) {
        for (size_t i = 0; i < 2; i++) {
                heap_done(c->look.units.heaps + i);
                heap_done(c->look.leases.heaps + i);
        }
        heap_done(&c->look.units.deadlines);
        heap_done(&c->look.leases.deadlines);
        heap_done(&c->look.covers);
        heap_done(&c->look.withheld);
        heap_done(&c->plan.queue);
        heap_done(&c->offering.queue);
        heap_done(&c->offering.late);
        heap_done(&c->claims.waiting);
        heap_done(&c->claims.expired);
}
