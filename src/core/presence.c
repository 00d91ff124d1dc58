/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Our machine record.
 *
 * machines/<id> names the one session that competes for leases under this machine id. A machine that finds another
 * session there puts its own only when the other has been silent for its whole TTL. After a crash and a quick reboot
 * this is a short wait. If the other session's beat changes, two machines have the same id (a copied disk): the later
 * one does not compete, and an operator is told. Nothing would run twice without this rule, since the two sessions are
 * different.
 *
 * The record also says since when we beat without a silence. No decision depends on this time: it is for people.
 */

#include "core/presence.h"

#include "core/drain.h"
#include "core/intake.h"
#include "core/machine.h"
#include "core/mirror.h"
#include "core/output.h"
#include "core/session.h"
#include "core/txn.h"

/* The session that our record names, if it is not ours and may be of a machine with our id; NULL: none. A session
 * whose beat names another machine id does not count: then somebody has written our record by mistake, and we write
 * it anew. */
static const Session *other_session(Core *c, const Machine *m) {
        const Session *s;

        if (!m || m->seen.revision == 0 || !m->value.session[0] || session_is_ours(c, m->value.session))
                return NULL;
        s = mirror_find_session(c, m->value.session);
        return s && s->beat.revision > 0 && !s->beat_damaged && s->beat_value.machine_id[0] &&
                                               !streq(s->beat_value.machine_id, c->here.machine_id)
                               ? NULL
                               : s;
}

/* What our record is to say of the time between our beats. The usual time is left out. */
static usec_t said_period(const Core *c) {
        usec_t period = ttl_beats_every(c->own.ttl, c->here.beats_every);

        return period < c->own.ttl / 5 ? period : 0;
}

static bool is_as_wanted(const Core *c, const Machine *m) {
        return m && m->seen.revision > 0 && !m->damaged && streq(m->value.session, c->own.name) &&
               streq(m->value.hostname, c->here.hostname) && streq(m->value.boot_id, c->here.boot_id) &&
               streq(m->value.metadata, c->here.metadata) && streq(m->value.version, c->here.version) &&
               m->value.beats_every == said_period(c) && m->value.draining == c->drain.on &&
               streq(m->value.drained_by, c->drain.by) && streq(m->value.drained_boot, c->drain.boot) &&
               m->value.up_since == c->machine.up_since && streq(m->value.up_session, c->own.name);
}

/* Notes when our beats began, and when they began again after a silence that the others may have seen. A process that
 * carries on a session does not know for how long nobody beat, so it counts from its own first beat. */
static void note_up(Core *c) {
        OwnMachine *o = &c->machine;
        bool was_silent = c->own.t0 > usec_add(o->beat_at, ttl_take_after(c->own.ttl));

        if (o->beat_at == 0 || was_silent || !machine_is_time(c, o->up_since))
                o->up_since = c->now.realtime;
        o->beat_at = MAX(o->beat_at, c->own.t0);
}

static void put_machine(Core *c, const Machine *m, const Session *other) {
        MachineRecord *want = &c->machine.next;
        TxnBuilder b = txn_begin(c);

        *want = (MachineRecord){ .draining = c->drain.on, .beats_every = said_period(c) };
        str_copy(want->session, sizeof(want->session), c->own.name);
        str_copy(want->hostname, sizeof(want->hostname), c->here.hostname);
        str_copy(want->boot_id, sizeof(want->boot_id), c->here.boot_id);
        str_copy(want->metadata, sizeof(want->metadata), c->here.metadata);
        str_copy(want->version, sizeof(want->version), c->here.version);
        str_copy(want->drained_by, sizeof(want->drained_by), c->drain.by);
        str_copy(want->drained_boot, sizeof(want->drained_boot), c->drain.boot);
        want->up_since = c->machine.up_since;
        str_copy(want->up_session, sizeof(want->up_session), c->own.name);
        txn_compare(&b, RECORD_MACHINE, c->here.machine_id, m ? m->seen.revision : 0);
        txn_compare(&b, RECORD_FENCE, c->own.name, c->own.fence_revision);
        if (other)
                txn_compare(&b, RECORD_BEAT, other->name, other->beat.revision);
        txn_put(&b, RECORD_MACHINE, c->here.machine_id, want, sizeof(*want));
        c->machine.txn = txn_send(&b);
}

static usec_t other_dead_at(const Session *other) {
        return other && other->beat.revision > 0 ? session_silent_at(other) : 0;
}

void presence_advance(Core *c) {
        const Machine *m = c->self;
        const Session *other;

        if (!session_settled(c))
                return;
        note_up(c);
        drain_advance(c);
        if (c->machine.txn || c->shutdown.on || c->now.boottime < c->machine.retry_at)
                return;
        if (is_as_wanted(c, m))
                return;
        other = other_session(c, m);
        if (c->now.boottime < other_dead_at(other)) {
                if (other->moved && !c->machine.twice_reported) {
                        c->machine.twice_reported = true;
                        output_report(c, (Report){ .kind = REPORT_MACHINE_TWICE, .hostname = m->value.hostname });
                }
                return;
        }
        put_machine(c, m, other);
}

void presence_txn(Core *c, const Answer *answer) {
        c->machine.txn = 0;
        if (answer->outcome == OUTCOME_COMMITTED) {
                intake_apply(c, RECORD_MACHINE, c->here.machine_id, &c->machine.next, answer->revision);
                c->machine.twice_reported = false;
        } else
                c->machine.retry_at = c->now.boottime + c->own.timeline.round / 8;
}

usec_t presence_deadline(const Core *c) {
        usec_t t;

        if (!session_settled(c))
                return USEC_INFINITY;
        t = MAX(other_dead_at(other_session((Core *) c, c->self)), c->machine.retry_at);
        return t > c->now.boottime ? t : USEC_INFINITY;
}
