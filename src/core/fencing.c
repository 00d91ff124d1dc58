/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The command is run once for each silence, in the whole cluster. Before a machine runs the command, it writes the
 * revision of the last beat into the fence of the silent session, by a Txn that compares that fence and that beat. So
 * only one machine can write it for this beat, and a beat that is under way refuses the Txn.
 *
 * Machines take turns in the order of their sessions' names, so that nearly always only one of them tries.
 *
 * Only the command's success counts. If it fails, hangs, or is lost with this daemon, the session's leases are taken
 * when its TTL is over, as without a command.
 */

#include "core/fencing.h"

#include "core/confirm.h"
#include "core/machine.h"
#include "core/mirror.h"
#include "core/output.h"
#include "core/pause.h"
#include "core/session.h"
#include "core/txn.h"

/* Our own last beat is recent: whoever is cut off himself switches nobody off. Nor does anybody during a pause, when
 * nobody could take what the machine holds. */
static bool beats(const Core *c) {
        return machine_is_named(c) && !pause_is_seen(c) && session_is_checked(c) && !c->shutdown.on && !c->sleep.on &&
               c->now.boottime < c->own.t0 + c->own.timeline.round * 3 / 2;
}

/* Whether the session's silence, if it lasts, is to be ended by the command. */
static bool is_candidate(const Core *c, const Session *s) {
        return s->held > 0 && s->beat.revision > 0 && !session_is_ours(c, s->name) && s->fence_value &&
               !s->fence_value->over && s->fence_value->silence != s->beat.revision &&
               c->now.boottime < session_dead_at(s);
}

/* The machine whose present session this is; NULL: none. A machine that has begun another session since is up, or was:
 * it is not switched off for an earlier one. */
static const Machine *machine_of(const Core *c, const Session *s) {
        for (const Machine *m = c->machines; m; m = m->hh.next)
                if (m->seen.revision > 0 && streq(m->value.session, s->name))
                        return m;
        return NULL;
}

static void send(Core *c, const Session *s, const Machine *m) {
        FenceRecord *fence = output_fence(c, s->fence_value);
        TxnBuilder b = txn_begin(c);

        must(fence->silence != s->beat.revision && c->here.fence_after > 0);
        fence->silence = s->beat.revision;
        txn_compare(&b, RECORD_FENCE, c->own.name, c->own.fence_revision);
        txn_compare(&b, RECORD_BEAT, s->name, s->beat.revision);
        txn_compare(&b, RECORD_FENCE, s->name, s->fence.revision);
        txn_put(&b, RECORD_FENCE, s->name, fence, sizeof(*fence));
        str_copy(c->fencing.session, sizeof(c->fencing.session), s->name);
        str_copy(c->fencing.machine, sizeof(c->fencing.machine), m->id);
        c->fencing.beat = s->beat.revision;
        c->fencing.txn = txn_send(&b);
}

void fencing_advance(Core *c) {
        usec_t turn = c->own.ttl / 25, next = c->now.boottime + c->own.timeline.round;
        const Session *found = NULL;

        if (c->here.fence_after == 0 || c->fencing.running || c->fencing.txn || c->now.boottime < c->fencing.look_at ||
                        !beats(c))
                return;
        for (const Session *s = c->sessions; s && !found; s = s->hh.next) {
                usec_t at;

                if (!is_candidate(c, s))
                        continue;
                at = usec_add(s->beat.at, MAX(c->here.fence_after, s->ttl * 2 / 5));
                if (c->now.boottime >= at)
                        at = usec_add(at, session_rank(c) * turn);
                if (c->now.boottime >= at)
                        found = machine_of(c, s) ? s : NULL;
                else
                        next = MIN(next, at);
        }
        c->fencing.look_at = MAX(next, c->now.boottime + turn / 4);
        if (found)
                send(c, found, machine_of(c, found));
}

bool fencing_answer(Core *c, uint64_t id, const Answer *answer) {
        Action *a;

        if (id == 0 || id != c->fencing.txn)
                return false;
        c->fencing.txn = 0;
        /* Refused: another machine was faster, or the session beats. Without an answer the Txn may have been
         * committed: then nobody runs the command for this silence, and the TTL counts. */
        if (answer->outcome != OUTCOME_COMMITTED)
                return true;
        c->fencing.running = true;
        a = output(c, ACTION_FENCE);
        a->session = c->fencing.session;
        a->machine_id = c->fencing.machine;
        output_report(c, (Report){ .kind = REPORT_FENCING,
                                         .session = c->fencing.session,
                                         .machine_id = c->fencing.machine });
        return true;
}

void fencing_done(Core *c, bool off) {
        const Machine *m = mirror_find_machine(c, c->fencing.machine);
        Session *s = mirror_find_session(c, c->fencing.session);

        if (!c->fencing.running)
                return;
        c->fencing.running = false;
        output_report(c, (Report){ .kind = off ? REPORT_FENCED : REPORT_FENCE_FAILED,
                                         .session = c->fencing.session,
                                         .machine_id = c->fencing.machine });
        if (off && s && m)
                confirm_session(c, s, m, c->fencing.beat, "");
}

usec_t fencing_deadline(const Core *c) {
        return c->here.fence_after == 0 || c->fencing.running || c->fencing.txn || !beats(c) ? USEC_INFINITY
                                                                                             : c->fencing.look_at;
}
