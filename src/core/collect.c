/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The beats and fences of sessions that ended long ago are deleted.
 */

#include "core/collect.h"

#include "core/machine.h"
#include "core/mirror.h"
#include "core/session.h"
#include "core/txn.h"

enum {
        COLLECT_AFTER_TTLS = 30,
        COLLECT_MAX = 40, /* sessions in one Txn, which compares and deletes two records of each */
};

static void mark_session(Core *c, const char *name) {
        Session *s = name[0] ? mirror_find_session(c, name) : NULL;

        if (s)
                s->needed = true;
}

/* Marks the sessions that a lease names, as its holder or in a debt: by one look at each lease, however many sessions
 * there are. */
static void mark_named(Core *c) {
        for (Session *s = c->sessions; s; s = s->hh.next)
                s->needed = false;
        for (const Lease *l = c->leases; l; l = l->hh.next) {
                c->look.work.looks++;
                mark_session(c, l->value->session);
                for (size_t i = 0; i < l->value->n_debts; i++)
                        mark_session(c, l->value->debts[i].session);
        }
}

/* But for leases that name it: mark_named(). Mostly its count says that it holds some, and they need not be gone
 * through. */
static bool may_be_collected(const Core *c, const Session *s, bool crowded) {
        usec_t due = crowded ? session_dead_at(s) : usec_add(s->beat.at, COLLECT_AFTER_TTLS * s->ttl);

        return s->held == 0 && s->beat.known && s->fence.known && (s->beat.revision > 0 || s->fence.revision > 0) &&
               !session_is_ours(c, s->name) && !(s->keeps && !session_is_over(s)) && c->now.boottime >= due;
}

/* Deletes one session at a time, long after its end. The beat and the fence are deleted in one Txn, so that nobody
 * sees one without the other. If a record comes to name the session at the same moment, that does no harm: the absent
 * beat counts as silence, and the session can never beat again. If a lost lease waits for room in a Txn (claim.c),
 * many sessions are deleted at once, as soon as they are dead. The beats are compared, as in a takeover (law 3). */
void collect_advance(Core *c) {
        bool crowded = c->collect.crowded, marked = false;
        TxnBuilder b;
        size_t n = 0;

        if (c->collect.txn || (c->now.boottime < c->collect.at && !crowded) || c->now.boottime < c->collect.retry_at ||
                        machine_why_not(c) != WHY_NONE)
                return;
        c->collect.crowded = false;
        c->collect.at = c->now.boottime + c->here.ttl + core_random(c) % c->here.ttl;
        for (Session *s = c->sessions; s && n < (crowded ? COLLECT_MAX : 1); s = s->hh.next) {
                if (!may_be_collected(c, s, crowded))
                        continue;
                if (!marked)
                        mark_named(c);
                marked = true;
                if (s->needed)
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
