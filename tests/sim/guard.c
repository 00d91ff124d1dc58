/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guard of one machine: its decisions are real (src/guard/guard-entry.c, one entry a unit), what is around them is
 * a model of src/guard: gates, marks and the last beat as files under /run, the sockets of daemon and PID 1, the kill;
 * and PID 1's hand on the guard: the watchdog, BindsTo=, ExecStopPost= (--wipe, which takes up a dead guard's marks).
 */
#include "sim.h"

#include "guard/protocol.h"
#include "util/must.h"

#define CALL_LIMIT USEC_PER_SEC /* until a question to PID 1 counts as unanswered */
#define IDLE_WATCHDOG USEC_PER_MINUTE
#define GATES ((unsigned) (ENTRY_CLOSE_GATE | ENTRY_OPEN_GATE))
#define HAND_OVER_ROOM (300 * USEC_PER_MSEC) /* no deadline is nearer, and no hand-over takes longer */

bool gate_is_open(const Machine *m, size_t unit) {
        return m->guard.open[unit];
}

bool guard_is_killing(const World *w, const Machine *m, size_t unit) {
        const GuardEntry *e = m->guard.entries + unit;

        return guard_entry_is_stopping(e) && machine_boottime(w, m) >= e->kill_at;
}

static void post(World *w, Machine *m, size_t unit, SimKind kind, usec_t at, uint64_t a, uint64_t b, void *pointer) {
        world_post(w, (SimEvent){ .at = at,
                                      .kind = kind,
                                      .machine = m->number,
                                      .unit = (uint16_t) unit,
                                      .generation = m->guard.generation,
                                      .a = a,
                                      .b = b,
                                      .pointer = pointer });
}

static void set_gate(World *w, Machine *m, size_t unit, bool open) {
        if (m->guard.open[unit] == open)
                return;
        m->guard.open[unit] = open;
        FOREACH_PART(w, unit, part)
                m->units[part].closings += !open;
        TRACE(w, m, "guard: gate of %s is %s", w->unit_names[unit], open ? "open" : "closed");
}

/* ---- what it says to the daemon ---- */

static void say(World *w, Machine *m, size_t unit, EventKind kind) {
        Guard *g = &m->guard;
        uint32_t flags = pause_flags(&g->pause, g->entries + unit);
        bool expired = flags & (GUARD_FLAG_EXPIRED | GUARD_FLAG_LOST), open = flags & GUARD_FLAG_OPEN;

        g->last_says = MAX(g->last_says + 1, w->now + random_span(w, 20, 500));
        world_post(w, (SimEvent){ .at = g->last_says,
                                      .kind = SIM_GUARD_SAYS,
                                      .machine = m->number,
                                      .unit = (uint16_t) unit,
                                      .generation = g->connection,
                                      .a = kind,
                                      .b = g->entries[unit].index,
                                      .c = (uint64_t) open | (uint64_t) expired << 1 |
                                           (uint64_t) ((flags & GUARD_FLAG_JUMPED) > 0) << 2 |
                                           (uint64_t) ((flags & GUARD_FLAG_FROZEN) > 0) << 3 | g->serial << 4 });
}

/* Whether it keeps any unit beyond its deadlines. */
static bool keeps(const World *w, const Machine *m) {
        for (size_t i = 0; i < w->n_leases; i++)
                if (m->guard.entries[i].keeps)
                        return true;
        return false;
}

static void say_keeps(World *w, Machine *m) {
        Guard *g = &m->guard;

        g->last_says = MAX(g->last_says + 1, w->now + random_span(w, 20, 500));
        world_post(w, (SimEvent){ .at = g->last_says,
                                      .kind = SIM_GUARD_SAYS,
                                      .machine = m->number,
                                      .generation = g->connection,
                                      .a = EVENT_GUARD_KEEPS,
                                      .b = keeps(w, m),
                                      .c = g->serial << 2 });
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
        if (keeps(w, m))
                say_keeps(w, m);
        say(w, m, 0, EVENT_GUARD_SYNCED);
}

/* ---- what an entry wants done ---- */

static void mark(World *w, Machine *m, size_t unit) {
        Guard *g = &m->guard;
        const GuardEntry *e = g->entries + unit;

        g->marks[unit] = (Mark){ .index = e->down ? 0 : e->index,
                .kill_at = e->keeps ? USEC_INFINITY : e->kill_at,
                .kill_offset = e->kill_offset,
                .ended = !guard_entry_is_live(e) };
        for (size_t part = unit; part < UNITS_MAX && g->marks[unit].index == 0; part += LEASES_MAX) {
                unit_thaw(w, m, part, false);
                g->ends[part] = (PartEnd){};
        }
}

static unsigned move_gate(World *w, Machine *m, size_t unit, bool open) {
        Guard *g = &m->guard;

        if (open && m->run_full && g->marks[unit].index == 0)
                return guard_entry_not_opened(g->entries + unit, machine_boottime(w, m)); /* without a mark no gate */
        if (open)
                mark(w, m, unit);
        set_gate(w, m, unit, open);
        return guard_entry_gate(g->entries + unit, machine_boottime(w, m), open);
}

static void stop_parts(World *w, Machine *m, size_t unit) {
        GuardSum *sum = m->guard.sums + unit;
        bool has_post = false;

        sum->stops = 0;
        sum->stopped = STOP_ACCEPTED;
        FOREACH_PART(w, unit, part)
                has_post |= w->post_time[part] > 0;
        guard_entry_set_post(m->guard.entries + unit, has_post);
        FOREACH_PART(w, unit, part) {
                sum->stops++;
                pid1_request(w, m, part, JOB_STOP, BY_GUARD);
                post(w, m, part, SIM_GUARD_STOPPED, w->now + random_span(w, 200, 3000), w->now, 0, NULL);
        }
}

static void ask_parts(World *w, Machine *m, size_t unit) {
        GuardSum *sum = m->guard.sums + unit;

        sum->asks = 0;
        sum->reported = (UnitAnswer){ .known = true, .asked_at = USEC_INFINITY, .empty = true };
        FOREACH_PART(w, unit, part) {
                sum->asks++;
                post(w, m, part, SIM_GUARD_SEES, w->now + random_span(w, 50, 1000), w->now, machine_boottime(w, m),
                                NULL);
        }
}

static void end_parts(World *w, Machine *m, size_t unit) {
        Guard *g = &m->guard;

        FOREACH_PART(w, unit, part)
                if (!g->ends[part].spared) {
                        unit_kill(w, m, part);
                        part_end_killed(g->ends + part, g->entries + unit, machine_boottime(w, m));
                }
}

bool guard_spares(const World *w, const Machine *m, size_t unit) {
        const Guard *g = &m->guard;

        return g->state != GUARD_DOWN && g->ends[unit].spared && g->entries[lead_of(unit)].post &&
               guard_entry_is_stopping(g->entries + lead_of(unit)) && !guard_is_killing(w, m, lead_of(unit));
}

static void perform(World *w, Machine *m, size_t unit, unsigned actions) {
        Guard *g = &m->guard;

        while (actions & (GATES | ENTRY_THAW | ENTRY_FREEZE | ENTRY_LOOK)) {
                for (unsigned gate; (gate = actions & GATES);)
                        actions = (actions & ~GATES) | move_gate(w, m, unit, !(gate & ENTRY_CLOSE_GATE));
                actions = frost_move(w, m, unit, actions);
        }
        if (actions & ENTRY_MARK) {
                const GuardEntry *e = g->entries + unit;

                TRACE(w, m, "guard: %s Index %llu%s%s%s", w->unit_names[unit], (unsigned long long) e->index,
                                e->expired ? ", expired" : "", e->lost ? ", lost" : "", e->down ? ", down" : "");
                mark(w, m, unit);
        }
        if (actions & ENTRY_STOP)
                stop_parts(w, m, unit);
        if (actions & ENTRY_ASK)
                ask_parts(w, m, unit);
        if (actions & ENTRY_END)
                end_parts(w, m, unit);
        FOREACH_PART(w, unit, part)
                if (actions & ENTRY_KILL)
                        unit_kill(w, m, part);
        if (actions & ENTRY_TELL)
                g->tell[unit] = true;
        if (actions & ENTRY_SHOUT)
                guard_end(w, m);
}

/* ---- the turn: what is due, what is to be told, when to wake ---- */

static void set_timer(World *w, Machine *m, usec_t boottime) {
        usec_t late = random_span(w, 1, random_chance(w, 10000) ? 10000 : 1500);
        usec_t at = MAX(w->now, machine_true_time(w, m, boottime)) + late;

        if (boottime == USEC_INFINITY || at >= m->guard.timer)
                return;
        m->guard.timer = at;
        post(w, m, 0, SIM_GUARD_TIMER, at, 0, 0, NULL);
}

static bool is_finished(const World *w, const Machine *m) {
        for (size_t i = 0; i < w->n_leases; i++)
                if (guard_entry_is_stopping(m->guard.entries + i))
                        return false;
        return true;
}

static void settle(World *w, Machine *m) {
        Guard *g = &m->guard;
        usec_t next = USEC_INFINITY, now = machine_boottime(w, m);
        Heard heard = { .bus = now, .pid_one = g->heard_pid1 };

        g->watchdog = now + IDLE_WATCHDOG;
        g->alarm = USEC_INFINITY;
        for (size_t i = 0; i < w->n_leases; i++) {
                if (guard_entry_next(g->entries + i, heard) <= now)
                        perform(w, m, i, guard_entry_tick(g->entries + i, now, heard));
                next = MIN(next, guard_entry_next(g->entries + i, heard));
                g->watchdog = MIN(g->watchdog, guard_entry_watchdog(g->entries + i, now));
                g->alarm = MIN(g->alarm, guard_entry_alarm(g->entries + i, now));
                if (g->tell[i] && g->connected)
                        say(w, m, i, EVENT_GUARD);
                g->tell[i] = false;
        }
        set_timer(w, m, next);
        if (g->state == GUARD_ENDING && is_finished(w, m))
                guard_crash(w, m); /* it exits: the same from outside */
        else if (g->state == GUARD_POST && is_finished(w, m)) {
                TRACE(w, m, "guard: nothing is left, its service is down");
                guard_gone(w, m);
        }
}

void guard_told_of_frost(World *w, Machine *m, size_t unit) {
        Guard *g = &m->guard;
        usec_t now = machine_boottime(w, m);

        if (g->state != GUARD_UP || !g->entries[lead_of(unit)].frozen)
                return;
        guard_entry_look(g->entries + lead_of(unit), now);
        set_timer(w, m, now);
}

/* ---- pauses of the machine (law 14) ---- */

void guard_look_at_clock(World *w, Machine *m, usec_t delay) {
        m->guard.clock_due = true;
        world_post(w, (SimEvent){ .at = w->now + delay, .kind = SIM_GUARD_CLOCK, .machine = m->number });
}

static void look_at_clock(World *w, Machine *m) {
        Guard *g = &m->guard;
        HostReading r = sleep_read_clock(w, m, 0);
        usec_t jump;

        g->clock_due = false;
        jump = pause_take(&g->pause, &r);
        if (jump == 0)
                return;
        TRACE(w, m, "guard: the machine was paused for up to %.3f s", (double) jump / USEC_PER_SEC);
        g->beat = usec_sub(g->beat, jump);
        for (size_t i = 0; i < w->n_leases; i++)
                guard_entry_move(g->entries + i, jump);
        for (size_t i = 0; i < w->n_leases; i++)
                perform(w, m, i, guard_entry_moved(g->entries + i, machine_boottime(w, m)));
}

/* The daemon asks for a deadline that counts from t. */
static usec_t correct(const Machine *m, usec_t t) {
        return usec_sub(t, pause_since(&m->guard.pause, t));
}

/* ---- what the daemon says ---- */

void guard_tell(World *w, Machine *m, size_t unit, const Action *a) {
        Guard *g = &m->guard;
        Parcel *p = w->free_parcels;

        if (g->state == GUARD_DOWN || !g->connected)
                return;
        if (p)
                w->free_parcels = p->next_free;
        else if (!(p = calloc(1, sizeof(Parcel))))
                abort();
        *p = (Parcel){ .kind = a->kind,
                .index = a->index,
                .serial = a->id,
                .connection = g->connection,
                .t0 = a->t0,
                .stop = a->stop,
                .kill = a->kill,
                .on = a->on,
                .kill_at = machine_boottime(w, m) + a->kill };
        g->last_told = MAX(g->last_told + 1, w->now + random_span(w, 20, 500));
        post(w, m, unit, SIM_GUARD_TOLD, g->last_told, 0, 0, p);
}

static unsigned obey(World *w, Machine *m, GuardEntry *e, const Parcel *p) {
        usec_t now = machine_boottime(w, m), t0;

        switch (p->kind) {
        case ACTION_GUARD_ARM:
                t0 = correct(m, p->t0);
                return (p->on ? guard_entry_arm_kept : guard_entry_arm)(
                                e, now, p->index, t0 + p->stop, t0 + p->kill, p->stop, p->kill);
        case ACTION_GUARD_LOSE:
                return guard_entry_lose(e, now, p->index, p->kill_at);
        case ACTION_GUARD_DISARM:
                return guard_entry_disarm(e, now);
        case ACTION_GATE_OPEN:
                return guard_entry_open(e, now, p->index);
        default:
                return guard_entry_close(e, now);
        }
}

/* Before the next word of the daemon moves its deadline. */
static void note_kept(World *w, const GuardEntry *e, usec_t now) {
        w->counts.mishaps[MISHAP_KEPT] += e->keeps && now >= e->stop_at;
}

static void keep(World *w, Machine *m, const Parcel *p) {
        usec_t now = machine_boottime(w, m);

        for (size_t i = 0; i < w->n_leases; i++) {
                GuardEntry *e = m->guard.entries + i;

                note_kept(w, e, now);
                perform(w, m, i,
                                p->on && m->guard.state == GUARD_UP ? guard_entry_keep_on(e, now)
                                                                    : guard_entry_keep_off(e, now, correct(m, p->t0)));
        }
        say_keeps(w, m);
}

static void on_told(World *w, Machine *m, SimEvent *event) {
        Guard *g = &m->guard;
        Parcel *p = event->pointer;
        bool rising = p->kind == ACTION_GUARD_ARM || p->kind == ACTION_GATE_OPEN;

        if (g->state != GUARD_DOWN && event->generation == g->generation && p->connection == g->connection) {
                g->serial = MAX(g->serial, p->serial);
                if (p->kind == ACTION_GUARD_BEAT) {
                        usec_t t0 = correct(m, p->t0);

                        g->beat = MAX(g->beat, t0);
                        for (size_t i = 0; i < w->n_leases; i++)
                                note_kept(w, g->entries + i, machine_boottime(w, m));
                        for (size_t i = 0; i < w->n_leases; i++)
                                perform(w, m, i, guard_entry_beat(g->entries + i, machine_boottime(w, m), t0));
                } else if (p->kind == ACTION_GUARD_KEEP)
                        keep(w, m, p);
                else {
                        g->tell[event->unit] = true;
                        guard_entry_set_freezes(g->entries + event->unit, w->unit_configs[event->unit].freezes);
                        if (p->kind == ACTION_GATE_OPEN && g->clock_due)
                                look_at_clock(w, m);
                        if (g->state == GUARD_UP || !rising)
                                perform(w, m, event->unit, obey(w, m, g->entries + event->unit, p));
                }
                if (random_chance(w, 800000)) /* or another packet is read in the same turn */
                        settle(w, m);
                else
                        set_timer(w, m, machine_boottime(w, m));
        }
        p->next_free = w->free_parcels;
        w->free_parcels = p;
}

/* ---- what PID 1 says ---- */

/* The call has been answered by now, has run out, or goes on waiting (false). */
static bool answered(World *w, Machine *m, SimEvent *e, bool *ret_known) {
        SimEvent again = *e;

        *ret_known = w->now >= m->pid1_stalled_until;
        if (*ret_known || w->now >= e->a + CALL_LIMIT)
                return true;
        again.at = MIN(m->pid1_stalled_until, e->a + CALL_LIMIT);
        world_post(w, again);
        return false;
}

static void on_pid1_says(World *w, Machine *m, SimEvent *e) {
        size_t unit = lead_of(e->unit);
        GuardEntry *entry = m->guard.entries + unit;
        GuardSum *sum = m->guard.sums + unit;
        const ModelUnit *u = m->units + e->unit;
        usec_t now = machine_boottime(w, m);
        bool known;

        if (!answered(w, m, e, &known))
                return;
        if (known)
                m->guard.heard_pid1 = now;
        if (e->kind == SIM_GUARD_STOPPED && sum->stops > 0) {
                if (!known)
                        sum->stopped = STOP_SILENT;
                if (--sum->stops == 0)
                        perform(w, m, unit, guard_entry_stop_answered(entry, now, sum->stopped));
        } else if (e->kind == SIM_GUARD_SEES && sum->asks > 0) {
                UnitAnswer part = { .known = known,
                        .asked_at = e->b,
                        .up = u->state != ACTIVE_INACTIVE && u->state != ACTIVE_FAILED,
                        .post = u->processes[SLOT_POST].alive };

                part_end_reported(m->guard.ends + e->unit, entry, now, &part);
                sum->reported.known &= known;
                sum->reported.asked_at = MIN(sum->reported.asked_at, e->b);
                sum->reported.job |= u->job;
                sum->reported.empty &= unit_is_empty(u);
                sum->reported.up |= part.up;
                if (--sum->asks == 0)
                        perform(w, m, unit, guard_entry_reported(entry, now, &sum->reported));
        }
        settle(w, m);
}

/* ---- its life, as PID 1 has it ---- */

static void forget(World *w, Machine *m) {
        Guard *g = &m->guard;

        for (size_t i = 0; i < w->n_leases; i++)
                set_gate(w, m, i, false);
        memset(g->entries, 0, sizeof(g->entries));
        memset(g->tell, 0, sizeof(g->tell));
        memset(g->sums, 0, sizeof(g->sums));
        memset(g->ends, 0, sizeof(g->ends));
        g->generation++;
        g->paused_until = 0;
        g->timer = USEC_INFINITY;
        g->cut_off = false;
}

void guard_gone(World *w, Machine *m) {
        forget(w, m);
        memset(m->guard.marks, 0, sizeof(m->guard.marks));
        m->guard.beat = 0;
        m->guard.state = GUARD_DOWN;
        m->guard.connected = m->guard.start_asked = false;
}

/* A new process: what the last one has left is lost, stopped, and killed at its time. */
static void begin(World *w, Machine *m, GuardState state) {
        Guard *g = &m->guard;

        forget(w, m);
        g->state = state;
        g->heard_pid1 = machine_boottime(w, m);
        for (size_t i = 0; i < w->n_leases; i++) {
                const Mark *k = g->marks + i;
                usec_t kill_at = k->ended ? k->kill_at : MAX(k->kill_at, g->beat + k->kill_offset);

                if (kill_at == USEC_INFINITY)
                        kill_at = machine_boottime(w, m) + k->kill_offset;
                if (k->index > 0)
                        perform(w, m, i, guard_entry_lose(g->entries + i, machine_boottime(w, m), k->index, kill_at));
        }
        settle(w, m);
}

void guard_end(World *w, Machine *m) {
        Guard *g = &m->guard;

        if (g->state != GUARD_UP)
                return;
        TRACE(w, m, "guard: ends");
        machine_ails(w, m, 0);
        g->state = GUARD_ENDING;
        for (size_t i = 0; i < w->n_leases; i++)
                set_gate(w, m, i, false);
        for (size_t i = 0; i < w->n_leases; i++) {
                GuardEntry *e = g->entries + i;

                if (guard_entry_is_live(e) || e->frozen)
                        perform(w, m, i,
                                        guard_entry_lose(e, machine_boottime(w, m), e->index,
                                                        guard_entry_last_kill(e, machine_boottime(w, m))));
        }
        post(w, m, 0, SIM_GUARD_REAPED, pid1_time(w, m, random_span(w, 100, 2000)), 0, 0, NULL); /* STOPPING=1 */
}

/* Killed, or at its end: its files stay as they are until PID 1 has forked its ExecStopPost=. */
void guard_crash(World *w, Machine *m) {
        Guard *g = &m->guard;

        if (g->state != GUARD_UP && g->state != GUARD_ENDING)
                return;
        TRACE(w, m, "guard: dead");
        machine_ails(w, m, 0);
        if (g->connected && w->now < g->paused_until) { /* what it would have said when it went on is never heard */
                m->guard_link = ++g->connection;
                g->last_says = w->now;
        }
        if (g->connected)
                say(w, m, 0, EVENT_GUARD_DOWN);
        g->connected = false;
        g->state = GUARD_POST;
        g->generation++;
        g->paused_until = 0;
        g->timer = USEC_INFINITY;
        post(w, m, 0, SIM_GUARD_REAPED, pid1_time(w, m, random_span(w, 100, 2000)), 1, 0, NULL);
}

void guard_cut_off(World *w, Machine *m) {
        Guard *g = &m->guard;

        TRACE(w, m, "guard: cut off");
        machine_ails(w, m, USEC_PER_HOUR);
        if (g->connected)
                say(w, m, 0, EVENT_GUARD_DOWN);
        g->connected = false;
        g->cut_off = true;
}

void guard_pause(World *w, Machine *m, usec_t span) {
        Guard *g = &m->guard;
        usec_t due = machine_true_time(w, m, g->watchdog) + random_span(w, 50, 260) * USEC_PER_MSEC;

        if (g->state != GUARD_UP || w->now < g->paused_until)
                return;
        mishap(w, MISHAP_GUARD_HUNG);
        machine_ails(w, m, span);
        g->paused_until = w->now + span;
        if (due < g->paused_until)
                post(w, m, 0, SIM_GUARD_WATCHDOG, due, 0, 0, NULL);
        if (g->alarm == USEC_INFINITY)
                return;
        due = machine_true_time(w, m, g->alarm) + random_below(w, 2 * USEC_PER_MSEC);
        if (due < g->paused_until)
                post(w, m, 0, SIM_GUARD_ALARM, MAX(due, w->now), 0, 0, NULL);
}

/* As is_calm() of src/guard/hand-over.c. */
static bool is_calm(const World *w, const Machine *m) {
        usec_t now = machine_boottime(w, m);

        for (size_t i = 0; i < w->n_leases; i++) {
                const GuardEntry *e = m->guard.entries + i;

                if (guard_entry_is_busy(e) || guard_entry_next(e, (Heard){}) < now + HAND_OVER_ROOM)
                        return false;
        }
        return true;
}

/* The entries go on as they are. What was under way with the daemon and with PID 1 is lost, and for a while the guard
 * does nothing. */
void guard_hand_over(World *w, Machine *m) {
        Guard *g = &m->guard;
        usec_t span = random_span(w, 1000, HAND_OVER_ROOM);

        if (g->state != GUARD_UP || w->now < g->paused_until || !is_calm(w, m))
                return;
        TRACE(w, m, "guard: hands over");
        machine_ails(w, m, span);
        if (g->connected)
                say(w, m, 0, EVENT_GUARD_DOWN);
        g->connected = false;
        g->generation++;
        g->timer = USEC_INFINITY;
        g->heard_pid1 = machine_boottime(w, m);
        memset(g->sums, 0, sizeof(g->sums));
        memset(g->ends, 0, sizeof(g->ends));
        for (size_t i = 0; i < w->n_leases; i++) {
                GuardEntry *e = g->entries + i;
                EntryKept kept;

                if (e->index == 0)
                        continue;
                kept = guard_entry_keep(e);
                must(guard_entry_kept_is_valid(&kept));
                *e = (GuardEntry){};
                perform(w, m, i, guard_entry_take_over(e, machine_boottime(w, m), &kept));
        }
        g->paused_until = w->now + span;
        set_timer(w, m, machine_boottime(w, m));
}

void guard_start_asked(World *w, Machine *m) {
        if (m->guard.state != GUARD_DOWN || m->guard.start_asked)
                return;
        m->guard.start_asked = true;
        post(w, m, 0, SIM_GUARD_START, pid1_time(w, m, random_span(w, 5, 50) * USEC_PER_MSEC), 0, 0, NULL);
}

static void on_event(World *w, Machine *m, SimEvent *e) {
        Guard *g = &m->guard;

        switch (e->kind) {
        case SIM_GUARD_TIMER:
                if (e->at != g->timer)
                        return;
                g->timer = USEC_INFINITY;
                settle(w, m);
                break;
        case SIM_GUARD_SEES:
        case SIM_GUARD_STOPPED:
                on_pid1_says(w, m, e);
                break;
        case SIM_GUARD_ALARM:
        case SIM_GUARD_WATCHDOG:
                if (w->now >= g->paused_until)
                        return;
                mishap(w, MISHAP_GUARD_MISSED);
                TRACE(w, m, "%s",
                                e->kind == SIM_GUARD_ALARM ? "the guard's alarm has run out"
                                                           : "PID 1: the guard's watchdog has run out");
                if (e->kind == SIM_GUARD_WATCHDOG) {
                        usec_t dies = w->now + random_span(w, 20, 100 * USEC_PER_MSEC);

                        pid1_guard_gone(w, m); /* which does not wait for the process to die */
                        g->paused_until = MAX(g->paused_until, dies + 1);
                        post(w, m, 0, SIM_GUARD_DIES, dies, 0, 0, NULL);
                } else
                        guard_crash(w, m);
                break;
        case SIM_GUARD_DIES:
                guard_crash(w, m);
                break;
        case SIM_GUARD_REAPED:
                pid1_guard_gone(w, m);
                if (e->a)
                        post(w, m, 0, SIM_GUARD_POST, w->now + random_span(w, 5, 20) * USEC_PER_MSEC, 0, 0, NULL);
                break;
        case SIM_GUARD_POST:
                begin(w, m, GUARD_POST);
                break;
        case SIM_GUARD_END:
                guard_end(w, m);
                if (g->state == GUARD_ENDING)
                        settle(w, m); /* the time of what is to be killed may be over already */
                break;
        default: /* SIM_GUARD_START */
                g->start_asked = false;
                if (!m->powered)
                        return;
                TRACE(w, m, "guard: started");
                machine_ails(w, m, 0);
                begin(w, m, GUARD_UP);
        }
}

/* A guard that is not well sees the pause when it is; nothing is promised about that. */
static void on_clock(World *w, Machine *m) {
        Guard *g = &m->guard;

        if (!g->clock_due || !m->powered || machine_is_asleep(m))
                return;
        if (g->state != GUARD_UP || w->now < g->paused_until) {
                m->sleep.guarded = false;
                guard_look_at_clock(w, m, 50 * USEC_PER_MSEC);
                return;
        }
        look_at_clock(w, m);
        settle(w, m);
}

void guard_event(World *w, SimEvent *e) {
        Machine *m = w->machines + e->machine;
        Guard *g = &m->guard;
        bool by_pid1 = e->kind == SIM_GUARD_REAPED || e->kind == SIM_GUARD_START || e->kind == SIM_GUARD_WATCHDOG ||
                       e->kind == SIM_GUARD_END;
        bool by_guard = e->kind == SIM_GUARD_TOLD || e->kind == SIM_GUARD_SEES || e->kind == SIM_GUARD_STOPPED ||
                        e->kind == SIM_GUARD_TIMER;
        usec_t later = by_pid1 ? m->pid1_stalled_until : by_guard ? g->paused_until : 0;

        if (e->kind == SIM_GUARD_CLOCK)
                on_clock(w, m);
        else if (e->generation == g->generation && w->now < later) {
                SimEvent again = *e;

                again.at = later;
                if (e->kind == SIM_GUARD_TIMER && e->at == g->timer)
                        g->timer = later;
                world_post(w, again);
        } else if (e->kind == SIM_GUARD_TOLD)
                on_told(w, m, e);
        else if (e->generation == g->generation)
                on_event(w, m, e);
}
