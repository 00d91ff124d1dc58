/* SPDX-License-Identifier: Apache-2.0 */

/*
 * In every fourth run, and with the bias "pause" in each, operators pause the cluster and end the pause again, from
 * any machine. Sometimes somebody deletes the record by hand instead. Mostly the registry goes away soon after the
 * pause has begun. All of this hangs on the seed and the time, and draws nothing.
 */
#include "sim.h"

enum {
        HEALED_FOR = 40, /* seconds after which every session that lives has surely beaten again */
        UNSEEN_FOR = 8,  /* seconds after which no pause that was asked for begins any more */
        LOOKED_FOR = UNSEEN_FOR + 4,
};

bool pausing_is_on(const World *w) {
        return w->options.bias == BIAS_PAUSE ||
               (w->options.faults && w->options.bias == BIAS_NONE && w->options.seed % 4 == 1);
}

static uint64_t chance(const World *w) {
        uint64_t z = (w->options.seed + w->now) * 0x9e3779b97f4a7c15u;

        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        return z ^ z >> 27;
}

typedef enum What {
        PAUSE_BEGINS,
        PAUSE_ENDS,
        PAUSE_WORK, /* the registry goes, for its members are replaced */
        PAUSE_MUST_END,
} What;

static void next(World *w, usec_t after, What what) {
        world_post(w, (SimEvent){ .at = w->now + after, .kind = SIM_PAUSE, .a = what });
}

void pausing_init(World *w) {
        if (pausing_is_on(w))
                next(w, 4 * USEC_PER_SEC + chance(w) % (16 * USEC_PER_SEC), PAUSE_BEGINS);
}

const Value *pausing_record(const World *w) {
        return w->map.n_live[RECORD_PAUSE] > 0 ? w->map.keys[w->map.live[RECORD_PAUSE][0]].value : NULL;
}

static void delete_record(World *w) {
        uint32_t key = map_key(w, RECORD_PAUSE, "");

        if (!w->map.keys[key].value)
                return;
        mishap(w, MISHAP_PAUSE_DELETED);
        w->map.revision++;
        map_delete(w, key);
        net_changed(w);
}

static void work(World *w, uint64_t n) {
        mishap(w, MISHAP_OUTAGE);
        w->registry_down_until = w->now + n / 17 % (30 * USEC_PER_SEC);
}

static bool is_running_by(World *w, const char *session) {
        for (size_t i = 0; i < w->n_leases; i++) {
                const LeaseRecord *l = map_lease(w, i);

                if (l && lease_held_by(l, session) && w->leases[i].running)
                        return true;
        }
        for (size_t i = 0; i < w->n_machines; i++)
                if (streq(w->machines[i].run_session, session))
                        return true;
        return false;
}

/* An operator knows by looking that nothing runs on a machine by that session, and says so. */
static void confirm_dead(World *w) {
        for (size_t i = 0; i < w->map.n_live[RECORD_BEAT]; i++) {
                const MapKey *k = w->map.keys + w->map.live[RECORD_BEAT][i];

                if (k->value->damaged || is_running_by(w, k->name))
                        continue;
                for (size_t j = 0; j < w->n_machines; j++)
                        if (streq(w->machines[j].id, k->value->beat.machine_id))
                                daemon_verb(w, w->machines + (j + 1) % w->n_machines, EVENT_CONFIRM, 0, j);
        }
}

static void end_all(World *w) {
        for (size_t i = 0; i < w->n_machines; i++)
                daemon_verb(w, w->machines + i, EVENT_PAUSE, 0, false);
}

static bool all_have_power(const World *w) {
        for (size_t i = 0; i < w->n_machines; i++)
                if (!w->machines[i].powered)
                        return false;
        return true;
}

/* Has the pause ended, and then the earlier sessions of machines that were booted during it confirmed dead. */
static void insist(World *w, uint64_t unseen_for) {
        if (unseen_for == LOOKED_FOR)
                return;
        if (pausing_record(w))
                end_all(w);
        else if (unseen_for >= UNSEEN_FOR)
                confirm_dead(w);
        world_post(w, (SimEvent){ .at = w->now + USEC_PER_SEC,
                                      .kind = SIM_PAUSE,
                                      .a = PAUSE_MUST_END,
                                      .b = pausing_record(w)   ? 0
                                           : all_have_power(w) ? unseen_for + 1
                                                               : MIN(unseen_for + 1, (uint64_t) UNSEEN_FOR) });
}

void pausing_for(World *w, Machine *m, usec_t span) {
        daemon_verb(w, m, EVENT_PAUSE, 0, true);
        next(w, span, PAUSE_MUST_END);
}

void pausing_event(World *w, SimEvent *e) {
        uint64_t n = chance(w);
        Machine *m = w->machines + n % w->n_machines;

        if (w->quiet)
                return;
        if (e->a == PAUSE_MUST_END) {
                insist(w, e->b);
                return;
        }
        if (e->a == PAUSE_WORK) {
                work(w, n);
                return;
        }
        if (e->a == PAUSE_ENDS && n / 11 % 8 == 0)
                delete_record(w);
        else
                daemon_verb(w, m, EVENT_PAUSE, 0, e->a == PAUSE_BEGINS);
        if (e->a == PAUSE_ENDS) {
                next(w, 2 * USEC_PER_SEC + n / 19 % (25 * USEC_PER_SEC), PAUSE_BEGINS);
                return;
        }
        if (n / 13 % 4 > 0) /* when all machines may have read of the pause, or before */
                next(w, 10 * USEC_PER_MSEC + n / 29 % (4 * USEC_PER_SEC), PAUSE_WORK);
        next(w, 5 * USEC_PER_SEC + n / 19 % (40 * USEC_PER_SEC), PAUSE_ENDS);
}

void pausing_help(World *w) {
        if (!pausing_is_on(w))
                return;
        end_all(w);
        if (w->now >= w->healed_at + HEALED_FOR * USEC_PER_SEC)
                confirm_dead(w);
}

/* Whether the lease was never held: a record that was lost may be written again by its holder. */
static bool is_new(const World *w, const char *lease) {
        int unit = lease_find(w, lease);

        return unit >= 0 && w->leases[unit].index == 0;
}

static bool takes(World *w, const Machine *m, const Record *r) {
        const Value *before;

        if (r->kind != RECORD_LEASE || r->lease->state != LEASE_HELD || !r->lease->session[0])
                return false;
        before = w->map.keys[map_key(w, RECORD_LEASE, r->name)].value;
        if (before ? before->damaged || before->lease.index >= r->lease->index : !is_new(w, r->name))
                return false; /* it may be the same tenure, restored; or what was sent is too late */
        return !before || !lease_held_by(&before->lease, m->run_session) || !streq(r->lease->session, m->run_session);
}

void pausing_check(World *w, const Machine *m, const Txn *t) {
        bool compares = false;

        for (size_t i = 0; i < t->n_compares; i++)
                compares = compares || (t->compares[i].kind == RECORD_PAUSE && t->compares[i].mod_revision == 0);
        for (size_t i = 0; i < t->n_puts && !compares; i++)
                if (takes(w, m, t->puts + i))
                        world_fail(w, "law 13: %s takes lease %s without comparing that there is no pause",
                                        m->hostname, t->puts[i].name);
}

static bool is_taken(const World *w, const char *lease, const Value *was, const LeaseRecord *is) {
        if (is->state != LEASE_HELD || !is->session[0] || (was && was->damaged))
                return false;
        if (!was)
                return is_new(w, lease);
        return is->index > was->lease.index && !lease_held_by(&was->lease, is->session);
}

void pausing_commit(World *w, const Message *q) {
        const Value *pause = w->map.keys[map_key(w, RECORD_PAUSE, "")].value;
        bool on = pause && !pause->damaged && pause->pause.stage == PAUSE_ON;

        for (size_t i = 0; i < q->n_puts; i++) {
                const MapKey *key = w->map.keys + q->puts[i].key;
                const Value *is = q->puts[i].value, *was = key->value;

                if (pause && key->kind == RECORD_LEASE && is_taken(w, key->name, was, &is->lease))
                        world_fail(w, "P1: %s takes %s during a pause", w->machines[q->machine].hostname, key->name);
                if (!on && key->kind == RECORD_FENCE && is->fence.keeps && was && !was->damaged && !was->fence.keeps)
                        world_fail(w, "P2: %s begins to keep its leases, and no pause is on",
                                        w->machines[q->machine].hostname);
        }
}
