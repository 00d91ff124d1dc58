/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Our session: its name, its beats, its fence.
 *
 * A beat is one Txn: beats/S and fences/S at the revisions we know -> beats/S with a fresh nonce. Committed, it says:
 * at t0, the moment before it was sent, nobody had taken anything from S that we have not looked at. Everything that S
 * holds is good from t0, and t0 moves in no other way.
 *
 * Refused by the fence, somebody has taken a lease: the fence was read with the refusal; then, later and hence at the
 * same or a higher revision, the leases that it names are read; only when these have been looked at is the fence's
 * revision ours. A taker who comes after moves the fence again and is met in the next beat.
 *
 * No answer means nothing: another attempt, at once, with a nonce of its own. An earlier attempt that lands late shows
 * as our own nonce in the beat.
 *
 * A new process of an old session knows nothing of what its predecessor had under way. It puts the fence first: every
 * Txn of S compares the fence, so all that was sent before is void. Then it reads the leases; then it beats.
 */

#include "core/internal.h"

enum { FENCE_READ_MAX = 100 };

bool session_settled(const Core *c) {
        return c->own.phase == OWN_BEATING && c->own.committed;
}

bool session_owns(const Core *c, uint64_t id) {
        return id > 0 && (id == c->own.txn || id == c->own.read);
}

static void own_reset(Core *c, const char *name) {
        usec_t ttl = session_ttl(name);

        c->own = (Own){ .ttl = ttl };
        str_copy(c->own.name, sizeof(c->own.name), name);
        (void) timeline_compute(ttl, USEC_INFINITY, USEC_INFINITY, &c->own.timeline);
        c->own.next_at = c->now.boottime;
        record_format_hex(core_random(c), c->own.process);
}

static void begin_new(Core *c) {
        char name[SESSION_SIZE];

        session_format(core_random(c), c->ttl, name);
        own_reset(c, name);
        c->own.phase = OWN_CREATING;
        output(c, ACTION_SESSION)->session = c->own.name;
        output_report(c, REPORT_SESSION_NEW, NULL, NULL, NULL, 0);
}

void session_begin(Core *c) {
        Session *s = c->adopt[0] ? mirror_find_session(c, c->adopt) : NULL;

        if (c->own.phase != OWN_NONE || c->trust != TRUST_OK)
                return;
        if (s && s->beat.revision > 0 && s->fence_value) {
                own_reset(c, c->adopt);
                c->own.phase = OWN_FENCING;
        } else
                begin_new(c);
        c->adopt[0] = '\0';
}

void session_end(Core *c) {
        if (c->own.phase == OWN_NONE)
                return;
        output_report(c, REPORT_SESSION_ENDED, NULL, NULL, NULL, 0);
        c->own.phase = OWN_NONE;
        c->own.committed = false;
        c->own.txn = c->own.read = 0;
        c->own.name[0] = '\0';
}

/* ---- sending ---- */

static void make_nonce(Core *c, char ret[static NONCE_SIZE]) {
        record_format_nonce(c->own.process, ++c->own.attempts, ret);
}

static bool nonce_is_ours(const Core *c, const char *nonce) {
        return strncmp(nonce, c->own.process, 16) == 0 && nonce[16] == '-';
}

static void put_beat(Core *c, TxnBuilder *b) {
        BeatRecord beat = {};

        str_copy(beat.machine_id, sizeof(beat.machine_id), c->machine_id);
        make_nonce(c, beat.nonce);
        txn_put(b, RECORD_BEAT, c->own.name, &beat, sizeof(beat));
}

static void send_beat(Core *c) {
        static const FenceRecord empty;
        bool creating = c->own.phase == OWN_CREATING;
        TxnBuilder b = txn_begin(c);

        txn_compare(&b, RECORD_BEAT, c->own.name, creating ? 0 : c->own.beat_revision);
        txn_compare(&b, RECORD_FENCE, c->own.name, creating ? 0 : c->own.fence_revision);
        put_beat(c, &b);
        if (creating)
                txn_put(&b, RECORD_FENCE, c->own.name, &empty, sizeof(empty));
        c->own.txn = txn_send(&b);
        c->own.txn_t0 = c->now.boottime;
}

static void send_fence(Core *c) {
        Session *s = mirror_session(c, c->own.name);
        TxnBuilder b;

        if (!s->fence_value) { /* gone since: the session is over */
                session_end(c);
                session_begin(c);
                return;
        }
        b = txn_begin(c);
        txn_compare(&b, RECORD_FENCE, c->own.name, s->fence.revision);
        txn_put(&b, RECORD_FENCE, c->own.name, s->fence_value, sizeof(FenceRecord));
        c->own.checked_counter = s->fence_value->counter;
        c->own.txn = txn_send(&b);
}

/* ---- the fence's refusal ---- */

static bool is_named(const FenceRecord *f, uint64_t since, const char *lease) {
        uint64_t n = f->counter - since;

        if (f->counter < since || n > f->n_names)
                return true; /* more was taken than is named: look at everything */
        for (size_t i = f->n_names - (size_t) n; i < f->n_names; i++)
                if (streq(f->names[i], lease))
                        return true;
        return false;
}

static bool is_held(const Core *c, const Lease *l) {
        return lease_is_ours(c, l) || (l->unit && l->unit->index > 0) || l->damaged;
}

/* Our fence has been seen at a revision that we have not looked behind yet. */
static void check_fence(Core *c, const Session *s) {
        Key keys[FENCE_READ_MAX];
        size_t n = 0;

        c->own.checked_fence = s->fence.revision;
        c->own.checked_counter = s->fence_value->counter;
        for (Lease *l = c->leases; l && n <= FENCE_READ_MAX; l = l->hh.next) {
                if (!is_held(c, l) || !is_named(s->fence_value, c->own.fence_counter, l->name))
                        continue;
                if (n < FENCE_READ_MAX)
                        keys[n] = (Key){ .kind = RECORD_LEASE, .name = l->name };
                n++;
        }
        if (n == 0) {
                c->own.fence_revision = c->own.checked_fence;
                c->own.fence_counter = c->own.checked_counter;
                c->own.next_at = c->now.boottime;
        } else if (n <= FENCE_READ_MAX)
                c->own.read = read_keys(c, keys, n);
        else
                c->own.read = read_kinds(c, 1u << RECORD_LEASE);
}

/* What a fence names and cannot be read any more is not ours any more. */
static void drop_damaged(Core *c) {
        Session *s = mirror_find_session(c, c->own.name);

        for (Lease *l = c->leases; l; l = l->hh.next)
                if (l->damaged && s && s->fence_value && is_named(s->fence_value, c->own.fence_counter, l->name))
                        l->value = (LeaseRecord){ .state = LEASE_FREE };
}

/* ---- answers ---- */

static void on_silence(Core *c) {
        usec_t pause = backoff(50 * USEC_PER_MSEC, c->own.failures, c->own.timeline.round / 2);

        c->own.failures++;
        /* An attempt that took its whole time needs no further pause; one that failed at once does. */
        c->own.next_at = MAX(c->now.boottime, c->own.txn_t0 + pause);
}

static void on_committed(Core *c, const Answer *a) {
        if (c->own.phase == OWN_CREATING) {
                c->own.fence_revision = a->revision;
                c->own.fence_counter = 0;
                c->own.phase = OWN_BEATING;
        } else if (!c->own.committed)
                output_report(c, REPORT_SESSION_ADOPTED, NULL, NULL, NULL, 0);
        c->own.beat_revision = a->revision;
        c->own.committed = true;
        c->own.t0 = c->own.txn_t0;
        c->own.round_trip = c->now.boottime - c->own.txn_t0;
        c->own.failures = 0;
        c->own.next_at = MAX(c->own.round_at + c->own.timeline.round, c->now.boottime);
        Action *beat = output(c, ACTION_GUARD_BEAT);
        beat->t0 = c->own.t0;
        beat->id = ++c->guard_serial;
        if (c->own.silent) {
                output_report(c, REPORT_REGISTRY_BACK, NULL, NULL, NULL, 0);
                c->actions[c->n_actions - 1].span = c->now.boottime - c->own.round_at;
                c->own.silent = false;
        }
}

/* The refused beat's readback has been taken into the mirror. */
static void on_refused(Core *c) {
        const Session *s = mirror_find_session(c, c->own.name);

        c->own.next_at = c->now.boottime;
        if (!s || s->beat.revision == 0 || !s->fence_value) {
                /* Absent: over, and never written again. While creating, nothing of ours is there: another name. */
                session_end(c);
                session_begin(c);
                return;
        }
        if (s->beat.revision != c->own.beat_revision) {
                if (!nonce_is_ours(c, s->beat_value.nonce) && (c->own.committed || c->own.phase == OWN_CREATING)) {
                        if (c->own.committed)
                                output_report(c, REPORT_SESSION_CLONED, NULL, NULL, NULL, 0);
                        session_end(c);
                        session_begin(c);
                        return;
                }
                c->own.beat_revision = s->beat.revision;
        }
        if (c->own.phase == OWN_CREATING) { /* an earlier attempt had landed */
                c->own.phase = OWN_BEATING;
                c->own.fence_revision = s->fence.revision;
                c->own.fence_counter = s->fence_value->counter;
        }
        /* A fence that has moved is looked at by session_advance(). */
}

static void on_fenced(Core *c, const Answer *a) {
        if (a->outcome == OUTCOME_COMMITTED) {
                c->own.fence_revision = a->revision;
                c->own.fence_counter = c->own.checked_counter;
                c->own.phase = OWN_READING;
        }
        /* Refused: somebody took from us meanwhile, or an earlier attempt of ours has landed; put it again. */
        c->own.next_at = c->now.boottime + (a->outcome == OUTCOME_UNKNOWN ? c->own.timeline.round / 8 : 0);
}

static void on_read(Core *c, const Answer *a) {
        if (a->outcome == OUTCOME_UNKNOWN) {
                c->own.check_at = c->own.next_at = c->now.boottime + c->own.timeline.round / 16;
                return;
        }
        if (c->own.phase == OWN_READING) {
                const Session *s = mirror_find_session(c, c->own.name);

                if (!s || s->beat.revision == 0) {
                        session_end(c);
                        session_begin(c);
                        return;
                }
                c->own.beat_revision = s->beat.revision;
                c->own.phase = OWN_BEATING;
        } else {
                drop_damaged(c);
                c->own.fence_revision = c->own.checked_fence;
                c->own.fence_counter = c->own.checked_counter;
        }
        c->own.next_at = c->now.boottime;
}

bool session_is_shown_its_past(const Core *c, uint64_t id, const Answer *a) {
        if (id != c->own.txn || a->outcome != OUTCOME_REFUSED || c->own.phase != OWN_BEATING)
                return false;
        for (size_t i = 0; i < a->n_records; i++)
                if (a->records[i].kind == RECORD_BEAT && streq(a->records[i].name, c->own.name))
                        return a->records[i].mod_revision > 0 && a->records[i].mod_revision < c->own.beat_revision;
        return false;
}

void session_answer(Core *c, uint64_t id, const Answer *answer) {
        if (id == c->own.read) {
                c->own.read = 0;
                on_read(c, answer);
                return;
        }
        c->own.txn = 0;
        if (c->own.phase == OWN_FENCING)
                on_fenced(c, answer);
        else if (answer->outcome == OUTCOME_COMMITTED)
                on_committed(c, answer);
        else if (answer->outcome == OUTCOME_REFUSED)
                on_refused(c);
        else
                on_silence(c);
}

/* ---- what is due ---- */

static void report_silence(Core *c) {
        if (c->own.silent || c->own.failures < 2 || !c->own.committed)
                return;
        c->own.silent = true;
        output_report(c, REPORT_REGISTRY_SILENT, NULL, NULL, NULL, 0);
}

static void begin_round(Core *c) {
        if (c->own.failures == 0) {
                c->own.round_at = c->now.boottime;
                if (!c->beats_read && c->own.phase == OWN_BEATING)
                        c->beats_read = read_kinds(c, 1u << RECORD_BEAT);
        }
        send_beat(c);
}

/* Our fence is known to have moved beyond what we have looked at. */
static const Session *unchecked(const Core *c) {
        const Session *s = mirror_find_session((Core *) c, c->own.name);

        return c->own.phase == OWN_BEATING && s && s->fence_value && s->fence.revision > c->own.fence_revision ? s : NULL;
}

bool session_is_checked(const Core *c) {
        return !c->own.read && !unchecked(c);
}

void session_advance(Core *c) {
        const Session *s;

        if (c->own.phase == OWN_NONE || c->ended || c->end_txn)
                return;
        report_silence(c);
        if (c->own.txn || c->own.read)
                return;
        s = unchecked(c);
        if (s && c->now.boottime >= c->own.check_at)
                check_fence(c, s);
        if (c->own.read || c->now.boottime < c->own.next_at)
                return;
        if (c->own.phase == OWN_FENCING)
                send_fence(c);
        else if (c->own.phase == OWN_READING)
                c->own.read = read_kinds(c, 1u << RECORD_LEASE | 1u << RECORD_BEAT);
        else
                begin_round(c);
}

usec_t session_deadline(const Core *c) {
        if (c->own.phase == OWN_NONE || c->ended || c->end_txn || c->own.txn || c->own.read)
                return USEC_INFINITY;
        return unchecked(c) ? MIN(c->own.check_at, c->own.next_at) : c->own.next_at;
}
