/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What operators at other machines ask of this one. A request that is addressed to us is taken, carried out as a word
 * of the operator (word.c), and answered:
 *
 *   asked     taken by a Txn that compares the request. Whoever asked withdraws the request by such a Txn, too. So one
 *             of the two is refused: a request that was withdrawn before is never begun, however late it reaches us
 *   taken     once that Txn is known to be committed, the word begins. A request that an earlier process of this
 *             daemon has taken is refused: nobody knows whether that process had begun
 *   begun or refused   whoever asked reads the answer, and deletes the request later
 *
 * A request is void, and is deleted, when the session that asks is silent (law 2), or when this process has known of
 * the request for longer than it says. So nothing is begun for somebody who is not there any more. A request never
 * makes this machine do what its own operator could not make it do: each word is checked as one of ours is.
 */

#include "core/errand.h"

#include "core/lease.h"
#include "core/machine.h"
#include "core/mirror.h"
#include "core/output.h"
#include "core/said.h"
#include "core/session.h"
#include "core/txn.h"
#include "core/unit.h"
#include "core/word.h"

/* Whether the session that asks beats, as far as this machine can tell. */
static bool is_from_alive(const Core *c, const Request *r) {
        const Session *s = mirror_find_session((Core *) c, r->from);

        return s && s->beat.revision > 0 && c->now.boottime < session_silent_at(s);
}

/* When the request becomes void by its age. An answer stays for twice as long: while it is there, a delayed copy of
 * the write that put the request is refused. */
static usec_t void_at(const Request *r) {
        return usec_add(r->first_at, MIN(r->value.within, TTL_MAX) * (r->value.stage > REQUEST_TAKEN ? 2 : 1));
}

/* Whether nobody can wait for it any more. A session of which no beat was seen yet may be a new one. */
static bool is_void(const Core *c, const Request *r) {
        const Session *s = mirror_find_session((Core *) c, r->from);

        return c->now.boottime >= void_at(r) || (s && s->beat.known && !is_from_alive(c, r));
}

static TxnBuilder begin(Core *c, const Request *r) {
        TxnBuilder b = txn_begin(c);

        txn_compare(&b, RECORD_REQUEST, r->name, r->seen.revision);
        txn_compare(&b, RECORD_FENCE, c->own.name, c->own.fence_revision);
        if (machine_is_named(c))
                txn_compare(&b, RECORD_MACHINE, c->self->id, c->self->seen.revision);
        return b;
}

void errand_drop(Core *c, Request *r) {
        TxnBuilder b = begin(c, r);

        r->deletes = true;
        txn_delete(&b, RECORD_REQUEST, r->name);
        r->txn = txn_send(&b);
}

void errand_answer(Core *c, Request *r, RequestStage stage, Reason why) {
        RequestRecord *next = &r->next;
        TxnBuilder b = begin(c, r);

        *next = r->value;
        next->stage = stage;
        next->code = why.why;
        memset(next->about, 0, sizeof(next->about));
        (void) reason_keep(why, next->about, sizeof(next->about));
        r->deletes = false;
        txn_put(&b, RECORD_REQUEST, r->name, next, sizeof(*next));
        r->txn = txn_send(&b);
}

static Reason reason_of_end(const WordEnd *end) {
        switch (end->result) {
        case WORD_NOT_HELD:
                return reason(WHY_REQUEST_NOT_HELD);
        case WORD_NOT_DONE:
                return reason(WHY_REQUEST_NOT_DONE);
        case WORD_UNAVAILABLE:
                return reason(WHY_REGISTRY_SILENT);
        case WORD_UNABLE:
                return end->reason.why != WHY_NONE ? end->reason : reason(WHY_HERE_ALREADY);
        default:
                return reason(WHY_REQUEST_LATE);
        }
}

/* Whether nothing keeps the machine from the unit but its own word: it stands back for a while, or the unit could run
 * there only against somebody's will. An operator's word counts more. */
static bool is_own_word_alone(const Core *c, const Unit *u, const Machine *m, Reason why) {
        const Offer *o = mirror_find_offer(c, m->id, u->name);
        const OfferRecord *v = o ? &o->terms->value : NULL;

        return v && (v->until > 0 || said_is_will(v->code)) && why.why == offer_reason(v).why;
}

Reason errand_why_not_handed(Plan *p, const Unit *u, const Machine *m) {
        PlacementMachine look;
        Reason why = plan_why_not(p, u, m, &look);

        return is_own_word_alone(p->core, u, m, why) ? reason(WHY_NONE) : why;
}

Reason errand_why_no_transfer(Core *c, const Unit *u, const char *id) {
        const Machine *m = mirror_find_machine(c, id);
        Plan plan;

        if (streq(id, c->here.machine_id))
                return reason(WHY_HERE_ALREADY);
        if (!m || m->seen.revision == 0)
                return reason(WHY_MACHINE_UNLISTED);
        if (!machine_session(c, m))
                return reason(WHY_SILENT);
        if (m->value.draining)
                return reason(WHY_DRAINING);
        plan_begin(&plan, c, c->plan.has_wishes);
        return errand_why_not_handed(&plan, u, m);
}

/* Why this machine does not even try. What the word says by itself comes later. */
static Reason why_not(Core *c, const Request *r) {
        const RequestRecord *v = &r->value;
        const Unit *u = unit_find(c, v->unit);

        if (is_void(c, r) || !is_from_alive(c, r))
                return reason(WHY_REQUEST_LATE);
        if (!u || u->global)
                return reason(WHY_NOT_ENABLED);
        if (u->lease->value->index != v->index)
                return reason(WHY_REQUEST_NOT_HELD);
        return v->verb == REQUEST_TRANSFER ? errand_why_no_transfer(c, u, v->machine_id) : reason(WHY_NONE);
}

EventKind errand_word(RequestVerb verb) {
        static const EventKind words[_REQUEST_VERB_MAX] = {
                [REQUEST_RELEASE] = EVENT_RELEASE,
                [REQUEST_TRANSFER] = EVENT_TRANSFER,
                [REQUEST_REARM] = EVENT_REARM,
                [REQUEST_STOP] = EVENT_STOP,
                [REQUEST_START] = EVENT_START,
                [REQUEST_RESTART] = EVENT_RESTART,
        };

        return words[verb];
}

/* Begins the word, which tells r->end how it ends, at once or later. */
static void carry_out(Core *c, Request *r) {
        const RequestRecord *v = &r->value;
        Report report = { .kind = REPORT_ASKED, .unit = v->unit, .session = r->from, .by = v->by, .verb = v->verb };

        r->begun = true;
        report.lease = unit_find(c, v->unit)->lease->name;
        report.index = v->index;
        word_begin_for(c,
                        &(Event){ .kind = errand_word(v->verb),
                                        .unit = v->unit,
                                        .machine_id = v->machine_id,
                                        .by = v->by },
                        &r->end);
        if (!r->end.ended || r->end.result == WORD_BEGUN)
                output_report(c, report);
}

static void advance_taken(Core *c, Request *r) {
        Reason why;

        if (r->end.ended) {
                bool is_done = r->end.result == WORD_BEGUN;

                errand_answer(c, r, is_done ? REQUEST_BEGUN : REQUEST_REFUSED,
                                is_done ? reason(WHY_NONE) : reason_of_end(&r->end));
                return;
        }
        if (r->begun)
                return;
        why = r->claimed ? why_not(c, r) : reason(WHY_REQUEST_DROPPED);
        if (why.why == WHY_NONE)
                carry_out(c, r);
        else
                errand_answer(c, r, REQUEST_REFUSED, why);
}

static void forget_word(Core *c, Request *r) {
        if (r->begun && !r->end.ended)
                word_withdraw_for(c, &r->end);
}

bool errand_advance(Core *c, Request *r) {
        /* Of several machines with our id (a copied one), only that which the machine record names answers: another
         * one could take its TAKEN for one of its own that was not answered. */
        if (!r->seen.known || !machine_is_named(c))
                return false;
        if (r->seen.revision == 0) {
                forget_word(c, r);
                mirror_free_request(c, r);
                return false;
        }
        if (r->damaged || (!r->begun && is_void(c, r)))
                errand_drop(c, r);
        else if (r->value.stage == REQUEST_ASKED && is_from_alive(c, r)) {
                r->claimed = true;
                errand_answer(c, r, REQUEST_TAKEN, reason(WHY_NONE));
        } else if (r->value.stage == REQUEST_TAKEN)
                advance_taken(c, r);
        else if (r->value.stage > REQUEST_TAKEN && is_void(c, r))
                errand_drop(c, r); /* nobody reads the answer */
        return r->txn > 0;
}

usec_t errand_deadline(const Core *c, const Request *r) {
        const Session *s = mirror_find_session((Core *) c, r->from);
        usec_t t = void_at(r);

        if (r->txn || !r->seen.known || r->seen.revision == 0)
                return USEC_INFINITY;
        if (r->retry_at > c->now.boottime)
                return r->retry_at;
        t = MIN(t, s ? session_silent_at(s) : USEC_INFINITY);
        return t > c->now.boottime ? t : USEC_INFINITY;
}
