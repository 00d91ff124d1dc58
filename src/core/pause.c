/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The pause is one record (law 13). An operator puts it, and later marks it as ending. Any machine deletes it when
 * every session that holds leases has beaten since, or after a TTL. Machines do this in the order of their sessions'
 * names, so that nearly always only one of them tries.
 *
 * Who remembers a pause, and finds that the registry fell back, writes the record again and marks it: then it is not
 * known who keeps leases without beats, and the pause ends only when every session has beaten or is confirmed dead.
 */

#include "core/pause.h"

#include "core/session.h"

bool pause_is_seen(const Core *c) {
        return c->pause.seen.revision > 0;
}

bool pause_is_on(const Core *c) {
        return pause_is_seen(c) && c->pause.value.stage == PAUSE_ON;
}

bool pause_waits_for_all(const Core *c) {
        return c->pause.lost || (pause_is_seen(c) && c->pause.value.fell_back);
}

void pause_compare(TxnBuilder *b) {
        if (!txn_compares(b, RECORD_PAUSE))
                txn_compare(b, RECORD_PAUSE, "", 0); /* law 13 */
}

void pause_compare_read(TxnBuilder *b) {
        must(pause_is_on(b->core));
        txn_compare(b, RECORD_PAUSE, "", b->core->pause.seen.revision); /* law 13 */
}

bool pause_is_read(const Core *c) {
        for (const Session *s = c->sessions; s; s = s->hh.next)
                if (s->held > 0 && s->beat.revision > 0 && !s->keeps && !session_is_over(s) &&
                                (session_is_ours(c, s->name) || c->now.boottime < session_silent_at(s)))
                        return false;
        return true;
}

/* Version 0.1 neither compares the record nor knows the word of a fence. */
const char *pause_find_stranger(const Core *c) {
        for (const Machine *m = c->machines; m; m = m->hh.next) {
                const Session *s;

                if (m->seen.revision == 0 || !startswith(m->value.version, "0.1."))
                        continue;
                HASH_FIND_STR(c->sessions, m->value.session, s);
                if (s && s->beat.revision > 0 && c->now.boottime < session_silent_at(s))
                        return m->value.hostname;
        }
        return NULL;
}

void pause_ask(Core *c, bool on, const char *by) {
        c->pause.asked = on ? 1 : -1;
        str_copy(c->pause.by, sizeof(c->pause.by), strempty(by));
}

void pause_not_asked(Core *c) {
        c->pause.asked = 0;
}

bool pause_is_under_way(const Core *c) {
        return c->pause.txn > 0;
}

void pause_lose(Core *c) {
        c->pause.lost = c->pause.remembered;
}

/* ---- what is due ---- */

static void remember(Core *c) {
        const Pause *p = &c->pause;
        bool there = p->seen.revision > 0 || p->lost;

        if (c->identity.trust != TRUST_OK || !p->seen.known || there == p->remembered)
                return;
        c->pause.remembered = there;
        c->memory.changed = true;
}

static bool has_beaten(const Core *c, const Session *s) {
        return s->beat.revision > c->pause.seen.revision || s->beyond >= c->pause.seen.revision;
}

/* Whether every session that holds leases is known to count by its beats again. Where the registry fell back, a fence
 * without the word proves nothing: only a beat does. */
static bool all_are_back(const Core *c) {
        for (const Session *s = c->sessions; s; s = s->hh.next)
                if (s->held > 0 && s->beat.revision > 0 && !session_is_over(s) && (s->keeps || !has_beaten(c, s)))
                        return false;
        return true;
}

/* When this machine deletes the record; USEC_INFINITY: not yet. */
static usec_t over_at(const Core *c) {
        const Pause *p = &c->pause;
        usec_t turn = session_rank(c) * c->own.ttl / 25;

        if (!pause_is_seen(c) || pause_is_on(c) || p->lost)
                return USEC_INFINITY;
        if (all_are_back(c))
                return usec_add(p->seen.at, turn);
        return p->value.fell_back ? USEC_INFINITY : usec_add(p->seen.at, ttl_take_after(c->own.ttl) + turn);
}

static void send(Core *c, const PauseRecord *value) {
        TxnBuilder b = txn_begin(c);

        txn_compare(&b, RECORD_FENCE, c->own.name, c->own.fence_revision);
        txn_compare(&b, RECORD_PAUSE, "", c->pause.seen.revision);
        if (value)
                txn_put(&b, RECORD_PAUSE, "", value, sizeof(*value));
        else
                txn_delete(&b, RECORD_PAUSE, "");
        c->pause.txn = txn_send(&b);
}

static PauseRecord begun(const Core *c) {
        PauseRecord value = { .stage = PAUSE_ON, .since = c->now.realtime, .fell_back = c->pause.lost };

        if (pause_is_on(c)) /* only marked */
                value = c->pause.value;
        else
                str_copy(value.by, sizeof(value.by), c->pause.by);
        value.fell_back = c->pause.lost || c->pause.value.fell_back;
        return value;
}

void pause_advance(Core *c) {
        Pause *p = &c->pause;
        PauseRecord value;

        remember(c);
        p->lost = p->lost && !(pause_is_seen(c) && p->value.fell_back);
        if ((p->asked > 0 && pause_is_on(c)) || (p->asked < 0 && !pause_is_on(c) && !p->lost))
                p->asked = 0;
        if (p->txn || !p->seen.known || c->now.boottime < p->retry_at || !session_settled(c) || !session_is_checked(c))
                return;
        if (p->lost || p->asked > 0) {
                value = begun(c);
                send(c, &value);
        } else if (p->asked < 0) {
                value = p->value;
                value.stage = PAUSE_ENDING;
                send(c, &value);
        } else if (c->now.boottime >= over_at(c))
                send(c, NULL);
}

/* The record comes by the watch, behind every lease that was written before it; or with the refusal. */
bool pause_answer(Core *c, uint64_t id, const Answer *answer) {
        if (id == 0 || id != c->pause.txn)
                return false;
        c->pause.txn = 0;
        c->pause.retry_at = c->now.boottime + (answer->outcome == OUTCOME_REFUSED ? 0 : c->own.timeline.round / 8);
        return true;
}

usec_t pause_deadline(const Core *c) {
        usec_t t = over_at(c);

        if (c->pause.txn || !session_settled(c))
                return USEC_INFINITY;
        if (c->pause.asked != 0 || c->pause.lost)
                t = 0;
        t = MAX(t, c->pause.retry_at);
        return t > c->now.boottime ? t : USEC_INFINITY;
}
