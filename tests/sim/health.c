/* SPDX-License-Identifier: Apache-2.0 */

/*
 * In every fourth run each second unit has a Check=. A unit is well or ill on a machine for some while, which hangs on
 * the seed and the time, and draws nothing. When all has healed, all are well.
 *
 *   C1  no machine takes the lease of a unit whose check has not passed, or fails, whoever asks for it; nor starts
 *       it when its check has failed for longer than a start takes. One that an operator has stopped there is not
 *       checked until he has it started again
 *   C2  a unit that runs and whose check fails is let go within a minute
 */
#include "sim.h"

enum { START_TAKES = 60, LET_GO = 60 }; /* seconds */

static uint64_t chance(const World *w, const Machine *m, size_t unit, uint64_t time) {
        uint64_t z = (w->options.seed + time * 64 + unit * 8 + m->number + 1) * 0x9e3779b97f4a7c15u;

        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        return z ^ z >> 27;
}

static bool is_on(const World *w) {
        return w->options.faults && !w->options.runs && w->options.slots == 0 && w->options.bias == BIAS_NONE &&
               w->options.seed % 4 == 0;
}

void health_init(World *w) {
        for (size_t i = 0; i < w->n_leases && is_on(w); i++)
                w->unit_configs[i].checked = (w->options.seed / 4 + i) % 2 == 0;
}

/* Each state lasts for 20 s, or for some times that. */
static bool is_well(const World *w, const Machine *m, size_t unit) {
        uint64_t length = 20 * (1 + chance(w, m, unit, 0) % 8);

        if (!w->options.faults)
                return w->now >= m->ill_of_unit_until;
        return w->quiet || chance(w, m, unit, 1 + w->now / USEC_PER_SEC / length) % 3 > 0;
}

static void begin_check(World *w, Machine *m, size_t unit) {
        usec_t span = 200 * USEC_PER_MSEC + (w->options.faults ? chance(w, m, unit, w->now) % (5 * USEC_PER_SEC) : 0);

        daemon_post(w, m, unit, SIM_VERB, span, EVENT_CHECK, 0);
}

void health_begin(World *w, Machine *m) {
        memset(m->health, 0, sizeof(m->health));
        for (size_t i = 0; i < w->n_leases; i++)
                if (w->unit_configs[i].checked)
                        begin_check(w, m, i);
}

static bool is_ill_for_long(const World *w, const Machine *m, size_t unit, unsigned seconds) {
        const Health *h = m->health + unit;

        return h->known && !h->passes && w->now > h->since + seconds * USEC_PER_SEC;
}

/* The guard, PID 1 and the daemon were well meanwhile. */
static bool could_let_go(const World *w, const Machine *m) {
        return m->guard.state == GUARD_UP && m->guard_link > 0 && w->now > m->ill_until + LET_GO * USEC_PER_SEC &&
               w->now > m->health_hindered + LET_GO * USEC_PER_SEC;
}

/* One that an operator has stopped keeps its open gate, and is not checked. */
static bool runs(const Machine *m, size_t unit) {
        return gate_is_open(m, unit) && m->units[unit].state == ACTIVE_ACTIVE;
}

void health_event(World *w, Machine *m, const SimEvent *e) {
        Health *h = m->health + e->unit;
        bool passes = is_well(w, m, e->unit);

        if (!h->known || h->passes != passes)
                *h = (Health){ .known = true, .passes = passes, .since = w->now };
        if (is_ill_for_long(w, m, e->unit, LET_GO) && could_let_go(w, m) && runs(m, e->unit) &&
                        !w->unit_configs[e->unit].hold_on_failure)
                world_fail(w, "C2: %s runs on %s, and its check has failed for %.1f s", w->unit_names[e->unit],
                                m->hostname, (double) (w->now - h->since) / USEC_PER_SEC);
        if (!passes)
                mishap(w, MISHAP_CHECK_FAILS);
        begin_check(w, m, e->unit);
        daemon_step(w, m, &(Event){ .kind = EVENT_CHECK, .unit = w->unit_names[e->unit], .on = passes });
}

/* A record that somebody has deleted or damaged may be written again by its holder. */
static bool takes(const World *w, const Machine *m, const LeaseRecord *next, size_t unit) {
        const LeaseCheck *l = w->leases + unit;

        return next->state == LEASE_HELD && streq(next->session, m->run_session) &&
               !(l->holder[0] && streq(l->machine_id, m->id));
}

void health_check_txn(World *w, const Machine *m, const Txn *t) {
        for (size_t i = 0; i < t->n_puts; i++) {
                int unit = t->puts[i].kind == RECORD_LEASE ? lease_find(w, t->puts[i].name) : -1;

                if (unit < 0 || !w->unit_configs[unit].checked || !m->enabled[unit] ||
                                !takes(w, m, t->puts[i].lease, (size_t) unit))
                        continue;
                if (!m->health[unit].passes)
                        world_fail(w, "C1: %s takes the lease of %s, and its check %s there", m->hostname,
                                        w->unit_names[unit], m->health[unit].known ? "fails" : "has not passed");
        }
}

void health_check_start(World *w, const Machine *m, size_t unit) {
        if (w->unit_configs[unit].checked && is_ill_for_long(w, m, unit, START_TAKES) && could_let_go(w, m) &&
                        !w->unit_configs[unit].hold_on_failure && m->statuses[unit].ended_by != ENDED_BY_HAND)
                world_fail(w, "C1: %s starts %s, and its check has failed for %.1f s", m->hostname,
                                w->unit_names[unit], (double) (w->now - m->health[unit].since) / USEC_PER_SEC);
}
