/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What this machine says of the units that are enabled on it, offers/<machine>/<unit>: which Version= it has, what it
 * must not run beside, and whether this machine would take it now. Others work out by it who comes next; nothing that
 * keeps a unit from running twice hangs on it.
 *
 * Written when it changes, up to 50 in a Txn, and only while our machine record names our session: of two machines
 * with one id the later one says nothing.
 */

#include "core/internal.h"

/* Units without a lease that are not down here: no other machine knows of them. */
typedef struct Globals {
        const Unit **units;
        size_t n;
} Globals;

static Globals find_globals(Core *c) {
        Globals g = {};

        for (const Unit *u = c->units; u; u = u->hh.next)
                g.n += u->global && u->phase != PHASE_IDLE;
        g.units = arena_alloc(c, g.n * sizeof(Unit *));
        g.n = 0;
        for (const Unit *u = c->units; u; u = u->hh.next)
                if (u->global && u->phase != PHASE_IDLE)
                        g.units[g.n++] = u;
        return g;
}

static bool meets_a_global(const Unit *u, const Globals *globals) {
        for (size_t i = 0; i < globals->n; i++)
                if (placement_matches(u->placement.conflicts, globals->units[i]->name) ||
                                placement_matches(globals->units[i]->placement.conflicts, u->name))
                        return true;
        return false;
}

static const char *why_not_now(
                const Core *c, const Unit *u, const Globals *globals, char buffer[static PLACEMENT_WHY_SIZE]) {
        const char *why = placement_unfit(&u->placement, c->machine_id, c->metadata, buffer);

        if (why)
                return why;
        if (u->doubtful)
                return "a line that says where it may run is bad there";
        if (u->lease->unit != u)
                return "another unit there has the same Lease=";
        if (c->guard_missing)
                return c->guard_gone ? "leased-guard.service does not run there"
                                     : "leased-guard.service does not answer there";
        if (meets_a_global(u, globals))
                return "it conflicts with a unit there that runs everywhere";
        return u->report.known && !u->report.gate_loaded ? life_why_no_gate(u) : NULL;
}

static void wanted_offer(const Core *c, const Unit *u, const Globals *globals, OfferRecord *ret) {
        char buffer[PLACEMENT_WHY_SIZE];
        const char *why = why_not_now(c, u, globals, buffer);
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
        return a->version == b->version && a->until == b->until && streq(a->lease, b->lease) &&
               streq(a->why, b->why) && streq(a->conflicts, b->conflicts) && streq(a->replaces, b->replaces);
}

/* The unit's offer, if it is not what it should be. */
static bool add_offer(Core *c, TxnBuilder *b, Unit *u, const Globals *globals) {
        OfferRecord *want = c->offers_next + c->n_offered;

        wanted_offer(c, u, globals, want);
        if (u->offer->seen.revision > 0 && !u->offer->damaged && same_offer(&u->offer->value, want))
                return false;
        txn_compare(b, RECORD_OFFER, u->offer->name, u->offer->seen.revision);
        txn_put(b, RECORD_OFFER, u->offer->name, want, sizeof(*want));
        c->offered[c->n_offered++] = u;
        return true;
}

/* Of a unit that is not enabled here any more. */
static void take_back(Core *c, TxnBuilder *b, const Offer *o) {
        const Unit *u;

        if (o->seen.revision == 0 || !is_ours(c, o))
                return;
        u = life_find(c, o->unit);
        if (u && is_offered(u))
                return;
        txn_compare(b, RECORD_OFFER, o->name, o->seen.revision);
        txn_delete(b, RECORD_OFFER, o->name);
}

void offers_advance(Core *c) {
        Globals globals;
        TxnBuilder b;

        if (!session_settled(c) || !session_is_checked(c) || c->offer_txn || c->shutting_down ||
                        !machine_is_named(c) || (!c->offers_stale && c->now.boottime < c->offers_at))
                return;
        if (!c->offers_next && !(c->offers_next = calloc(GROUP_MAX, sizeof(OfferRecord))))
                abort();
        c->offers_stale = false;
        c->offers_at = USEC_INFINITY;
        c->n_offered = 0;
        b = txn_begin(c);
        globals = find_globals(c);
        for (Unit *u = c->units; u && c->n_offered < GROUP_MAX; u = u->hh.next) {
                if (is_offered(u) && add_offer(c, &b, u, &globals))
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
                        mirror_apply(c, RECORD_OFFER, c->offered[i]->offer->name, c->offers_next + i,
                                        answer->revision);
}

usec_t offers_deadline(const Core *c) {
        return !c->offer_txn && c->offers_at > c->now.boottime && session_settled(c) ? c->offers_at : USEC_INFINITY;
}
