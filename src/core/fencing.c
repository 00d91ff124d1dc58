/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The command is run once for each silence, in the whole cluster. Before a machine runs the command, it writes the
 * revision of the last beat into the fence of the silent session, by a Txn that compares that fence and that beat. So
 * only one machine can write it for this beat, and a beat that is under way refuses the Txn.
 *
 * A silence is none before two of the periods have passed that the session's machine has told (law 12). Nor is it one
 * right after the registry has answered nobody for a while: then each session needs the time for another attempt.
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
               c->now.boottime < c->own.t0 + machine_own_beats_every(c, &c->own) * 3 / 2;
}

/* Whether the session's silence, if it lasts, is to be ended by the command. */
static bool is_candidate(const Core *c, const Session *s) {
        return s->held > 0 && s->beat.revision > 0 && !session_is_ours(c, s->name) && s->fence_value &&
               !s->fence_value->over && s->fence_value->silence != s->beat.revision &&
               c->now.boottime < session_dead_at(s);
}

/* The present session of the machine, if its silence, should it last, is to be ended by the command; NULL: it is not.
 * A machine that has begun another session since is up, or was: it is not switched off for an earlier one. */
static const Session *candidate(const Core *c, const Machine *m) {
        const Session *s = m->seen.revision > 0 ? mirror_find_session((Core *) c, m->value.session) : NULL;

        return s && is_candidate(c, s) ? s : NULL;
}

/* How long the machine must be silent at least. */
static usec_t patience(const Machine *m) {
        return 2 * machine_beats_every(m); /* law 12 */
}

/* From when on the session is silent. */
static usec_t silent_at(const Core *c, const Machine *m, const Session *s) {
        usec_t last = usec_add(s->beat.at, MAX(c->here.fence_after, patience(m)));
        usec_t anew = MAX(patience(m), machine_beats_every(m) + ttl_attempt(s->ttl));

        return MAX(last, usec_add(c->own.steady_from, anew));
}

/* How many machines that beat come before this one, by their sessions' names. */
static unsigned rank(const Core *c) {
        unsigned n = 0;

        for (const Machine *m = c->machines; m; m = m->hh.next) {
                const Session *s = machine_session(c, m);

                n += s && strcmp(s->name, c->own.name) < 0 && c->now.boottime < usec_add(s->beat.at, patience(m));
        }
        return n;
}

static void send(Core *c, const Session *s, const Machine *m) {
        FenceRecord *fence = output_fence(c, s->fence_value);
        TxnBuilder b = txn_begin(c);

        must(fence->silence != s->beat.revision && c->here.fence_after > 0);
        fence->silence = s->beat.revision;
        txn_compare(&b, RECORD_FENCE, c->own.name, c->own.fence_revision);
        txn_compare(&b, RECORD_BEAT, s->name, s->beat.revision);
        txn_compare(&b, RECORD_FENCE, s->name, s->fence.revision);
        txn_compare(&b, RECORD_MACHINE, m->id, m->seen.revision); /* so what it told is what was read */
        txn_put(&b, RECORD_FENCE, s->name, fence, sizeof(*fence));
        str_copy(c->fencing.session, sizeof(c->fencing.session), s->name);
        str_copy(c->fencing.machine, sizeof(c->fencing.machine), m->id);
        c->fencing.beat = s->beat.revision;
        c->fencing.txn = txn_send(&b);
}

void fencing_advance(Core *c) {
        usec_t period = machine_own_beats_every(c, &c->own), turn = period / 5, next = c->now.boottime + period;
        const Machine *found = NULL;

        if (c->here.fence_after == 0 || c->fencing.running || c->fencing.txn || c->now.boottime < c->fencing.look_at ||
                        !beats(c))
                return;
        for (const Machine *m = c->machines; m && !found; m = m->hh.next) {
                const Session *s = candidate(c, m);
                usec_t at;

                if (!s)
                        continue;
                at = silent_at(c, m, s);
                if (c->now.boottime >= at)
                        at = usec_add(at, rank(c) * turn);
                if (c->now.boottime >= at && session_is_surely_of(c, s, m))
                        found = m;
                else if (c->now.boottime < at)
                        next = MIN(next, at);
        }
        c->fencing.look_at = MAX(next, c->now.boottime + turn / 4);
        if (found)
                send(c, candidate(c, found), found);
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
