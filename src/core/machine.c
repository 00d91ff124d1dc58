/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Our machine record, and the sessions of the dead.
 *
 * machines/<id> names the one session that competes for this machine id. Who finds another session there waits until
 * that one has been silent for its whole TTL before he puts his own: after a crash and a quick reboot that is a short
 * wait; if its beat moves, two machines bear one id (a copied disk), and the later one does not compete. Nothing would
 * run twice without this, sessions being different, but an operator must be told.
 */

#include "core/internal.h"

enum {
        COLLECT_AFTER_TTLS = 30,
        COLLECT_MAX = 40, /* sessions in one Txn, which compares and deletes two records of each */
};

/* The session that our record names, if it is not one of this process and may be of our machine id. One whose beat
 * says that it is another machine's is not: somebody has written a record that is not theirs, and we write it anew. */
static const Session *other_session(Core *c, const Machine *m) {
        const Session *s;

        if (!m || m->seen.revision == 0 || !m->value.session[0] || session_is_ours(c, m->value.session))
                return NULL;
        s = mirror_find_session(c, m->value.session);
        return s && s->beat.revision > 0 && !s->beat_damaged && !streq(s->beat_value.machine_id, c->here.machine_id)
                               ? NULL
                               : s;
}

static bool is_as_wanted(const Core *c, const Machine *m) {
        return m && m->seen.revision > 0 && !m->damaged && streq(m->value.session, c->own.name) &&
               streq(m->value.hostname, c->here.hostname) && streq(m->value.boot_id, c->here.boot_id) &&
               streq(m->value.metadata, c->here.metadata) && streq(m->value.version, c->here.version) &&
               m->value.draining == c->drain.on;
}

static void put_machine(Core *c, const Machine *m, const Session *other) {
        MachineRecord *want = &c->machine.next;
        TxnBuilder b = txn_begin(c);

        *want = (MachineRecord){ .draining = c->drain.on };
        str_copy(want->session, sizeof(want->session), c->own.name);
        str_copy(want->hostname, sizeof(want->hostname), c->here.hostname);
        str_copy(want->boot_id, sizeof(want->boot_id), c->here.boot_id);
        str_copy(want->metadata, sizeof(want->metadata), c->here.metadata);
        str_copy(want->version, sizeof(want->version), c->here.version);
        txn_compare(&b, RECORD_MACHINE, c->here.machine_id, m ? m->seen.revision : 0);
        txn_compare(&b, RECORD_FENCE, c->own.name, c->own.fence_revision);
        if (other)
                txn_compare(&b, RECORD_BEAT, other->name, other->beat.revision);
        txn_put(&b, RECORD_MACHINE, c->here.machine_id, want, sizeof(*want));
        c->machine.txn = txn_send(&b);
}

bool machine_is_named(const Core *c) {
        return c->self && c->self->seen.revision > 0 && session_is_ours(c, c->self->value.session);
}

/* ---- draining ---- */

void machine_drain(Core *c, const char *machine, bool on) {
        Machine *m;

        if (isempty(machine) || streq(machine, c->here.machine_id)) {
                c->memory.changed = c->memory.changed || c->drain.on != on;
                c->plan.stale = true;
                c->drain.on = on;
                c->drain.said = true;
                return;
        }
        m = mirror_find_machine(c, machine);
        if (m)
                m->drain_asked = on ? 1 : -1;
}

/* An operator at another machine has changed our record; what was said here and is not in it yet goes before. */
static void take_drain(Core *c, const Machine *m) {
        if (!m || m->seen.revision == 0 || m->damaged || c->machine.txn)
                return;
        if (m->value.draining == c->drain.on)
                c->drain.said = false;
        else if (!c->drain.said) {
                c->drain.on = m->value.draining;
                c->memory.changed = c->plan.stale = true;
        }
}

static void drain_others(Core *c) {
        TxnBuilder b;
        Machine *m = c->machines;

        while (m && !m->drain_asked)
                m = m->hh.next;
        if (!m || c->drain.txn || c->now.boottime < c->drain.retry_at)
                return;
        if (m->seen.revision == 0 || m->damaged || m->value.draining == (m->drain_asked > 0)) {
                m->drain_asked = 0;
                return;
        }
        c->drain.next = m->value;
        c->drain.next.draining = m->drain_asked > 0;
        str_copy(c->drain.machine, sizeof(c->drain.machine), m->id);
        b = txn_begin(c);
        txn_compare(&b, RECORD_MACHINE, m->id, m->seen.revision);
        txn_compare(&b, RECORD_FENCE, c->own.name, c->own.fence_revision);
        txn_put(&b, RECORD_MACHINE, m->id, &c->drain.next, sizeof(c->drain.next));
        c->drain.txn = txn_send(&b);
}

bool machine_drain_answer(Core *c, uint64_t id, const Answer *answer) {
        if (id == 0 || id != c->drain.txn)
                return false;
        c->drain.txn = 0;
        if (answer->outcome == OUTCOME_COMMITTED)
                mirror_apply(c, RECORD_MACHINE, c->drain.machine, &c->drain.next, answer->revision);
        else
                c->drain.retry_at = c->now.boottime + c->own.timeline.round / 8;
        return true;
}

/* ---- our record ---- */

static usec_t other_dead_at(const Session *other) {
        return other && other->beat.revision > 0 ? session_dead_at(other) : 0;
}

void machine_advance(Core *c) {
        const Machine *m = c->self;
        const Session *other;

        if (!session_settled(c))
                return;
        take_drain(c, m);
        drain_others(c);
        if (c->machine.txn || c->shutdown.on || c->now.boottime < c->machine.retry_at)
                return;
        if (is_as_wanted(c, m))
                return;
        other = other_session(c, m);
        if (c->now.boottime < other_dead_at(other)) {
                if (other->moved && !c->machine.twice_reported) {
                        c->machine.twice_reported = true;
                        output_report(c, REPORT_MACHINE_TWICE, NULL, NULL, m->value.hostname, 0);
                }
                return;
        }
        put_machine(c, m, other);
}

void machine_txn(Core *c, const Answer *answer) {
        c->machine.txn = 0;
        if (answer->outcome == OUTCOME_COMMITTED) {
                mirror_apply(c, RECORD_MACHINE, c->here.machine_id, &c->machine.next, answer->revision);
                c->machine.twice_reported = false;
        } else
                c->machine.retry_at = c->now.boottime + c->own.timeline.round / 8;
}

usec_t machine_deadline(const Core *c) {
        usec_t t;

        if (!session_settled(c))
                return USEC_INFINITY;
        t = MAX(other_dead_at(other_session((Core *) c, c->self)), c->machine.retry_at);
        if (t <= c->now.boottime)
                t = USEC_INFINITY;
        return c->drain.retry_at > c->now.boottime ? MIN(t, c->drain.retry_at) : t;
}

static const char waits_for_the_old[] = "the registry was replaced or fell back to an older state: "
                                        "waits for whoever may still run from before";
static const char waits_one_ttl[] = "this machine remembers nothing of the registry: waits one TTL";

bool machine_competes(const Core *c, const char **ret_why) {
        const char *why = NULL;

        if (c->shutdown.on)
                why = "the daemon is being stopped";
        else if (c->sleep.on)
                why = "this machine is about to sleep";
        else if (c->identity.trust == TRUST_FOREIGN)
                why = "the registry is not the one that this machine knows (leasectl registry accept)";
        else if (c->identity.trust == TRUST_NONE)
                why = "the registry has not answered yet";
        else if (!session_settled(c))
                why = "no beat has come through yet";
        else if (c->now.boottime >= c->own.t0 + c->own.timeline.stop)
                why = "the registry does not answer";
        else if (!machine_is_named(c))
                why = c->machine.twice_reported ? "another machine bears this machine id"
                                                : "waiting for an earlier session of this machine to end";
        else if (c->drain.on)
                why = "this machine is draining";
        else if (c->identity.silence)
                why = waits_for_the_old;
        else if (c->now.boottime < c->identity.acquire_not_before)
                why = waits_one_ttl;
        if (ret_why)
                *ret_why = why;
        return !why;
}

usec_t machine_waits_until(const Core *c, const char *why, Now now) {
        usec_t until = why == waits_for_the_old ? c->identity.silence_until
                       : why == waits_one_ttl   ? c->identity.acquire_not_before
                                                : 0;

        return until > now.boottime ? usec_add(now.realtime, until - now.boottime) : 0;
}

/* ---- sessions of the dead ---- */

static bool is_named_anywhere(const Core *c, const Session *s) {
        for (const Lease *l = c->leases; l; l = l->hh.next) {
                if (streq(l->value.session, s->name))
                        return true;
                for (size_t i = 0; i < l->value.n_debts; i++)
                        if (streq(l->value.debts[i].session, s->name))
                                return true;
        }
        return false;
}

static bool may_be_collected(const Core *c, const Session *s, bool crowded) {
        usec_t due = crowded ? session_dead_at(s) : usec_add(s->beat.at, COLLECT_AFTER_TTLS * s->ttl);

        return s->beat.known && s->fence.known && (s->beat.revision > 0 || s->fence.revision > 0) &&
               !session_is_ours(c, s->name) && c->now.boottime >= due && !is_named_anywhere(c, s);
}

/* One at a time, long after its end, its beat and its fence in one Txn, so that they are never seen apart. If a record
 * comes to name it in the same moment, its absent beat counts as silence, and it can never beat again. Where a lost
 * lease has to wait for it: many at once, as soon as they are dead. Their beats are compared, as in a takeover. */
void collect_advance(Core *c) {
        bool crowded = c->collect.crowded;
        TxnBuilder b;
        size_t n = 0;

        if (c->collect.txn || (c->now.boottime < c->collect.at && !crowded) || c->now.boottime < c->collect.retry_at ||
                        !machine_competes(c, NULL))
                return;
        c->collect.crowded = false;
        c->collect.at = c->now.boottime + c->here.ttl + core_random(c) % c->here.ttl;
        for (Session *s = c->sessions; s && n < (crowded ? COLLECT_MAX : 1); s = s->hh.next) {
                if (!may_be_collected(c, s, crowded))
                        continue;
                if (n++ == 0) {
                        b = txn_begin(c);
                        txn_compare(&b, RECORD_FENCE, c->own.name, c->own.fence_revision);
                }
                txn_compare(&b, RECORD_BEAT, s->name, s->beat.revision);
                txn_compare(&b, RECORD_FENCE, s->name, s->fence.revision);
                if (s->beat.revision > 0)
                        txn_delete(&b, RECORD_BEAT, s->name);
                if (s->fence.revision > 0)
                        txn_delete(&b, RECORD_FENCE, s->name);
        }
        if (n > 0)
                c->collect.txn = txn_send(&b);
}

void collect_txn(Core *c, const Answer *answer) {
        c->collect.txn = 0;
        if (answer->outcome != OUTCOME_COMMITTED)
                c->collect.retry_at = c->now.boottime + c->own.timeline.round / 2;
}
