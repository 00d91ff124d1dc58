/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The confirmation is one Txn. It compares the beat and the fence of each session of the machine that was silent when
 * the operator spoke, as they were seen then, and puts the fence with "over". A session that has beaten since refuses
 * the Txn, and a session that has begun since is not meant: it may be one of a machine that was switched on again.
 * After the Txn no beat of such a session can be committed, because a beat compares the fence (law 12).
 */

#include "core/confirm.h"

#include "core/output.h"
#include "core/session.h"
#include "core/txn.h"

enum { CONFIRM_MAX = 8 }; /* sessions in one Txn */

/* Two rounds without a beat. The fence must be known, since the Txn compares it. */
static bool is_silent(const Core *c, const Session *s) {
        return s->fence.known && c->now.boottime >= usec_add(s->beat.at, s->ttl * 2 / 5) &&
               !session_is_ours(c, s->name);
}

static bool is_alive(const Core *c, const Session *s, const Machine *m) {
        return s->beat.known && s->beat.revision > 0 && !session_is_over(s) && session_is_of(c, s, m);
}

static bool is_due(const Session *s) {
        return s->confirmed && !session_is_over(s) && s->beat.revision == s->confirmed_at;
}

Confirmation confirm_look(const Core *c, const Machine *m) {
        Confirmation found = CONFIRM_DONE;

        for (const Session *s = c->sessions; s && found != CONFIRM_DUE; s = s->hh.next)
                if (is_alive(c, s, m))
                        found = is_silent(c, s) ? CONFIRM_DUE : CONFIRM_BEATS;
        return found;
}

void confirm_session(Core *c, Session *s, const Machine *m, uint64_t beat, const char *by) {
        str_copy(c->confirm.by, sizeof(c->confirm.by), by);
        s->confirmed = m;
        s->confirmed_at = beat;
        c->confirm.asked = true;
}

void confirm_begin(Core *c, const Machine *m, const char *by) {
        for (Session *s = c->sessions; s; s = s->hh.next)
                if (is_alive(c, s, m) && is_silent(c, s))
                        confirm_session(c, s, m, s->beat.revision, by);
}

void confirm_end(Core *c, const Machine *m) {
        for (Session *s = c->sessions; s; s = s->hh.next)
                if (s->confirmed == m)
                        s->confirmed = NULL;
}

Confirmation confirm_outcome(const Core *c, const Machine *m) {
        Confirmation found = CONFIRM_DONE;

        for (const Session *s = c->sessions; s; s = s->hh.next)
                if (s->confirmed == m && is_due(s))
                        return CONFIRM_DUE;
                else if (s->confirmed == m && !session_is_over(s) && s->beat.revision > 0)
                        found = CONFIRM_BEATS;
        return found;
}

bool confirm_is_under_way(const Core *c) {
        return c->confirm.txn > 0;
}

static FenceRecord *fence_of(Core *c, const Session *s) {
        static const FenceRecord none;
        FenceRecord *fence = output_fence(c, s->fence_value ?: &none);

        if (!s->fence_value) /* law 11: should the session live, it finds more counted than named */
                fence->counter = core_random(c) >> 16;
        fence->over = true;
        str_copy(fence->over_by, sizeof(fence->over_by), c->confirm.by);
        return fence;
}

void confirm_advance(Core *c) {
        TxnBuilder b;
        size_t n = 0;

        if (!c->confirm.asked || c->confirm.txn || c->now.boottime < c->confirm.retry_at || !session_settled(c) ||
                        !session_is_checked(c))
                return;
        for (const Session *s = c->sessions; s && n < CONFIRM_MAX; s = s->hh.next) {
                if (!is_due(s))
                        continue;
                if (n++ == 0) {
                        b = txn_begin(c);
                        txn_compare(&b, RECORD_FENCE, c->own.name, c->own.fence_revision);
                }
                txn_compare(&b, RECORD_BEAT, s->name, s->beat.revision);
                txn_compare(&b, RECORD_FENCE, s->name, s->fence.revision);
                txn_put(&b, RECORD_FENCE, s->name, fence_of(c, s), sizeof(FenceRecord));
        }
        c->confirm.asked = n > 0;
        if (n > 0)
                c->confirm.txn = txn_send(&b);
}

/* The fences come by the watch, behind every beat and lease that was written before them; or with the refusal. */
bool confirm_answer(Core *c, uint64_t id, const Answer *answer) {
        if (id == 0 || id != c->confirm.txn)
                return false;
        c->confirm.txn = 0;
        c->confirm.retry_at = c->now.boottime + (answer->outcome == OUTCOME_REFUSED ? 0 : c->own.timeline.round / 8);
        return true;
}

usec_t confirm_deadline(const Core *c) {
        return c->confirm.asked && session_settled(c) && c->confirm.retry_at > c->now.boottime ? c->confirm.retry_at
                                                                                               : USEC_INFINITY;
}
