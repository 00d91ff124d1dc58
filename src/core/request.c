/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What our operators ask of other machines, by a record that the other machine answers (errand.c).
 *
 * The Txn that puts a request compares our beat. So a request can land only until our next beat is committed, however
 * late the registry carries it out. For the same reason a request is deleted only after that beat: until then a copy
 * of the put, which was delayed on its way, finds the record there and is refused, and the request cannot appear, and
 * be carried out, a second time.
 *
 * A request that nobody has taken is ended by a Txn that compares it, as the Txn by which the other machine takes it
 * does. Whoever asked is told that nothing has begun only when that Txn is committed, or when the request is not in
 * the registry, cannot land any more, and was not there so long ago that the other machine may have deleted it as one
 * of the dead, after it was begun. If it is refused, the other machine was faster, and its answer is waited for.
 *
 * A request of our session that this process does not know is one of an earlier process, whose callers are gone: it is
 * ended. What that process had sent compares the fence, which this process has put anew (law 4).
 */

#include "core/request.h"

#include "core/copies.h"
#include "core/errand.h"
#include "core/intake.h"
#include "core/lease.h"
#include "core/machine.h"
#include "core/mirror.h"
#include "core/output.h"
#include "core/session.h"
#include "core/txn.h"
#include "core/unit.h"
#include "core/word.h"

enum {
        OURS_MAX = 32, /* requests of ours that are in the registry, or on the way there, at once */
        TXNS_MAX = 32, /* Txns at once about requests to us */
};

static bool beats(const Core *c) {
        return session_settled(c) && c->now.boottime < c->own.t0 + c->own.timeline.stop;
}

/* Ends the wait of whoever asked. */
static void tell(Core *c, uint64_t id, WordResult result, Reason why) {
        Action *a = output(c, ACTION_WORD_DONE);

        a->id = id;
        a->word = result;
        a->reason = output_reason(c, why);
}

/* ---- whom to ask ---- */

static bool is_offered(const Core *c, const Machine *m, const char *unit) {
        const Offer *o = mirror_find_offer(c, m->id, unit);

        return o && o->seen.revision > 0 && !o->damaged;
}

/* A lease of the unit, which need not be enabled here; NULL: no machine has such a unit, or no record of it is known.
 */
static const Lease *any_lease_of(Core *c, const char *unit) {
        const Unit *u = unit_find(c, unit);

        if (u)
                return u->global ? NULL : u->lease;
        for (const Machine *m = c->machines; m; m = m->hh.next)
                if (is_offered(c, m, unit))
                        return copies_lease(c, mirror_find_offer(c, m->id, unit));
        return NULL;
}

/* The lease that is meant. Of a unit with copies that is the lease of the copy; if no copy was named, the only one in
 * the state that is due for the verb. NULL: there is none. *ret_several: the copy must be named. */
static const Lease *lease_of(Core *c, const Wanted *w, LeaseState due, bool *ret_several) {
        const Lease *any = any_lease_of(c, w->unit), *found = NULL;
        char name[NAME_SIZE];

        *ret_several = false;
        if (!any || lease_slot(any->name) == 0)
                return w->copy == 0 ? any : NULL;
        for (unsigned i = 1; i <= SLOTS_MAX; i++) {
                const Lease *l;

                lease_name_slot(any->name, i, name);
                l = mirror_find_lease(c, name);
                if (i == w->copy)
                        return l;
                if (w->copy > 0 || !l || lease_is_lost(l) || l->value->state != due)
                        continue;
                *ret_several = found;
                if (found)
                        return found;
                found = l;
        }
        return found ?: w->copy > 0 ? NULL : any;
}

/* The holder; for a job that is done, whoever did it, or if that machine is silent, another one with the unit. */
static const Machine *whom_to_ask(Core *c, const Wanted *w, const Lease *l) {
        const Machine *holder = mirror_find_machine(c, l->value->machine_id);

        if (w->verb != REQUEST_REARM || (holder && machine_session(c, holder)))
                return holder;
        for (const Machine *m = c->machines; m; m = m->hh.next)
                if (machine_session(c, m) && is_offered(c, m, w->unit))
                        return m;
        return holder;
}

/* Whether this machine is the one to do it. A unit that is done may be rearmed wherever it is enabled. */
static bool is_ours(Core *c, const Wanted *w) {
        const Unit *u = unit_find(c, w->unit);

        if (!u || u->global || (w->copy > 0 && w->copy != lease_slot(u->lease->name)))
                return false;
        return w->verb == REQUEST_REARM ? !copies_has(u) || u->lease->value->state == LEASE_DONE : unit_is_ours(c, u);
}

/* Says why no machine can be asked, or gives the machine to ask. */
static WordResult choose(Core *c, const Wanted *w, const Lease **ret_lease, const Machine **ret, Reason *ret_why) {
        LeaseState due = w->verb == REQUEST_REARM ? LEASE_DONE : LEASE_HELD;
        bool several;
        const Lease *l = lease_of(c, w, due, &several);

        *ret = NULL;
        *ret_lease = l;
        *ret_why = reason(WHY_NONE);
        if (!mirror_is_complete(c) || !c->own.name[0]) {
                *ret_why = reason(WHY_REGISTRY_SILENT);
                return WORD_UNAVAILABLE;
        }
        if (!l) {
                *ret_why = reason(WHY_NOT_ENABLED);
                return WORD_UNABLE;
        }
        if (several) {
                *ret_why = reason_of(WHY_SEVERAL_COPIES, l->name);
                return WORD_UNABLE;
        }
        if (lease_is_lost(l) || l->value->state != due || l->value->period > 0)
                return due == LEASE_DONE ? WORD_NOT_DONE : WORD_NOT_HELD;
        *ret = whom_to_ask(c, w, l);
        if (*ret && machine_session(c, *ret) && machine_id_is_valid((*ret)->id))
                return WORD_BEGUN;
        *ret_why = reason_of(WHY_REQUEST_SILENT, *ret ? (*ret)->value.hostname : l->value->machine_id);
        return WORD_UNABLE;
}

/* Begins the word of our own operator, or refuses it as another machine would refuse it to us. */
static void do_here(Core *c, const Wanted *w) {
        Reason why = w->verb == REQUEST_TRANSFER ? errand_why_no_transfer(c, unit_find(c, w->unit), w->machine)
                                                 : reason(WHY_NONE);

        if (why.why != WHY_NONE)
                tell(c, w->id, WORD_UNABLE, reason_there(why));
        else
                word_begin(c, &(Event){ .kind = errand_word(w->verb),
                                              .id = w->id,
                                              .unit = w->unit,
                                              .machine_id = w->machine,
                                              .by = w->by });
}

/* Begins what is wanted here, or refuses it. Returns false if another machine must be asked. */
static bool end_at_once(Core *c, const Wanted *w) {
        const Machine *m;
        const Lease *l;
        WordResult result;
        Reason why;

        if (is_ours(c, w)) {
                do_here(c, w);
                return true;
        }
        result = choose(c, w, &l, &m, &why);
        if (result == WORD_BEGUN)
                return false;
        tell(c, w->id, result, why);
        return true;
}

void request_begin(Core *c, const Event *e) {
        Wanted *w = calloc(1, sizeof(Wanted));

        if (!w)
                abort();
        *w = (Wanted){ .id = e->id, .verb = e->verb };
        str_copy(w->unit, sizeof(w->unit), strempty(e->unit));
        w->copy = lease_slot(w->unit);
        if (w->copy > 0)
                w->unit[strcspn(w->unit, "#")] = '\0';
        str_copy(w->machine, sizeof(w->machine), e->verb == REQUEST_TRANSFER ? strempty(e->machine_id) : "");
        str_copy(w->by, sizeof(w->by), strempty(e->by));
        if (end_at_once(c, w)) {
                free(w);
                return;
        }
        if (c->last_wanted)
                c->last_wanted->next = w;
        else
                c->wanted = w;
        c->last_wanted = w;
}

static Wanted *take_first(Core *c) {
        Wanted *w = c->wanted;

        c->wanted = w->next;
        if (!c->wanted)
                c->last_wanted = NULL;
        return w;
}

/* Makes a request of what is wanted first, unless that can be ended at once by now. */
static bool ask_next(Core *c) {
        Wanted *w = take_first(c);
        bool ends = end_at_once(c, w);
        char name[RECORD_NAME_SIZE];
        const Machine *m;
        const Lease *l;
        Request *r;
        Reason why;

        if (!ends && choose(c, w, &l, &m, &why) == WORD_BEGUN) {
                request_format_name(m->id, c->own.name, core_random(c), name);
                r = mirror_add_request(c, name);
                r->id = w->id;
                r->value = (RequestRecord){ .verb = w->verb, .index = l->value->index, .within = c->own.ttl };
                str_copy(r->value.unit, sizeof(r->value.unit), w->unit);
                str_copy(r->value.machine_id, sizeof(r->value.machine_id), w->machine);
                str_copy(r->value.by, sizeof(r->value.by), isempty(w->by) ? c->here.hostname : w->by);
        }
        free(w);
        return !ends;
}

/* ---- until it is answered ---- */

static void finish(Core *c, Request *r, WordResult result, Reason why) {
        uint64_t id = r->id;

        r->id = 0;
        if (id > 0)
                tell(c, id, result, why);
}

/* Nothing has begun, and nothing will. */
static void finish_not_begun(Core *c, Request *r) {
        if (r->unanswered)
                finish(c, r, WORD_UNABLE, reason(WHY_REQUEST_UNANSWERED));
        else
                finish(c, r, WORD_WITHDRAWN, reason(WHY_NONE));
}

static void withdraw_wanted(Core *c, uint64_t id) {
        Wanted *before = NULL, *w = c->wanted;

        while (w && w->id != id) {
                before = w;
                w = w->next;
        }
        if (!w)
                return;
        *(before ? &before->next : &c->wanted) = w->next;
        if (c->last_wanted == w)
                c->last_wanted = before;
        tell(c, id, WORD_WITHDRAWN, reason(WHY_NONE));
        free(w);
}

void request_withdraw(Core *c, uint64_t id) {
        if (id == 0)
                return;
        withdraw_wanted(c, id);
        for (Request *r = c->requests; r; r = r->hh.next)
                r->ends = r->ends || (r->ours && r->id == id);
}

static void put(Core *c, Request *r) {
        TxnBuilder b = txn_begin(c);

        txn_compare(&b, RECORD_REQUEST, r->name, 0);
        txn_compare(&b, RECORD_FENCE, c->own.name, c->own.fence_revision);
        txn_compare(&b, RECORD_BEAT, c->own.name, c->own.beat_revision);
        txn_put(&b, RECORD_REQUEST, r->name, &r->value, sizeof(r->value));
        r->next = r->value;
        r->deletes = false;
        r->put_beat = c->own.beat_revision;
        r->put_t0 = c->own.t0;
        r->txn = txn_send(&b);
}

static usec_t until(const Request *r) {
        return usec_add(r->first_at, (r->value.stage == REQUEST_TAKEN ? 3 : 2) * MIN(r->value.within, TTL_MAX));
}

/* Tells whoever asked what the record says. */
static void read_answer(Core *c, Request *r) {
        const RequestRecord *v = &r->value;
        bool is_late = c->now.boottime >= until(r);

        if (r->damaged || (v->stage == REQUEST_TAKEN && is_late) ||
                        (v->stage == REQUEST_REFUSED && v->code == WHY_REQUEST_DROPPED))
                finish(c, r, WORD_LATE, reason(WHY_NONE));
        else if (v->stage == REQUEST_BEGUN)
                finish(c, r, WORD_BEGUN, reason(WHY_NONE));
        else if (v->stage == REQUEST_REFUSED && v->code == WHY_REQUEST_WITHDRAWN)
                finish_not_begun(c, r);
        else if (v->stage == REQUEST_REFUSED)
                finish(c, r, WORD_UNABLE, reason_there(reason_of(v->code, v->about)));
        else if (v->stage == REQUEST_ASKED && is_late && !r->ends)
                r->ends = r->unanswered = true;
}

/* A request that is in the registry. */
static void advance_put(Core *c, Request *r) {
        bool is_asked = r->value.stage == REQUEST_ASKED && !r->damaged;

        read_answer(c, r);
        if (is_asked && (r->ends || r->id == 0))
                errand_answer(c, r, REQUEST_REFUSED, reason(WHY_REQUEST_WITHDRAWN));
        else if (r->id == 0 && !is_asked && c->own.beat_revision != r->put_beat)
                errand_drop(c, r);
}

/* A request that is not in the registry, as far as is known. */
static void advance_absent(Core *c, Request *r) {
        if (r->put && !r->seen.known)
                return; /* all is being listed anew */
        if (r->voided)
                finish_not_begun(c, r);
        else if (r->put) /* it was deleted by another hand, perhaps after it was begun */
                finish(c, r, WORD_LATE, reason(WHY_NONE));
        else if (!streq(r->from, c->own.name)) /* our session has ended meanwhile */
                finish(c, r, r->put_beat > 0 ? WORD_LATE : WORD_UNAVAILABLE, reason(WHY_NO_BEAT_YET));
        else if (r->ends && r->put_beat == 0)
                finish_not_begun(c, r);
        else {
                if (r->ends && c->own.beat_revision != r->put_beat)
                        errand_drop(c, r);
                else if (!r->ends && beats(c) && !c->own.txn)
                        put(c, r);
                return;
        }
        mirror_free_request(c, r);
}

void request_advance(Core *c) {
        size_t ours = 0, txns = 0;
        Request *r, *next;

        if ((!c->requests && !c->wanted) || !session_settled(c))
                return;
        for (r = c->requests; r; r = r->hh.next) {
                ours += r->ours;
                txns += !r->ours && r->txn;
        }
        for (size_t i = 0; i < OURS_MAX && c->wanted && ours < OURS_MAX && beats(c); i++)
                ours += ask_next(c);
        HASH_ITER(hh, c->requests, r, next) {
                if (r->txn || c->now.boottime < r->retry_at)
                        continue;
                if (!r->ours && beats(c) && txns < TXNS_MAX)
                        txns += errand_advance(c, r);
                else if (r->ours && r->seen.revision > 0)
                        advance_put(c, r);
                else if (r->ours)
                        advance_absent(c, r);
        }
}

bool request_answer(Core *c, uint64_t id, const Answer *answer) {
        Request *r = c->requests;

        while (r && r->txn != id)
                r = r->hh.next;
        if (!r)
                return false;
        r->txn = 0;
        if (answer->outcome != OUTCOME_COMMITTED) {
                r->retry_at = c->now.boottime + c->own.timeline.round / 16;
                return true;
        }
        if (r->deletes && !r->put && c->now.boottime >= usec_add(r->put_t0, c->own.timeline.kill))
                r->put = true; /* perhaps: the other machine may have begun it, and then deleted it as that of the dead
                                */
        r->voided = r->deletes && !r->put;
        intake_apply(c, RECORD_REQUEST, r->name, r->deletes ? NULL : &r->next, answer->revision);
        return true;
}

usec_t request_deadline(const Core *c) {
        usec_t t = USEC_INFINITY;
        size_t ours = 0;

        if ((!c->requests && !c->wanted) || !session_settled(c))
                return t;
        for (const Request *r = c->requests; r; r = r->hh.next) {
                ours += r->ours;
                if (!r->ours)
                        t = MIN(t, beats(c) ? errand_deadline(c, r) : USEC_INFINITY);
                else if (!r->txn)
                        t = MIN(t, r->retry_at > c->now.boottime               ? r->retry_at
                                        : r->put && until(r) > c->now.boottime ? until(r)
                                                                               : USEC_INFINITY);
        }
        return c->wanted && ours < OURS_MAX && beats(c) ? c->now.boottime : t;
}

void request_free_all(Core *c) {
        while (c->wanted)
                free(take_first(c));
}
