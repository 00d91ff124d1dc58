/* SPDX-License-Identifier: Apache-2.0 */

/*
 * In every fourth run the machines have a FenceCommand=, and each a BeatSec= that may be another one after each start.
 * It switches the machine off, or does nothing; it says so, or says that it failed, or is not heard of any more. What
 * it does hangs on the seed and the time, and draws nothing.
 */
#include "sim.h"

typedef enum End {
        END_OFF,        /* the machine is off, and the command says so */
        END_OFF_UNTOLD, /* it is off, and the command says that it failed */
        END_FAILED,     /* it is not off, and the command says so */
        _END_MAX,
} End;

static bool is_on(const World *w) {
        return w->options.fences || (w->options.faults && w->options.seed % 4 == 3);
}

usec_t fencing_beats_every(const World *w, const Machine *m) {
        uint64_t chance = w->options.seed / 4 + m->number + w->now / USEC_PER_SEC;

        if (w->options.fences)
                return m->number == 0 ? 0 : MAX(BEAT_MIN, m->ttl / 10);
        return !is_on(w) || chance % 4 == 0 ? 0 : MAX(BEAT_MIN, m->ttl / (chance % 4 == 1 ? 30 : 10));
}

/* As early as leased.conf allows, or by default. */
usec_t fencing_after(const World *w, const Machine *m) {
        if (!is_on(w))
                return 0;
        return w->options.seed % 8 == 3 ? m->ttl / 2 : 2 * ttl_beats_every(m->ttl, fencing_beats_every(w, m));
}

/* Somebody has changed records by hand, or put another registry there: then nobody knows any more what a fence said.
 */
static bool fence_may_be_lost(const World *w) {
        const uint64_t *n = w->counts.mishaps;

        return n[MISHAP_RECORD_DELETED] + n[MISHAP_RECORD_DAMAGED] + n[MISHAP_RECORD_OVERWRITTEN] +
                               n[MISHAP_RESTORED] + n[MISHAP_WIPED] >
               0;
}

/* How often the session says that it beats: in the record of the machine whose beat it is. Another machine's record
 * that names the session was written by hand. */
static usec_t told(const World *w, const char *session, const Value *beat) {
        for (size_t i = 0; i < w->map.n_live[RECORD_MACHINE]; i++) {
                const MapKey *k = w->map.keys + w->map.live[RECORD_MACHINE][i];
                const Value *v = k->value;

                if (!v->damaged && streq(v->machine.session, session) &&
                                (!beat || beat->damaged || streq(beat->beat.machine_id, k->name)))
                        return ttl_beats_every(session_ttl(session), v->machine.beats_every);
        }
        return session_ttl(session) / 5;
}

void fencing_check(World *w, const Message *q, const MapKey *fence, const FenceRecord *value) {
        const MapKey *beat = w->map.keys + map_key(w, RECORD_BEAT, fence->name);
        bool known = fence->value && !fence->value->damaged;
        usec_t at = map_written_at(w, beat), period = told(w, fence->name, beat->value);

        if (value->silence == 0 || (known && value->silence == fence->value->fence.silence) || at == 0 ||
                        value->silence != beat->mod_revision)
                return;
        if (usec_sub(q->sent_at, at) * 102 / 100 < 2 * period) /* whoever sent it may have a fast clock */
                world_fail(w, "law 12: %s has %s switched off %.3f s after its last beat, and it told %.3f s",
                                w->machines[q->machine].hostname, fence->name,
                                (double) usec_sub(q->sent_at, at) / USEC_PER_SEC, (double) period / USEC_PER_SEC);
}

/* Nobody is switched off for the silence of somebody else. */
static void check_owner(World *w, const Machine *m, const Action *a) {
        for (size_t i = 0; i < w->n_machines; i++)
                if (streq(w->machines[i].run_session, a->session) && !streq(w->machines[i].id, a->machine_id))
                        world_fail(w, "law 12: %s has another machine switched off for the session of %s", m->hostname,
                                        w->machines[i].hostname);
}

void fencing_begin(World *w, Machine *m, const Action *a) {
        const Value *fence = w->map.keys[map_key(w, RECORD_FENCE, a->session)].value;
        uint64_t beat = fence ? fence->fence.silence : 0, chance = w->options.seed + w->now;

        check_owner(w, m, a);
        for (size_t i = 0; i < w->fenced.n && !fence_may_be_lost(w); i++)
                if (beat > 0 && w->fenced.beats[i] == beat) {
                        world_fail(w, "law 12: a second command in the silence of %s", a->session);
                        return;
                }
        if (w->fenced.n < FENCED_MAX)
                w->fenced.beats[w->fenced.n++] = beat;
        chance = w->options.fences ? 0 : chance;
        for (size_t i = 0; i < w->n_machines; i++)
                if (streq(w->machines[i].id, a->machine_id)) {
                        world_post(w, (SimEvent){ .at = w->now + 100 * USEC_PER_MSEC + chance % (3 * USEC_PER_SEC),
                                                      .kind = SIM_FENCED,
                                                      .machine = m->number,
                                                      .generation = m->generation,
                                                      .a = chance > 0 && chance / 7 % 4 == 0
                                                                           ? 1 + chance / 31 % (_END_MAX - 1)
                                                                           : END_OFF,
                                                      .b = i });
                        return;
                }
}

void fencing_spoil(SimEvent *e) {
        e->a = END_FAILED;
}

void fencing_event(World *w, SimEvent *e) {
        Machine *m = w->machines + e->machine, *target = w->machines + e->b;
        usec_t span = (5 + (w->options.fences ? 0 : w->now % 40)) * USEC_PER_SEC;

        mishap(w, e->a == END_OFF ? MISHAP_FENCED : MISHAP_FENCE_FAILED);
        for (size_t i = 0; i < w->n_machines && e->a != END_FAILED; i++)
                if (streq(w->machines[i].id, target->id))
                        machine_power_cut(w, w->machines + i, span);
        if (e->generation == m->generation && m->core)
                daemon_post(w, m, 0, SIM_VERB, 1, EVENT_FENCED, e->a == END_OFF);
}
