/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A write that has no answer may have been carried out, or may be later (law 6). It is repeated until it is answered.
 * An attempt that was carried out makes the next one fail, since the key has another index then. So after a failure
 * that follows a doubt the key is read. A renewal is recognized by the key's age, the machine and the version, all of
 * which only a holder keeps; it is then made once more, since the key's time may count from an earlier call. A release
 * has nothing to recognize: the key is not ours any more. A lease that was newly taken is not recognized, but ends as
 * CALL_UNKNOWN: another program on this machine, as fleet itself, writes the very same value, and each would take the
 * lease of the other one for its own.
 */

#include "core/fleet-call.h"

#include "core/timeline.h"

#define FLEET_TIMEOUT (5 * USEC_PER_SEC)
#define FLEET_RETRY (50 * USEC_PER_MSEC)

static void end(FleetCall *g, CallResult result) {
        g->step = FLEET_STEP_ENDED;
        g->result = result;
}

static bool takes(const FleetCall *g) {
        return g->kind == CALL_ACQUIRE || g->kind == CALL_STEAL;
}

static CallResult check(const FleetCall *g, const Call *call, usec_t now) {
        if (!lease_name_is_valid(call->lease))
                return CALL_INVALID_NAME;
        if ((takes(g) || g->kind == CALL_RENEW) && (g->period < PERIOD_MIN || g->period > PERIOD_MAX))
                return CALL_INVALID_PERIOD;
        if (g->kind == CALL_ACQUIRE && now < g->quiet_until)
                return CALL_NOT_ACQUIRED;
        /* A holder's lease ends by its own clock, whatever the registry still has. */
        if (g->kind == CALL_RENEW && (g->index == 0 || now >= g->known_until))
                return CALL_LEASE_LOST;
        return g->kind == CALL_RELEASE && g->index == 0 ? CALL_LEASE_LOST : CALL_DONE;
}

void fleet_call_begin(FleetCall *g, const Call *call, const char *here, const FleetMemory *m, usec_t now) {
        bool known = m->node.modified > 0 && m->node.modified == call->index;
        CallResult r;

        *g = (FleetCall){
                .kind = call->kind,
                .version = call->version,
                .period = call->period,
                .index = call->index,
                .named = call->index,
                .known_until = known ? m->until : USEC_INFINITY,
                .quiet_until = m->quiet_until,
                .deadline = usec_add(now, FLEET_TIMEOUT),
        };
        str_copy(g->machine_id, sizeof(g->machine_id), isempty(call->machine) ? here : call->machine);
        if (known && call->kind == CALL_RENEW) {
                g->node = m->node;
                g->created = m->node.created;
                str_copy(g->machine_id, sizeof(g->machine_id), m->node.machine_id);
                g->version = m->node.version;
                g->doubt = m->doubt;
                g->deadline = MIN(g->deadline, m->until);
        }
        g->step = g->kind == CALL_ACQUIRE || g->kind == CALL_RELEASE || g->created > 0 ? FLEET_STEP_WRITE
                                                                                       : FLEET_STEP_LOOK;
        r = check(g, call, now);
        if (r != CALL_DONE)
                end(g, r);
}

/* ---- asking ---- */

static FleetAskKind write_of(const FleetCall *g) {
        return g->kind == CALL_ACQUIRE ? FLEET_CREATE : g->kind == CALL_RELEASE ? FLEET_DELETE : FLEET_SWAP;
}

bool fleet_call_next(FleetCall *g, usec_t now, FleetAsk *ret) {
        if (g->step == FLEET_STEP_ENDED || g->asking || now < g->retry_at)
                return false;
        if (now >= g->deadline) {
                end(g, g->doubt ? CALL_UNKNOWN : CALL_UNAVAILABLE);
                return false;
        }
        *ret = (FleetAsk){
                .kind = g->step == FLEET_STEP_WRITE ? write_of(g) : FLEET_READ,
                .index = g->index,
                .ttl = (period_take_after(g->period) + USEC_PER_SEC - 1) / USEC_PER_SEC,
                .machine_id = g->machine_id,
                .version = g->version,
                .timeout = g->deadline - now,
        };
        if (g->step == FLEET_STEP_WRITE && g->sent_at == 0)
                g->sent_at = now; /* every later attempt counts from here, too: which was carried out is not known */
        g->asking = true;
        return true;
}

usec_t fleet_call_due(const FleetCall *g) {
        return g->step == FLEET_STEP_ENDED || g->asking ? USEC_INFINITY : g->retry_at;
}

/* ---- answers ---- */

/* How long somebody who is robbed may still act: his key's time, on a clock that may be slow. One whose key never
 * expires may act for as long as any period is. */
static usec_t time_of_the_robbed(const FleetNode *node) {
        return node->ttl == 0 || node->ttl > PERIOD_MAX / USEC_PER_SEC ? PERIOD_MAX
                                                                       : period_take_after(node->ttl * USEC_PER_SEC);
}

/* Whether the key says what the call writes. */
static bool is_as_written(const FleetCall *g, const FleetNode *node) {
        return !node->damaged && streq(node->machine_id, g->machine_id) && node->version == g->version;
}

static void on_looked(FleetCall *g, usec_t now, const FleetAnswer *a) {
        bool there = a->outcome == FLEET_DONE;

        g->node = there ? a->node : (FleetNode){};
        if (g->kind == CALL_READ)
                end(g, there ? CALL_DONE : CALL_NO_SUCH_LEASE);
        else if (g->kind == CALL_STEAL && !there)
                end(g, CALL_NO_SUCH_LEASE);
        else if (g->kind == CALL_STEAL && (g->index == 0 || a->node.modified != g->index))
                end(g, CALL_INDEX_MISMATCH);
        else if (g->kind == CALL_STEAL && is_as_written(g, &a->node))
                end(g, CALL_SAME_HOLDER); /* whose renewal, in doubt, would find what was stolen as if it were its own
                                           */
        else if (g->kind == CALL_STEAL) {
                g->span = time_of_the_robbed(&a->node);
                g->quiet_until = MAX(g->quiet_until, usec_add(now, g->span));
                g->step = FLEET_STEP_WRITE;
        } else if (!there || a->node.modified != g->index || a->node.damaged)
                end(g, CALL_LEASE_LOST);
        else {
                g->created = a->node.created;
                g->version = a->node.version;
                str_copy(g->machine_id, sizeof(g->machine_id), a->node.machine_id);
                g->step = FLEET_STEP_WRITE;
        }
}

static void on_written(FleetCall *g, usec_t now, const FleetAnswer *a) {
        bool lost = g->kind == CALL_RENEW || g->kind == CALL_RELEASE;

        if (a->outcome == FLEET_DONE) {
                g->node = g->kind == CALL_RELEASE ? (FleetNode){} : a->node;
                if (g->kind == CALL_STEAL)
                        g->span = usec_sub(g->quiet_until, now);
                /* What is acquired or renewed too late is not held any more. */
                end(g, g->kind != CALL_RELEASE && now >= usec_add(g->sent_at, g->period) ? CALL_UNKNOWN : CALL_DONE);
        } else if (g->kind == CALL_RELEASE)
                end(g, g->doubt ? CALL_DONE : CALL_LEASE_LOST);
        else if (lost && (!g->doubt || a->outcome == FLEET_ABSENT))
                end(g, CALL_LEASE_LOST);
        else
                g->step = FLEET_STEP_AFTER;
}

/* The write failed, because somebody was first: perhaps an attempt of ours. */
static void on_read_after(FleetCall *g, const FleetAnswer *a) {
        bool there = a->outcome == FLEET_DONE, as_written = there && is_as_written(g, &a->node);

        g->node = there ? a->node : (FleetNode){};
        if (g->kind == CALL_RENEW && as_written && a->node.created == g->created) {
                g->index = a->node.modified;
                g->step = FLEET_STEP_WRITE;
                g->doubt = false;
                g->sent_at = 0;
        } else if (g->kind == CALL_RENEW)
                end(g, CALL_LEASE_LOST);
        else if (g->doubt && (as_written || !there))
                end(g, CALL_UNKNOWN);
        else if (g->kind == CALL_STEAL)
                end(g, there ? CALL_INDEX_MISMATCH : CALL_NO_SUCH_LEASE);
        else if (there)
                end(g, CALL_NOT_ACQUIRED);
        else { /* it has expired between the two questions */
                g->step = FLEET_STEP_WRITE;
                g->sent_at = 0;
        }
}

/* Whether an answer that says "done" tells of another write than ours, as one that a proxy has mixed up. It says
 * nothing of ours. */
static bool is_of_another_write(const FleetCall *g, const FleetAnswer *a) {
        if (g->step != FLEET_STEP_WRITE || a->outcome != FLEET_DONE || g->kind == CALL_RELEASE)
                return false;
        return !is_as_written(g, &a->node) || (g->kind != CALL_ACQUIRE && a->node.modified <= g->index) ||
               (g->created > 0 && a->node.created != g->created);
}

void fleet_call_answer(FleetCall *g, usec_t now, const FleetAnswer *a) {
        g->asking = false;
        if (g->step == FLEET_STEP_ENDED)
                return;
        if (a->outcome == FLEET_UNKNOWN || is_of_another_write(g, a)) {
                g->doubt = g->doubt || g->step == FLEET_STEP_WRITE;
                g->retry_at = usec_add(now, FLEET_RETRY);
        } else if (a->outcome == FLEET_DENIED)
                end(g, g->doubt ? CALL_UNKNOWN : CALL_UNAVAILABLE);
        else if (g->step == FLEET_STEP_LOOK)
                on_looked(g, now, a);
        else if (g->step == FLEET_STEP_WRITE)
                on_written(g, now, a);
        else
                on_read_after(g, a);
}

/* ---- memory ---- */

void fleet_call_remember(const FleetCall *g, FleetMemory *m) {
        bool was_ours = m->node.modified > 0 && m->node.modified == g->named;

        if (g->kind == CALL_STEAL && g->sent_at > 0)
                m->quiet_until = MAX(
                                m->quiet_until, g->quiet_until); /* also if it is not known whether he was robbed */
        if (g->result == CALL_DONE && (takes(g) || g->kind == CALL_RENEW)) {
                m->node = g->node;
                m->until = usec_add(g->sent_at, g->period);
                m->doubt = false;
        } else if (was_ours && (g->kind == CALL_RELEASE || g->result == CALL_LEASE_LOST))
                m->node = (FleetNode){};
        else if (was_ours && g->kind == CALL_RENEW && g->doubt) {
                m->doubt = true;
                if (g->sent_at > 0) /* it may have been for a shorter period */
                        m->until = MIN(m->until, usec_add(g->sent_at, g->period));
        }
}

bool fleet_memory_counts(const FleetMemory *m, usec_t now) {
        return now < m->quiet_until || (m->node.modified > 0 && now < usec_add(m->until, PERIOD_MAX));
}
