/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guard of one machine, as guard/protocol.h and the architecture describe it: entries with deadlines, the only hand
 * on the gate, StopUnit at stop_at, the kill loop from kill_at until PID 1 (asked after the gate was gone) says down and
 * the control group is empty; and PID 1's hand on the guard: the watchdog, BindsTo=, ExecStopPost=.
 *
 * It decides by the machine's clock as it reads when it acts, not when it was meant to act: a guard that was stopped for
 * a minute expires its entries before it listens to the beats that have piled up.
 */
#include "sim.h"

static const usec_t kill_every = 20 * USEC_PER_MSEC, ask_every = 100 * USEC_PER_MSEC;

bool gate_is_open(const Machine *m, size_t unit) {
        return m->guard.entries[unit].open;
}

static void post(World *w, Machine *m, size_t unit, SimKind kind, usec_t at, uint64_t a, void *pointer) {
        world_post(w, (SimEvent){ .at = at, .kind = kind, .machine = m->number, .unit = (uint8_t) unit,
                                  .generation = m->guard.generation, .a = a, .pointer = pointer });
}

static void close_gate(World *w, Machine *m, size_t unit) {
        GuardEntry *e = m->guard.entries + unit;

        if (!e->open)
                return;
        e->open = false;
        m->units[unit].closings++;
        TRACE(w, m, "guard: gate of %s closed", w->unit_names[unit]);
}

bool guard_is_killing(const World *w, const Machine *m, size_t unit) {
        const GuardEntry *e = m->guard.entries + unit;

        return m->guard.state == GUARD_POST || ((e->expired || e->lost) && machine_boottime(w, m) >= e->kill_at);
}

/* ---- what it says to the daemon ---- */

static void say(World *w, Machine *m, size_t unit, EventKind kind) {
        Guard *g = &m->guard;
        const GuardEntry *e = g->entries + unit;

        if (!g->connected)
                return;
        g->last_says = MAX(g->last_says + 1, w->now + random_span(w, 20, 500));
        world_post(w, (SimEvent){ .at = g->last_says, .kind = SIM_GUARD_SAYS, .machine = m->number, .unit = (uint8_t) unit,
                                  .generation = g->connection, .a = kind, .b = e->index,
                                  .c = (uint64_t) e->open | (uint64_t) (e->expired || e->lost) << 1 | g->serial << 2 });
}

void guard_connect(World *w, Machine *m) {
        Guard *g = &m->guard;

        g->connected = true;
        g->serial = 0;
        m->guard_link = ++g->connection;
        g->last_says = MAX(w->now, g->paused_until);
        say(w, m, 0, EVENT_GUARD_UP);
        for (size_t i = 0; i < w->n_leases; i++)
                if (g->entries[i].index > 0)
                        say(w, m, i, EVENT_GUARD);
        say(w, m, 0, EVENT_GUARD_SYNCED);
}

/* ---- deadlines ---- */

static bool is_live(const GuardEntry *e) {
        return e->index > 0 && !e->expired && !e->lost;
}

static bool is_ending(const GuardEntry *e) {
        return (e->expired || e->lost) && !e->down;
}

static void set_timer(World *w, Machine *m, usec_t at) {
        at = MAX(at, w->now + 1);
        if (at >= m->guard.timer)
                return;
        m->guard.timer = at;
        post(w, m, 0, SIM_GUARD_TIMER, at, 0, NULL);
}

static void set_deadline(World *w, Machine *m, usec_t boottime) {
        usec_t late = random_span(w, 0, random_chance(w, 10000) ? 10000 : 1500);

        set_timer(w, m, machine_true_time(w, m, boottime) + late);
}

static void ask_pid1(World *w, Machine *m, size_t unit) {
        GuardEntry *e = m->guard.entries + unit;

        if (e->asking)
                return;
        e->asking = true;
        post(w, m, unit, SIM_GUARD_SEES, w->now + random_span(w, 50, 1000), e->life, NULL);
}

static void end_entry(World *w, Machine *m, size_t unit) {
        close_gate(w, m, unit);
        m->guard.entries[unit].down = false;
        say(w, m, unit, EVENT_GUARD);
        pid1_request(w, m, unit, JOB_STOP, BY_GUARD);
        ask_pid1(w, m, unit);
}

/* Whatever the clock says is due, and the timer for the next. */
static void look_at_clock(World *w, Machine *m) {
        usec_t now = machine_boottime(w, m);

        for (size_t i = 0; i < w->n_leases; i++) {
                GuardEntry *e = m->guard.entries + i;

                if (is_live(e) && now >= e->stop_at) {
                        TRACE(w, m, "guard: %s has expired", w->unit_names[i]);
                        e->expired = true;
                        end_entry(w, m, i);
                }
                if (is_live(e))
                        set_deadline(w, m, e->stop_at);
                if (!is_ending(e))
                        continue;
                ask_pid1(w, m, i);
                if (now >= e->kill_at) {
                        unit_kill(w, m, i);
                        set_timer(w, m, w->now + kill_every);
                } else {
                        set_deadline(w, m, e->kill_at);
                        set_timer(w, m, w->now + ask_every);
                }
        }
}

/* PID 1 has been asked after the gate was closed; the control group is looked at after its answer. */
static void on_sees(World *w, Machine *m, size_t unit, unsigned life) {
        GuardEntry *e = m->guard.entries + unit;

        if (e->life != life)
                return;
        e->asking = false;
        if (!is_ending(e) || !unit_is_down(m->units + unit) || !unit_is_empty(m->units + unit))
                return;
        e->down = true;
        TRACE(w, m, "guard: %s is down", w->unit_names[unit]);
        say(w, m, unit, EVENT_GUARD);
}

/* ---- what the daemon says ---- */

void guard_tell(World *w, Machine *m, size_t unit, const Action *a) {
        Guard *g = &m->guard;
        Parcel *p = w->free_parcels;
        usec_t now = machine_boottime(w, m);

        if (g->state != GUARD_UP || !g->connected)
                return;
        if (p)
                w->free_parcels = p->next_free;
        else if (!(p = calloc(1, sizeof(Parcel))))
                abort();
        *p = (Parcel){ .kind = a->kind, .index = a->index, .serial = a->id, .connection = g->connection, .t0 = a->t0, .stop = a->stop, .kill = a->kill,
                       .kill_at = now + a->kill };
        g->last_told = MAX(g->last_told + 1, w->now + random_span(w, 20, 500));
        post(w, m, unit, SIM_GUARD_TOLD, g->last_told, 0, p);
}

static void arm(World *w, Machine *m, size_t unit, const Parcel *p) {
        GuardEntry *e = m->guard.entries + unit;
        unsigned life = e->life;

        if (is_live(e) && e->index == p->index) {
                e->stop_at = MAX(e->stop_at, p->t0 + p->stop);
                e->kill_at = MAX(e->kill_at, p->t0 + p->kill);
        } else if (e->index == 0 || (e->down && unit_is_empty(m->units + unit)) ||
                        (is_live(e) && unit_is_down(m->units + unit) && unit_is_empty(m->units + unit))) {
                close_gate(w, m, unit);
                *e = (GuardEntry){ .index = p->index, .stop_at = p->t0 + p->stop, .kill_at = p->t0 + p->kill, .life = life + 1 };
        } else
                return;
        e->stop_offset = p->stop;
        e->kill_offset = p->kill;
}

static void beat(World *w, Machine *m, const Parcel *p) {
        for (size_t i = 0; i < w->n_leases; i++) {
                GuardEntry *e = m->guard.entries + i;

                if (!is_live(e))
                        continue;
                e->stop_at = MAX(e->stop_at, p->t0 + e->stop_offset);
                e->kill_at = MAX(e->kill_at, p->t0 + e->kill_offset);
        }
}

static void lose(World *w, Machine *m, size_t unit, const Parcel *p) {
        GuardEntry *e = m->guard.entries + unit;
        bool ended = e->expired || e->lost;

        if (e->index == 0) {
                *e = (GuardEntry){ .index = p->index, .kill_at = p->kill_at, .life = e->life + 1 };
                close_gate(w, m, unit);
        }
        e->lost = true;
        e->kill_at = MIN(e->kill_at, p->kill_at);
        e->stop_at = MIN(e->stop_at, machine_boottime(w, m));
        if (!ended)
                end_entry(w, m, unit);
}

static void obey(World *w, Machine *m, size_t unit, const Parcel *p) {
        GuardEntry *e = m->guard.entries + unit;

        m->guard.serial = p->serial;
        switch (p->kind) {
        case ACTION_GUARD_ARM:
                arm(w, m, unit, p);
                break;
        case ACTION_GUARD_BEAT:
                beat(w, m, p);
                return; /* names no unit: it is not answered */
        case ACTION_GUARD_LOSE:
                lose(w, m, unit, p);
                break;
        case ACTION_GUARD_DISARM:
                close_gate(w, m, unit);
                *e = (GuardEntry){ .life = e->life + 1 };
                break;
        case ACTION_GATE_OPEN:
                e->open = e->open || (is_live(e) && e->index == p->index);
                TRACE(w, m, "guard: gate of %s %s", w->unit_names[unit], e->open ? "opened" : "stays closed");
                break;
        default:
                close_gate(w, m, unit);
        }
        say(w, m, unit, EVENT_GUARD);
}

static void on_told(World *w, Machine *m, SimEvent *event) {
        Parcel *p = event->pointer;

        if (m->guard.state == GUARD_UP && event->generation == m->guard.generation && p->connection == m->guard.connection) {
                look_at_clock(w, m); /* first what is due, then what is asked */
                obey(w, m, event->unit, p);
                look_at_clock(w, m);
        }
        p->next_free = w->free_parcels;
        w->free_parcels = p;
}

/* ---- its life, as PID 1 has it ---- */

static void forget_entries(World *w, Machine *m) {
        for (size_t i = 0; i < w->n_leases; i++) {
                close_gate(w, m, i);
                m->guard.entries[i] = (GuardEntry){ .life = m->guard.entries[i].life + 1 };
        }
}

void guard_gone(World *w, Machine *m) {
        forget_entries(w, m);
        m->guard.state = GUARD_DOWN;
        m->guard.generation++;
        m->guard.connected = m->guard.start_asked = false;
        m->guard.paused_until = 0;
        m->guard.timer = USEC_INFINITY;
}

static void disconnect(World *w, Machine *m) {
        Guard *g = &m->guard;

        if (g->connected)
                say(w, m, 0, EVENT_GUARD_DOWN);
        g->connected = false;
}

void guard_crash(World *w, Machine *m) {
        Guard *g = &m->guard;

        if (g->state != GUARD_UP)
                return;
        TRACE(w, m, "guard: dead");
        g->paused_until = 0;
        disconnect(w, m);
        g->state = GUARD_POST;
        g->generation++;
        g->timer = USEC_INFINITY;
        post(w, m, 0, SIM_GUARD_REAPED, pid1_time(w, m, random_span(w, 100, 2000)), 0, NULL);
}

void guard_pause(World *w, Machine *m, usec_t span) {
        Guard *g = &m->guard;
        usec_t due = USEC_INFINITY;

        if (g->state != GUARD_UP || w->now < g->paused_until)
                return;
        g->paused_until = w->now + span;
        for (size_t i = 0; i < w->n_leases; i++) {
                if (is_live(g->entries + i))
                        due = MIN(due, g->entries[i].stop_at);
                else if (is_ending(g->entries + i))
                        due = MIN(due, g->entries[i].kill_at);
        }
        if (due == USEC_INFINITY)
                return;
        due = machine_true_time(w, m, due) + random_span(w, 50, 260) * USEC_PER_MSEC;
        if (due < g->paused_until)
                post(w, m, 0, SIM_GUARD_WATCHDOG, due, 0, NULL);
}

/* ExecStopPost=: no gate is left, and nothing that ran behind one. */
static void on_post(World *w, Machine *m) {
        bool all = true;

        forget_entries(w, m);
        for (size_t i = 0; i < w->n_leases; i++) {
                if (unit_is_down(m->units + i) && unit_is_empty(m->units + i))
                        continue;
                all = false;
                unit_kill(w, m, i);
        }
        if (all) {
                m->guard.state = GUARD_DOWN;
                TRACE(w, m, "guard: stopped, nothing is left");
        } else
                post(w, m, 0, SIM_GUARD_POST, w->now + kill_every, 0, NULL);
}

void guard_start_asked(World *w, Machine *m) {
        if (m->guard.state != GUARD_DOWN || m->guard.start_asked)
                return;
        m->guard.start_asked = true;
        post(w, m, 0, SIM_GUARD_START, pid1_time(w, m, random_span(w, 5, 50) * USEC_PER_MSEC), 0, NULL);
}

static void on_start(World *w, Machine *m) {
        m->guard.start_asked = false;
        if (!m->powered)
                return;
        guard_gone(w, m);
        m->guard.state = GUARD_UP;
        TRACE(w, m, "guard: started");
}

void guard_event(World *w, SimEvent *e) {
        Machine *m = w->machines + e->machine;
        Guard *g = &m->guard;
        bool by_pid1 = e->kind == SIM_GUARD_SEES || e->kind == SIM_GUARD_REAPED || e->kind == SIM_GUARD_START ||
                        e->kind == SIM_GUARD_WATCHDOG;
        usec_t later = by_pid1 ? m->pid1_stalled_until : 0;

        if (e->kind == SIM_GUARD_TOLD || e->kind == SIM_GUARD_SEES || e->kind == SIM_GUARD_TIMER)
                later = MAX(later, g->paused_until);
        if (e->generation == g->generation && w->now < later) {
                SimEvent again = *e;

                again.at = later;
                if (e->kind == SIM_GUARD_TIMER && e->at == g->timer)
                        g->timer = later;
                world_post(w, again);
                return;
        }
        if (e->kind == SIM_GUARD_TOLD) {
                on_told(w, m, e);
                return;
        }
        if (e->generation != g->generation)
                return;
        if (e->kind == SIM_GUARD_TIMER && e->at == g->timer) {
                g->timer = USEC_INFINITY;
                look_at_clock(w, m);
        } else if (e->kind == SIM_GUARD_SEES)
                on_sees(w, m, e->unit, (unsigned) e->a);
        else if (e->kind == SIM_GUARD_WATCHDOG && w->now < g->paused_until) {
                TRACE(w, m, "PID 1: the guard's watchdog has run out");
                guard_crash(w, m);
        } else if (e->kind == SIM_GUARD_REAPED) {
                pid1_guard_gone(w, m);
                post(w, m, 0, SIM_GUARD_POST, w->now + random_span(w, 5, 20) * USEC_PER_MSEC, 0, NULL);
        } else if (e->kind == SIM_GUARD_POST)
                on_post(w, m);
        else if (e->kind == SIM_GUARD_START)
                on_start(w, m);
}
