/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What we want of the leases' records, one Txn at a time for each.
 *
 * Every Txn compares the record at the revision we have seen and our own fence, so that it is void as soon as either
 * has moved. An outcome that stays unknown settles nothing, and neither does reading: what is wanted is asked for
 * again until it is committed or refused, and meanwhile the unit stays in the phase that wanted it. An earlier attempt
 * that lands late has the very effect that is still wanted, or compares with a record that has moved on.
 *
 *   acquire   a free record -> ours
 *   expire    all of a silent session's that we want, up to 50 -> ours. Compared: its beat, seen at one revision for
 *             TTL'·(1+2ε) on our own clock since it reached us. Put: its fence, so that its next beat fails
 *   steal     by the operator's force, from a session that may live -> ours with a debt: nobody starts the unit until
 *             the robbed session has struck it (its unit down and empty) or we have waited its TTL out
 *   trigger   what a timer that catches up must know of its last run, on the next machine
 *   retake    a record that is damaged or deleted, and that nobody writes again -> ours, as if stolen from everybody
 *   restore   such a record that is ours -> as it was
 *   release   ours -> free or done, and transfer: ours -> another session's. Asked for only when the unit is down
 *   strike    a debt that is served
 */

#include "core/claim.h"

#include "core/cover.h"
#include "core/intake.h"
#include "core/lease.h"
#include "core/leave.h"
#include "core/life.h"
#include "core/mirror.h"
#include "core/output.h"
#include "core/plan.h"
#include "core/said.h"
#include "core/session.h"
#include "core/txn.h"
#include "core/unit.h"

enum { RETAKE_MAX = 100 }; /* fences that one Txn touches beside its own records */

/* ---- putting Txns together ---- */

static void begin_op(Lease *l, LeaseOp op, const LeaseRecord *next) {
        if (!l->next && !(l->next = malloc(sizeof(LeaseRecord))))
                abort();
        *l->next = *next;
        l->op = op;
}

static void put_lease(TxnBuilder *b, Lease *l, LeaseOp op, const LeaseRecord *next) {
        must(l->txn == 0); /* one Txn at a time */
        must(next->index >= l->value.index);
        begin_op(l, op, next);
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
        usec_t seen = l->value.period > 0                  ? l->seen.at
                      : l->holder && l->holder->beat.known ? l->holder->beat.at
                                                           : c->now.boottime;

        return MAX(l->value.since, usec_sub(c->now.realtime, usec_sub(c->now.boottime, seen)));
}

static LeaseRecord held_by_us(Core *c, const Lease *l, Why why) {
        LeaseRecord next = l->value;

        if (next.state == LEASE_HELD)
                lease_end_tenure(&next, why == WHY_EXPIRED ? last_heard(c, l) : c->now.realtime, why);
        next.state = LEASE_HELD;
        str_copy(next.machine_id, sizeof(next.machine_id), c->here.machine_id);
        str_copy(next.session, sizeof(next.session), c->own.name);
        next.version = l->unit ? l->unit->config.version : 0;
        next.index = lease_next_index(c, l);
        must(next.index > l->value.index && next.index > l->remembered); /* S2 */
        next.since = c->now.realtime;
        next.period = 0;
        return next;
}

static void send_acquire(Core *c, Lease *l) {
        LeaseRecord next = held_by_us(c, l, WHY_EXPIRED);
        TxnBuilder b = txn_begin(c);

        put_lease(&b, l, OP_ACQUIRE, &next);
        compare_own_fence(c, &b);
        l->txn = txn_send(&b);
}

static bool is_expired_from(const Core *c, const Lease *l, const Session *s) {
        return !l->txn && !lease_is_lost(l) && c->now.boottime >= l->retry_at && l->seen.revision > 0 &&
               lease_held_by(&l->value, s->name) && l->unit && plan_wants_lease(c, l->unit, NULL);
}

/* A copy of the session's fence, for names to be added to. Where the fence is absent or cannot be read, a new one
 * (law 11): its counter is drawn at random, so that the session, should it live, finds more counted than named, and
 * looks at all of its leases. */
static FenceRecord *fence_to_put(Core *c, const Session *s) {
        FenceRecord *fence;

        if (s->fence_value)
                return output_fence(c, s->fence_value);
        if (s->beat.revision == 0)
                return NULL; /* such a session can never beat again, and has no fence to be put */
        fence = output_alloc(c, sizeof(FenceRecord));
        fence->counter = core_random(c) >> 16;
        fence->n_names = 0;
        return fence;
}

/* Puts a session's fence (law 3). A fence that was not seen yet is taken to be absent: if it is there, the refusal
 * shows it. */
static void put_fence(TxnBuilder *b, const Session *s, const FenceRecord *fence) {
        txn_compare(b, RECORD_FENCE, s->name, s->fence.revision);
        txn_put(b, RECORD_FENCE, s->name, fence, sizeof(*fence));
}

/* The state of the session's beat and fence is known, be they absent or damaged: a Txn can compare with it. */
static bool session_is_known(const Session *s) {
        return s->beat.known && (s->beat.revision == 0 || s->fence.known);
}

static void send_expire(Core *c, const Session *s) {
        FenceRecord *fence = fence_to_put(c, s);
        Lease *group[GROUP_MAX];
        size_t n = 0;
        TxnBuilder b = txn_begin(c);
        uint64_t id;

        for (Lease *l = c->leases; l && n < GROUP_MAX; l = l->hh.next) {
                LeaseRecord next;

                if (!is_expired_from(c, l, s))
                        continue;
                next = held_by_us(c, l, WHY_EXPIRED);
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
        id = txn_send(&b);
        for (size_t i = 0; i < n; i++)
                group[i]->txn = id;
}

static void send_steal(Core *c, Lease *l, const Session *s) {
        LeaseRecord next = held_by_us(c, l, WHY_STOLEN);
        FenceRecord *fence = fence_to_put(c, s);
        TxnBuilder b = txn_begin(c);

        if (!lease_add_debt(&next, s->name, l->value.index)) {
                l->unit->wish.steal = false; /* no room for another debt: they are struck within their TTLs */
                return;
        }
        must(next.n_debts > 0); /* law 5 */
        put_lease(&b, l, OP_STEAL, &next);
        if (fence) {
                fence_add_name(fence, l->name);
                put_fence(&b, s, fence);
        }
        compare_own_fence(c, &b);
        l->txn = txn_send(&b);
}

/* Takes a lease whose record is lost, so that nobody knows who holds it (law 11): as by force from every session
 * that beats. Nobody starts the unit before the longest TTL has been waited out. */
static void send_retake(Core *c, Lease *l) {
        LeaseRecord next = held_by_us(c, l, WHY_LOST);
        TxnBuilder b = txn_begin(c);
        char period[SESSION_SIZE];
        size_t n = 0;

        next.n_debts = 0;
        (void) lease_add_debt(&next, DEBT_ANYBODY, l->remembered);
        if (l->value.state == LEASE_HELD && l->value.period > 0) {
                debt_format_period(l->value.period, period);
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
        txn_compare(&b, RECORD_META, "", c->meta.seen.revision); /* the floor, from which the Index was worked out,
                                                                    must not have moved */
        l->txn = txn_send(&b);
}

static void send_restore(Core *c, Lease *l) {
        LeaseRecord next = l->value;
        TxnBuilder b = txn_begin(c);

        put_lease(&b, l, OP_RESTORE, &next);
        compare_own_fence(c, &b);
        l->txn = txn_send(&b);
}

/* Somebody has written a lower Index into the record by hand. The token never goes back (S2). */
static void send_renumber(Core *c, Lease *l) {
        LeaseRecord next = l->value;
        TxnBuilder b = txn_begin(c);

        next.index = lease_next_index(c, l);
        put_lease(&b, l, OP_RENUMBER, &next);
        compare_own_fence(c, &b);
        l->txn = txn_send(&b);
}

/* Notes the Version= for which the unit leaves, so that it leaves once for each, even if the machine that offers it
 * is gone when the unit is down. */
static void note_upgrade(const Lease *l, LeaseRecord *next) {
        if (l->unit && l->unit->life.leave == LEAVE_UPGRADE)
                next->upgraded = MAX(next->upgraded, l->unit->plan.move_version);
}

static void send_release(Core *c, Lease *l, LeaseState state, Why why) {
        LeaseRecord next = l->value;
        TxnBuilder b = txn_begin(c);

        /* Law 7: down and empty, and its gate closed; or no unit here ever used the lease. */
        must(lease_is_ours(c, l) && (l->given_up || l->unit->life.phase == PHASE_RELEASING));
        note_upgrade(l, &next);
        lease_end_tenure(&next, c->now.realtime, why);
        next.state = state;
        next.session[0] = '\0';
        next.since = c->now.realtime;
        put_lease(&b, l, OP_RELEASE, &next);
        compare_own_fence(c, &b);
        l->txn = txn_send(&b);
}

/* The session of the machine to which the lease is handed; NULL: the machine does not beat. */
static const Session *target_session(Core *c, const char *machine) {
        const Machine *m = mirror_find_machine(c, machine);
        const Session *s = m && m->seen.revision > 0 ? mirror_find_session(c, m->value.session) : NULL;

        return s && s->beat.revision > 0 && c->now.boottime < s->beat.at + s->ttl && !session_is_ours(c, s->name)
                               ? s
                               : NULL;
}

static void send_transfer(Core *c, Lease *l, const Session *target, const char *machine) {
        const Offer *offer = mirror_find_offer(c, machine, l->unit->name);
        LeaseRecord next = l->value;
        TxnBuilder b = txn_begin(c);

        must(lease_is_ours(c, l) && l->unit->life.phase == PHASE_RELEASING); /* law 7 */
        must(!session_is_ours(c, target->name));
        lease_end_tenure(&next, c->now.realtime, leave_why(l->unit->life.leave));
        if (offer && offer->seen.revision > 0)
                next.version = offer->value.version;
        note_upgrade(l, &next);
        str_copy(next.machine_id, sizeof(next.machine_id), machine);
        str_copy(next.session, sizeof(next.session), target->name);
        next.index = lease_next_index(c, l);
        next.since = c->now.realtime;
        put_lease(&b, l, OP_TRANSFER, &next);
        txn_compare(&b, RECORD_BEAT, target->name, target->beat.revision);
        compare_own_fence(c, &b);
        l->txn = txn_send(&b);
}

/* The timer has elapsed since the record was written. The record is brought up to date at once, for the next holder
 * may have nobody to ask. */
static bool has_triggered(const Lease *l) {
        const Unit *u = l->unit;

        return u->life.phase >= PHASE_STARTING && u->said.report.known &&
               u->said.report.last_trigger > l->value.last_trigger;
}

static void send_trigger(Core *c, Lease *l) {
        LeaseRecord next = l->value;
        TxnBuilder b = txn_begin(c);

        next.last_trigger = l->unit->said.report.last_trigger;
        put_lease(&b, l, OP_TRIGGER, &next);
        compare_own_fence(c, &b);
        l->txn = txn_send(&b);
}

static void send_rearm(Core *c, Lease *l) {
        LeaseRecord next = l->value;
        TxnBuilder b = txn_begin(c);

        next.state = LEASE_FREE;
        next.since = c->now.realtime;
        put_lease(&b, l, OP_REARM, &next);
        compare_own_fence(c, &b);
        l->txn = txn_send(&b);
}

static void send_move(Core *c, Lease *l) {
        LeaseRecord next = l->value;
        TxnBuilder b = txn_begin(c);

        str_copy(next.session, sizeof(next.session), c->own.name);
        put_lease(&b, l, OP_MOVE_SESSION, &next);
        compare_own_fence(c, &b);
        l->txn = txn_send(&b);
}

/* ---- debts ---- */

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

static bool send_strikes(Core *c, Lease *l) {
        LeaseRecord next = l->value;
        TxnBuilder b;

        for (size_t i = 0; i < l->n_debts; i++)
                if (may_strike(c, l, l->debts + i))
                        lease_strike_debt(&next, l->debts[i].debt.session, l->debts[i].debt.index);
        if (next.n_debts == l->value.n_debts)
                return false;
        b = txn_begin(c);
        put_lease(&b, l, OP_STRIKE, &next);
        compare_own_fence(c, &b);
        l->txn = txn_send(&b);
        return true;
}

/* ---- outcomes ---- */

/* The machine from which the lease was taken: the holder of the tenure that our own write ended. The mirror may
 * have lost the record before it, for the watch is sometimes faster than the answer. */
static const char *last_holder(const LeaseRecord *l) {
        return l->n_tenures > 0 ? lease_last_tenure(l)->machine_id : NULL;
}

/* What the log is told of the Txn under way, when it is committed; false: nothing. */
static bool find_report(const Lease *l, Report *ret) {
        *ret = (Report){ .lease = l->name, .index = l->next->index };
        switch (l->op) {
        case OP_EXPIRE:
                ret->machine_id = last_holder(l->next);
                /* fall through */
        case OP_ACQUIRE:
                ret->kind = REPORT_ACQUIRED;
                return true;
        case OP_STEAL:
                ret->kind = REPORT_ROBBED;
                ret->machine_id = last_holder(l->next);
                ret->span = ttl_take_after(debt_ttl(l->next->debts[l->next->n_debts - 1].session));
                return true;
        case OP_RETAKE:
                ret->kind = REPORT_RETAKEN;
                ret->span = period_take_after(TTL_MAX);
                return true;
        case OP_RESTORE:
                ret->kind = REPORT_RESTORED;
                return true;
        case OP_RELEASE:
                ret->kind = REPORT_RELEASED;
                ret->why = l->unit ? leave_why(l->unit->life.leave) : WHY_DISABLED;
                return true;
        case OP_TRANSFER:
                ret->kind = REPORT_TRANSFERRED;
                ret->machine_id = l->next->machine_id;
                return true;
        case OP_REARM:
        case OP_STRIKE:
        case OP_TRIGGER:
        case OP_MOVE_SESSION:
        case OP_RENUMBER:
        case OP_NONE:
                break;
        }
        return false;
}

static void on_committed(Core *c, Lease *l, uint64_t revision) {
        Report report;

        intake_apply(c, RECORD_LEASE, l->name, l->next, revision);
        if (l->unit)
                l->unit->wish.steal = false;
        if (l->op == OP_ACQUIRE || l->op == OP_EXPIRE || l->op == OP_STEAL || l->op == OP_RETAKE)
                l->told = l->next->index;
        if (l->op == OP_REARM)
                l->rearm = 0;
        if (find_report(l, &report))
                output_report(c, report);
        if (l->unit && (l->op == OP_RELEASE || l->op == OP_TRANSFER))
                life_released(c, l->unit);
}

void claim_txn(Core *c, uint64_t id, const Answer *answer) {
        Lease *l, *next;

        HASH_ITER(hh, c->leases, l, next) {
                if (l->txn != id)
                        continue;
                l->txn = 0;
                if (answer->outcome == OUTCOME_COMMITTED) {
                        l->failures = 0;
                        on_committed(c, l, answer->revision);
                } else {
                        usec_t pause = backoff(20 * USEC_PER_MSEC, l->failures, USEC_PER_SEC);

                        l->failures++;
                        l->unsettled = l->unsettled || (answer->outcome == OUTCOME_UNKNOWN &&
                                                                       (l->op == OP_RELEASE || l->op == OP_TRANSFER));
                        l->retry_at = c->now.boottime + (answer->outcome == OUTCOME_REFUSED ? 0 : pause);
                        if (answer->outcome == OUTCOME_REFUSED) {
                                l->failures = 0;
                                /* A fence that has moved refuses the Txn, too. Only a record that has moved means
                                 * that another machine was faster. */
                                c->lost_acquires += (l->op == OP_ACQUIRE || l->op == OP_EXPIRE) &&
                                                    !lease_is_ours(c, l) && l->value.index >= l->next->index;
                        }
                        if (lease_is_ours(c, l) && l->unit && l->unit->life.index == l->value.index)
                                lease_tell_acquired(c, l);
                }
                l->op = OP_NONE;
        }
}

/* ---- what is due ---- */

static void advance_ours(Core *c, Lease *l) {
        Unit *u = l->unit;
        const Session *target;
        const char *machine;

        if (!u || u->global || l->given_up) {
                /* Our session holds the lease, and no unit here wants it: the unit was disabled while the daemon
                 * was down, or the lease was handed to us by mistake. What ran by it is stopped by way of the
                 * guard's leftover entry. A unit that is enabled meanwhile waits until the record has moved on, for
                 * until then the release may land (law 6). */
                if (c->guard.synced && !unit_has_predecessor(c, l, l->value.index)) {
                        l->given_up = true;
                        send_release(c, l, LEASE_FREE, WHY_DISABLED);
                }
                return;
        }
        if (l->value.index < l->remembered && u->life.phase == PHASE_IDLE) {
                send_renumber(c, l);
                return;
        }
        if (session_is_moving(c) && lease_held_by(&l->value, c->other.name) && cover_is_armed_anew(c, u)) {
                send_move(c, l);
                return;
        }
        if (has_triggered(l)) {
                send_trigger(c, l);
                return;
        }
        if (u->life.phase != PHASE_RELEASING)
                return;
        machine = u->life.leave == LEAVE_TRANSFER ? u->wish.target
                  : leave_is_move(u->life.leave)  ? u->plan.move_to
                                                  : "";
        target = machine[0] ? target_session(c, machine) : NULL;
        if (target)
                send_transfer(c, l, target, machine);
        else
                send_release(c, l,
                                u->life.leave == LEAVE_DONE && !u->config.release_on_success ? LEASE_DONE : LEASE_FREE,
                                leave_is_move(u->life.leave) || u->life.leave == LEAVE_REFUSED
                                                ? WHY_UNFIT
                                                : leave_why(u->life.leave));
}

static void advance_others(Core *c, Lease *l) {
        Unit *u = l->unit;
        const Session *s;

        if (!u)
                return;
        if (u->wish.steal_index != l->value.index)
                u->wish.steal = false; /* the word was for that tenure; in another one the plan decides */
        /* The word is for one run of the job. Where the answer to the Txn was lost, the next run may be done
         * already. */
        if (l->value.state == LEASE_DONE && l->rearm == l->value.index && l->rearm > 0) {
                send_rearm(c, l);
                return;
        }
        if (!plan_wants_lease(c, u, NULL))
                return;
        if (l->value.state == LEASE_FREE) {
                send_acquire(c, l);
                return;
        }
        if (l->value.state == LEASE_DONE) {
                if (u->config.version > l->value.version)
                        send_acquire(c, l);
                return;
        }
        if (c->now.boottime >= lease_call_dead_at(l)) {
                send_acquire(c, l);
                return;
        }
        s = l->holder;
        if (!s || !session_is_known(s))
                return;
        if (c->now.boottime >= session_dead_at(s))
                send_expire(c, s);
        else if (u->wish.steal && u->wish.steal_index == l->value.index && u->wish.steal_index > 0)
                send_steal(c, l, s);
}

static void advance_lost(Core *c, Lease *l) {
        if (lease_is_ours(c, l))
                send_restore(c, l);
        else if (l->unit && c->now.boottime >= lease_lost_due(c, l) && c->beats.known_at > l->seen.at &&
                        c->meta.seen.revision > 0 && !c->meta.damaged && plan_wants_lease(c, l->unit, NULL))
                send_retake(c, l);
}

void claim_advance(Core *c, Lease *l) {
        if (l->txn || !l->seen.known || !session_settled(c) || !session_is_checked(c) || c->shutdown.ended ||
                        c->shutdown.txn || c->now.boottime < l->retry_at ||
                        c->now.boottime >= c->own.t0 + c->own.timeline.kill)
                return;
        if (lease_is_lost(l)) {
                advance_lost(c, l);
                return;
        }
        if (l->n_debts > 0 && send_strikes(c, l))
                return;
        if (lease_is_ours(c, l))
                advance_ours(c, l);
        else
                advance_others(c, l);
}

usec_t claim_deadline(const Core *c, const Lease *l) {
        usec_t t = USEC_INFINITY, now = c->now.boottime;
        const Session *s;

        if (l->txn || !session_settled(c))
                return USEC_INFINITY;
        if (l->retry_at > now)
                t = l->retry_at;
        for (size_t i = 0; i < l->n_debts; i++)
                if (lease_is_ours(c, l) && lease_debt_due(l->debts + i) > now)
                        t = MIN(t, lease_debt_due(l->debts + i));
        if (l->unit && lease_is_lost(l) && lease_lost_due(c, l) > now)
                t = MIN(t, lease_lost_due(c, l));
        if (l->unit && l->value.state == LEASE_HELD && !lease_is_ours(c, l)) {
                s = l->holder;
                if (s && session_dead_at(s) > now)
                        t = MIN(t, session_dead_at(s));
                if (lease_call_dead_at(l) > now)
                        t = MIN(t, lease_call_dead_at(l));
        }
        if (l->unit && l->unit->back.not_before > now)
                t = MIN(t, l->unit->back.not_before);
        if (c->identity.acquire_not_before > now)
                t = MIN(t, c->identity.acquire_not_before);
        if (l->unit && plan_turn_at(c, l->unit) > now)
                t = MIN(t, plan_turn_at(c, l->unit));
        return t;
}
