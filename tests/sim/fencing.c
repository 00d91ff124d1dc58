/* SPDX-License-Identifier: Apache-2.0 */

/*
 * In every fourth run the machines have a FenceCommand=. It switches the machine off, or does nothing; it says so, or
 * says that it failed, or is not heard of any more. What it does hangs on the seed and the time, and draws nothing.
 */
#include "sim.h"

typedef enum End {
        END_OFF,        /* the machine is off, and the command says so */
        END_OFF_UNTOLD, /* it is off, and the command says that it failed */
        END_FAILED,     /* it is not off, and the command says so */
        _END_MAX,
} End;

usec_t fencing_after(const World *w, const Machine *m) {
        return w->options.faults && w->options.seed % 4 == 3 ? m->ttl / 2 : 0;
}

/* Somebody has changed records by hand, or put another registry there: then nobody knows any more what a fence said.
 */
static bool fence_may_be_lost(const World *w) {
        const uint64_t *n = w->counts.mishaps;

        return n[MISHAP_RECORD_DELETED] + n[MISHAP_RECORD_DAMAGED] + n[MISHAP_RECORD_OVERWRITTEN] +
                               n[MISHAP_RESTORED] + n[MISHAP_WIPED] >
               0;
}

void fencing_begin(World *w, Machine *m, const Action *a) {
        const Value *fence = w->map.keys[map_key(w, RECORD_FENCE, a->session)].value;
        uint64_t beat = fence ? fence->fence.silence : 0, chance = w->options.seed + w->now;

        for (size_t i = 0; i < w->fenced.n && !fence_may_be_lost(w); i++)
                if (beat > 0 && w->fenced.beats[i] == beat) {
                        world_fail(w, "law 12: a second command in the silence of %s", a->session);
                        return;
                }
        if (w->fenced.n < FENCED_MAX)
                w->fenced.beats[w->fenced.n++] = beat;
        for (size_t i = 0; i < w->n_machines; i++)
                if (streq(w->machines[i].id, a->machine_id)) {
                        world_post(w, (SimEvent){ .at = w->now + 100 * USEC_PER_MSEC + chance % (3 * USEC_PER_SEC),
                                                      .kind = SIM_FENCED,
                                                      .machine = m->number,
                                                      .generation = m->generation,
                                                      .a = chance / 7 % 4 == 0 ? 1 + chance / 31 % (_END_MAX - 1)
                                                                               : END_OFF,
                                                      .b = i });
                        return;
                }
}

void fencing_event(World *w, SimEvent *e) {
        Machine *m = w->machines + e->machine, *target = w->machines + e->b;
        usec_t span = (5 + w->now % 40) * USEC_PER_SEC;

        mishap(w, e->a == END_OFF ? MISHAP_FENCED : MISHAP_FENCE_FAILED);
        for (size_t i = 0; i < w->n_machines && e->a != END_FAILED; i++)
                if (streq(w->machines[i].id, target->id))
                        machine_power_cut(w, w->machines + i, span);
        if (e->generation == m->generation && m->core)
                daemon_post(w, m, 0, SIM_VERB, 1, EVENT_FENCED, e->a == END_OFF);
}
