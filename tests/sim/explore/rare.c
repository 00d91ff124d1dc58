/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kinds of trouble that come only where they are named (--only, --story). So a search without a word of them has the
 * bounds that docs/safety.md tells, and one that names some of them finds what needs these.
 *
 * Each strikes a machine at a timer of its daemon, as the operator's words do; but somebody's hand is as quick as any
 * event of the machine.
 */
#include "rare.h"

#include <stdlib.h>

static bool runs(const Machine *m) {
        const Process *p = m->units[0].processes + SLOT_MAIN;

        return p->alive && !p->dying;
}

static const Machine *find_runner(const World *w) {
        for (size_t i = 0; i < w->n_machines; i++)
                if (runs(w->machines + i))
                        return w->machines + i;
        return NULL;
}

static const LeaseRecord *lease_record(const World *w) {
        return map_lease((World *) (uintptr_t) w, 0);
}

static bool is_of_daemon(const SimEvent *e) {
        return e->kind == SIM_REPLY || e->kind == SIM_DEADLINE || e->kind == SIM_WATCH || e->kind == SIM_STATUS_BACK ||
               e->kind == SIM_STATUS_ASKED || e->kind == SIM_GUARD_SAYS || e->kind == SIM_POLL;
}

static bool writes_lease(const World *w, const Machine *m, const SimEvent *e) {
        const Message *q = e->kind == SIM_ARRIVE ? e->pointer : NULL;

        for (size_t i = 0; q && !q->kept && !m->requests_blocked && i < q->n_puts; i++)
                if (w->map.keys[q->puts[i].key].kind == RECORD_LEASE)
                        return true;
        return false;
}

static size_t names_in_fence(const World *w, const Machine *m) {
        for (size_t i = 0; i < w->map.n_live[RECORD_FENCE]; i++) {
                const MapKey *k = w->map.keys + w->map.live[RECORD_FENCE][i];

                if (streq(k->name, m->run_session))
                        return k->value->damaged ? 0 : k->value->fence.n_names;
        }
        return 0;
}

static bool nobody_has_the_unit(const World *w) {
        for (size_t i = 0; i < w->n_machines; i++)
                if (w->machines[i].guard.entries[0].index > 0)
                        return false;
        return !w->leases[0].running;
}

static size_t ways_at_timer(const World *w, const Machine *m, Trouble t, size_t n_corners) {
        const LeaseRecord *l = lease_record(w);

        switch (t) {
        case TROUBLE_LAG:
                return m->core ? 3 : 0;
        case TROUBLE_DISABLE:
                return m->core && m->enabled[0] ? 2 : 0;
        case TROUBLE_REBOOT:
                return !m->stay_down && m->core;
        case TROUBLE_ILL:
                return w->unit_configs[0].checked ? n_corners : 0;
        case TROUBLE_NEED:
                return runs(m) ? n_corners : 0;
        case TROUBLE_REQUEST:
                return m->core && find_runner(w) && find_runner(w) != m;
        case TROUBLE_REWRITE:
                return l && nobody_has_the_unit(w); /* docs/safety.md: "Records forged" */
        default:                                    /* TROUBLE_OLD_FENCE */
                return names_in_fence(w, m) > 0 ? 2 : 0;
        }
}

size_t rare_ways(const World *w, const Machine *m, const SimEvent *e, Trouble t, size_t n_corners) {
        const Parcel *p = e->kind == SIM_GUARD_TOLD ? e->pointer : NULL;

        if (t == TROUBLE_LATE_WRITE)
                return writes_lease(w, m, e) ? n_corners : 0;
        if (!m->powered)
                return 0;
        switch (t) {
        case TROUBLE_HANG_IN:
                return is_of_daemon(e) && m->core && !m->paused ? n_corners : 0;
        case TROUBLE_BY_HAND:
                return (is_of_daemon(e) || p) && m->guard.entries[0].index > 0 && unit_is_down(m->units);
        case TROUBLE_THAW:
                return (is_of_daemon(e) || e->kind == SIM_GUARD_TIMER) && m->units[0].frozen;
        case TROUBLE_LIE:
                return p && p->kind != ACTION_GUARD_DISARM && p->kind != ACTION_GATE_CLOSE ? 2 : 0;
        case TROUBLE_ENABLE:
                return is_of_daemon(e) && m->core && !m->enabled[0];
        case TROUBLE_SLEEP:
                return is_of_daemon(e) && m->sleep.state == SLEEP_NONE ? n_corners : 0;
        case TROUBLE_WITHDRAW:
                return is_of_daemon(e) && m->core && w->last_call > 0;
        case TROUBLE_BLINK:
                return e->kind == SIM_REPLY;
        case TROUBLE_COMMAND:
                return e->kind == SIM_FENCED;
        default:
                return e->kind == SIM_DEADLINE ? ways_at_timer(w, m, t, n_corners) : 0;
        }
}

/* ---- carrying out ---- */

/* What a free lease says that nobody has had. */
static void rewrite(World *w) {
        uint32_t key = map_key(w, RECORD_LEASE, w->lease_names[0]);
        Value *v = value_new(w, RECORD_LEASE, &w->map.keys[key].value->lease);

        w->map.revision++;
        v->lease.index = 0;
        v->lease.state = LEASE_FREE;
        v->lease.session[0] = '\0';
        map_put(w, key, v);
        value_unref(w, v);
        net_changed(w);
}

static void rewrite_fence(World *w, const Machine *m, bool counts) {
        uint32_t key = map_key(w, RECORD_FENCE, m->run_session);
        Value *v = value_new(w, RECORD_FENCE, &w->map.keys[key].value->fence);

        w->map.revision++;
        v->fence.n_names = 0;
        v->fence.counter = counts ? v->fence.counter : 0;
        map_put(w, key, v);
        value_unref(w, v);
        net_changed(w);
}

/* The daemon, or whoever speaks for it, tells of a TTL of an hour, or of a beat that it sends in an hour. */
static void lie(Parcel *p, unsigned way) {
        if (way == 0)
                p->stop = p->kill = USEC_PER_HOUR;
        p->t0 += USEC_PER_HOUR;
        p->kill_at += USEC_PER_HOUR;
}

/* Asks the machine that has the unit. */
static void ask(World *w, Machine *m) {
        while ((w->last_call + 1) % w->n_machines != find_runner(w)->number)
                w->last_call++;
        requests_ask_for(w, m, 0, REQUEST_RELEASE);
}

void rare_strike(World *w, Machine *m, SimEvent *e, Trouble t, unsigned way, usec_t span) {
        static const usec_t minute = USEC_PER_MINUTE;

        switch (t) {
        case TROUBLE_LAG:
                m->watch.latency = way < 2 ? (way + 1) * m->ttl : minute + 30 * USEC_PER_SEC;
                break;
        case TROUBLE_BY_HAND:
                pid1_request(w, m, 0, JOB_START, BY_HAND);
                break;
        case TROUBLE_THAW:
                unit_thaw(w, m, 0, true);
                break;
        case TROUBLE_DISABLE:
                if (way == 0) {
                        daemon_verb(w, m, EVENT_FORGET, 0, 0);
                        break;
                }
                daemon_crash(w, m, 100 * USEC_PER_MSEC); /* its file is gone when the next daemon looks */
                m->enabled[0] = false;
                break;
        case TROUBLE_ENABLE:
                daemon_verb(w, m, EVENT_CONFIGURE, 0, 0);
                break;
        case TROUBLE_SLEEP:
                machine_sleep(w, m, 2 * USEC_PER_SEC, 2 * m->ttl + span);
                break;
        case TROUBLE_REBOOT:
                machine_shut_down(w, m, 100 * USEC_PER_MSEC);
                break;
        case TROUBLE_ILL:
                m->ill_of_unit_until = w->now + span;
                break;
        case TROUBLE_NEED:
                pid1_stops_for_another(w, m, 0, ENDED_BY_NEED, false, span);
                break;
        case TROUBLE_REQUEST:
                ask(w, m);
                break;
        case TROUBLE_WITHDRAW:
                daemon_post(w, m, 0, SIM_VERB, USEC_PER_MSEC, EVENT_WITHDRAW, w->last_call);
                break;
        case TROUBLE_REWRITE:
                rewrite(w);
                break;
        case TROUBLE_OLD_FENCE:
                rewrite_fence(w, m, way == 1);
                break;
        case TROUBLE_BLINK:
                machine_stand_still(w, m, 0);
                break;
        case TROUBLE_LIE:
                lie(e->pointer, way);
                break;
        default: /* TROUBLE_COMMAND */
                fencing_spoil(e);
        }
}

/* ---- clusters ---- */

Bias rare_bias(Temper temper) {
        return temper == TEMPER_TIMER ? BIAS_TIMERS : BIAS_NONE;
}

void rare_begin(World *w, Temper temper) {
        w->timer_period = w->options.ttl * 3 / 2; /* what a taker makes up for may have had its run */
        w->options.fences = temper == TEMPER_FENCED;
        for (size_t i = 0; i < w->n_leases; i++) {
                w->unit_configs[i].checked = temper == TEMPER_CHECKED;
                w->unit_configs[i].reboot_wait = temper == TEMPER_KEPT ? 4 * w->options.ttl : 0;
        }
}

static uint64_t add(uint64_t sum, uint64_t v) {
        sum = (sum ^ v) * 0x9e3779b97f4a7c15u;
        return sum ^ sum >> 29;
}

uint64_t rare_print(const World *w) {
        uint64_t sum = 0;

        for (size_t i = 0; i < w->n_machines; i++) {
                const Machine *m = w->machines + i;

                sum = add(sum, m->watch.latency < USEC_PER_SEC ? 0 : m->watch.latency);
                sum = add(sum, usec_sub(m->ill_of_unit_until, w->now));
                for (size_t j = 0; j < w->n_leases; j++) {
                        const Health *h = m->health + j;

                        sum = add(sum, m->enabled[j]);
                        sum = add(sum, h->known ? (w->now - h->since) * 2 + h->passes : 0);
                }
        }
        for (size_t i = 0; i < w->n_leases && w->options.bias == BIAS_TIMERS; i++) {
                usec_t now = machine_realtime(w, w->machines);

                sum = add(sum, now % w->timer_period);
                sum = add(sum, now / w->timer_period - w->leases[i].elapse);
        }
        for (size_t i = 0; i < w->asked_size; i++)
                sum = add(sum, w->asked[i]);
        for (size_t i = 0; i < w->n_leases && w->unit_configs[i].reboot_wait > 0; i++) {
                usec_t meddled_at = MAX(w->meddled_at, w->leases[i].meddled_at);

                sum = add(sum, MIN(w->now - meddled_at, USEC_PER_MINUTE));
        }
        return add(add(sum, w->last_call), w->fenced.n);
}
