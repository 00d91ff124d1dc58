/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Our session: its name, its beats, its fence.
 *
 * Let S be our session. A beat is one Txn: it compares beats/S and fences/S at the revisions that we know, and puts
 * beats/S with a new nonce. If the beat is committed, then at t0, the moment before it was sent, nobody had taken a
 * lease from S without our having looked at it. So all deadlines of what S holds count from t0, and t0 moves in no
 * other way (law 1).
 *
 * If the fence refuses the beat, somebody has taken a lease (law 4). The fence was read with the refusal. Then the
 * leases that the fence names are read, and so at the same or a higher revision. Only when these have been looked at
 * do we beat with the fence's new revision. If another taker comes meanwhile, it puts the fence again, and the next
 * beat is refused.
 *
 * A beat without an answer is followed at once by another attempt with a nonce of its own. If an earlier attempt is
 * carried out late, we find our own nonce in the beat.
 *
 * A session that keeps its leases without beats says so in its fence, and the fence is put by a beat (law 13): by one
 * that finds the pause in force, and again by one without the word, when the guard keeps nothing any more. Between the
 * two it beats as ever.
 *
 * A new process of an old session does not know what the previous process had under way. So it first puts the fence:
 * every Txn of S compares the fence, so all that was sent before is refused (law 6). Then it reads the leases; then it
 * beats.
 */

#include "core/rounds.h"

#include "core/intake.h"
#include "core/lease.h"
#include "core/look.h"
#include "core/machine.h"
#include "core/mirror.h"
#include "core/output.h"
#include "core/pause.h"
#include "core/session.h"
#include "core/txn.h"

#define PAUSE_FIRST (50 * USEC_PER_MSEC)

static Own *owner_of(Core *c, uint64_t id) {
        if (id > 0 && (id == c->own.txn || id == c->own.read))
                return &c->own;
        return id > 0 && (id == c->other.txn || id == c->other.read) ? &c->other : NULL;
}

bool rounds_own(const Core *c, uint64_t id) {
        return owner_of((Core *) c, id);
}

static void own_reset(Core *c, Own *o, const char *name) {
        usec_t ttl = session_ttl(name);

        must(ttl >= TTL_MIN && ttl <= TTL_MAX);
        *o = (Own){ .ttl = ttl };
        str_copy(o->name, sizeof(o->name), name);
        o->seen = mirror_find_session(c, name);
        (void) timeline_compute(ttl, USEC_INFINITY, USEC_INFINITY, &o->timeline);
        o->next_at = c->now.boottime;
        record_format_hex(core_random(c), o->process);
}

static void keep_name(Core *c) {
        output(c, ACTION_SESSION)->session = c->own.name;
}

static void begin_new(Core *c, Own *o) {
        char name[SESSION_SIZE];

        session_format(core_random(c), c->here.ttl, name);
        own_reset(c, o, name);
        o->phase = OWN_CREATING;
}

void rounds_begin(Core *c) {
        /* Where the registry fell back, the session from before is not carried on, even if only the memory tells of
         * it: everything it held is lost. */
        Session *s = c->adopt[0] && !c->identity.silence ? mirror_find_session(c, c->adopt) : NULL;

        if (c->own.phase != OWN_NONE || c->identity.trust != TRUST_OK)
                return;
        if (s && s->beat.revision > 0 && s->fence_value) {
                own_reset(c, &c->own, c->adopt);
                c->own.phase = OWN_FENCING;
        } else {
                begin_new(c, &c->own);
                keep_name(c);
                output_report(c, (Report){ .kind = REPORT_SESSION_NEW, .session = c->own.name });
        }
        c->adopt[0] = '\0';
}

static void end_one(Core *c, Own *o) {
        bool left = o == &c->other && o->leaving && c->own.phase != OWN_NONE;

        if (o->phase == OWN_NONE)
                return;
        if (o->committed || o == &c->own)
                output_report(c, (Report){ .kind = REPORT_SESSION_ENDED, .session = o->name });
        if (o->seen)
                o->seen->moved = false; /* until now we moved it; if it moves again, another machine does */
        o->phase = OWN_NONE;
        o->committed = false;
        o->txn = o->read = 0;
        o->name[0] = '\0';
        o->seen = NULL;
        if (left)
                keep_name(c); /* else a restart would carry on the session that is over, and not make void what the
                                 other one has under way (law 6) */
}

void rounds_end(Core *c) {
        end_one(c, &c->own);
        end_one(c, &c->other);
}

/* The session is over. Another takes its place, unless it was only being created or left. */
static void replace(Core *c, Own *o) {
        if (o->seen && session_is_over(o->seen))
                output_report(c, (Report){ .kind = REPORT_SESSION_OVER, .session = o->name });
        end_one(c, o);
        rounds_begin(c);
}

/* ---- sending ---- */

static void make_nonce(Core *c, Own *o, char ret[static NONCE_SIZE]) {
        record_format_nonce(o->process, ++o->attempts, ret);
}

static bool nonce_is_ours(const Core *c, const Own *o, const char *nonce) {
        return strncmp(nonce, o->process, 16) == 0 && nonce[16] == '-';
}

static void put_beat(Core *c, Own *o, TxnBuilder *b) {
        BeatRecord beat = {};

        str_copy(beat.machine_id, sizeof(beat.machine_id), c->here.machine_id);
        make_nonce(c, o, beat.nonce);
        txn_put(b, RECORD_BEAT, o->name, &beat, sizeof(beat));
}

/* How long an attempt at a beat may take. An attempt that hangs in an etcd member that has just lost its leader
 * never comes back, so where the registry is known to be fast the first two attempts are cut short. A slow registry
 * gets all the time. */
static usec_t attempt_of(const Core *c, const Own *o) {
        usec_t fast = MAX(machine_own_beats_every(c, o) / 2, 4 * o->round_trip);

        if (!o->committed || o->failures >= 2)
                return o->timeline.attempt;
        return MIN(o->timeline.attempt, fast);
}

/* Whether we are to keep what we hold without beats. Not while the leases go from one session to another. */
static bool wants_to_keep(const Core *c, const Own *o) {
        return o == &c->own && c->other.phase == OWN_NONE && pause_is_on(c) && !c->shutdown.on && o->seen &&
               (o->seen->held > 0 || o->keeps);
}

/* What the next beat is to say. The fence that it puts must be the one that we know. */
static Keep next_keep(const Core *c, const Own *o) {
        const Session *s = o->seen;

        if (o->phase != OWN_BEATING || !s || !s->fence_value || s->fence.revision != o->fence_revision)
                return KEEP_NOTHING;
        if (wants_to_keep(c, o))
                return o->keeps ? KEEP_NOTHING : KEEP_BEGINS;
        return s->fence_value->keeps && !o->keeps && !c->guard.may_keep ? KEEP_ENDS : KEEP_NOTHING; /* law 13 */
}

static FenceRecord *fence_that_keeps(Core *c, const Own *o, Keep keep) {
        FenceRecord *fence = output_fence(c, o->seen->fence_value);

        fence->keeps = keep == KEEP_BEGINS;
        str_copy(fence->keeper, sizeof(fence->keeper), fence->keeps ? c->here.machine_id : "");
        return fence;
}

/* The lease that was seen to change last is compared until a beat with it was answered (law 16). The session's own
 * records show a store that was put back to before the last beat, and this one a store that was put back to later. */
static void compare_newest(Core *c, Own *o, TxnBuilder *b) {
        const Lease *l = o->phase == OWN_BEATING && !o->proof.outrun ? c->heard.newest : NULL;

        o->proof.under_way = l && l->seen.revision > o->proof.newest ? l->seen.revision : 0;
        if (o->proof.under_way > 0)
                txn_compare(b, RECORD_LEASE, l->name, l->seen.revision);
}

static void send_beat(Core *c, Own *o) {
        static const FenceRecord empty;
        bool creating = o->phase == OWN_CREATING;
        TxnBuilder b = txn_begin(c);

        must(o->txn == 0); /* however soon the next round comes: never two beats under way */
        o->txn_keep = next_keep(c, o);
        txn_compare(&b, RECORD_BEAT, o->name, creating ? 0 : o->beat_revision);
        txn_compare(&b, RECORD_FENCE, o->name, creating ? 0 : o->fence_revision);
        compare_newest(c, o, &b);
        if (o->txn_keep == KEEP_BEGINS)
                pause_compare_read(&b);
        put_beat(c, o, &b);
        if (creating)
                txn_put(&b, RECORD_FENCE, o->name, &empty, sizeof(empty));
        if (o->txn_keep != KEEP_NOTHING)
                txn_put(&b, RECORD_FENCE, o->name, fence_that_keeps(c, o, o->txn_keep), sizeof(FenceRecord));
        b.timeout = attempt_of(c, o);
        o->txn = txn_send(&b);
        o->txn_t0 = c->now.boottime;
}

static void send_fence(Core *c, Own *o) {
        Session *s = mirror_session(c, o->name);
        TxnBuilder b;

        if (!s->fence_value) { /* the fence has gone since: the session is over */
                replace(c, o);
                return;
        }
        b = txn_begin(c);
        txn_compare(&b, RECORD_FENCE, o->name, s->fence.revision);
        txn_put(&b, RECORD_FENCE, o->name, s->fence_value, sizeof(FenceRecord));
        o->checked_counter = s->fence_value->counter;
        o->txn = txn_send(&b);
}

/* ---- the fence's refusal ---- */

static bool is_named(const FenceRecord *f, uint64_t since, const char *lease) {
        uint64_t n = f->counter - since;

        if (f->counter <= since || n > f->n_names)
                return true; /* more was taken than the fence names, or somebody has written it by hand: everything
                                counts as named */
        for (size_t i = f->n_names - (size_t) n; i < f->n_names; i++)
                if (streq(f->names[i], lease))
                        return true;
        return false;
}

/* Law 4: our fence has been seen at a revision that we have not looked behind yet, so the leases that it names are
 * read now, after the fence. All of them, and not only those that we know to hold: a lease may have been handed to
 * us, and taken again for our silence, before a watch that is behind tells of either. */
static void check_fence(Core *c, Own *o, const Session *s) {
        const FenceRecord *f = s->fence_value;
        uint64_t taken = f->counter - o->fence_counter;
        Key keys[FENCE_NAMES_MAX];
        size_t n = 0;

        o->checked_fence = s->fence.revision;
        o->checked_counter = f->counter;
        if (f->counter <= o->fence_counter ||
                        taken > f->n_names) { /* more was taken than it names, or it was put back by hand (law 11) */
                o->read = txn_read_kinds(c, 1u << RECORD_LEASE);
                return;
        }
        for (size_t i = f->n_names - (size_t) taken; i < f->n_names; i++) {
                if (!lease_name_is_valid(f->names[i]))
                        continue;
                must(n < ELEMENTSOF(keys));
                mirror_lease(c, f->names[i])->asked = true;
                keys[n++] = (Key){ .kind = RECORD_LEASE, .name = f->names[i] };
        }
        if (n > 0) {
                o->read = txn_read_keys(c, keys, n);
                return;
        }
        o->fence_revision = o->checked_fence;
        o->fence_counter = o->checked_counter;
        o->next_at = c->now.boottime;
}

/* Gives up the leases that the fence names (NULL: all) and whose records are lost: they may have been taken from us
 * (law 11). */
static void drop_lost(Core *c, const Own *o, const FenceRecord *fence) {
        for (Lease *l = c->leases; l; l = l->hh.next)
                if (lease_is_lost(l) && (!fence || is_named(fence, o->fence_counter, l->name))) {
                        lease_drop(l);
                        look_at_lease(c, l);
                }
}

/* ---- answers ---- */

/* No answer. An attempt that took its time is followed by the next one at once; attempts that fail at once are
 * spread more and more. */
static void on_silence(Core *c, Own *o) {
        bool at_once = c->now.boottime - o->txn_t0 < 2 * PAUSE_FIRST;
        usec_t pause = at_once ? backoff(PAUSE_FIRST, o->hasty, machine_own_beats_every(c, o) / 2) : 0;

        o->failures++;
        o->hasty = at_once ? o->hasty + 1 : 0;
        o->next_at = MAX(c->now.boottime, o->txn_t0 + pause);
}

/* The new session beats. From now on it is our session, and the old one is being left. */
static void swap_sessions(Core *c) {
        Own old = c->own;

        must(c->other.phase == OWN_BEATING && c->other.committed && !c->other.leaving);
        old.leaving = true;
        c->own = c->other;
        c->other = old;
        output_report(c, (Report){ .kind = REPORT_SESSION_NEW, .session = c->own.name });
}

/* While two sessions beat, both do so at the pace of the faster one. */
static usec_t next_round(const Core *c, const Own *o) {
        usec_t round = session_is_moving(c) ? MIN(machine_own_beats_every(c, &c->own),
                                                              machine_own_beats_every(c, &c->other))
                                            : machine_own_beats_every(c, o);

        return o->txn || o->failures > 0 ? o->next_at : MAX(o->round_at + round, c->now.boottime);
}

/* The beat has put our fence, too. */
static void take_keep(Core *c, Own *o, uint64_t revision) {
        FenceRecord *fence = o->seen && o->seen->fence_value ? fence_that_keeps(c, o, o->txn_keep) : NULL;

        o->fence_revision = revision;
        o->keeps = o->txn_keep == KEEP_BEGINS;
        if (fence)
                intake_apply(c, RECORD_FENCE, o->name, fence, revision);
}

/* Whether our beats went on without a gap until this one was committed. */
static bool is_steady(const Core *c, const Own *o) {
        return o->committed && c->now.boottime <= o->t0 + o->round_trip + machine_own_beats_every(c, o) * 3 / 2;
}

static void on_committed(Core *c, Own *o, const Answer *a) {
        if (!is_steady(c, o))
                o->steady_from = c->now.boottime;
        if (o->phase == OWN_CREATING) {
                o->fence_revision = a->revision;
                o->fence_counter = 0;
                o->phase = OWN_BEATING;
        } else if (!o->committed)
                output_report(c, (Report){ .kind = REPORT_SESSION_ADOPTED, .session = o->name });
        o->beat_revision = a->revision;
        o->committed = true;
        if (o->txn_keep != KEEP_NOTHING)
                take_keep(c, o, a->revision);
        must(o->phase == OWN_BEATING && o->txn_t0 >= o->t0 && o->txn_t0 <= c->now.boottime); /* law 1 */
        o->t0 = o->txn_t0;
        o->proof.newest = MAX(o->proof.newest, o->proof.under_way);
        o->proof.outrun = false;
        o->round_trip = c->now.boottime - o->txn_t0;
        o->failures = o->hasty = 0;
        if (o == &c->other && !o->leaving && o->ttl == c->here.ttl && c->own.ttl != c->here.ttl)
                swap_sessions(c);
        c->own.next_at = next_round(c, &c->own);
        c->other.next_at = next_round(c, &c->other);
        c->guard.beat_due = true;
        if (o->silent) {
                output_report(c, (Report){ .kind = REPORT_REGISTRY_BACK, .span = c->now.boottime - o->round_at });
                o->silent = false;
        }
}

/* A beat was refused. What the registry read back with the refusal is in the mirror. */
static void on_refused(Core *c, Own *o) {
        const Session *s = o->seen;

        o->proof.newest = MAX(o->proof.newest,
                        o->proof.under_way); /* read back with the refusal, and found no older (core.c) */
        o->proof.outrun = o->proof.under_way > 0;
        /* Our fence cannot be read: it names no lease, and ends our beats. What we hold stays ours for the rest of
         * its time (law 8). */
        if (s && s->beat.revision > 0 && s->fence.revision > 0 && !s->fence_value && o->committed &&
                        c->now.boottime < usec_add(o->t0, o->timeline.take)) {
                on_silence(c, o);
                return;
        }
        o->next_at = c->now.boottime;
        if (!s || s->beat.revision == 0 || !s->fence_value || session_is_over(s)) {
                /* The beat or the fence is absent: the session is over, and its records are never written again
                 * (law 11). So it is if the fence says it (law 12). While it is being created: somebody else has that
                 * name, so another one is drawn. */
                replace(c, o);
                return;
        }
        if (s->beat.revision != o->beat_revision) {
                /* A beat that cannot be read is nobody's, and is written anew (law 11). */
                if (!s->beat_damaged && !nonce_is_ours(c, o, s->beat_value.nonce) &&
                                (o->committed || o->phase == OWN_CREATING)) {
                        if (o->committed)
                                output_report(c, (Report){ .kind = REPORT_SESSION_CLONED, .session = o->name });
                        replace(c, o);
                        return;
                }
                o->beat_revision = s->beat.revision;
        }
        if (o->phase == OWN_CREATING) { /* an earlier attempt had landed */
                o->phase = OWN_BEATING;
                o->fence_revision = s->fence.revision;
                o->fence_counter = s->fence_value->counter;
        }
        /* A fence that has moved is looked at by rounds_advance(). */
}

static void on_fenced(Core *c, Own *o, const Answer *a) {
        if (a->outcome == OUTCOME_COMMITTED) {
                if (o->seen && o->seen->keeps && o->seen->fence_value) /* known, so that the first beat can go on so */
                        intake_apply(c, RECORD_FENCE, o->name, output_fence(c, o->seen->fence_value), a->revision);
                o->fence_revision = a->revision;
                o->fence_counter = o->checked_counter;
                o->phase = OWN_READING;
        }
        /* Refused: a machine has taken a lease from us meanwhile, or an earlier attempt of ours has landed. The
         * fence is put again. */
        o->next_at = c->now.boottime + (a->outcome == OUTCOME_UNKNOWN ? o->timeline.round / 8 : 0);
}

/* The answer speaks of each lease that was asked for. One that is silent about a lease is no answer (law 8). */
static bool is_whole(Core *c, const Answer *a) {
        bool whole = true;

        for (Lease *l = c->leases; l; l = l->hh.next) {
                if (l->asked && !(a->complete & 1u << RECORD_LEASE) && l->seen.stamp != c->heard.stamp)
                        whole = false;
                l->asked = false;
        }
        return whole;
}

static void on_read(Core *c, Own *o, const Answer *a) {
        if (a->outcome == OUTCOME_UNKNOWN || !is_whole(c, a)) {
                o->check_at = o->next_at = c->now.boottime + o->timeline.round / 16;
                return;
        }
        if (o->phase == OWN_READING) {
                const Session *s = o->seen;

                if (!s || s->beat.revision == 0) {
                        replace(c, o);
                        return;
                }
                drop_lost(c, o, NULL); /* what was seen of lost records before our fence was put may be old (law 6) */
                o->beat_revision = s->beat.revision;
                o->phase = OWN_BEATING;
        } else {
                drop_lost(c, o, o->seen ? o->seen->fence_value : NULL);
                o->fence_revision = o->checked_fence;
                o->fence_counter = o->checked_counter;
        }
        o->next_at = c->now.boottime;
}

bool rounds_show_the_past(const Core *c, uint64_t id, const Answer *a) {
        const Own *o = owner_of((Core *) c, id);

        if (!o || id != o->txn || a->outcome != OUTCOME_REFUSED || o->phase != OWN_BEATING)
                return false;
        for (size_t i = 0; i < a->n_records; i++)
                if (a->records[i].kind == RECORD_BEAT && streq(a->records[i].name, o->name))
                        return a->records[i].mod_revision > 0 && a->records[i].mod_revision < o->beat_revision;
        return false;
}

void rounds_answer(Core *c, uint64_t id, const Answer *answer) {
        Own *o = owner_of(c, id);

        if (id == o->read) {
                o->read = 0;
                on_read(c, o, answer);
                return;
        }
        o->txn = 0;
        if (o->phase == OWN_FENCING)
                on_fenced(c, o, answer);
        else if (answer->outcome == OUTCOME_COMMITTED)
                on_committed(c, o, answer);
        else if (answer->outcome == OUTCOME_REFUSED)
                on_refused(c, o);
        else
                on_silence(c, o);
}

/* ---- what is due ---- */

static void report_silence(Core *c, Own *o) {
        if (o->silent || o->failures < 2 || !o->committed)
                return;
        o->silent = true;
        output_report(c, (Report){ .kind = REPORT_REGISTRY_SILENT });
}

static void begin_round(Core *c, Own *o) {
        if (o->failures == 0)
                o->round_at = c->now.boottime;
        send_beat(c, o);
}

/* The session's beat or fence was deleted by hand. Neither is written again (law 11): where somebody has deleted a
 * fence that a taker had put, a beat of ours would pass by the taker. Or somebody has confirmed that this machine is
 * off, and others may have taken everything (law 12). */
static bool is_ended(const Own *o) {
        const Session *s = o->seen;

        if (o->phase != OWN_BEATING || !s)
                return false;
        return session_is_over(s) ||
               (s->beat.known && s->beat.revision == 0 && s->beat.absent_at > o->beat_revision) ||
               (s->fence.known && s->fence.revision == 0 && s->fence.absent_at > o->fence_revision);
}

/* The pause ends, or is gone: from now on our deadlines count again. The guard is told so, and the fence says so when
 * the guard has answered (law 13). */
static void end_keeping(Core *c, Own *o) {
        if (!o->keeps || wants_to_keep(c, o))
                return;
        o->keeps = false;
        o->kept_until = c->now.boottime;
        o->next_at = c->now.boottime;
}

static void advance_one(Core *c, Own *o) {
        const Session *s;

        if (is_ended(o))
                replace(c, o);
        end_keeping(c, o);
        if (o->phase == OWN_NONE || o->txn || o->read)
                return;
        s = session_unchecked(c, o);
        if (s && c->now.boottime >= o->check_at)
                check_fence(c, o, s);
        if (o->read || c->now.boottime < o->next_at)
                return;
        if (o->phase == OWN_FENCING)
                send_fence(c, o);
        else if (o->phase == OWN_READING)
                o->read = txn_read_kinds(c, 1u << RECORD_LEASE | 1u << RECORD_BEAT);
        else
                begin_round(c, o);
}

static bool machine_names(const Core *c, const char *session) {
        const Machine *m = mirror_find_machine((Core *) c, c->here.machine_id);

        return m && m->seen.revision > 0 && streq(m->value.session, session);
}

/* Another TTL= needs another session. Ours goes on until the new one beats. Then the leases are moved to the new
 * session one by one (claim.c). The old one is given up when the last lease and the machine's record have been
 * moved: before, it would seem to be another machine's. Only then does a restart carry on the new session, and may
 * TTL= begin the next move: a move that turned round half-way would leave a write under way that moves a lease to
 * the session being given up. */
static void advance_move(Core *c) {
        if (!session_settled(c) || c->shutdown.on ||
                        (c->other.phase == OWN_NONE && (pause_is_seen(c) || c->own.keeps)))
                return;
        if (c->other.phase == OWN_NONE && c->own.ttl != c->here.ttl)
                begin_new(c, &c->other);
        else if (c->other.phase == OWN_CREATING && c->other.ttl != c->here.ttl)
                end_one(c, &c->other);
        else if (session_is_moving(c) && !lease_any_is_held_by(c, c->other.name) && !machine_names(c, c->other.name)) {
                c->other = (Own){};
                keep_name(c);
        }
}

void rounds_advance(Core *c) {
        if (c->shutdown.ended || c->shutdown.txn)
                return;
        report_silence(c, &c->own);
        advance_move(c);
        advance_one(c, &c->own);
        advance_one(c, &c->other);
}

static usec_t deadline_of(const Core *c, const Own *o) {
        if (o->phase == OWN_NONE || o->txn || o->read)
                return USEC_INFINITY;
        return session_unchecked(c, o) ? MIN(o->check_at, o->next_at) : o->next_at;
}

usec_t rounds_deadline(const Core *c) {
        if (c->shutdown.ended || c->shutdown.txn)
                return USEC_INFINITY;
        return MIN(deadline_of(c, &c->own), deadline_of(c, &c->other));
}
