/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A machine: its clock, its power, its boots, its cable. A power cut takes every process, /run and the boot's clock at
 * once; /var/lib and what is already on its way through the network stay.
 */
#include "sim.h"

#include <stdio.h>

usec_t machine_boottime(const World *w, const Machine *m) {
        if (m->sleep.stands_still)
                return m->boot_base;
        return m->boot_base + (w->now - m->boot_at) * m->rate_ppm / 1000000;
}

/* The first moment at which the machine's clock shows at least that. */
usec_t machine_true_time(const World *w, const Machine *m, usec_t boottime) {
        if (boottime <= m->boot_base)
                return m->boot_at;
        if (boottime - m->boot_base > UINT64_MAX / 2000000)
                return USEC_INFINITY / 2;
        return m->boot_at + ((boottime - m->boot_base) * 1000000 + m->rate_ppm - 1) / m->rate_ppm;
}

usec_t machine_realtime(const World *w, const Machine *m) {
        int64_t offset = w->options.bias == BIAS_TIMERS ? 0 : m->realtime_offset; /* calendars go by one clock */

        return (usec_t) ((int64_t) (1700000000 * USEC_PER_SEC + w->now) + offset);
}

void machine_set_rate(World *w, Machine *m, uint64_t rate_ppm) {
        m->boot_base = machine_boottime(w, m);
        m->boot_at = w->now;
        m->rate_ppm = rate_ppm;
}

void machine_init(World *w, Machine *m, size_t number) {
        static const unsigned ttls[] = { 1, 2, 2, 5, 5, 10, 10, 20, 60 };
        uint64_t a = world_random(w), b = world_random(w);

        m->metadata = "";
        m->number = (uint8_t) number;
        (void) snprintf(m->id, sizeof(m->id), "%016llx%016llx", (unsigned long long) a, (unsigned long long) b);
        (void) snprintf(m->hostname, sizeof(m->hostname), "m%zu", number);
        m->rate_ppm = w->options.faults ? random_span(w, 990000, 1010000) : 1000000;
        if (w->options.faults && random_chance(w, 400000)) /* the edges are where it breaks */
                m->rate_ppm = random_chance(w, 500000) ? 990000 : 1010000;
        if (m->rate_ppm == 990000 || m->rate_ppm == 1010000)
                mishap(w, m->rate_ppm < 1000000 ? MISHAP_CLOCK_SLOW : MISHAP_CLOCK_FAST);
        if (w->options.faults)
                m->realtime_offset = (int64_t) random_below(w, 2 * USEC_PER_SEC) - (int64_t) USEC_PER_SEC;
        m->ttl = w->options.ttl
                                 ?: number > 0 ? w->machines[0].ttl
                                               : ttls[random_below(w, ELEMENTSOF(ttls))] * USEC_PER_SEC;
        m->deadline_at = USEC_INFINITY;
        m->guard.timer = m->guard.watchdog = m->guard.alarm = USEC_INFINITY;
        m->watch.latency = w->latency;
        for (size_t i = 0; i < UNITS_MAX; i++)
                m->units[i].gate_loaded = true;
        m->copies = w->options.slots;
        for (size_t i = 0; i < w->n_leases; i++) {
                m->enabled[i] = !w->options.runs && unit_of_lease(w, i) == i;
                m->version[i] = 1;
        }
}

void machine_power_on(World *w, Machine *m) {
        if (m->powered)
                return;
        m->powered = true;
        m->boots++;
        m->boot_at = w->now;
        m->boot_base = random_span(w, 1, 20) * USEC_PER_SEC;
        (void) snprintf(m->boot_id, sizeof(m->boot_id), "%016llx%016llx", (unsigned long long) world_random(w),
                        (unsigned long long) world_random(w));
        m->run_session[0] = '\0';
        for (size_t i = 0; i < w->n_leases && w->options.runs; i++)
                m->enabled[i] = m->started[i] = false;
        m->stay_down = false;
        m->pid1_stalled_until = m->ill_until = 0;
        TRACE(w, m, "machine: boots, clock at %+.3f %%", ((double) m->rate_ppm - 1e6) / 1e4);
        daemon_start_later(w, m, w->options.faults ? random_span(w, 100, 3000) * USEC_PER_MSEC : 1000);
}

static void power_off(World *w, Machine *m) {
        daemon_gone(w, m);
        guard_gone(w, m);
        m->guard.pause = (PauseWatch){};
        m->guard.clock_due = false;
        sleep_done(w, m);
        m->powered = false;
        for (size_t i = 0; i < UNITS_MAX; i++) {
                ModelUnit *u = m->units + i;
                ModelUnit fresh = { .state = ACTIVE_INACTIVE,
                        .gate_loaded = true,
                        .generation = u->generation + 1,
                        .ask_generation = u->ask_generation + 1,
                        .closings = u->closings + 1 };

                for (Slot s = 0; s < _SLOT_MAX; s++) {
                        fresh.processes[s].generation = u->processes[s].generation + 1;
                        if (!u->processes[s].alive)
                                continue;
                        u->processes[s].alive = false;
                        check_death(w, m, i, u->processes + s);
                }
                *u = fresh;
        }
}

/* Every second time somebody finds out, and tells another machine: two rounds later, or at any time up to a TTL after
 * that. This hangs on the seed alone, and draws nothing. */
static void confirm_soon(World *w, const Machine *m) {
        uint64_t n = w->options.seed + m->number + m->boots;

        if (w->options.faults && n % 2 == 0)
                world_post(w, (SimEvent){ .at = w->now + m->ttl * 2 / 5 + n / 2 % 8 * m->ttl / 8,
                                              .kind = SIM_CONFIRM,
                                              .machine = m->number,
                                              .generation = m->boots });
}

/* Not where another machine that lives bears the same id: then the word would not be true. */
static void confirm(World *w, const Machine *m) {
        Machine *to = w->machines + (m->number + 1 + m->boots % (w->n_machines - 1)) % w->n_machines;

        for (size_t i = 0; i < w->n_machines; i++)
                if (w->machines + i != m && streq(w->machines[i].id, m->id))
                        return;
        daemon_verb(w, to, EVENT_CONFIRM, 0, m->number);
}

void machine_power_cut(World *w, Machine *m, usec_t back_in) {
        if (!m->powered)
                return;
        mishap(w, MISHAP_POWER_CUT);
        TRACE(w, m, "FAULT: power cut for %.3f s", back_in == USEC_INFINITY ? -1.0 : (double) back_in / USEC_PER_SEC);
        power_off(w, m);
        confirm_soon(w, m);
        if (back_in != USEC_INFINITY)
                world_post(w, (SimEvent){ .at = w->now + back_in,
                                              .kind = SIM_POWER_ON,
                                              .machine = m->number,
                                              .generation = m->boots });
}

/* The units are stopped, the guard and the service, in any order, and the power goes when both have had some time. */
void machine_shut_down(World *w, Machine *m, usec_t back_in) {
        if (!m->powered || m->stay_down)
                return;
        mishap(w, MISHAP_SHUT_DOWN);
        TRACE(w, m, "FAULT: machine shuts down");
        m->stay_down = true;
        if (random_chance(w, 500000)) {
                for (size_t i = 0; i < UNITS_MAX; i++)
                        if (unit_exists(w, i))
                                pid1_request(w, m, i, JOB_STOP, BY_HAND);
                world_post(w, (SimEvent){ .at = w->now + random_span(w, 1000, 10 * USEC_PER_SEC),
                                              .kind = SIM_GUARD_END,
                                              .machine = m->number,
                                              .generation = m->guard.generation });
        }
        daemon_verb(w, m, EVENT_SHUTDOWN, 0, reboots_is_one(w, m));
        world_post(w, (SimEvent){ .at = w->now + random_span(w, 1, 40) * USEC_PER_SEC,
                                      .kind = SIM_POWER_OFF,
                                      .machine = m->number,
                                      .generation = m->boots,
                                      .a = back_in });
}

void machine_cut_off(World *w, Machine *m, bool requests, bool replies, usec_t span) {
        TRACE(w, m, "FAULT: cut off (%s%s) for %.3f s", requests ? "requests " : "", replies ? "replies" : "",
                        (double) span / USEC_PER_SEC);
        if (requests || replies)
                mishap(w, !replies ? MISHAP_CUT_REQUESTS : !requests ? MISHAP_CUT_ANSWERS : MISHAP_CUT_BOTH);
        m->requests_blocked = m->requests_blocked || requests;
        m->replies_blocked = m->replies_blocked || replies;
        world_post(w, (SimEvent){ .at = w->now + span,
                                      .kind = SIM_HEAL_LINK,
                                      .machine = m->number,
                                      .generation = ++m->link_generation });
}

void machine_ails(World *w, Machine *m, usec_t span) {
        m->ill_until = MAX(m->ill_until, w->now + span);
        m->sleep.disturbed = true;
}

void machine_event(World *w, SimEvent *e) {
        Machine *m = w->machines + e->machine;

        if (e->generation != m->boots)
                return;
        if (e->kind == SIM_POWER_ON)
                machine_power_on(w, m);
        else if (e->kind == SIM_CONFIRM && !m->powered)
                confirm(w, m);
        else if (m->powered)
                machine_power_cut(w, m, e->a);
}
