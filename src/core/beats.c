/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Of a thousand machines each beats several times in a TTL, and nearly all of these beats say what was expected. So
 * this machine asks for the opposite, once a round: which beats have not been put since the round before, at what
 * revision. While all machines beat, the answer is empty. What it does not name has beaten. What it names is dated
 * (sample.c), and its TTL runs out (law 2).
 *
 * The watch tells of some of the beats all the same: of all in a small cluster, otherwise of those of some sessions.
 * Each of these shows how far the registry has come, and so dates the others. Which sessions they are does not matter;
 * their names are random, so a range of names is a fair share.
 *
 * Where the watch does not tell of a session's beats, the watch shows the session's beginning and end by its fence,
 * which is put and deleted along with the beat. Then the beat is in doubt, and is read by itself, as is that of a
 * session which only a lease names. What was deleted or
 * put by hand shows in the number of beats that the answer bears; then, and now and then without that, all are listed.
 */

#include "core/beats.h"

#include "core/output.h"
#include "core/session.h"
#include "core/txn.h"

enum {
        DOUBTS_MAX = 32,      /* beats that are read one by one; of more, all are listed */
        WHOLE_EVERY = 16,     /* rounds */
        TOLD_DEFAULT = 16000, /* beats in 1000 s */
};

/* ---- which beats the watch tells of ---- */

typedef struct Crowd {
        uint64_t n;    /* beats that there are, as far as is known here */
        uint64_t rate; /* in 1000 s, of all other machines */
} Crowd;

static Crowd count(Core *c) {
        Crowd crowd = {};

        c->beats.fastest = TTL_MAX;
        for (const Session *s = c->sessions; s; s = s->hh.next) {
                crowd.n += s->beat.revision > 0;
                if (s->beat.revision == 0 || session_is_ours(c, s->name) || c->now.boottime >= session_dead_at(s))
                        continue;
                crowd.rate += 5000 * USEC_PER_SEC / s->ttl;
                c->beats.fastest = MIN(c->beats.fastest, s->ttl);
        }
        return crowd;
}

/* Sessions come and go: what was chosen is kept while it is not far off. */
static bool still_fits(const Core *c, uint64_t rate, uint64_t most) {
        return c->beats.from[0] ? rate <= 2 * c->beats.rate && rate >= c->beats.rate / 2 : rate <= 2 * most;
}

static void choose(Core *c, uint64_t rate, uint64_t most) {
        c->beats.rate = rate;
        if (rate <= most)
                c->beats.from[0] = '\0';
        else
                record_format_hex(UINT64_MAX - UINT64_MAX / rate * most, c->beats.from);
}

static void listen(Core *c) {
        uint64_t rate, most = c->here.beats_told ?: TOLD_DEFAULT;
        bool renamed = c->beats.from[0] && !streq(c->beats.told, c->own.name);
        Action *a;

        if (!c->beats.relisted && !renamed)
                return;
        c->beats.relisted = false;
        rate = count(c).rate;
        if (still_fits(c, rate, most) && !renamed)
                return;
        if (!still_fits(c, rate, most))
                choose(c, rate, most);
        str_copy(c->beats.told, sizeof(c->beats.told), c->own.name);
        a = output(c, ACTION_LISTEN);
        a->session = c->beats.told;
        a->beats_from = c->beats.from;
}

/* ---- single beats ---- */

static bool is_in_doubt(const Core *c, const Session *s) {
        if (session_is_ours(c, s->name))
                return false;
        if (!s->beat.known)
                return true; /* a record names the session, and no list has spoken of it since */
        if (s->beat.revision == 0)
                return false;
        return (s->fence.known && s->fence.revision == 0 && s->fence.absent_at > s->sighted) ||
               (!s->beat_damaged && !s->beat_value.machine_id[0] && c->self && streq(c->self->value.session, s->name));
}

static void ask_doubts(Core *c) {
        Key keys[DOUBTS_MAX];
        size_t n = 0;

        c->beats.in_doubt = false;
        for (const Session *s = c->sessions; s; s = s->hh.next) {
                if (!is_in_doubt(c, s))
                        continue;
                if (n == DOUBTS_MAX) {
                        c->beats.whole = true;
                        return;
                }
                keys[n++] = (Key){ .kind = RECORD_BEAT, .name = s->name };
        }
        if (n > 0)
                c->beats.doubts_id = txn_read_keys(c, keys, n);
}

/* ---- all beats, once a round ---- */

/* The watch tells of each beat, or all must be asked for as often as the fastest of them is put. */
static usec_t pace(const Core *c) {
        return c->beats.from[0] ? MIN(c->own.timeline.round, c->beats.fastest / 5) : c->own.timeline.round;
}

static bool is_due(const Core *c) {
        usec_t pause = pace(c);

        if (c->beats.since > 0 && c->now.boottime < c->beats.since_at + pause * 3 / 4)
                return false; /* nearly all would be named that have not had their turn yet */
        return c->own.round_at > c->beats.asked_at ||
               (pause < c->own.timeline.round && c->now.boottime >= c->beats.asked_at + pause);
}

static void ask_all(Core *c) {
        c->beats.whole = c->beats.whole || ++c->beats.rounds >= WHOLE_EVERY;
        c->beats.id = c->beats.since == 0 ? txn_read_kinds(c, 1u << RECORD_BEAT)
                                          : txn_read_beats(c, c->beats.whole ? UINT64_MAX : c->beats.since);
        c->beats.asked_at = c->now.boottime;
}

bool beats_answer(Core *c, uint64_t id, const Answer *a) {
        uint64_t n;

        if (id != c->beats.id && id != c->beats.doubts_id)
                return false;
        if (id == c->beats.doubts_id) {
                c->beats.doubts_id = 0;
                c->beats.whole = c->beats.whole || a->outcome == OUTCOME_UNKNOWN;
                return true;
        }
        c->beats.id = 0;
        if (a->outcome == OUTCOME_UNKNOWN)
                return true;
        n = count(c).n;
        if (a->complete & 1u << RECORD_BEAT) {
                c->beats.known_at = c->beats.asked_at;
                c->beats.whole = false;
                c->beats.rounds = 0;
                c->beats.strange = a->total - n;
        } else if (a->total != n + c->beats.strange)
                c->beats.whole = true;
        return true;
}

void beats_advance(Core *c) {
        if (c->own.phase != OWN_BEATING || c->shutdown.ended || c->shutdown.txn)
                return;
        listen(c);
        if (c->beats.in_doubt && !c->beats.doubts_id)
                ask_doubts(c);
        if (!c->beats.id && is_due(c))
                ask_all(c);
}

usec_t beats_deadline(const Core *c) {
        usec_t pause = pace(c);

        if (c->own.phase != OWN_BEATING || c->shutdown.ended || c->shutdown.txn || c->beats.id ||
                        pause >= c->own.timeline.round)
                return USEC_INFINITY;
        return MAX(c->beats.asked_at + pause, c->beats.since_at + pause * 3 / 4);
}
