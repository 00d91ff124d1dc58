/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Which change of a lease's record we want now: acquire, release and so on. The Txns are send.c's, one at a time for
 * each lease.
 *
 * An unknown outcome settles nothing, and neither does a read (law 6). So a change is asked for again until it is
 * committed or refused, and meanwhile the unit stays in the phase that wants it. An earlier attempt that is carried
 * out late does no harm: either it makes the change that is still wanted, or it is refused, since the record has
 * changed.
 */

#include "core/claim.h"

#include "core/cover.h"
#include "core/intake.h"
#include "core/lease.h"
#include "core/leave.h"
#include "core/life.h"
#include "core/look.h"
#include "core/mirror.h"
#include "core/output.h"
#include "core/pause.h"
#include "core/plan.h"
#include "core/send.h"
#include "core/session.h"
#include "core/unit.h"
#include "core/wish.h"

/* How long a change waits, at most, for those of units that are still on their way down, so as to share a Txn with
 * them. */
#define GATHER_TIME (10 * USEC_PER_MSEC)

/* The session of the machine to which the lease is handed; NULL: the machine does not beat. */
static const Session *target_session(Core *c, const char *machine) {
        const Machine *m = mirror_find_machine(c, machine);
        const Session *s = m && m->seen.revision > 0 ? mirror_find_session(c, m->value.session) : NULL;

        return s && s->beat.revision > 0 && !session_is_over(s) && c->now.boottime < s->beat.at + s->ttl &&
                                               !session_is_ours(c, s->name)
                               ? s
                               : NULL;
}

/* The timer has elapsed since the record was written. The record is brought up to date at once, for the next holder
 * may have nobody to ask. A time that is more than a day ahead was written by somebody else, or by a clock that was
 * wrong, and hides no elapse. */
static bool has_triggered(const Core *c, const Lease *l) {
        usec_t said = l->unit->said.report.last_trigger, known = l->value->last_trigger;

        return l->unit->life.phase >= PHASE_STARTING && l->unit->said.report.known && said > 0 &&
               (said > known || (said < known && known > usec_add(c->now.realtime, 24 * USEC_PER_HOUR)));
}

/* ---- outcomes ---- */

/* The machine from which the lease was taken: the holder of the tenure that our own write ended. The mirror may
 * have lost the record before it, for the watch is sometimes faster than the answer. */
static const char *last_holder(const LeaseRecord *l) {
        return l->n_tenures > 0 ? lease_last_tenure(l)->machine_id : NULL;
}

/* Makes the report about the Txn under way, for when it is committed. Returns false if the log is told nothing of
 * it. */
static bool find_report(const Lease *l, Report *ret) {
        *ret = (Report){ .unit = l->unit ? l->unit->name : NULL, .lease = l->name, .index = l->next->index };
        switch (l->op) {
        case OP_EXPIRE:
                ret->machine_id = last_holder(l->next);
                ret->why = l->next->n_tenures > 0 ? lease_last_tenure(l->next)->code : WHY_NONE;
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
                if (l->unit && l->unit->life.leave == LEAVE_RELEASE) {
                        ret->kind = REPORT_RELEASED;
                        ret->index = lease_last_tenure(l->next)->index; /* of ours, and not of the next holder's */
                        ret->why = leave_why(LEAVE_RELEASE);
                        return true;
                }
                ret->kind = REPORT_TRANSFERRED;
                ret->why = l->unit ? leave_why(l->unit->life.leave) : WHY_TRANSFER;
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
                wish_no_steal(l->unit);
        if (l->op == OP_ACQUIRE || l->op == OP_EXPIRE || l->op == OP_STEAL || l->op == OP_RETAKE)
                l->told = l->next->index;
        if (l->op == OP_REARM)
                l->rearm = 0;
        if (find_report(l, &report)) {
                report.revision = revision;
                output_report(c, report);
        }
        if (l->unit && (l->op == OP_RELEASE || l->op == OP_TRANSFER))
                life_released(c, l->unit);
}

static void on_not_committed(Core *c, Lease *l, const Answer *answer) {
        usec_t pause = backoff(20 * USEC_PER_MSEC, l->failures, USEC_PER_SEC);

        l->failures++;
        l->unsettled = l->unsettled ||
                       (answer->outcome == OUTCOME_UNKNOWN && (l->op == OP_RELEASE || l->op == OP_TRANSFER));
        l->retry_at = c->now.boottime + (answer->outcome == OUTCOME_REFUSED ? 0 : pause);
        if (answer->outcome == OUTCOME_REFUSED) {
                l->failures = 0;
                /* A fence that has moved refuses the Txn, too. Only a record that has moved means that another machine
                 * was faster. */
                c->told.lost_acquires += (l->op == OP_ACQUIRE || l->op == OP_EXPIRE) && !lease_is_ours(c, l) &&
                                         l->value->index >= l->next->index;
        }
        if (lease_is_ours(c, l) && l->unit && l->unit->life.index == l->value->index)
                lease_tell_acquired(c, l);
}

static size_t room(const Core *c) {
        return MAX((size_t) GROUP_MAX >> c->claims.halved, (size_t) 1);
}

/* Counts how often the room of a Txn is halved. A Txn that takes leases from a silent session is also refused where
 * another machine has put that session's fence, which has nothing to do with the leases. */
static void note_outcome(Core *c, const Lease *leases, Outcome outcome) {
        if (outcome == OUTCOME_COMMITTED)
                c->claims.halved -= c->claims.halved > 0;
        else if (leases && leases->next_of_txn && room(c) > 1 &&
                        (leases->op != OP_EXPIRE || outcome == OUTCOME_UNKNOWN))
                c->claims.halved++;
}

/* The leases in claims.expired are looked at after this (walk.c). */
static void end_expiring(Core *c, const Answer *answer) {
        if (answer->outcome == OUTCOME_COMMITTED && c->claims.fence)
                intake_apply(c, RECORD_FENCE, c->claims.expired_session, c->claims.fence, answer->revision);
        free(c->claims.fence);
        c->claims.fence = NULL;
        c->claims.expiring = 0;
}

void claim_txn(Core *c, uint64_t id, Lease *leases, const Answer *answer) {
        Lease *next;

        if (id == c->claims.txn)
                c->claims.txn = 0;
        if (id == c->claims.expiring)
                end_expiring(c, answer);
        note_outcome(c, leases, answer->outcome);
        for (Lease *l = leases; l; l = next) {
                next = l->next_of_txn;
                l->next_of_txn = NULL;
                if (l->txn != id)
                        return; /* this answer has shown another registry, and all is forgotten */
                l->txn = 0;
                if (answer->outcome == OUTCOME_COMMITTED) {
                        l->failures = 0;
                        on_committed(c, l, answer->revision);
                } else
                        on_not_committed(c, l, answer);
                l->op = OP_NONE;
                free(l->next);
                l->next = NULL;
                look_at_lease(c, l);
        }
}

/* ---- what is due ---- */

static const Change none;

/* Gives the change that lets our lease go, now that its unit is down: a transfer to the machine that comes next, or a
 * release if there is no such machine. */
static Change part(Core *c, const Lease *l) {
        const Unit *u = l->unit;
        bool moves = leave_is_move(u->life.leave) || u->life.leave == LEAVE_RELEASE;
        const char *machine = u->life.leave == LEAVE_TRANSFER ? u->wish.target
                              : moves && u->plan.move_to      ? u->plan.move_to->id
                                                              : NULL;
        const Session *target = machine && !pause_is_seen(c) ? target_session(c, machine) : NULL; /* law 13 */

        if (target)
                return (Change){ .op = OP_TRANSFER, .target = target, .machine = machine };
        return (Change){
                .op = OP_RELEASE,
                .state = u->life.leave == LEAVE_DONE && !u->config.release_on_success ? LEASE_DONE : LEASE_FREE,
                .why = leave_is_move(u->life.leave) || u->life.leave == LEAVE_REFUSED ? WHY_UNFIT
                                                                                      : leave_why(u->life.leave),
        };
}

static Change advance_ours(Core *c, Lease *l) {
        Unit *u = l->unit;

        if (!u || u->global || l->given_up) {
                /* Our session holds the lease, and no unit here wants it: the unit was disabled while the daemon
                 * was down, or the lease was handed to us by mistake. What ran by it is stopped by way of the
                 * guard's leftover entry. A unit that is enabled meanwhile waits until the record has moved on, for
                 * until then the release may land (law 6). */
                if (!c->guard.synced || unit_has_predecessor(c, l, l->value->index))
                        return none;
                l->given_up = true;
                return (Change){ .op = OP_RELEASE, .state = LEASE_FREE, .why = WHY_DISABLED };
        }
        if (l->value->index < l->remembered && u->life.phase == PHASE_IDLE)
                send_renumber(c, l);
        else if (session_is_moving(c) && lease_held_by(l->value, c->other.name) && cover_is_armed_anew(c, u))
                send_move(c, l);
        else if (has_triggered(c, l))
                send_trigger(c, l);
        else if (u->life.phase == PHASE_RELEASING)
                return part(c, l);
        return none;
}

static Change advance_others(Core *c, Lease *l) {
        static const Change acquire = { .op = OP_ACQUIRE };
        Unit *u = l->unit;
        const Session *s;

        if (!u)
                return none;
        if (u->wish.steal_index != l->value->index)
                wish_no_steal(u); /* the word was for that tenure; in another one the plan decides */
        /* The word is for one run of the job. Where the answer to the Txn was lost, the next run may be done
         * already. */
        if (l->value->state == LEASE_DONE && l->rearm == l->value->index && l->rearm > 0) {
                send_rearm(c, l);
                return none;
        }
        if (!plan_wants_lease(c, u, NULL))
                return none;
        if (l->value->state == LEASE_FREE)
                return acquire;
        if (l->value->state == LEASE_DONE)
                return u->config.version > l->value->version ? acquire : none;
        if (c->now.boottime >= lease_call_dead_at(l))
                return acquire;
        s = l->holder;
        if (!s || !session_is_known(s))
                return none;
        if (c->now.boottime >= session_dead_at(s)) {
                if (c->claims.expiring > 0)
                        return (Change){ .op = OP_EXPIRE };
                if (send_is_expired(c, l, s))
                        c->claims.expiring = send_expire(c, s, room(c));
        } else if (u->wish.steal && u->wish.steal_index == l->value->index && u->wish.steal_index > 0 &&
                        (!s->keeps || session_is_over(s)))
                send_steal(c, l, s);
        return none;
}

/* Whether the unit is not here, or could be taken: none is taken whose check does not pass. */
static bool is_free_to_take(const Unit *u) {
        return !u || (u->life.phase == PHASE_IDLE && (!u->config.checked || u->said.check == CHECK_PASSES));
}

/* Whether this machine takes the lease when it is lost for good. A record that is misnamed looks sound to all others,
 * and its session beats: so this machine takes it also where it does not want the lease, and gives it back. */
static bool is_ours_to_take(Core *c, const Lease *l) {
        if (l->misnamed && is_free_to_take(l->unit) && lease_next_index(c, l) <= INDEX_MAX)
                return true;
        return l->unit && plan_wants_lease(c, l->unit, NULL);
}

static void advance_lost(Core *c, Lease *l) {
        if (lease_is_ours(c, l))
                send_restore(c, l);
        else if (c->now.boottime >= lease_lost_due(c, l) && !session_another_keeps(c) &&
                        c->beats.known_at > l->seen.at && c->meta.seen.revision > 0 && !c->meta.damaged &&
                        is_ours_to_take(c, l))
                send_retake(c, l);
}

bool claim_is_possible(const Core *c) {
        return session_settled(c) && session_is_checked(c) && !c->shutdown.ended && !c->shutdown.txn &&
               c->now.boottime < c->own.t0 + c->own.timeline.kill;
}

/* Decides what is due on the lease. A change that needs a Txn of its own is sent at once, and nothing is given; a
 * change that can share a Txn is given, and not sent. OP_EXPIRE is given where another such Txn must end first. */
static Change advance(Core *c, Lease *l) {
        if (l->txn || !l->seen.known || c->now.boottime < l->retry_at || !claim_is_possible(c))
                return none;
        if (lease_is_lost(l)) {
                advance_lost(c, l);
                return none;
        }
        if (l->n_debts > 0 && send_strikes(c, l))
                return none;
        return lease_is_ours(c, l) ? advance_ours(c, l) : advance_others(c, l);
}

/* Has the lease wait for claim_send(), or for the end of claims.expiring; OP_NONE: for nothing. */
static void wait(Core *c, Lease *l, LeaseOp op) {
        Heap *heap = op == OP_NONE ? NULL : op == OP_EXPIRE ? &c->claims.expired : &c->claims.waiting;

        if (heap != &c->claims.waiting)
                heap_remove(&c->claims.waiting, &l->to_send);
        if (heap != &c->claims.expired)
                heap_remove(&c->claims.expired, &l->to_send);
        if (heap)
                heap_set(heap, &l->to_send, l->spot.place);
}

void claim_advance(Core *c, Lease *l) {
        wait(c, l, advance(c, l).op);
}

/* Whether the changes that wait are to wait for others. */
static bool gathers(const Core *c) {
        return c->look.n_leaving > 0 && c->now.boottime < c->claims.gather_until;
}

/* Whether it is time for a Txn of the changes that wait. While such a Txn is under way, the next one is sent only when
 * it is full; likewise for a moment after it was sent while further units are on their way down. So many changes that
 * come one after the other share few Txns, and neither a single change nor the last one waits. */
static bool may_send(const Core *c) {
        size_t n = c->claims.waiting.n;

        must(c->claims.gather_until <= c->now.boottime + GATHER_TIME); /* what waits, does not wait for long */
        return claim_is_possible(c) && (n >= room(c) || (n > 0 && c->claims.txn == 0 && !gathers(c)));
}

size_t claim_send(Core *c, Lease *ret[static GROUP_MAX]) {
        TxnBuilder b = txn_begin(c);
        size_t n = 0, looks = may_send(c) ? GROUP_MAX : 0;

        for (HeapNode *node; n < room(c) && looks > 0 && (node = heap_first(&c->claims.waiting)); looks--) {
                Lease *l = (Lease *) ((char *) node - offsetof(Lease, to_send));
                Change change = advance(c, l);

                if (change.op == OP_NONE || change.op == OP_EXPIRE) {
                        wait(c, l, change.op);
                        continue;
                }
                if (!send_add(&b, l, &change))
                        break;
                heap_remove(&c->claims.waiting, node);
                ret[n++] = l;
        }
        if (n > 0) {
                send_changes(&b, ret, n);
                c->claims.gather_until = c->look.n_leaving > 0 ? c->now.boottime + GATHER_TIME : 0;
        }
        return n;
}

usec_t claim_send_deadline(const Core *c) {
        return c->claims.waiting.n > 0 && c->claims.txn == 0 && gathers(c) ? c->claims.gather_until : USEC_INFINITY;
}

usec_t claim_deadline(const Core *c, const Lease *l) {
        usec_t t = USEC_INFINITY, now = c->now.boottime;

        if (l->txn || !session_settled(c))
                return USEC_INFINITY;
        if (l->retry_at > now)
                t = l->retry_at;
        for (size_t i = 0; i < l->n_debts; i++)
                if (lease_is_ours(c, l) && lease_debt_due(l->debts + i) > now)
                        t = MIN(t, lease_debt_due(l->debts + i));
        if ((l->unit || l->misnamed) && lease_is_lost(l) && lease_lost_due(c, l) > now)
                t = MIN(t, lease_lost_due(c, l));
        if (l->unit && l->value->state == LEASE_HELD && !lease_is_ours(c, l) && lease_call_dead_at(l) > now)
                t = MIN(t, lease_call_dead_at(l));
        if (l->unit && plan_turn_at(c, l->unit) > now)
                t = MIN(t, plan_turn_at(c, l->unit));
        return t;
}
