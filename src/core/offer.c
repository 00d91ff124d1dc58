/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Our offers: what this machine says of each unit that is enabled on it, in offers/<machine id>/<unit>. An offer says
 * which Version= is installed here, what the unit must not run beside, and whether this machine would take the unit
 * now. All machines work out from the offers which one comes next. That no unit runs twice does not depend on them.
 *
 * An offer is written when it changes, up to 50 offers in a Txn, and only while our machine record names our session:
 * so of two machines with the same id, the later one offers nothing. While units are on their way down here, fewer
 * than 50 wait until a moment has passed since offers were last written (REST_TIME): what these units change comes
 * soon.
 *
 * An offer also tells how the unit is here, for people and schedulers. If nothing but this state of the unit has
 * changed, the offer waits until a round has passed since offers were last written, and at least for a moment
 * (GATHER_TIME, but no longer than a round), so that other offers are written with it. So the states of units cost no
 * more than one write in a round, and none in a round in which offers are written anyway.
 */

#include "core/offer.h"

#include "core/copies.h"
#include "core/intake.h"
#include "core/machine.h"
#include "core/mirror.h"
#include "core/news.h"
#include "core/output.h"
#include "core/said.h"
#include "core/session.h"
#include "core/txn.h"
#include "core/unit.h"

enum { LOOKS_AT_ONCE = 1000 };

/* How long a changed state waits for others, at least. A unit that starts is soon active, so that one write is enough
 * for both states. */
#define GATHER_TIME USEC_PER_SEC

/* How long fewer than 50 offers wait after others were written. */
#define REST_TIME (100 * USEC_PER_MSEC)

/* Units without a lease that are not down here. Other machines do not know of them. */
typedef struct Globals {
        const Unit **units;
        size_t n;
} Globals;

static Globals find_globals(Core *c) {
        Globals g = {};

        if (c->look.n_global == 0)
                return g;
        g.units = output_alloc(c, c->look.n_global * sizeof(Unit *));
        for (const Unit *u = c->units; u; u = u->hh.next)
                if (u->global && u->life.phase != PHASE_IDLE)
                        g.units[g.n++] = u;
        return g;
}

static bool meets_a_global(const Unit *u, const Globals *globals) {
        for (size_t i = 0; i < globals->n; i++)
                if (placement_matches(u->config.placement->conflicts, globals->units[i]->name) ||
                                placement_matches(globals->units[i]->config.placement->conflicts, u->name))
                        return true;
        return false;
}

/* Where the check fails, nobody is to hand the unit to this machine, nor before it has been made. Of what is held here
 * the first is said too, while it is let go. */
static Why why_not_checked(const Core *c, const Unit *u) {
        if (!u->config.checked || u->said.check == CHECK_PASSES)
                return WHY_NONE;
        if (u->said.check == CHECK_FAILS)
                return WHY_CHECK_FAILS;
        return unit_is_ours(c, u) || u->life.phase != PHASE_IDLE ? WHY_NONE : WHY_CHECK_UNKNOWN;
}

/* Whether a start of the unit would undo what somebody wanted here: the stop of a unit that it needs, or the start of
 * one that conflicts with it. So this machine does not take it (unit_why_unable()), and other machines are not to hand
 * it on to this one either. The holder waits for the end of that, or gives the unit away by itself. */
static bool is_against_a_will(const Core *c, const Unit *u) {
        return u->said.report.known && u->said.report.obstacle == OBSTACLE_LASTS && !unit_is_ours(c, u);
}

static Reason why_not_now(const Core *c, const Unit *u, const Globals *globals) {
        Reason unfit = placement_unfit(u->config.placement, c->here.machine_id, c->here.metadata);

        if (unfit.why != WHY_NONE)
                return unfit;
        if (u->config.doubtful)
                return reason(WHY_DOUBTFUL);
        if (u->lease->unit != u)
                return reason(WHY_SAME_LEASE);
        if (c->guard.missing)
                return reason(said_why_no_guard(c));
        if (meets_a_global(u, globals))
                return reason(WHY_CONFLICT_GLOBAL);
        if (u->life.phase != PHASE_IDLE && !unit_is_ours(c, u))
                return reason(WHY_STILL_STOPPING);
        if (u->said.report.known && !u->said.report.gate_loaded)
                return reason(said_why_no_gate(u));
        if (is_against_a_will(c, u))
                return said_obstacle(u);
        return reason(why_not_checked(c, u));
}

/* Fills in how the unit is here. While PID 1 does not answer, the offer keeps the state that was told last. */
static void tell_state(const Unit *u, OfferRecord *ret) {
        const UnitReport *r = &u->said.report;

        if (r->known) {
                str_copy(ret->active, sizeof(ret->active), said_active_word(r->active));
                str_copy(ret->result, sizeof(ret->result), strempty(u->said.report.result));
                ret->since = r->since;
        } else if (u->offer->seen.revision > 0 && !u->offer->damaged) {
                str_copy(ret->active, sizeof(ret->active), u->offer->terms->value.active);
                str_copy(ret->result, sizeof(ret->result), u->offer->terms->value.result);
                ret->since = u->offer->since;
        }
}

static void wanted_offer(const Core *c, const Unit *u, const Globals *globals, OfferRecord *ret) {
        Reason why = why_not_now(c, u, globals);
        bool stands_back = why.why == WHY_NONE && c->now.boottime < u->back.not_before;

        *ret = (OfferRecord){ .version = u->config.version, .until = stands_back ? u->back.until : 0 };
        str_copy(ret->lease, sizeof(ret->lease), u->config.lease);
        if (copies_has(u)) {
                memset(ret->lease, 0, sizeof(ret->lease));
                lease_name_slot(u->config.lease, 1, ret->lease);
                ret->copies = u->config.slots;
        }
        str_copy(ret->conflicts, sizeof(ret->conflicts), u->config.placement->conflicts);
        str_copy(ret->replaces, sizeof(ret->replaces), u->config.placement->replaces);
        offer_set_reason(ret, stands_back ? reason(WHY_STANDS_BACK) : why);
        tell_state(u, ret);
}

static bool is_offered(const Unit *u) {
        return !u->forgotten && !u->config.global && !u->config.once;
}

static bool is_ours(const Core *c, const Offer *o) {
        return strncmp(o->name, c->here.machine_id, MACHINE_SIZE - 1) == 0;
}

static bool same_offer(const Offer *o, const OfferRecord *b) {
        const OfferRecord *a = &o->terms->value;

        return a->version == b->version && a->copies == b->copies && a->until == b->until && a->code == b->code &&
               streq(mirror_offer_lease(o), b->lease) && streq(a->why, b->why) && streq(a->conflicts, b->conflicts) &&
               streq(a->replaces, b->replaces);
}

static bool same_state(const Offer *o, const OfferRecord *b) {
        const OfferRecord *a = &o->terms->value;

        return o->since == b->since && streq(a->active, b->active) && streq(a->result, b->result);
}

/* Has the state of the unit told later, together with others. */
static void tell_later(Core *c, Unit *u) {
        usec_t round = c->own.timeline.round, gathered = c->now.boottime + MIN(GATHER_TIME, round);

        if (c->offering.late.n == 0)
                c->offering.late_at = c->offering.sent_at > 0 ? MAX(gathered, c->offering.sent_at + round) : gathered;
        heap_set(&c->offering.late, &u->to_tell, u->spot.place);
}

/* Puts the unit's offer into the Txn if the registry does not show the offer as it should be. */
static bool add_offer(Core *c, TxnBuilder *b, Unit *u, bool with_late, const Globals *globals) {
        OfferRecord *want = c->offering.next + c->offering.n;

        wanted_offer(c, u, globals, want);
        if (u->offer->seen.revision > 0 && !u->offer->damaged && same_offer(u->offer, want)) {
                if (same_state(u->offer, want)) {
                        heap_remove(&c->offering.late, &u->to_tell);
                        return false;
                }
                if (!with_late) {
                        tell_later(c, u);
                        return false;
                }
        }
        heap_remove(&c->offering.late, &u->to_tell);
        txn_compare(b, RECORD_OFFER, u->offer->name, u->offer->seen.revision);
        txn_put(b, RECORD_OFFER, u->offer->name, want, sizeof(*want));
        c->offering.units[c->offering.n++] = u;
        return true;
}

/* Both the unit, if it is still known, and the search for orphans may ask for it, but a Txn writes a key only once. */
static void take_back(TxnBuilder *b, const Offer *o) {
        if (o->seen.revision == 0 || txn_deletes(b, RECORD_OFFER, o->name))
                return;
        txn_compare(b, RECORD_OFFER, o->name, o->seen.revision);
        txn_delete(b, RECORD_OFFER, o->name);
}

/* Our offers of units that are not enabled here any more. */
static void take_back_orphans(Core *c, TxnBuilder *b) {
        for (Offer *o = c->offers; o && b->n_compares < GROUP_MAX; o = o->hh.next) {
                const Unit *u = is_ours(c, o) ? unit_find(c, o->unit) : NULL;

                if (is_ours(c, o) && (!u || !is_offered(u)))
                        take_back(b, o);
        }
        c->offering.orphans = b->n_compares == GROUP_MAX;
}

/* Adds the offers of which only the state has changed, if their time has come, or if offers are written now anyway. */
static void look_at_late(Core *c, TxnBuilder *b, const Globals *globals) {
        if (b->n_compares == 0 && c->now.boottime < c->offering.late_at)
                return;
        for (size_t n = 0; n < LOOKS_AT_ONCE && b->n_compares < GROUP_MAX && c->offering.late.n > 0; n++) {
                Unit *u = (Unit *) ((char *) heap_first(&c->offering.late) - offsetof(Unit, to_tell));

                heap_remove(&c->offering.late, &u->to_tell);
                if (is_offered(u))
                        (void) add_offer(c, b, u, true, globals);
        }
        /* What is left has its turn in the next round, or at once if nothing is written now. */
        c->offering.late_at = c->now.boottime + (b->n_compares > 0 ? c->own.timeline.round : 1);
}

static void look_at_some(Core *c, TxnBuilder *b) {
        Globals globals = find_globals(c);

        for (size_t n = 0; n < LOOKS_AT_ONCE && b->n_compares < GROUP_MAX && c->offering.queue.n > 0; n++) {
                Unit *u = (Unit *) ((char *) heap_first(&c->offering.queue) - offsetof(Unit, to_offer));

                heap_remove(&c->offering.queue, &u->to_offer);
                if (is_offered(u))
                        (void) add_offer(c, b, u, false, &globals);
                else if (u->offer)
                        take_back(b, u->offer);
        }
        if (c->offering.queue.n == 0)
                look_at_late(c, b, &globals);
}

/* When offers may be written again. */
static usec_t may_write_at(const Core *c) {
        usec_t rest = MIN(REST_TIME, c->own.timeline.round / 2);

        if (c->look.n_leaving == 0 || c->offering.queue.n >= GROUP_MAX || c->offering.sent_at == 0)
                return c->offering.at;
        return MAX(c->offering.at, c->offering.sent_at + rest);
}

static bool late_is_due(const Core *c) {
        return c->offering.late.n > 0 && c->now.boottime >= c->offering.late_at;
}

void offer_advance(Core *c) {
        TxnBuilder b;

        if (!session_settled(c) || !session_is_checked(c) || c->offering.txn || c->shutdown.on ||
                        !machine_is_named(c) || c->now.boottime < may_write_at(c))
                return;
        for (Unit *u = c->offering.stale ? c->units : NULL; u; u = u->hh.next)
                heap_set(&c->offering.queue, &u->to_offer, u->spot.place);
        c->offering.stale = false;
        if (c->offering.queue.n == 0 && !c->offering.orphans && !late_is_due(c))
                return;
        if (!c->offering.next && !(c->offering.next = calloc(GROUP_MAX, sizeof(OfferRecord))))
                abort();
        c->offering.n = 0;
        b = txn_begin(c);
        look_at_some(c, &b);
        if (c->offering.orphans && b.n_compares < GROUP_MAX)
                take_back_orphans(c, &b);
        c->offering.at = b.n_compares == 0 && c->offering.queue.n > 0 ? c->now.boottime + 1 : 0;
        if (b.n_compares == 0)
                return;
        txn_compare(&b, RECORD_FENCE, c->own.name, c->own.fence_revision);
        c->offering.txn = txn_send(&b);
        c->offering.sent_at = c->now.boottime;
}

void offer_txn(Core *c, const Answer *answer) {
        c->offering.txn = 0;
        if (answer->outcome == OUTCOME_UNKNOWN)
                c->offering.at = c->now.boottime + c->own.timeline.round / 4;
        c->offering.stale = c->offering.stale || answer->outcome != OUTCOME_COMMITTED;
        c->offering.orphans = c->offering.orphans || answer->outcome != OUTCOME_COMMITTED;
        for (size_t i = 0; answer->outcome == OUTCOME_COMMITTED && i < c->offering.n; i++)
                if (c->offering.units[i])
                        intake_apply(c, RECORD_OFFER, c->offering.units[i]->offer->name, c->offering.next + i,
                                        answer->revision);
}

void offer_note(Core *c, Unit *u) {
        if (!u->offer || u->offer->terms->value.until == 0 || c->now.boottime < u->back.not_before ||
                        heap_has(&c->offering.queue, &u->to_offer))
                return;
        heap_set(&c->offering.queue, &u->to_offer, u->spot.place);
}

usec_t offer_deadline(const Core *c) {
        bool due = c->offering.stale || c->offering.orphans || c->offering.queue.n > 0;
        usec_t at;

        if ((!due && c->offering.late.n == 0) || c->offering.txn || !session_settled(c) || !session_is_checked(c) ||
                        c->shutdown.on || !machine_is_named(c))
                return USEC_INFINITY;
        at = due ? may_write_at(c) : MAX(may_write_at(c), c->offering.late_at);
        return MAX(at, c->now.boottime + 1);
}
