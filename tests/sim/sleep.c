/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A machine's sleep. logind announces it and waits for the daemon, which has asked for a delay, until that says that
 * the machine may sleep, is gone, or InhibitDelayMaxSec= is over. Then nothing of the machine runs while its
 * CLOCK_BOOTTIME goes on; what falls due, or reaches it, happens when it wakes, in its order.
 *
 * The machine must not be told that it may sleep while something of a unit is left, and when the time is up
 * everything must be dead, as long as daemon, guard and PID 1 are well. If they are not, and nobody has said that it
 * may, it falls asleep with what is there: that is not promised, and no software could. Such processes do not run
 * while others take over, and the guard, if it is well, kills them when the machine wakes, by a clock that went on:
 * how often they met others, and for how long, is counted.
 *
 * A virtual machine that is paused falls asleep unannounced, with all that it runs, and its CLOCK_BOOTTIME stands
 * still. The same holds for it from the resume on, since its guard sees the pause by a clock of the host (law 14).
 */
#include "sim.h"

#define KILL_BEFORE USEC_PER_SEC /* as src/daemon/suspend.c has it */
static const usec_t slept_life = 150 * USEC_PER_MSEC;

bool machine_is_asleep(const Machine *m) {
        return m->sleep.state == SLEEP_DEEP;
}

bool sleep_excuses(const World *w, const Machine *m) {
        const Sleep *s = &m->sleep;

        return s->state == SLEEP_DEEP || !s->guarded || w->now < s->woke_at + slept_life;
}

static bool guard_is_well(const World *w, const Machine *m) {
        return m->guard.state == GUARD_UP && w->now >= m->guard.paused_until;
}

/* ---- falling asleep ---- */

static void fall_asleep_in(World *w, Machine *m, usec_t delay) {
        world_post(w, (SimEvent){ .at = w->now + delay,
                                      .kind = SIM_SLEEP,
                                      .machine = m->number,
                                      .generation = m->sleep.generation });
}

static void tell_daemon(World *w, Machine *m) {
        usec_t left = m->sleep.until > w->now + KILL_BEFORE ? m->sleep.until - w->now - KILL_BEFORE : 1;

        daemon_verb(w, m, EVENT_SLEEP, 0, left);
}

void machine_sleep(World *w, Machine *m, usec_t delay, usec_t span) {
        Sleep *s = &m->sleep;

        if (!m->powered || m->stay_down || s->state != SLEEP_NONE)
                return;
        TRACE(w, m, "FAULT: machine is about to sleep for %.3f s, in %.3f s at the latest",
                        (double) span / USEC_PER_SEC, (double) delay / USEC_PER_SEC);
        s->state = SLEEP_COMING;
        s->generation++;
        s->span = span;
        s->until = w->now + delay;
        s->ready = false;
        s->disturbed = !m->core || m->paused || !guard_is_well(w, m) || w->now < m->pid1_stalled_until;
        if (!m->core) {
                fall_asleep_in(w, m, USEC_PER_MSEC);
                return;
        }
        tell_daemon(w, m);
        fall_asleep_in(w, m, delay);
}

void sleep_ready(World *w, Machine *m) {
        m->sleep.ready = true;
        if (m->sleep.state == SLEEP_COMING)
                fall_asleep_in(w, m, random_span(w, 1, 300) * USEC_PER_MSEC);
}

/* Its inhibitor goes with it. */
void sleep_daemon_gone(World *w, Machine *m) {
        m->sleep.disturbed = true;
        m->sleep.ready = false;
        if (m->sleep.state == SLEEP_COMING)
                fall_asleep_in(w, m, random_span(w, 1, 100) * USEC_PER_MSEC);
}

/* It asks logind, and hears what is going on. */
void sleep_daemon_started(World *w, Machine *m) {
        if (m->sleep.state == SLEEP_COMING)
                tell_daemon(w, m);
}

/* excused: nothing was promised about what is left. Returns whether something is. */
static bool put_to_sleep(World *w, Machine *m, bool excused) {
        bool left = false;

        m->sleep.state = SLEEP_DEEP;
        w->n_asleep++;
        for (size_t i = 0; i < UNITS_MAX; i++) {
                ModelUnit *u = m->units + i;

                if (unit_is_empty(u) && unit_is_down(u) && !gate_is_open(m, lead_of(i)))
                        continue;
                u->slept = excused;
                for (Slot slot = 0; slot < _SLOT_MAX; slot++) {
                        u->processes[slot].slept = u->processes[slot].alive && excused;
                        left = left || u->processes[slot].alive;
                }
                if (!unit_is_empty(u) && !excused && !w->options.promises_only)
                        world_fail(w, "law: %s falls asleep with processes of %s", m->hostname, w->unit_names[i]);
        }
        world_post(w, (SimEvent){ .at = w->now + m->sleep.span,
                                      .kind = SIM_WAKE,
                                      .machine = m->number,
                                      .generation = m->sleep.generation });
        return left;
}

static void fall_asleep(World *w, Machine *m) {
        bool left = put_to_sleep(w, m, m->sleep.disturbed && !m->sleep.ready);

        mishap(w, left ? MISHAP_SLEEP_FORCED : MISHAP_SLEEP);
        TRACE(w, m, "machine: falls asleep%s", left ? ", and something is left" : "");
}

HostReading sleep_read_clock(const World *w, const Machine *m, usec_t ago) {
        usec_t at = w->now + m->clock_set - ago, boottime = machine_boottime(w, m) - ago * m->rate_ppm / 1000000;
        usec_t phase = (m->number + 1) * 137 * USEC_PER_MSEC, from = (at + phase) / USEC_PER_SEC * USEC_PER_SEC;

        return (HostReading){ .before = boottime - 100, .after = boottime, .from = from, .to = from + USEC_PER_SEC };
}

void sleep_learn_clock(World *w, Machine *m) {
        usec_t last = w->sequence % 50 * USEC_PER_MSEC;

        if (m->guard.clock_due)
                return;
        for (usec_t ago = MIN(w->now - m->boot_at, 2 * USEC_PER_SEC); ago >= last + 50 * USEC_PER_MSEC;
                        ago -= 50 * USEC_PER_MSEC) {
                HostReading r = sleep_read_clock(w, m, ago);

                if (r.before > m->guard.pause.at) /* a clock that was set just before a long sleep may show it only now
                                                   */
                        (void) pause_take(&m->guard.pause, &r);
        }
}

void machine_stand_still(World *w, Machine *m, usec_t span) {
        Sleep *s = &m->sleep;

        if (!m->powered || s->state != SLEEP_NONE)
                return;
        mishap(w, MISHAP_VM_PAUSED);
        TRACE(w, m, "FAULT: virtual machine is paused for %.3f s", (double) span / USEC_PER_SEC);
        sleep_learn_clock(w, m);
        calls_forget(m); /* only units are promised anything */
        machine_set_rate(w, m, m->rate_ppm);
        s->stands_still = true;
        s->generation++;
        s->span = MAX(span, PAUSE_SEEN);
        (void) put_to_sleep(w, m, true);
}

/* Its clock goes on from where it stood, and its guard looks at the host's within 50 ms. */
static void go_on(World *w, Machine *m) {
        m->boot_at = w->now;
        m->sleep.stands_still = false;
        guard_look_at_clock(w, m, random_span(w, USEC_PER_MSEC, 50 * USEC_PER_MSEC));
}

/* ---- asleep ---- */

bool sleep_holds(World *w, const SimEvent *e) {
        bool of_machine = (e->kind > SIM_ARRIVE && e->kind <= SIM_GUARD_END) || e->kind == SIM_POWER_OFF ||
                          e->kind == SIM_CALL;
        Sleep *s = &w->machines[e->machine].sleep;

        if (!of_machine || s->state != SLEEP_DEEP)
                return false;
        if (s->n_events == s->events_size) {
                s->events_size = MAX((size_t) 32, 2 * s->events_size);
                s->events = realloc(s->events, s->events_size * sizeof(SimEvent));
                if (!s->events)
                        abort();
        }
        s->events[s->n_events++] = *e;
        return true;
}

/* All timers that have run out meanwhile do so now. */
static void let_go(World *w, Machine *m) {
        Sleep *s = &m->sleep;

        for (size_t i = 0; i < s->n_events; i++) {
                SimEvent *e = s->events + i;

                if (e->kind == SIM_DEADLINE && e->at == m->deadline_at)
                        m->deadline_at = w->now;
                if (e->kind == SIM_GUARD_TIMER && e->at == m->guard.timer)
                        m->guard.timer = w->now;
                world_post(w, *e);
        }
        s->n_events = 0;
}

/* ---- waking up ---- */

static void check_soon(World *w, Machine *m, size_t unit) {
        for (Slot slot = 0; slot < _SLOT_MAX; slot++)
                if (m->units[unit].processes[slot].alive)
                        world_post(w, (SimEvent){ .at = w->now + slept_life,
                                                      .kind = SIM_LATE_FORK,
                                                      .machine = m->number,
                                                      .unit = (uint16_t) unit,
                                                      .generation = m->units[unit].processes[slot].generation,
                                                      .a = slot });
}

void machine_wake(World *w, Machine *m) {
        Sleep *s = &m->sleep;

        if (s->state == SLEEP_NONE)
                return;
        TRACE(w, m, "machine: %s", s->state == SLEEP_DEEP ? "wakes up" : "does not sleep after all");
        s->generation++;
        if (s->state == SLEEP_DEEP) {
                w->n_asleep--;
                s->woke_at = w->now;
                s->guarded = guard_is_well(w, m);
                for (size_t i = 0; i < UNITS_MAX && s->guarded; i++)
                        check_soon(w, m, i);
        }
        s->state = SLEEP_NONE;
        let_go(w, m);
        if (s->stands_still)
                go_on(w, m);
        else
                daemon_verb(w, m, EVENT_SLEEP, 0, 0);
}

void sleep_end_soon(World *w, Machine *m) {
        world_post(w, (SimEvent){ .at = m->boot_at + PAUSE_SEEN,
                                      .kind = SIM_WAKE,
                                      .machine = m->number,
                                      .generation = m->sleep.generation });
}

void sleep_done(World *w, Machine *m) {
        if (m->sleep.state == SLEEP_DEEP)
                w->n_asleep--;
        m->sleep.state = SLEEP_NONE;
        m->sleep.stands_still = false;
        m->sleep.generation++;
        m->sleep.guarded = true;
        m->sleep.woke_at = 0;
        let_go(w, m); /* only to be dropped */
}

void sleep_event(World *w, SimEvent *e) {
        Machine *m = w->machines + e->machine;
        Sleep *s = &m->sleep;

        if (e->generation != s->generation)
                return;
        if (e->kind == SIM_WAKE)
                machine_wake(w, m);
        else if (s->state == SLEEP_COMING && s->span > 0)
                fall_asleep(w, m);
        else if (s->state == SLEEP_COMING) {
                mishap(w, MISHAP_SLEEP_CALLED_OFF);
                machine_wake(w, m);
        }
}
