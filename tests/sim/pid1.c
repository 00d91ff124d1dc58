/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PID 1 of one machine and its units' processes, as far as they matter here: one start or stop job per unit, the
 * Assert on the gate, BindsTo= the guard, ExecStopPost= after every end (also after a SIGKILL), TimeoutStopSec=,
 * Restart=, children that outlive their service. It thaws a frozen unit that it stops.
 *
 * PID 1 can hang for seconds, and then does nothing at all: it forks no process, notices no death, answers no
 * question. It can also hang between looking at the gate and forking; what it then forks is "late". Processes die by
 * themselves or by SIGKILL without its help, but only it notices.
 */
#include "sim.h"

bool unit_exists(const World *w, size_t unit) {
        bool is_member = unit >= LEASES_MAX && unit < UNITS_MAX;

        return lead_of(unit) < w->n_leases && (unit < LEASES_MAX || (is_member && w->has_member[lead_of(unit)]));
}

bool lease_is_empty(const World *w, const Machine *m, size_t lease) {
        FOREACH_PART(w, lease, part)
                if (!unit_is_empty(m->units + part))
                        return false;
        return true;
}

bool unit_is_empty(const ModelUnit *u) {
        for (Slot s = 0; s < _SLOT_MAX; s++)
                if (u->processes[s].alive)
                        return false;
        return true;
}

bool unit_is_down(const ModelUnit *u) {
        return (u->state == ACTIVE_INACTIVE || u->state == ACTIVE_FAILED) && !u->job;
}

usec_t pid1_time(const World *w, const Machine *m, usec_t delay) {
        return MAX(w->now + delay, m->pid1_stalled_until);
}

static void post(World *w, const Machine *m, size_t unit, SimKind kind, usec_t at, unsigned generation, uint64_t a) {
        world_post(w, (SimEvent){ .at = at,
                                      .kind = kind,
                                      .machine = m->number,
                                      .unit = (uint16_t) unit,
                                      .generation = generation,
                                      .a = a });
}

/* ---- processes ---- */

static void process_dies(World *w, Machine *m, size_t unit, Slot slot, usec_t delay) {
        post(w, m, unit, SIM_DEATH, w->now + delay, m->units[unit].processes[slot].generation, slot);
}

static void process_born(World *w, Machine *m, size_t unit, Slot slot, bool late) {
        Process *p = m->units[unit].processes + slot;

        p->alive = true;
        p->dying = p->stuck = false;
        p->late = late;
        p->slept = m->units[unit].slept;
        p->born_at = late ? MAX(w->now, m->units[unit].processes[SLOT_MAIN].born_at) : w->now;
        p->generation++;
        if (m->units[unit].frozen)
                TRACE(w, m, "%s: a process is born frozen", w->unit_names[unit]);
        else
                check_birth(w, m, unit, slot);
}

void unit_kill(World *w, Machine *m, size_t unit) {
        for (Slot s = 0; s < _SLOT_MAX; s++) {
                Process *p = m->units[unit].processes + s;
                usec_t delay = random_span(w, 100, 30 * USEC_PER_MSEC);

                if (!p->alive || p->dying)
                        continue;
                p->dying = true;
                w->counts.mishaps[MISHAP_KILLED_FROZEN] += m->units[unit].frozen;
                if (random_chance(w, w->options.faults ? 100000 : 0))
                        delay += random_span(w, 0, 50 * USEC_PER_MSEC);
                if (w->fault_enabled[FAULT_UNKILLABLE] && !w->quiet && random_chance(w, 300000)) {
                        delay += random_span(w, 0, 20 * USEC_PER_SEC);
                        mishap(w, MISHAP_UNKILLABLE);
                        p->stuck = true;
                }
                process_dies(w, m, unit, s, delay);
        }
}

static void on_death(World *w, Machine *m, SimEvent *e) {
        ModelUnit *u = m->units + e->unit;
        Process *p = u->processes + e->a;

        if (!p->alive || p->generation != e->generation)
                return;
        if (u->frozen && !p->dying) { /* it would end, and does not get to it */
                process_dies(w, m, e->unit, (Slot) e->a, 100 * USEC_PER_MSEC);
                return;
        }
        p->alive = false;
        TRACE(w, m, "%s: process %s has ended", w->unit_names[e->unit],
                        e->a == SLOT_MAIN   ? "main"
                        : e->a == SLOT_POST ? "stop-post"
                                            : "left over");
        check_death(w, m, e->unit, p);
        if (e->a == SLOT_POST && !p->dying && guard_spares(w, m, e->unit))
                mishap(w, MISHAP_POST_ENDED);
        if (p->dying && e->a == SLOT_MAIN)
                u->failed = true;
        if (e->a != SLOT_EXTRA)
                post(w, m, e->unit, SIM_REAPED, pid1_time(w, m, random_span(w, 50, 1000)), u->generation, e->a);
}

void unit_ends(World *w, Machine *m, size_t unit, bool well) {
        m->units[unit].failed = !well;
        process_dies(w, m, unit, SLOT_MAIN, 0);
}

/* ---- a unit's life ---- */

static void set_state(World *w, Machine *m, size_t unit, ActiveState state, bool job) {
        static const char *const names[] = { "inactive", "failed", "activating", "active", "deactivating",
                "reloading" };
        ModelUnit *u = m->units + unit;

        u->state = state;
        u->job = job;
        TRACE(w, m, "PID 1: %s is %s%s", w->unit_names[unit], names[state], job ? ", with a job" : "");
        daemon_hint(w, m, unit);
}

/* Looks at the gate and forks, which should be one thing, and is not if PID 1 hangs in between. */
static void run_start(World *w, Machine *m, size_t unit) {
        ModelUnit *u = m->units + unit;
        usec_t between = random_span(w, 50, 500);

        u->start_pending = u->restarting = u->waiting = false;
        u->need_until = 0; /* it is started along, or stopped */
        if (m->guard.state != GUARD_UP || (u->gate_loaded && !gate_is_open(m, lead_of(unit)))) {
                TRACE(w, m, "PID 1: start of %s refused: %s", w->unit_names[unit],
                                m->guard.state != GUARD_UP ? "no guard" : "assertion failed");
                if (m->guard.state != GUARD_UP)
                        guard_start_asked(w, m);
                set_state(w, m, unit, u->state == ACTIVE_ACTIVATING ? ACTIVE_FAILED : u->state, false);
                return;
        }
        if (w->fault_enabled[FAULT_PID1_STALL] && !w->quiet && random_chance(w, 50000)) {
                between = random_span(w, 0, 10 * USEC_PER_SEC);
                mishap(w, MISHAP_PID1_STALL_BEFORE_FORK);
                machine_ails(w, m, between);
                TRACE(w, m, "FAULT: PID 1 hangs for %.3f s between assertion and fork",
                                (double) between / USEC_PER_SEC);
        }
        m->pid1_stalled_until = MAX(m->pid1_stalled_until, w->now + between);
        u->generation++;
        u->run = world_random(w);
        u->stopping = u->failed = false;
        u->slept = u->slept && sleep_excuses(w, m);
        u->closings_at_check = u->closings;
        set_state(w, m, unit, ACTIVE_ACTIVATING, true);
        post(w, m, unit, SIM_FORK, w->now + between, u->generation, 0);
}

static void on_fork(World *w, Machine *m, SimEvent *e) {
        ModelUnit *u = m->units + e->unit;
        bool late = u->closings != u->closings_at_check;

        u->index = m->units[lead_of(e->unit)].environment.index;
        process_born(w, m, e->unit, SLOT_MAIN, late);
        if (w->has_extra[e->unit] && !u->processes[SLOT_EXTRA].alive && (w->always_extra || random_chance(w, 500000)))
                process_born(w, m, e->unit, SLOT_EXTRA, late);
        post(w, m, e->unit, SIM_STARTED, w->now + random_span(w, 0, w->start_time[e->unit]), u->generation, 0);
        if (e->unit >= LEASES_MAX && w->member_life[lead_of(e->unit)] > 0)
                process_dies(w, m, e->unit, SLOT_MAIN, random_span(w, 1000, w->member_life[lead_of(e->unit)]));
}

/* It is started with its unit, or later, and again and again: the unit may be a target, or a timer. */
static void on_brings(World *w, Machine *m, SimEvent *e) {
        if (m->units[e->unit].state != ACTIVE_ACTIVE)
                return;
        pid1_request(w, m, e->unit + LEASES_MAX, JOB_START, BY_UNIT);
        post(w, m, e->unit, SIM_BRINGS, w->now + random_span(w, 100, 10000) * USEC_PER_MSEC, e->generation, 0);
}

/* ---- timers ---- */

/* Waits for the time behind the one at which it last elapsed; if that has passed, it catches up. */
static void arm_timer(World *w, const Machine *m, size_t unit) {
        const ModelUnit *u = m->units + unit;
        usec_t next = (u->stamp / w->timer_period + 1) * w->timer_period;

        post(w, m, unit, SIM_ELAPSE, pid1_time(w, m, usec_sub(next, machine_realtime(w, m))), u->generation, 0);
}

/* Its job has the gate as well, so a timer that lives on behind a closed gate runs nothing. */
static void on_elapse(World *w, Machine *m, const SimEvent *e) {
        ModelUnit *u = m->units + e->unit;

        if (u->state != ACTIVE_ACTIVE)
                return;
        u->stamp = machine_realtime(w, m);
        if (gate_is_open(m, e->unit) && m->guard.state == GUARD_UP)
                check_elapse(w, m, e->unit, u->stamp / w->timer_period);
        daemon_hint(w, m, e->unit);
        arm_timer(w, m, e->unit);
}

static void start_timer(World *w, Machine *m, size_t unit) {
        ModelUnit *u = m->units + unit;

        if (w->options.bias != BIAS_TIMERS || unit >= LEASES_MAX)
                return;
        if (u->stamp == 0)
                u->stamp = machine_realtime(w, m);
        arm_timer(w, m, unit);
}

/* Down at last; a start that waited for this goes ahead, or Restart= does. */
static void finish(World *w, Machine *m, size_t unit) {
        ModelUnit *u = m->units + unit;
        bool restart = w->restarts[unit] && u->failed && !u->stopping && random_chance(w, 700000);

        if (unit < LEASES_MAX && !lease_is_empty(w, m, unit) && unit_is_empty(u))
                mishap(w, MISHAP_MEMBER_LEFT);
        u->generation++;
        u->stopping = false;
        if (unit_is_empty(u))
                unit_thaw(w, m, unit, false); /* its group goes */
        if (!w->has_extra[unit])              /* KillMode=control-group */
                unit_kill(w, m, unit);
        else if (u->processes[SLOT_EXTRA].alive) { /* KillMode=process */
                mishap(w, MISHAP_LEFT_OVER);
                process_dies(w, m, unit, SLOT_EXTRA,
                                w->always_extra ? 15 * USEC_PER_SEC : random_span(w, 0, 20 * USEC_PER_SEC));
        }
        if (u->start_pending) {
                set_state(w, m, unit, u->failed ? ACTIVE_FAILED : ACTIVE_INACTIVE, true);
                run_start(w, m, unit);
                return;
        }
        set_state(w, m, unit, restart ? ACTIVE_ACTIVATING : u->failed ? ACTIVE_FAILED : ACTIVE_INACTIVE, false);
        u->restarting = restart;
        if (restart)
                pid1_request(w, m, unit, JOB_START, BY_RESTART);
        else if (u->failed)
                w->failures[unit]++;
}

/* ExecStopPost=, whatever the end was. */
static void begin_post(World *w, Machine *m, size_t unit) {
        ModelUnit *u = m->units + unit;

        if (w->post_time[unit] == 0) {
                finish(w, m, unit);
                return;
        }
        if (u->state != ACTIVE_DEACTIVATING)
                set_state(w, m, unit, ACTIVE_DEACTIVATING, u->job);
        if (guard_spares(w, m, unit))
                mishap(w, MISHAP_POST_SPARED);
        process_born(w, m, unit, SLOT_POST, u->processes[SLOT_MAIN].late || guard_is_killing(w, m, lead_of(unit)));
        process_dies(w, m, unit, SLOT_POST, random_span(w, 1000, w->post_time[unit]));
        post(w, m, unit, SIM_STOP_TIMEOUT, w->now + w->unit_configs[unit].timeout_stop, u->generation, SLOT_POST);
}

static void on_reaped(World *w, Machine *m, SimEvent *e) {
        if (e->a == SLOT_MAIN)
                begin_post(w, m, e->unit);
        else
                finish(w, m, e->unit);
}

/* ---- jobs ---- */

void pid1_request(World *w, Machine *m, size_t unit, JobKind kind, Asker by) {
        usec_t delay = by == BY_RESTART ? 100 * USEC_PER_MSEC : random_span(w, 50, 1500);

        if (by == BY_DAEMON && kind == JOB_START)
                m->units[unit].ended_by = ENDED_BY_ITSELF;
        world_post(w, (SimEvent){ .at = w->now + delay,
                                      .kind = SIM_JOB,
                                      .machine = m->number,
                                      .unit = (uint16_t) unit,
                                      .generation = m->boots,
                                      .a = kind,
                                      .b = by });
}

static void stop(World *w, Machine *m, size_t unit) {
        ModelUnit *u = m->units + unit;

        u->start_pending = false;
        if (u->waiting) {
                u->waiting = false;
                set_state(w, m, unit, u->state, false);
        }
        if (unit_is_down(u))
                return;
        unit_thaw(w, m, unit, true);
        if (u->restarting) {
                u->restarting = false;
                set_state(w, m, unit, ACTIVE_FAILED, false);
                return;
        }
        if (u->stopping)
                return;
        u->stopping = true;
        set_state(w, m, unit, ACTIVE_DEACTIVATING, true);
        if (u->processes[SLOT_MAIN].alive) {
                process_dies(w, m, unit, SLOT_MAIN,
                                w->slowest_stop ? w->stop_time[unit] : random_span(w, 200, w->stop_time[unit]));
                post(w, m, unit, SIM_STOP_TIMEOUT, w->now + w->unit_configs[unit].timeout_stop, u->generation,
                                SLOT_MAIN);
        }
}

static void start(World *w, Machine *m, size_t unit, bool restart) {
        ModelUnit *u = m->units + unit;

        if (u->restarting ? restart : unit_is_down(u)) {
                if (!u->restarting && w->options.faults && random_chance(w, 50000)) { /* After= something slow */
                        set_state(w, m, unit, u->state, true);
                        u->waiting = true;
                        post(w, m, unit, SIM_WAITED, w->now + random_span(w, 1000, 3 * USEC_PER_SEC), u->generation,
                                        0);
                } else
                        run_start(w, m, unit);
        } else if (!u->restarting && (u->stopping || u->state == ACTIVE_DEACTIVATING)) {
                u->start_pending = true; /* waits until it is down */
                u->job = true;
        }
}

Obstacle unit_obstacle(const World *w, const Machine *m, const ModelUnit *u) {
        if (u->with_guard)
                return m->guard.state == GUARD_UP ? OBSTACLE_NONE : OBSTACLE_FAILED;
        if ((u->ended_by != ENDED_BY_NEED && u->ended_by != ENDED_BY_CONFLICT) || w->now >= u->need_until)
                return OBSTACLE_NONE;
        return u->need_failed ? OBSTACLE_FAILED : OBSTACLE_LASTS;
}

void pid1_stops_for_another(World *w, Machine *m, size_t unit, EndedBy by, bool failed, usec_t span) {
        ModelUnit *u = m->units + unit;

        if (unit_is_down(u))
                return;
        mishap(w, by == ENDED_BY_CONFLICT ? MISHAP_CONFLICT : failed ? MISHAP_NEED_FAILED : MISHAP_NEED_STOPPED);
        u->need_until = w->now + span;
        u->need_failed = failed;
        pid1_request(w, m, unit, JOB_STOP, by == ENDED_BY_CONFLICT ? BY_CONFLICT : BY_NEED);
        post(w, m, unit, SIM_NEED_BACK, u->need_until, m->boots, 0);
}

static EndedBy ended_by(const ModelUnit *u, Asker by) {
        if (by == BY_NEED || by == BY_CONFLICT)
                return unit_is_down(u) ? u->ended_by : by == BY_NEED ? ENDED_BY_NEED : ENDED_BY_CONFLICT;
        return by == BY_DAEMON ? u->ended_by : ENDED_BY_HAND;
}

static void on_job(World *w, Machine *m, SimEvent *e) {
        static const char *const askers[] = { "the daemon", "the guard", "BindsTo=", "hand",
                "Restart=", "the unit that brings it", "what it needs", "what it conflicts with" };
        ModelUnit *u = m->units + e->unit;

        if (e->generation != m->boots || !m->powered || (e->b == BY_RESTART && !u->restarting))
                return;
        TRACE(w, m, "PID 1: takes up a %s job for %s by %s", e->a == JOB_START ? "start" : "stop",
                        w->unit_names[e->unit], askers[e->b]);
        u->ended_by = ended_by(u, (Asker) e->b);
        u->with_guard = u->with_guard && unit_is_down(u) && (e->b == BY_NEED || e->b == BY_CONFLICT);
        u->looked = false;
        if (e->a == JOB_START)
                start(w, m, e->unit, e->b == BY_RESTART);
        else
                stop(w, m, e->unit);
}

void pid1_guard_gone(World *w, Machine *m) {
        for (size_t i = 0; i < UNITS_MAX; i++) {
                if (!unit_exists(w, i))
                        continue;
                if (!unit_is_down(m->units + i)) {
                        m->units[i].ended_by = ENDED_BY_NEED;
                        m->units[i].with_guard = true;
                        m->units[i].looked = false;
                }
                stop(w, m, i);
        }
}

void pid1_event(World *w, SimEvent *e) {
        Machine *m = w->machines + e->machine;
        ModelUnit *u = m->units + e->unit;

        if (e->kind == SIM_DEATH) {
                on_death(w, m, e);
                return;
        }
        if (e->kind == SIM_FROST) {
                frost_event(w, m, e);
                return;
        }
        if (e->kind == SIM_NEED_BACK) {
                if (e->generation == m->boots && m->powered)
                        daemon_hint(w, m, e->unit);
                return;
        }
        if (e->kind != SIM_JOB && e->generation != u->generation)
                return;
        if (e->kind != SIM_FORK && w->now < m->pid1_stalled_until) {
                SimEvent later = *e;

                later.at = m->pid1_stalled_until;
                world_post(w, later);
                return;
        }
        switch (e->kind) {
        case SIM_JOB:
                on_job(w, m, e);
                break;
        case SIM_FORK:
                on_fork(w, m, e);
                break;
        case SIM_WAITED:
                if (u->waiting)
                        run_start(w, m, e->unit);
                break;
        case SIM_STARTED:
                if (u->state != ACTIVE_ACTIVATING || !u->processes[SLOT_MAIN].alive)
                        break;
                set_state(w, m, e->unit, ACTIVE_ACTIVE, false);
                start_timer(w, m, e->unit);
                if (unit_exists(w, e->unit + (size_t) LEASES_MAX))
                        post(w, m, e->unit, SIM_BRINGS, w->now + random_below(w, 2 * USEC_PER_SEC), u->generation, 0);
                break;
        case SIM_BRINGS:
                on_brings(w, m, e);
                break;
        case SIM_ELAPSE:
                on_elapse(w, m, e);
                break;
        case SIM_REAPED:
                on_reaped(w, m, e);
                break;
        default: /* SIM_STOP_TIMEOUT */
                if (u->processes[e->a].alive) {
                        mishap(w, MISHAP_SLOW_STOP);
                        unit_kill(w, m, e->unit);
                }
        }
}
