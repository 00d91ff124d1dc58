/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Leases of the D-Bus API: a scheduler's own, such as the leadership of fleet's engine. They belong to no session:
 * each lease has a period of its own, every Renew is a compare-and-swap of the record, and an observer may acquire the
 * lease once it has seen the record unchanged for period·(1+ε)/(1-ε) on its own clock. No unit is started or stopped
 * because of them.
 *
 * A steal leaves a debt, as with units, since the robbed holder may rely on the lease for the rest of its period. The
 * debt bears this period in place of a session's name, and every later write keeps it. The first writer that has
 * itself waited out the period strikes the debt. Until then nobody else acquires the lease, even if the new holder is
 * gone.
 *
 * A request without an answer may have been carried out or not (law 6): so the very same Txn is sent again until it is
 * committed or refused. If it is refused, the record that was read back tells whether an earlier attempt was carried
 * out: the record's Index and times are then ours. A call whose outcome is not known by its deadline ends as
 * CALL_UNKNOWN, and the caller must find out.
 */

#include "core/call.h"

#include "core/copies.h"
#include "core/intake.h"
#include "core/lease.h"
#include "core/mirror.h"
#include "core/output.h"
#include "core/pause.h"
#include "core/session.h"
#include "core/txn.h"

#define CALL_TIMEOUT (5 * USEC_PER_SEC)

static void finish(Core *c, uint64_t id, const Lease *l, CallResult result, uint64_t index, usec_t span) {
        Action *a = output(c, ACTION_CALL_DONE);

        a->id = id;
        a->lease = l ? l->name : NULL;
        a->result = result;
        a->index = index;
        a->span = span;
}

/* Whether the lease is one of a unit that is enabled here, whichever of its copies' leases the unit has, or one that a
 * unit elsewhere holds. */
static bool is_units(const Core *c, const Lease *l) {
        char name[NAME_SIZE];

        for (unsigned i = 1; i <= SLOTS_MAX && lease_slot(l->name) > 0; i++) {
                const Lease *other;

                lease_name_slot(l->name, i, name);
                other = mirror_find_lease(c, name);
                if (other && other->unit && copies_has(other->unit))
                        return true;
        }
        return l->unit || l->value->session[0];
}

/* ---- what is written ---- */

/* When every debt of the lease has been waited out: from then on no earlier holder relies on it (law 5). */
static usec_t debts_due(const Lease *l) {
        usec_t t = 0;

        for (size_t i = 0; i < l->n_debts; i++)
                t = MAX(t, lease_debt_due(l->debts + i));
        return t;
}

static void strike_due(Core *c, const Lease *l, LeaseRecord *record) {
        for (size_t i = 0; i < l->n_debts; i++)
                if (c->now.boottime >= lease_debt_due(l->debts + i))
                        lease_strike_debt(record, l->debts[i].debt.session, l->debts[i].debt.index);
}

static CallResult make_acquire(Core *c, Calling *g, const Call *call) {
        Lease *l = g->lease;

        if (g->record.n_debts > 0 || l->value->state == LEASE_DONE)
                return CALL_NOT_ACQUIRED;
        if ((l->value->state == LEASE_HELD || lease_is_lost(l)) && c->now.boottime < lease_call_dead_at(l))
                return CALL_NOT_ACQUIRED;
        if (l->value->state == LEASE_HELD)
                lease_end_tenure(&g->record, c->now.realtime, WHY_EXPIRED);
        (void) call;
        return CALL_DONE;
}

static CallResult make_steal(Core *c, Calling *g, const Call *call) {
        Lease *l = g->lease;
        char robbed[SESSION_SIZE];

        if (l->seen.revision == 0 || l->value->state != LEASE_HELD)
                return CALL_NO_SUCH_LEASE;
        if (call->index == 0 || call->index != l->value->index)
                return CALL_INDEX_MISMATCH;
        debt_format_period(l->value->period, robbed);
        if (!lease_add_debt(&g->record, robbed, l->value->index))
                return CALL_BUSY;
        lease_end_tenure(&g->record, c->now.realtime, WHY_STOLEN);
        g->span = usec_sub(MAX(lease_call_dead_at(l), debts_due(l)), c->now.boottime);
        return CALL_DONE;
}

/* A holder's lease ends by its own clock: a record that was not renewed for its whole period is not renewed any more,
 * even if it is still there. */
static CallResult check_holder(Core *c, const Lease *l, const Call *call) {
        bool held = l->seen.revision > 0 && !l->damaged && l->value->state == LEASE_HELD &&
                    l->value->index == call->index;

        return held && c->now.boottime < l->seen.at + l->value->period ? CALL_DONE : CALL_LEASE_LOST;
}

static void put_holder(Core *c, Calling *g, const Call *call) {
        const char *machine = isempty(call->machine) ? c->here.machine_id : call->machine;

        g->record.state = LEASE_HELD;
        str_copy(g->record.machine_id, sizeof(g->record.machine_id), machine);
        g->record.session[0] = '\0';
        g->record.version = call->version;
}

static CallResult make_record(Core *c, Calling *g, const Call *call) {
        CallResult r;

        g->record = lease_copy(g->lease->value);
        g->revision = g->lease->seen.revision;
        strike_due(c, g->lease, &g->record);
        if (call->kind == CALL_ACQUIRE)
                r = make_acquire(c, g, call);
        else if (call->kind == CALL_STEAL)
                r = make_steal(c, g, call);
        else
                r = check_holder(c, g->lease, call);
        if (r != CALL_DONE)
                return r;
        if (call->kind == CALL_ACQUIRE || call->kind == CALL_STEAL)
                put_holder(c, g, call);
        if (call->kind == CALL_RELEASE) {
                lease_end_tenure(&g->record, c->now.realtime, WHY_RELEASED);
                g->record.state = LEASE_FREE;
        } else {
                g->record.period = call->period;
                g->record.index = lease_next_index(c, g->lease);
                if (lease_is_lost(g->lease) && (c->meta.seen.revision == 0 || c->meta.damaged))
                        return CALL_UNAVAILABLE;
                g->meta = lease_is_lost(g->lease) || g->lease->seen.revision == 0 ? c->meta.seen.revision : 0;
                if (g->record.index > INDEX_MAX)
                        return CALL_INDEX_AT_END;
        }
        g->record.renewed = call->kind == CALL_RENEW ? c->now.realtime : 0;
        if (call->kind != CALL_RENEW) /* which is no new tenure */
                g->record.since = c->now.realtime;
        return CALL_DONE;
}

/* ---- a call's life ---- */

static CallResult check_call(Core *c, const Call *call) {
        bool has_period = call->kind != CALL_RELEASE;

        if (!lease_name_is_valid(call->lease))
                return CALL_INVALID_NAME;
        if (has_period && (call->period < PERIOD_MIN || call->period > PERIOD_MAX))
                return CALL_INVALID_PERIOD;
        if (!session_settled(c) || c->shutdown.on || c->now.boottime >= c->own.t0 + c->own.timeline.kill)
                return CALL_UNAVAILABLE;
        if (pause_is_seen(c) && (call->kind == CALL_ACQUIRE || call->kind == CALL_STEAL))
                return CALL_UNAVAILABLE;
        if (c->now.boottime < c->identity.acquire_not_before)
                return CALL_UNAVAILABLE;
        return CALL_DONE;
}

static bool is_busy(const Core *c, const Lease *l) {
        for (const Calling *g = c->calls; g; g = g->next)
                if (g->lease == l)
                        return true;
        return l->txn != 0;
}

static CallResult call_prepare(Core *c, Calling *g, const Call *call) {
        g->lease = mirror_lease(c, call->lease);
        if (is_units(c, g->lease))
                return CALL_UNIT_LEASE;
        if (is_busy(c, g->lease))
                return CALL_BUSY;
        return make_record(c, g, call);
}

void call_begin(Core *c, uint64_t id, const Call *call) {
        CallResult r = check_call(c, call);
        Calling *g;

        if (r != CALL_DONE) {
                finish(c, id, NULL, r, 0, 0);
                return;
        }
        g = calloc(1, sizeof(Calling));
        if (!g)
                abort();
        g->id = id;
        g->kind = call->kind;
        g->deadline = c->now.boottime + CALL_TIMEOUT;
        r = call_prepare(c, g, call);
        if (r != CALL_DONE) {
                finish(c, id, g->lease, r, g->lease->value->index, 0);
                free(g);
                return;
        }
        g->next = c->calls;
        c->calls = g;
}

static void send_call(Core *c, Calling *g) {
        TxnBuilder b = txn_begin(c);

        txn_compare(&b, RECORD_LEASE, g->lease->name, g->revision);
        txn_compare(&b, RECORD_FENCE, c->own.name, c->own.fence_revision);
        if (g->meta > 0)
                txn_compare(&b, RECORD_META, "", g->meta);
        if (g->kind == CALL_ACQUIRE || g->kind == CALL_STEAL)
                pause_compare(&b);
        txn_put(&b, RECORD_LEASE, g->lease->name, &g->record, sizeof(g->record));
        g->txn = txn_send(&b);
}

static void drop(Core *c, Calling *g, CallResult result) {
        Calling **at = &c->calls;

        while (*at != g)
                at = &(*at)->next;
        *at = g->next;
        finish(c, g->id, g->lease, result, result == CALL_DONE ? g->record.index : g->lease->value->index,
                        result == CALL_DONE ? g->span : 0);
        free(g);
}

/* The record shows what we wrote. A refusal does not speak against it, for the registry may have carried out our
 * Txn twice. */
static bool has_landed(const Calling *g) {
        const LeaseRecord *now = g->lease->value;

        return now->since == g->record.since && now->renewed == g->record.renewed && now->index == g->record.index &&
               now->state == g->record.state && streq(now->machine_id, g->record.machine_id);
}

/* The Txn was refused. If the record refused it, either an earlier attempt of ours was carried out, or somebody else
 * was first. If only our own fence refused it, it is sent again. */
static void on_refused(Core *c, Calling *g) {
        if (has_landed(g))
                drop(c, g, CALL_DONE);
        else if ((g->meta > 0 && c->meta.seen.revision != g->meta) ||
                        (pause_is_seen(c) && (g->kind == CALL_ACQUIRE || g->kind == CALL_STEAL)))
                drop(c, g, CALL_UNAVAILABLE);
        else if (g->lease->seen.revision != g->revision)
                drop(c, g,
                                g->kind == CALL_ACQUIRE ? CALL_NOT_ACQUIRED
                                : g->kind == CALL_STEAL ? CALL_INDEX_MISMATCH
                                                        : CALL_LEASE_LOST);
}

bool call_answer(Core *c, uint64_t id, const Answer *answer) {
        Calling *g = c->calls;

        while (g && g->txn != id)
                g = g->next;
        if (!g)
                return false;
        g->txn = 0;
        if (answer->outcome == OUTCOME_COMMITTED) {
                intake_apply(c, RECORD_LEASE, g->lease->name, &g->record, answer->revision);
                drop(c, g, CALL_DONE);
        } else if (answer->outcome == OUTCOME_REFUSED)
                on_refused(c, g);
        else
                g->retry_at = c->now.boottime + 20 * USEC_PER_MSEC;
        return true;
}

void call_advance(Core *c) {
        Calling *next;

        for (Calling *g = c->calls; g; g = next) {
                next = g->next;
                if (c->now.boottime >= g->deadline && !g->txn)
                        drop(c, g, CALL_UNKNOWN);
                else if (!g->txn && c->now.boottime >= g->retry_at && session_settled(c) && session_is_checked(c)) {
                        if (g->lease->seen.revision != g->revision)
                                on_refused(c, g); /* the record has moved since: by an attempt of ours, or by others */
                        else
                                send_call(c, g);
                }
        }
}

/* The Txn under way may land all the same (law 6), but it is not sent again. */
void call_withdraw(Core *c, uint64_t id) {
        for (Calling *g = c->calls; g; g = g->next)
                if (g->id == id)
                        g->deadline = 0;
}

usec_t call_deadline(const Core *c) {
        usec_t t = USEC_INFINITY;

        for (const Calling *g = c->calls; g; g = g->next)
                if (!g->txn)
                        t = MIN(t, g->retry_at > c->now.boottime ? g->retry_at : g->deadline);
        return t;
}

void call_end_all(Core *c) {
        while (c->calls)
                drop(c, c->calls, CALL_UNKNOWN);
}

void call_free_all(Core *c) {
        while (c->calls) {
                Calling *g = c->calls;

                c->calls = g->next;
                free(g);
        }
}
