/* SPDX-License-Identifier: Apache-2.0 */

/*
 * How this machine hears of the other machines' beats without being told of each.
 *
 * In a cluster of a thousand machines each session beats five times in a TTL, and nearly all of these beats say what
 * was expected. So once a round this machine asks for the exceptions: which beats were not put since the round before,
 * and at what revision each was put last. While all machines beat, the answer is empty. A beat that the answer does
 * not name was put. A beat that the answer names is dated (sample.c), and the TTL of its session runs from that date
 * (law 2).
 *
 * The watch still tells of some beats: of all of them in a small cluster, otherwise of those of some sessions. Each of
 * these beats shows how far the registry has come, and so helps to date the others. Any sessions will do. Their names
 * are random, so a range of names is a fair share of them.
 *
 * If the watch does not tell of a session's beats, it still tells of the session's fence, which is put when the
 * session begins and deleted when the session ends. When a fence comes or goes, the beat beside it is in doubt. A beat
 * in doubt is read by itself, and so is the beat of a session that only another record names. A beat that somebody
 * puts or deletes by hand changes the number of beats, which every answer bears. If this number is not the expected
 * one, all beats are listed; they are also listed every WHOLE_EVERY rounds in any case.
 */

#include "core/beats.h"

#include "core/machine.h"
#include "core/output.h"
#include "core/session.h"
#include "core/txn.h"

enum {
        DOUBTS_MAX = 32,      /* most beats in one READ of single beats; if more are in doubt, all are listed */
        WHOLE_EVERY = 16,     /* rounds from one list of all beats to the next */
        TOLD_DEFAULT = 16000, /* of how many beats in 1000 s the watch tells, unless CoreConfig.beats_told says it */
};

/* ---- which beats the watch tells of ---- */

typedef struct Crowd {
        uint64_t n;    /* beat records that there are, as far as is known here; ours is counted as well */
        uint64_t rate; /* how many beats all other machines that are not silent put in 1000 s */
} Crowd;

/* Counts the beats of those that beat more often than every TTL/5. How often matters only to a machine that would
 * switch them off: for all others it is early enough to hear of a silence once in TTL/5. */
static void count_faster(Core *c, Crowd *crowd) {
        for (const Machine *m = c->machines; m; m = m->hh.next) {
                const Session *s = m->value.beats_every > 0 ? machine_session(c, m) : NULL;
                usec_t period = s ? machine_beats_every(m) : 0;

                if (!s || session_is_ours(c, s->name))
                        continue;
                crowd->rate += 1000 * USEC_PER_SEC / period - 5000 * USEC_PER_SEC / s->ttl;
                if (c->here.fence_after > 0)
                        c->beats.fastest = MIN(c->beats.fastest, period);
        }
}

/* Also notes the shortest time between two beats of another session. */
static Crowd count(Core *c) {
        Crowd crowd = {};

        c->beats.fastest = TTL_MAX / 5;
        for (const Session *s = c->sessions; s; s = s->hh.next) {
                crowd.n += s->beat.revision > 0;
                if (s->beat.revision == 0 || session_is_ours(c, s->name) || c->now.boottime >= session_silent_at(s))
                        continue;
                crowd.rate += 5000 * USEC_PER_SEC / s->ttl;
                c->beats.fastest = MIN(c->beats.fastest, s->ttl / 5);
        }
        count_faster(c, &crowd);
        return crowd;
}

/* Whether the choice of what the watch tells still fits the rate of beats. Sessions come and go, and each new choice
 * costs a new watch: so the choice is kept until the rate has doubled or halved. */
static bool still_fits(const Core *c, uint64_t rate, uint64_t most) {
        return c->beats.from[0] ? rate <= 2 * c->beats.rate && rate >= c->beats.rate / 2 : rate <= 2 * most;
}

/* Chooses the range of session names of whose beats the watch tells: so large a part of all names that about most
 * beats in 1000 s are in it. */
static void choose(Core *c, uint64_t rate, uint64_t most) {
        c->beats.rate = rate;
        if (rate <= most)
                c->beats.from[0] = '\0';
        else
                record_format_hex(UINT64_MAX - UINT64_MAX / rate * most, c->beats.from);
}

/* Asks for a new watch if the choice does not fit any more, or if our session has another name: the watch always tells
 * of our own beats. This is looked at only after all beats were listed, or after a change of the name. */
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

/* Whether the session's beat must be read by itself. So it is if no list has told of the beat yet; if the fence was
 * deleted after the beat was last shown; and if our machine record names the session, for which the machine id in the
 * beat is needed, and beats are listed without their values. */
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

/* How much time lies between two READs of the beats. If the watch tells of every beat, one READ in each of our rounds
 * is enough. Otherwise it must come at least once in a round of the session with the shortest rounds. */
static usec_t pace(const Core *c) {
        return c->beats.from[0] ? MIN(c->own.timeline.round, c->beats.fastest) : c->own.timeline.round;
}

static bool is_due(const Core *c) {
        usec_t pause = pace(c);

        if (c->beats.since > 0 && c->now.boottime < c->beats.since_at + pause * 3 / 4)
                return false; /* too early: nearly all sessions would be named, as their next beat is not due yet */
        return c->own.round_at > c->beats.asked_at ||
               (pause < c->own.timeline.round && c->now.boottime >= c->beats.asked_at + pause);
}

/* Asks which beats were not put since the last answer; now and then, and the first time, for all of them. */
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
