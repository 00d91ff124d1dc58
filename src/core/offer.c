/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What this machine says of the units that are enabled on it, offers/<machine>/<unit>: which Version= it has, what it
 * must not run beside, and whether this machine would take it now. Others work out by it who comes next; nothing that
 * keeps a unit from running twice hangs on it.
 *
 * Written when it changes, up to 50 in a Txn, and only while our machine record names our session: of two machines with
 * one id the later one says nothing.
 */

#include "core/internal.h"

static const char *why_not_now(const Core *c, const Unit *u, char buffer[static PLACEMENT_WHY_SIZE]) {
        const char *why = placement_unfit(&u->placement, c->machine_id, c->metadata, buffer);

        if (why)
                return why;
        if (u->doubtful)
                return "a line that says where it may run is bad there";
        if (u->lease->unit != u)
                return "another unit there has the same Lease=";
        return u->report.known && !u->report.gate_loaded ? "systemd has not loaded its gate" : NULL;
}

static void wanted_offer(const Core *c, const Unit *u, OfferRecord *ret) {
        char buffer[PLACEMENT_WHY_SIZE];
        const char *why = why_not_now(c, u, buffer);
        bool stands_back = !why && c->now.boottime < u->not_before;

        *ret = (OfferRecord){ .version = u->version, .until = stands_back ? u->until : 0 };
        str_copy(ret->lease, sizeof(ret->lease), u->wanted_lease);
        str_copy(ret->conflicts, sizeof(ret->conflicts), u->placement.conflicts);
        str_copy(ret->replaces, sizeof(ret->replaces), u->placement.replaces);
        str_copy(ret->why, sizeof(ret->why), stands_back ? "stands back" : strempty(why));
}

static bool is_offered(const Unit *u) {
        return !u->forgotten && !u->wanted_global;
}

static bool is_ours(const Core *c, const Offer *o) {
        return strncmp(o->name, c->machine_id, MACHINE_SIZE - 1) == 0;
}

static bool same_offer(const OfferRecord *a, const OfferRecord *b) {
        return a->version == b->version && a->until == b->until && streq(a->lease, b->lease) && streq(a->why, b->why) &&
               streq(a->conflicts, b->conflicts) && streq(a->replaces, b->replaces);
}

/* The unit's offer, if it is not what it should be. */
static bool add_offer(Core *c, TxnBuilder *b, Unit *u) {
        OfferRecord *want = c->offers_next + c->n_offered;

        wanted_offer(c, u, want);
        if (u->offer->seen.revision > 0 && !u->offer->damaged && same_offer(&u->offer->value, want))
                return false;
        txn_compare(b, RECORD_OFFER, u->offer->name, u->offer->seen.revision);
        txn_put(b, RECORD_OFFER, u->offer->name, want, sizeof(*want));
        c->offered[c->n_offered++] = u;
        return true;
}

/* Of a unit that is not enabled here any more. */
static void take_back(Core *c, TxnBuilder *b, const Offer *o) {
        const Unit *u = life_find(c, o->unit);

        if (o->seen.revision == 0 || !is_ours(c, o) || (u && is_offered(u)))
                return;
        txn_compare(b, RECORD_OFFER, o->name, o->seen.revision);
        txn_delete(b, RECORD_OFFER, o->name);
}

void offers_advance(Core *c) {
        TxnBuilder b;

        if (!session_settled(c) || c->offer_txn || c->shutting_down || !machine_is_named(c) ||
            (!c->offers_stale && c->now.boottime < c->offers_at))
                return;
        if (!c->offers_next && !(c->offers_next = calloc(GROUP_MAX, sizeof(OfferRecord))))
                abort();
        c->offers_stale = false;
        c->offers_at = USEC_INFINITY;
        c->n_offered = 0;
        b = txn_begin(c);
        for (Unit *u = c->units; u && c->n_offered < GROUP_MAX; u = u->hh.next) {
                if (is_offered(u) && add_offer(c, &b, u))
                        continue;
                if (c->now.boottime < u->not_before)
                        c->offers_at = MIN(c->offers_at, u->not_before);
        }
        for (Offer *o = c->offers; o && b.n_compares < GROUP_MAX; o = o->hh.next)
                take_back(c, &b, o);
        if (b.n_compares == 0)
                return;
        txn_compare(&b, RECORD_FENCE, c->own.name, c->own.fence_revision);
        c->offer_txn = txn_send(&b);
        c->plan_stale = true;
}

void offers_txn(Core *c, const Answer *answer) {
        c->offer_txn = 0;
        c->offers_stale = answer->outcome != OUTCOME_UNKNOWN;
        if (!c->offers_stale)
                c->offers_at = c->now.boottime + c->own.timeline.round / 4;
        for (size_t i = 0; answer->outcome == OUTCOME_COMMITTED && i < c->n_offered; i++)
                if (c->offered[i])
                        mirror_apply(c, RECORD_OFFER, c->offered[i]->offer->name, c->offers_next + i, answer->revision);
}

usec_t offers_deadline(const Core *c) {
        return !c->offer_txn && c->offers_at > c->now.boottime && session_settled(c) ? c->offers_at : USEC_INFINITY;
}
