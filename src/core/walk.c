/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A step's walk over units and leases. After each look the unit or lease is "settled": its next deadline goes into the
 * heap of deadlines. A unit also goes into the heaps and counters of what it waits for and does not decide by itself:
 * a beat, the time that beats cover, its turn in a drain.
 *
 * A walk over thousands goes on over many steps. What a step does after the walk, and relies on every unit having been
 * looked at, waits for its end: above all the guard is told of no beat before (law 4).
 */

#include "core/walk.h"

#include "core/claim.h"
#include "core/cover.h"
#include "core/global.h"
#include "core/lease.h"
#include "core/leave.h"
#include "core/life.h"
#include "core/look.h"
#include "core/machine.h"
#include "core/offer.h"
#include "core/pause.h"
#include "core/session.h"
#include "core/slots.h"
#include "core/unit.h"

#define UNIT_OF(node, member) ((Unit *) ((char *) (node) -offsetof(Unit, member)))
#define LEASE_OF(node, member) ((Lease *) ((char *) (node) -offsetof(Lease, member)))

/* ---- the facts on which every look depends ---- */

static Common common_now(const Core *c) {
        Common now;

        memset(&now, 0, sizeof(now)); /* also what lies between its members: memcmp() compares it as a whole */
        now.own = c->own.seen;
        now.other = c->other.seen;
        now.ttl = c->own.ttl ?: c->here.ttl;
        now.other_ttl = c->other.ttl;
        now.settle_until = c->plan.settle_until;
        now.floor = c->identity.floor;
        now.why_not = machine_why_not(c);
        now.trust = c->identity.trust;
        now.guard_up = c->guard.up;
        now.guard_synced = c->guard.synced;
        now.guard_gone = c->guard.gone;
        now.guard_missing = c->guard.missing;
        now.settled = session_settled(c);
        now.moving = session_is_moving(c);
        now.undecided = session_is_undecided(c);
        now.young = c->now.boottime < c->plan.young_until;
        now.drains = c->drain.on;
        now.sleeps = c->sleep.on;
        now.stops = c->shutdown.on;
        now.silence = c->identity.silence;
        now.may_claim = claim_is_possible(c);
        now.keeps = session_keeps(c);
        now.paused = pause_is_seen(c);
        return now;
}

/* ---- settling ---- */

/* Gives the node this time as its key; USEC_INFINITY: takes the node out. */
static void set(Heap *h, HeapNode *node, usec_t at) {
        if (at == USEC_INFINITY)
                heap_remove(h, node);
        else
                heap_set(h, node, at);
}

/* Whether the next committed beat is to be followed by a look at the unit: our beats do not cover a unit whose lease
 * is ours, or the guard was told another timeline than the one that holds now. */
static bool waits_for_beat(const Core *c, const Unit *u) {
        Timeline t;

        if (u->global || u->life.phase >= PHASE_CLOSING)
                return false;
        if (u->life.phase == PHASE_IDLE)
                return unit_is_ours(c, u) && !cover_holds(c, u);
        t = cover_timeline(c, u);
        return !cover_is_armed_by(u, &t) || u->said.guard.frozen || !life_is_covered(c, u);
}

/* Whether something on which a look at the unit depends may change without a call of look.h. Such units are few, and
 * are looked at in every step. */
static bool unit_is_restless(const Core *c, const Unit *u) {
        if (u->global)
                return u->life.phase == PHASE_IDLE && c->look.n_with_conflicts > 0;
        return u->wish.steal || slots_are_sought(u) ||
               (u->life.phase == PHASE_IDLE && c->guard.synced && unit_is_ours(c, u) &&
                               unit_has_predecessor(c, u->lease, u->lease->value->index));
}

/* The same of a lease. */
static bool lease_is_restless(const Core *c, const Lease *l) {
        bool ours = lease_is_ours(c, l);

        return l->n_debts > 0 || (ours && (!l->unit || l->unit->global || l->given_up)) ||
               (lease_is_lost(l) && (ours || l->unit || l->misnamed)) ||
               (l->unit && (l->unit->wish.steal || l->rearm > 0));
}

static void settle_unit(Core *c, Unit *u) {
        bool waits = waits_for_beat(c, u), conflicts = u->config.placement->conflicts[0];

        set(&c->look.units.deadlines, &u->spot.deadline, life_deadline(c, u));
        set(&c->look.covers, &u->cover, life_is_covered(c, u) ? cover_span(c, u) : USEC_INFINITY);
        set(&c->look.withheld, &u->withheld, leave_is_withheld(c, u) ? u->spot.place : USEC_INFINITY);
        c->look.n_wait_for_beat += (size_t) waits - u->waits_for_beat;
        c->look.n_with_conflicts += (size_t) conflicts - u->has_conflicts;
        u->waits_for_beat = waits;
        u->has_conflicts = conflicts;
}

static void settle_lease(Core *c, Lease *l) {
        set(&c->look.leases.deadlines, &l->spot.deadline, claim_deadline(c, l));
}

enum { TXNS_AT_ONCE = 2 }; /* of changes that share a Txn, in one step */

/* ---- looking ---- */

/* Whether a look has changed something of the unit on which the next look depends. The arguments are what was there
 * before the look. */
static bool has_changed(const Unit *u, const UnitLife *life, const UnitWish *wish, bool forgotten) {
        return memcmp(&u->life, life, sizeof(*life)) != 0 || memcmp(&u->wish, wish, sizeof(*wish)) != 0 ||
               u->forgotten != forgotten;
}

/* A look that has changed something is followed by another look in the next step, until nothing changes any more. */
static void look_at_one_unit(Core *c, Unit *u) {
        const UnitLife *present_life = &u->life;
        const UnitWish *present_wish = &u->wish;
        bool forgotten = u->forgotten;
        UnitLife life;
        UnitWish wish;

        memcpy(&life, present_life, sizeof(life)); /* also what lies between its members: has_changed() compares it */
        memcpy(&wish, present_wish, sizeof(wish));
        c->look.work.looks++;
        c->look.units.at = u->spot.place;
        look_taken(&c->look.units, &u->spot);
        slots_seek(c, u);
        life_take_config(c, u);
        if (u->global)
                global_advance(c, u);
        else
                life_advance(c, u);
        if (life_drop_finished(c, u))
                return;
        look_at_lease_of(c, u);
        offer_note(c, u);
        settle_unit(c, u);
        if (unit_is_restless(c, u) || has_changed(u, &life, &wish, forgotten))
                look_at_lease(c, u->lease); /* and so at this unit and at every other one that uses the lease */
}

static void look_at_one_lease(Core *c, Lease *l) {
        c->look.work.looks++;
        c->look.leases.at = l->spot.place;
        look_taken(&c->look.leases, &l->spot);
        claim_advance(c, l);
        settle_lease(c, l);
        if (lease_is_restless(c, l))
                look_at_lease(c, l);
}

/* ---- the walk ---- */

/* Takes the first node out of the heap if its key, a time after since, has come; NULL: there is none. */
static HeapNode *take_due(Heap *h, usec_t since, usec_t now) {
        HeapNode *node = heap_first(h);

        if (!node || usec_add(since, heap_first_key(h)) > now)
                return NULL;
        heap_remove(h, node);
        return node;
}

/* Finds the units and leases whose deadline has come, and the units that our last beat covers no more. */
static void find_due(Core *c) {
        HeapNode *node;

        while ((node = take_due(&c->look.units.deadlines, 0, c->now.boottime)))
                look_at_unit(c, UNIT_OF(node, spot.deadline));
        while ((node = take_due(&c->look.leases.deadlines, 0, c->now.boottime)))
                look_at_lease(c, LEASE_OF(node, spot.deadline));
        while (session_settled(c) && !session_keeps(c) &&
                        (node = take_due(&c->look.covers, session_covered_from(c), c->now.boottime)))
                look_at_unit(c, UNIT_OF(node, cover));
}

void walk_begin(Core *c) {
        Common now = common_now(c);

        find_due(c);
        if (memcmp(&now, &c->look.common, sizeof(now)) != 0)
                look_at_all(c);
        c->look.common = now;
        if (c->look.t0 != session_covered_from(c) && c->look.n_wait_for_beat > 0)
                for (Unit *u = c->units; u; u = u->hh.next)
                        if (u->waits_for_beat)
                                look_at_unit(c, u);
        c->look.t0 = session_covered_from(c);
        if (c->look.all && !c->look.always_all)
                look_queue_all(c);
        c->look.all = false;
        c->look.walks = true;
}

/* Whether the first of those that wait comes after what the walk has reached, and before the first that is due. */
static bool comes_first(const Heap *waiting, const Heap *due, uint64_t reached) {
        return waiting->n > 0 && heap_first_key(waiting) > reached && heap_first_key(waiting) < heap_first_key(due);
}

/* The next unit in the order of places. If a drain may stop another unit now, this is either a unit that is to be
 * looked at or one that waits for its turn in the drain, whichever has the lower place. */
static Unit *next_unit(const Core *c) {
        const Heap *due = c->look.units.heaps + c->look.units.now;

        if (leave_may_drain(c) && comes_first(&c->look.withheld, due, c->look.units.at))
                return UNIT_OF(heap_first(&c->look.withheld), withheld);
        return due->n > 0 ? UNIT_OF(heap_first(due), spot.due) : NULL;
}

static void begin(Queue *q) {
        q->walking = true;
        if (!q->goes_on)
                q->at = 0;
}

/* At the end of the walk, the heap that was filled for the next walk changes places with the one of this walk. */
static void end(Queue *q, bool goes_on) {
        q->walking = false;
        q->goes_on = goes_on;
        if (!goes_on)
                q->now = !q->now;
}

bool walk_units(Core *c) {
        Unit *u, *next;

        if (c->look.leases.goes_on) /* first to its end: what units have to be looked at for waits for that */
                return false;
        c->look.fresh = false;
        begin(&c->look.units);
        if (c->look.always_all)
                HASH_ITER(hh, c->units, u, next)
                        look_at_one_unit(c, u);
        else
                for (unsigned n = 0; n < c->look.most && (u = next_unit(c)); n++)
                        look_at_one_unit(c, u);
        end(&c->look.units, !c->look.always_all && next_unit(c));
        return !c->look.units.goes_on;
}

/* Sends Txns of the changes that wait, but no more than a few: a Txn of 50 leases takes a millisecond to be written
 * down. The next step, which is due at once, goes on. */
static void send_some(Core *c) {
        Lease *sent[GROUP_MAX];
        unsigned i;
        size_t n;

        for (i = 0; i < TXNS_AT_ONCE && (n = claim_send(c, sent)) > 0; i++)
                while (n > 0)
                        settle_lease(c, sent[--n]);
        c->claims.go_on = i == TXNS_AT_ONCE;
}

/* The next lease in the order of places: one that is to be looked at, or one that has waited for the Txn by which
 * leases are taken from a silent session, if none is under way. The first of these sends the next such Txn. */
static Lease *next_lease(const Core *c) {
        const Heap *due = c->look.leases.heaps + c->look.leases.now;

        if (c->claims.expiring == 0 && comes_first(&c->claims.expired, due, c->look.leases.at))
                return LEASE_OF(heap_first(&c->claims.expired), to_send);
        return due->n > 0 ? LEASE_OF(heap_first(due), spot.due) : NULL;
}

void walk_leases(Core *c) {
        Lease *l, *next;
        bool goes_on;

        if (c->look.units.goes_on)
                return;
        begin(&c->look.leases);
        if (c->look.always_all)
                HASH_ITER(hh, c->leases, l, next)
                        look_at_one_lease(c, l);
        else
                for (unsigned n = 0; n < c->look.most && (l = next_lease(c)); n++)
                        look_at_one_lease(c, l);
        goes_on = !c->look.always_all && next_lease(c);
        send_some(c);
        end(&c->look.leases, goes_on);
}

/* Whether the walk goes on in the next step. */
static bool goes_on(const Core *c) {
        return c->look.units.goes_on || c->look.leases.goes_on || c->look.fresh;
}

/* A unit or lease that has changed since its turn is looked at in the next step only, but when it is due may have
 * changed already: so it is settled now, unless that step is due at once. */
void walk_end(Core *c) {
        const Heap *units = c->look.units.heaps + c->look.units.now,
                   *leases = c->look.leases.heaps + c->look.leases.now;

        if (goes_on(c))
                return;
        for (size_t i = 0; i < units->n; i++)
                settle_unit(c, UNIT_OF(units->list[i].node, spot.due));
        for (size_t i = 0; i < leases->n; i++)
                settle_lease(c, LEASE_OF(leases->list[i].node, spot.due));
}

/* ---- when the next look is due ---- */

/* For tests (CoreConfig.looks_at_all): the next deadline, found without the heaps. */
static usec_t deadline_of_all(const Core *c) {
        usec_t t = USEC_INFINITY;

        for (const Unit *u = c->units; u; u = u->hh.next) {
                t = MIN(t, life_deadline(c, u));
                if (session_settled(c) && life_is_covered(c, u))
                        t = MIN(t, cover_stop_at(c, u));
        }
        for (const Lease *l = c->leases; l; l = l->hh.next)
                t = MIN(t, claim_deadline(c, l));
        return t;
}

usec_t walk_deadline(const Core *c) {
        usec_t t = session_settled(c) && c->leases && c->identity.acquire_not_before > c->now.boottime
                                   ? c->identity.acquire_not_before
                                   : USEC_INFINITY;

        if (c->claims.go_on || goes_on(c))
                return c->now.boottime;
        t = MIN(t, claim_send_deadline(c));
        if (c->look.always_all)
                return MIN(t, deadline_of_all(c));
        t = MIN(t, heap_first_key(&c->look.units.deadlines));
        t = MIN(t, heap_first_key(&c->look.leases.deadlines));
        if (session_settled(c) && !session_keeps(c) && heap_first(&c->look.covers))
                t = MIN(t, usec_add(session_covered_from(c), heap_first_key(&c->look.covers)));
        return t;
}
