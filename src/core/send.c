/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The Txns on the leases' records. Each compares the record, at the revision that we have seen, and our own fence. So
 * a Txn is refused as soon as either of them has changed (law 6). One that takes a lease, or hands it to another
 * session, also compares that there is no pause (law 13). "Ours" is a record that names our session. Changes of the
 * three kinds acquire, release and transfer share a Txn, up to 50 of them: all are made, or none.
 *
 *   acquire   a free record -> ours
 *   expire    all leases of a silent session that we want, up to 50 -> ours (law 3). Compares the session's beat,
 *             which we have seen at one revision for TTL·(1+2ε) on our own clock, or whose session is over (law 12).
 *             Puts the session's fence, so that its next beat is refused
 *   steal     by an operator's force: a record of a session that may live -> ours, with a debt (law 5). Nobody starts
 *             the unit until the robbed session has struck the debt (its unit is down and empty), or we have waited
 *             out its TTL
 *   retake    a record that is damaged or deleted, and that nobody writes again -> ours, as if stolen from everybody
 *             (law 11)
 *   restore   a record of ours that is damaged or deleted -> as it was
 *   renumber  a record of ours with an Index that somebody has lowered -> above all that were handed out
 *   trigger   a record of ours -> with what a timer that catches up must know of its last run, on the next machine
 *   move      a record of the session that is being left -> of the one to which we go
 *   release   a record of ours -> free or done. Only when the unit is down and empty (law 7)
 *   transfer  a record of ours -> another session's. Only when the unit is down and empty (law 7)
 *   rearm     a record whose job is done -> free
 *   strike    a debt that may be struck (law 5) -> gone
 *   forget    a record that is free, done, or of a session that is silent for good -> gone. Raises the floor of all
 *             Indexes to the record's, so that no later token is below it (S2); and, of a silent session, does all
 * that expire does (law 3)
 *   lower     a record of the same kind whose Index cannot grow any more -> free or done, at the Index that an
 * operator has given, with its debts (law 5)
 */

#include "core/send.h"

#include "core/lease.h"
#include "core/leave.h"
#include "core/look.h"
#include "core/mirror.h"
#include "core/output.h"
#include "core/pause.h"
#include "core/plan.h"
#include "core/said.h"
#include "core/session.h"
#include "core/txn.h"
#include "core/unit.h"
#include "core/wish.h"

enum {
        RETAKE_MAX = 100, /* fences that one Txn touches beside its own records */
        TARGETS_MAX = 8,  /* sessions to which one Txn hands leases: the Txn compares the beats of all of them, and a
                             new beat of any of them refuses it */
};

static void begin_op(Lease *l, LeaseOp op, const LeaseRecord *next) {
        if (!l->next && !(l->next = malloc(sizeof(LeaseRecord))))
                abort();
        *l->next = *next;
        l->op = op;
}

/* Has the Txn compare the registry's own record: the floor, from which an Index is worked out, must not have moved. */
static void compare_meta(TxnBuilder *b) {
        if (!txn_compares(b, RECORD_META))
                txn_compare(b, RECORD_META, "", b->core->meta.seen.revision);
}

/* A Txn that finds no record, and comes to the registry late, must not be carried out when the lease was acquired and
 * forgotten meanwhile: then the floor has moved (S2). */
static void put_lease(TxnBuilder *b, Lease *l, LeaseOp op, const LeaseRecord *next) {
        must(l->txn == 0); /* one Txn at a time */
        must(next->index >= l->value->index);
        begin_op(l, op, next);
        if (l->seen.revision == 0)
                compare_meta(b);
        txn_compare(b, RECORD_LEASE, l->name, l->seen.revision);
        txn_put(b, RECORD_LEASE, l->name, next, sizeof(*next));
}

static void compare_own_fence(Core *c, TxnBuilder *b) {
        must(session_settled(c) && session_is_checked(c));
        txn_compare(b, RECORD_FENCE, c->own.name, c->own.fence_revision);
        if (session_is_moving(c))
                txn_compare(b, RECORD_FENCE, c->other.name, c->other.fence_revision);
}

/* When the holder of an expired lease was last heard, as far as this machine saw: shown in the history. */
static usec_t last_heard(const Core *c, const Lease *l) {
        usec_t seen = l->value->period > 0                 ? l->seen.at
                      : l->holder && l->holder->beat.known ? l->holder->beat.at
                                                           : c->now.boottime;

        return MAX(l->value->since, usec_sub(c->now.realtime, usec_sub(c->now.boottime, seen)));
}

/* Until when the silent holder may have run the unit, on our CLOCK_REALTIME: the end of its TTL, counted from when its
 * beat was seen, or now. One that is confirmed dead may have been told to live without beats (law 13). */
static usec_t last_life(const Core *c, const Lease *l) {
        usec_t until = c->now.boottime;

        if (l->holder && l->holder->beat.known && !session_is_over(l->holder))
                until = MIN(until, usec_add(l->holder->beat.at, l->holder->ttl));
        return usec_sub(c->now.realtime, usec_sub(c->now.boottime, until));
}

/* A timer that catches up may have elapsed elsewhere until then without a word in the record. Its job does not run
 * again for what it may have run for. */
static void note_last_trigger(LeaseRecord *next, usec_t until) {
        if (next->last_trigger > 0)
                next->last_trigger = MAX(next->last_trigger, until);
}

/* Ends the tenure of a holder that is silent. */
static void end_silent(const Core *c, const Lease *l, LeaseRecord *next, Why why) {
        note_last_trigger(next, last_life(c, l));
        lease_end_tenure(next, last_heard(c, l), why);
        if (why == WHY_CONFIRMED_DEAD && l->holder && l->holder->fence_value)
                lease_ended_by(next, l->holder->fence_value->over_by);
}

static LeaseRecord held_by_us(Core *c, const Lease *l, Why why) {
        LeaseRecord next = lease_copy(l->value);

        if (next.state == LEASE_HELD && (why == WHY_EXPIRED || why == WHY_CONFIRMED_DEAD))
                end_silent(c, l, &next, why);
        else if (next.state == LEASE_HELD)
                lease_end_tenure(&next, c->now.realtime, why);
        if (next.state == LEASE_HELD && why == WHY_STOLEN && l->unit)
                lease_ended_by(&next, strempty(l->unit->wish.by));
        next.state = LEASE_HELD;
        str_copy(next.machine_id, sizeof(next.machine_id), c->here.machine_id);
        str_copy(next.session, sizeof(next.session), c->own.name);
        next.version = l->unit ? l->unit->config.version : 0;
        next.index = lease_next_index(c, l);
        must(next.index > l->value->index && next.index > l->remembered); /* S2 */
        next.since = c->now.realtime;
        next.period = next.kept_for = 0;
        return next;
}

bool send_is_expired(Core *c, Lease *l, const Session *s) {
        if (l->txn || lease_is_lost(l) || c->now.boottime < l->retry_at || l->seen.revision == 0 ||
                        !lease_held_by(l->value, s->name) || !l->unit)
                return false;
        if (plan_put_off(c, l->unit))
                look_at_lease(c, l);
        return plan_wants_lease(c, l->unit, NULL);
}

/* A copy of the session's fence, for names to be added to. Where the fence is absent or cannot be read, a new one
 * (law 11): its counter is drawn at random, so that the session, should it live, finds more counted than named, and
 * looks at all of its leases. */
static FenceRecord *fence_to_put(Core *c, const Session *s) {
        static const FenceRecord none;
        FenceRecord *fence;

        if (s->fence_value)
                return output_fence(c, s->fence_value);
        if (s->beat.revision == 0)
                return NULL; /* such a session can never beat again, and has no fence to be put */
        fence = output_fence(c, &none);
        fence->counter = core_random(c) >> 16;
        return fence;
}

/* Puts a session's fence (law 3). A fence that was not seen yet is taken to be absent: if it is there, the refusal
 * shows it. */
static void put_fence(TxnBuilder *b, const Session *s, const FenceRecord *fence) {
        txn_compare(b, RECORD_FENCE, s->name, s->fence.revision);
        txn_put(b, RECORD_FENCE, s->name, fence, sizeof(*fence));
}

/* Keeps the fence that is being put. When it is committed, it need not be heard of before the next Txn can be sent. */
static void keep_fence(Core *c, const Session *s, const FenceRecord *fence) {
        must(!c->claims.fence);
        if (!fence)
                return;
        c->claims.fence = malloc(sizeof(FenceRecord));
        if (!c->claims.fence)
                abort();
        fence_copy(c->claims.fence, fence);
        str_copy(c->claims.expired_session, sizeof(c->claims.expired_session), s->name);
}

uint64_t send_expire(Core *c, const Session *s, size_t most) {
        FenceRecord *fence = fence_to_put(c, s);
        Lease *group[GROUP_MAX];
        size_t n = 0;
        TxnBuilder b = txn_begin(c);
        uint64_t id;

        must(most > 0 && most <= GROUP_MAX);
        for (Lease *l = c->leases; l && n < most; l = l->hh.next) {
                LeaseRecord next;

                if (!send_is_expired(c, l, s))
                        continue;
                next = held_by_us(c, l, session_is_over(s) ? WHY_CONFIRMED_DEAD : WHY_EXPIRED);
                put_lease(&b, l, OP_EXPIRE, &next);
                if (fence)
                        fence_add_name(fence, l->name);
                group[n++] = l;
        }
        must(n > 0 && c->now.boottime >= session_dead_at(s) && !session_is_ours(c, s->name));
        must(fence || s->beat.revision == 0); /* law 3 */
        txn_compare(&b, RECORD_BEAT, s->name, s->beat.revision);
        if (fence)
                put_fence(&b, s, fence);
        compare_own_fence(c, &b);
        pause_compare(&b);
        keep_fence(c, s, fence);
        id = txn_send(&b);
        while (n > 0)
                txn_writes(c, id, group[--n]);
        return id;
}

void send_steal(Core *c, Lease *l, const Session *s) {
        LeaseRecord next = held_by_us(c, l, WHY_STOLEN);
        FenceRecord *fence = fence_to_put(c, s);
        TxnBuilder b = txn_begin(c);

        if (!lease_add_debt(&next, s->name, l->value->index)) {
                wish_no_steal(l->unit); /* no room for another debt: they are struck within their TTLs */
                return;
        }
        must(next.n_debts > 0);                /* law 5 */
        must(!s->keeps || session_is_over(s)); /* law 13: it would not be down when the debt is struck */
        pause_compare(&b);
        put_lease(&b, l, OP_STEAL, &next);
        if (fence) {
                fence_add_name(fence, l->name);
                put_fence(&b, s, fence);
        }
        compare_own_fence(c, &b);
        txn_writes(c, txn_send(&b), l);
}

/* Takes a lease whose record is lost, so that nobody knows who holds it (law 11): as by force from every session
 * that beats. Nobody starts the unit before the longest TTL has been waited out. */
void send_retake(Core *c, Lease *l) {
        LeaseRecord next = held_by_us(c, l, WHY_LOST);
        TxnBuilder b = txn_begin(c);
        char period[SESSION_SIZE];
        size_t n = 0;

        next.n_debts = 0;
        (void) lease_add_debt(&next, DEBT_ANYBODY, l->remembered);
        if (l->value->state == LEASE_HELD && l->value->period > 0) {
                debt_format_period(l->value->period, period);
                (void) lease_add_debt(&next, period, l->remembered);
        }
        put_lease(&b, l, OP_RETAKE, &next);
        for (const Session *s = c->sessions; s; s = s->hh.next) {
                FenceRecord *fence = s->beat.revision > 0 && !session_is_ours(c, s->name) ? fence_to_put(c, s) : NULL;

                if (!fence)
                        continue;
                if (++n > RETAKE_MAX) {
                        c->collect.crowded =
                                        true; /* collect.c deletes the dead ones among them at once, to make room */
                        return;
                }
                fence_add_name(fence, l->name);
                put_fence(&b, s, fence);
        }
        compare_own_fence(c, &b);
        compare_meta(&b);
        pause_compare(&b);
        txn_writes(c, txn_send(&b), l);
}

void send_restore(Core *c, Lease *l) {
        LeaseRecord next = lease_copy(l->value);
        TxnBuilder b = txn_begin(c);

        put_lease(&b, l, OP_RESTORE, &next);
        compare_own_fence(c, &b);
        txn_writes(c, txn_send(&b), l);
}

/* Somebody has written a lower Index into the record by hand. The token never goes back (S2). */
void send_renumber(Core *c, Lease *l) {
        LeaseRecord next = lease_copy(l->value);
        TxnBuilder b = txn_begin(c);

        next.index = lease_next_index(c, l);
        put_lease(&b, l, OP_RENUMBER, &next);
        compare_own_fence(c, &b);
        txn_writes(c, txn_send(&b), l);
}

/* Notes the Version= for which the unit leaves, so that it leaves once for each, even if the machine that offers it
 * is gone when the unit is down. */
static void note_upgrade(const Lease *l, LeaseRecord *next) {
        if (l->unit && l->unit->life.leave == LEAVE_UPGRADE)
                next->upgraded = l->unit->plan.move_version; /* above any that is believed (plan.c) */
}

/* Whether a lease may be let go (law 7): the lease is ours, and its unit is down and empty with the gate closed, or no
 * unit here ever used the lease. */
static bool may_part(const Core *c, const Lease *l) {
        return lease_is_ours(c, l) && (l->given_up || l->unit->life.phase == PHASE_RELEASING);
}

/* Notes the operator for whom the unit leaves. */
static void note_who_asked(const Core *c, const Lease *l, LeaseRecord *next) {
        const Unit *u = l->unit;

        if (u && ((u->life.leave == LEAVE_RELEASE && u->wish.release) ||
                                 (u->life.leave == LEAVE_TRANSFER && u->wish.target)))
                lease_ended_by(next, strempty(u->wish.by));
        else if (u && u->life.leave == LEAVE_DRAIN)
                lease_ended_by(next, c->drain.by);
}

static LeaseRecord released(Core *c, const Lease *l, const Change *change) {
        LeaseRecord next = lease_copy(l->value);

        must(may_part(c, l));
        note_upgrade(l, &next);
        lease_end_tenure(&next, c->now.realtime, change->why);
        note_who_asked(c, l, &next);
        next.state = change->state;
        next.session[0] = '\0';
        next.since = c->now.realtime;
        next.kept_for = c->shutdown.reboots && l->unit && l->unit->life.leave == LEAVE_SHUTDOWN
                                        ? l->unit->config.reboot_wait
                                        : 0;
        return next;
}

static LeaseRecord transferred(Core *c, const Lease *l, const Change *change) {
        const Offer *offer = mirror_find_offer(c, change->machine, l->unit->name);
        LeaseRecord next = lease_copy(l->value);

        must(may_part(c, l) && !session_is_ours(c, change->target->name));
        lease_end_tenure(&next, c->now.realtime, leave_why(l->unit->life.leave));
        note_who_asked(c, l, &next);
        if (offer && offer->seen.revision > 0)
                next.version = offer->terms->value.version;
        note_upgrade(l, &next);
        str_copy(next.machine_id, sizeof(next.machine_id), change->machine);
        str_copy(next.session, sizeof(next.session), change->target->name);
        next.index = lease_next_index(c, l);
        next.since = c->now.realtime;
        next.kept_for = 0;
        return next;
}

/* Has the Txn compare the beat of the session to which a lease is handed. Returns false, and adds nothing, if the Txn
 * already compares the beats of TARGETS_MAX other sessions. */
static bool compare_target(TxnBuilder *b, const Session *target) {
        size_t n = 0;

        for (size_t i = 0; i < b->n_compares; i++) {
                const Key *k = &b->compares[i];

                if (k->kind == RECORD_BEAT && streq(k->name, target->name))
                        return true;
                n += k->kind == RECORD_BEAT;
        }
        if (n < TARGETS_MAX)
                txn_compare(b, RECORD_BEAT, target->name, target->beat.revision);
        return n < TARGETS_MAX;
}

bool send_add(TxnBuilder *b, Lease *l, const Change *change) {
        Core *c = b->core;
        LeaseRecord next;

        must(change->op != OP_NONE);
        if (change->op == OP_TRANSFER && !compare_target(b, change->target))
                return false;
        next = change->op == OP_ACQUIRE    ? held_by_us(c, l, WHY_EXPIRED)
               : change->op == OP_TRANSFER ? transferred(c, l, change)
                                           : released(c, l, change);
        put_lease(b, l, change->op, &next);
        if (change->op != OP_RELEASE)
                pause_compare(b);
        return true;
}

void send_changes(TxnBuilder *b, Lease *const *leases, size_t n) {
        Core *c = b->core;

        must(n > 0 && n <= GROUP_MAX);
        compare_own_fence(c, b);
        c->claims.txn = txn_send(b);
        while (n > 0)
                txn_writes(c, c->claims.txn, leases[--n]);
}

void send_trigger(Core *c, Lease *l) {
        LeaseRecord next = lease_copy(l->value);
        TxnBuilder b = txn_begin(c);

        next.last_trigger = l->unit->said.report.last_trigger;
        put_lease(&b, l, OP_TRIGGER, &next);
        compare_own_fence(c, &b);
        txn_writes(c, txn_send(&b), l);
}

void send_rearm(Core *c, Lease *l) {
        LeaseRecord next = lease_copy(l->value);
        TxnBuilder b = txn_begin(c);

        next.state = LEASE_FREE;
        next.since = c->now.realtime;
        put_lease(&b, l, OP_REARM, &next);
        compare_own_fence(c, &b);
        txn_writes(c, txn_send(&b), l);
}

void send_move(Core *c, Lease *l) {
        LeaseRecord next = lease_copy(l->value);
        TxnBuilder b = txn_begin(c);

        str_copy(next.session, sizeof(next.session), c->own.name);
        put_lease(&b, l, OP_MOVE_SESSION, &next);
        compare_own_fence(c, &b);
        txn_writes(c, txn_send(&b), l);
}

/* The debt may be struck (law 5): the robbed session is ours, and what it ran is down and empty (law 7); or the
 * lease is ours, and we have waited the debt out. */
static bool may_strike(const Core *c, const Lease *l, const SeenDebt *d) {
        if (session_is_ours(c, d->debt.session) && l->unit)
                return l->unit->life.phase == PHASE_IDLE && said_is_down(l->unit) &&
                       !unit_has_predecessor(c, l, d->debt.index);
        if (session_is_ours(c, d->debt.session))
                return c->guard.synced && !unit_has_predecessor(c, l, d->debt.index);
        return lease_is_ours(c, l) && c->now.boottime >= lease_debt_due(d);
}

bool send_strikes(Core *c, Lease *l) {
        LeaseRecord next = lease_copy(l->value);
        TxnBuilder b;

        for (size_t i = 0; i < l->n_debts; i++)
                if (may_strike(c, l, l->debts + i))
                        lease_strike_debt(&next, l->debts[i].debt.session, l->debts[i].debt.index);
        if (next.n_debts == l->value->n_debts)
                return false;
        note_last_trigger(&next, c->now.realtime);
        b = txn_begin(c);
        put_lease(&b, l, OP_STRIKE, &next);
        compare_own_fence(c, &b);
        txn_writes(c, txn_send(&b), l);
        return true;
}

/* Of a lease that a silent session holds: compares that the session is silent in the registry, too, and puts its
 * fence, as whoever takes the lease does (law 3). */
static void put_silent(TxnBuilder *b, const Lease *l) {
        const Session *s = l->value->state == LEASE_HELD && l->value->period == 0 ? l->holder : NULL;
        Core *c = b->core;
        FenceRecord *fence = s ? fence_to_put(c, s) : NULL;

        must(!s || (c->now.boottime >= session_dead_at(s) && !session_is_ours(c, s->name))); /* law 3 */
        must(!s || fence || s->beat.revision == 0);                                          /* law 3 */
        if (s)
                txn_compare(b, RECORD_BEAT, s->name, s->beat.revision);
        if (fence) {
                fence_add_name(fence, l->name);
                put_fence(b, s, fence);
        }
}

uint64_t send_forget(Core *c, const Lease *l) {
        uint64_t index = MAX(l->value->index, l->remembered);
        MetaRecord meta = c->meta.value;
        TxnBuilder b = txn_begin(c);

        must(!l->txn && !l->damaged && l->n_debts == 0 && l->seen.revision > 0); /* law 5 */
        must(c->meta.seen.revision > 0 && !c->meta.damaged && index <= FLOOR_MAX);
        txn_compare(&b, RECORD_LEASE, l->name, l->seen.revision);
        txn_delete(&b, RECORD_LEASE, l->name);
        put_silent(&b, l);
        compare_meta(&b);
        /* S2: who never saw the record goes by the floor, and whatever found no record before is refused from now on.
         */
        meta.index_floor = MAX(meta.index_floor, index);
        txn_put(&b, RECORD_META, "", &meta, sizeof(meta));
        compare_own_fence(c, &b);
        return txn_send(&b);
}

uint64_t send_lower(Core *c, const Lease *l, uint64_t index) {
        LeaseRecord next = lease_copy(l->value);
        TxnBuilder b = txn_begin(c);

        must(!l->txn && !l->damaged && l->seen.revision > 0);
        must(l->value->index == INDEX_MAX && index < INDEX_MAX);
        if (next.state == LEASE_HELD) {
                end_silent(c, l, &next, l->holder && session_is_over(l->holder) ? WHY_CONFIRMED_DEAD : WHY_EXPIRED);
                next.state = LEASE_FREE; /* one that is done stays done */
                next.since = c->now.realtime;
        }
        next.session[0] = '\0';
        next.period = next.kept_for = 0;
        next.index = index;
        txn_compare(&b, RECORD_LEASE, l->name, l->seen.revision);
        txn_put(&b, RECORD_LEASE, l->name, &next, sizeof(next));
        put_silent(&b, l);
        compare_own_fence(c, &b);
        return txn_send(&b);
}
