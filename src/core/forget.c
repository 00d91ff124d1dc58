/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Forgetting machines, leases and a lease's Index, when an operator asks for it.
 *
 * Of a machine, its own record and its offers are deleted, in Txns that compare the beat of its session: so the
 * machine is silent in the registry itself. Nobody decides by these records who may run a unit. Its session's beat and
 * fence stay until collect.c deletes them, and so do the leases that it holds. A machine that comes back all the same
 * writes its records again.
 *
 * Of a lease, the record is deleted (send_forget()). A machine that has seen the record takes the lease, should
 * anybody want it again, for one that somebody unknown may hold (law 11). A machine that never saw it takes the lease
 * as new, with an Index above the floor, which the same Txn raises to the Index of the record (S2). So neither kind of
 * machine can run the unit beside a former holder, or with a token that is not above all former ones.
 *
 * Of a lease whose Index cannot grow any more, the Index is forgotten: the record gets that of the last holder, which
 * only an operator can know (send_lower()). Nobody can have held the lease at the Index that is forgotten, or else its
 * token comes again (S2). Nothing else of the record is lost: not its debts, and not that a job is done.
 *
 * What a machine remembers of a lease's Index is not forgotten here.
 */

#include "core/forget.h"

#include "core/copies.h"
#include "core/lease.h"
#include "core/machine.h"
#include "core/mirror.h"
#include "core/output.h"
#include "core/send.h"
#include "core/session.h"
#include "core/txn.h"

#define TIMEOUT (5 * USEC_PER_SEC)

/* ---- what stands against it ---- */

static Reason why_no_machine(Core *c, const Forgetting *f) {
        const Machine *m = mirror_find_machine(c, f->name);

        if (m && (machine_is_own(c, m) || machine_session(c, m)))
                return reason(WHY_UP);
        /* With its record goes the name by which it is confirmed dead. */
        return m && session_machine_keeps(c, m) ? reason_there(reason(WHY_KEEPS)) : reason(WHY_NONE);
}

/* The host name of a machine where a unit with this lease is enabled; NULL: there is none. */
static const char *find_user(const Core *c, const Lease *l) {
        if (l->users)
                return c->here.hostname;
        for (const Offer *o = c->offers; o; o = o->hh.next) {
                char id[MACHINE_SIZE];
                const Machine *m;

                if (o->seen.revision == 0 || o->damaged || !copies_may_use(o, l->name))
                        continue;
                str_copy(id, sizeof(id), o->name); /* cut at the slash */
                m = mirror_find_machine((Core *) c, id);
                return m && m->value.hostname[0] ? m->value.hostname : output_string((Core *) c, id);
        }
        return NULL;
}

/* Whether somebody may hold the lease: whoever holds it beats, or may still rely on its period. */
static bool may_be_held(const Core *c, const Lease *l) {
        if (l->value->state != LEASE_HELD)
                return false;
        if (l->value->period > 0)
                return c->now.boottime < lease_call_dead_at(l);
        return !l->holder || session_is_ours(c, l->holder->name) || !session_is_known(l->holder) ||
               c->now.boottime < session_dead_at(l->holder);
}

static Reason why_no_lease(const Core *c, const Forgetting *f) {
        const Lease *l = mirror_find_lease(c, f->name);
        const char *user;

        if (!l || l->seen.revision == 0)
                return reason(WHY_NONE);
        user = find_user(c, l);
        if (l->damaged)
                return reason(WHY_RECORD_UNREADABLE);
        if (user)
                return reason_of(WHY_WANTED, user);
        if (l->n_debts > 0)
                return reason(WHY_DEBT); /* law 5 */
        if (may_be_held(c, l))
                return reason(WHY_LEASE_HELD);
        return MAX(l->value->index, l->remembered) > FLOOR_MAX ? lease_at_end(c, MAX(l->value->index, l->remembered))
                                                               : reason(WHY_NONE);
}

static Reason why_no_index(const Core *c, const Forgetting *f) {
        const Lease *l = mirror_find_lease(c, f->name);

        if (l && l->damaged)
                return reason(WHY_RECORD_UNREADABLE);
        return l && may_be_held(c, l) ? reason(WHY_LEASE_HELD) : reason(WHY_NONE);
}

static Reason why_not(Core *c, const Forgetting *f) {
        if (f->kind == CALL_FORGET_MACHINE)
                return why_no_machine(c, f);
        return f->kind == CALL_LOWER_INDEX ? why_no_index(c, f) : why_no_lease(c, f);
}

/* ---- the Txns ---- */

static bool is_of(const Offer *o, const char *machine_id) {
        return o->seen.revision > 0 && strncmp(o->name, machine_id, MACHINE_SIZE - 1) == 0;
}

/* Whether the machine has a record, or an offer: the record alone may have been deleted by hand (law 11). */
static bool is_there(Core *c, const char *machine_id) {
        const Machine *m = mirror_find_machine(c, machine_id);
        bool there = m && m->seen.revision > 0;

        for (const Offer *o = c->offers; o && !there; o = o->hh.next)
                there = is_of(o, machine_id);
        return there;
}

/* Deletes the machine's offers, up to GROUP_MAX at once, and with the last of them its own record. */
static uint64_t send_machine(Core *c, const char *id) {
        const Machine *m = mirror_find_machine(c, id);
        uint64_t revision = m ? m->seen.revision : 0;
        const Session *s = revision > 0 ? mirror_find_session(c, m->value.session) : NULL;
        TxnBuilder b = txn_begin(c);
        size_t n = 0;

        txn_compare(&b, RECORD_MACHINE, id, revision);
        txn_compare(&b, RECORD_FENCE, c->own.name, c->own.fence_revision);
        if (s)
                txn_compare(&b, RECORD_BEAT, s->name, s->beat.revision);
        for (const Offer *o = c->offers; o && n < GROUP_MAX; o = o->hh.next)
                if (is_of(o, id)) {
                        txn_delete(&b, RECORD_OFFER, o->name);
                        n++;
                }
        if (n < GROUP_MAX && revision > 0)
                txn_delete(&b, RECORD_MACHINE, id);
        return txn_send(&b);
}

static bool can_send(const Core *c, const Forgetting *f) {
        return !f->txn && c->now.boottime >= f->retry_at && session_settled(c) && session_is_checked(c) &&
               !c->shutdown.on && c->now.boottime < c->own.t0 + c->own.timeline.stop;
}

static void send(Core *c, Forgetting *f) {
        Lease *l = f->kind != CALL_FORGET_MACHINE ? mirror_find_lease(c, f->name) : NULL;

        if (!can_send(c, f))
                return;
        if (f->kind == CALL_FORGET_MACHINE)
                f->txn = send_machine(c, f->name);
        else if (l && !l->txn && f->kind == CALL_LOWER_INDEX)
                f->txn = send_lower(c, l, f->index);
        else if (l && !l->txn && c->meta.seen.revision > 0 && !c->meta.damaged)
                f->txn = send_forget(c, l);
}

/* ---- its life ---- */

/* The record is gone, or its Index can grow. The answer to the Txn is not gone by: what was deleted or written comes
 * by the watch, in the order of all changes. */
static bool is_done(Core *c, const Forgetting *f) {
        const Lease *l = f->kind != CALL_FORGET_MACHINE ? mirror_find_lease(c, f->name) : NULL;

        if (f->kind == CALL_FORGET_MACHINE)
                return !machine_id_is_valid(f->name) || !is_there(c, f->name);
        if (f->kind == CALL_LOWER_INDEX && l && l->seen.revision > 0)
                return !l->damaged && l->value->index < INDEX_MAX;
        return !l || l->seen.revision == 0;
}

/* What is to be said at once. */
static CallResult check(Core *c, const Forgetting *f) {
        const Lease *l = f->kind == CALL_LOWER_INDEX ? mirror_find_lease(c, f->name) : NULL;
        bool is_there = l && l->seen.revision > 0;

        if (c->identity.trust != TRUST_OK || !session_settled(c) || c->shutdown.on)
                return CALL_UNAVAILABLE;
        if (is_there && !l->damaged && (l->value->index < INDEX_MAX || f->index >= l->value->index))
                return CALL_INDEX_MISMATCH;
        return is_done(c, f) ? CALL_NO_SUCH_LEASE : CALL_DONE;
}

static void end(Core *c, Forgetting *f, CallResult result, Reason why) {
        const Lease *l = f->kind == CALL_LOWER_INDEX ? mirror_find_lease(c, f->name) : NULL;
        Forgetting **at = &c->forgettings;
        Action *a = output(c, ACTION_CALL_DONE);

        a->id = f->id;
        a->index = l ? l->value->index : 0;
        a->lease = output_copy(c, f->name, strlen(f->name) + 1);
        a->result = result;
        a->reason = output_reason(c, why);
        while (*at != f)
                at = &(*at)->next;
        *at = f->next;
        free(f);
}

void forget_begin(Core *c, uint64_t id, const Call *call) {
        const char *name = call->kind == CALL_FORGET_MACHINE ? call->machine : call->lease;
        Forgetting *f = calloc(1, sizeof(Forgetting));
        CallResult r;

        if (!f)
                abort();
        *f = (Forgetting){ .next = c->forgettings,
                .id = id,
                .kind = call->kind,
                .index = call->index,
                .deadline = usec_add(c->now.boottime, TIMEOUT) };
        str_copy(f->name, sizeof(f->name), name);
        c->forgettings = f;
        r = check(c, f);
        if (r != CALL_DONE)
                end(c, f, r, reason(WHY_NONE));
}

bool forget_answer(Core *c, uint64_t id) {
        for (Forgetting *f = c->forgettings; f; f = f->next)
                if (f->txn == id && id > 0) {
                        f->txn = 0;
                        f->retry_at = c->now.boottime + c->own.timeline.round / 8;
                        return true;
                }
        return false;
}

void forget_advance(Core *c) {
        Forgetting *next;

        for (Forgetting *f = c->forgettings; f; f = next) {
                Reason why = reason(WHY_NONE);

                next = f->next;
                if (c->identity.trust != TRUST_OK) {
                        end(c, f, CALL_UNKNOWN, why);
                        continue;
                }
                if (is_done(c, f)) {
                        end(c, f, CALL_DONE, why);
                        continue;
                }
                if (f->txn)
                        continue;
                why = why_not(c, f);
                if (why.why != WHY_NONE)
                        end(c, f, CALL_BUSY, why);
                else if (c->now.boottime >= f->deadline)
                        end(c, f, CALL_UNKNOWN, why);
                else
                        send(c, f);
        }
}

usec_t forget_deadline(const Core *c) {
        usec_t t = USEC_INFINITY;

        for (const Forgetting *f = c->forgettings; f; f = f->next)
                if (!f->txn)
                        t = MIN(t, f->retry_at > c->now.boottime ? f->retry_at : f->deadline);
        return t;
}

void forget_withdraw(Core *c, uint64_t id) {
        for (Forgetting *f = c->forgettings; f; f = f->next)
                if (f->id == id) {
                        f->deadline = 0;
                        f->retry_at = USEC_INFINITY;
                }
}

void forget_free_all(Core *c) {
        while (c->forgettings) {
                Forgetting *f = c->forgettings;

                c->forgettings = f->next;
                free(f);
        }
}
