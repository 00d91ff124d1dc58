/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon of one machine: what src/daemon does around the core, in the world of the simulation. Events in, actions
 * out, a timer for the core's next deadline. What reaches it from PID 1, the guard and the operator is in inputs.c.
 *
 * It can be stopped (SIGSTOP) and killed between any two actions of a step: what it had decided is then carried out
 * long after, or never. Whatever reaches it while it is stopped waits, and meets it afterwards in any order that
 * poll() might have chosen.
 */
#include "sim.h"

#include <stdio.h>

int find_unit(const World *w, const char *name) {
        for (size_t i = 0; name && i < w->n_leases; i++)
                if (streq(w->unit_names[i], name))
                        return (int) i;
        return -1;
}

int lease_find(const World *w, const char *name) {
        for (size_t i = 0; i < w->n_leases; i++)
                if (streq(w->lease_names[i], name))
                        return (int) i;
        return -1;
}

size_t unit_of_lease(const World *w, size_t lease) {
        return w->options.bias == BIAS_COPIES ? 0 : lease;
}

void daemon_post(World *w, const Machine *m, size_t unit, SimKind kind, usec_t delay, uint64_t a, uint64_t b) {
        world_post(w, (SimEvent){ .at = w->now + delay,
                                      .kind = kind,
                                      .machine = m->number,
                                      .unit = (uint16_t) unit,
                                      .generation = m->generation,
                                      .a = a,
                                      .b = b });
}

bool daemon_holds(World *w, Machine *m, const SimEvent *e) {
        if (!m->paused)
                return false;
        if (m->n_held == m->held_size) {
                m->held_size = MAX((size_t) 32, 2 * m->held_size);
                m->held = realloc(m->held, m->held_size * sizeof(SimEvent));
                if (!m->held)
                        abort();
        }
        m->held[m->n_held++] = *e;
        return true;
}

/* ---- actions ---- */

static void save_memory(Machine *m) {
        const CoreMemory *from = core_memory(m->core);
        SavedMemory *to = &m->memory;

        str_copy(to->uuid, sizeof(to->uuid), strempty(from->uuid));
        str_copy(to->store, sizeof(to->store), strempty(from->store));
        to->revision = from->revision;
        to->floor = from->floor;
        to->silence = from->silence;
        to->newcomer = from->newcomer;
        to->paused = from->paused;
        to->draining = from->draining;
        to->undrained = from->undrained;
        str_copy(to->draining_boot, sizeof(to->draining_boot), strempty(from->draining_boot));
}

/* An Index of 0 is one that is forgotten: to the core both are the same. */
static void save_index(SavedMemory *to, const char *lease, uint64_t index) {
        size_t i = 0;

        while (i < to->n_indexes && !streq(to->names[i], lease))
                i++;
        if (i == ELEMENTSOF(to->indexes))
                return;
        str_copy(to->names[i], NAME_SIZE, lease);
        to->indexes[i] = (RememberedIndex){ .lease = to->names[i], .index = index };
        to->n_indexes = MAX(to->n_indexes, i + 1);
}

static void write_environment(const World *w, ModelUnit *u, uint64_t index, const char *lease) {
        if (w->options.faults && u->environment.index > 0 && u->environment.index != index)
                u->former = u->environment;
        u->environment = (Environment){ .index = index, .lease = lease ? (size_t) lease_find(w, lease) : 0 };
}

static void act_on_guard(World *w, Machine *m, size_t unit, const Action *a) {
        bool fails = (a->kind == ACTION_GUARD_ARM || a->kind == ACTION_GATE_OPEN) &&
                     (!m->guard_link || (m->run_full && a->kind == ACTION_GATE_OPEN));

        if (fails) {
                daemon_post(w, m, unit, SIM_FAILED, random_span(w, 10, 1000), a->kind, a->id);
                return;
        }
        if (a->kind == ACTION_GATE_OPEN) {
                write_environment(w, m->units + unit, a->index, a->lease);
                m->units[unit].stamp = MAX(m->units[unit].stamp, a->last_trigger);
                if (w->options.slots > 0)
                        m->slot[unit] = (size_t) lease_find(w, a->lease);
        }
        if (a->kind == ACTION_GUARD_ARM)
                m->armed[unit] = a->index;
        guard_tell(w, m, unit, a);
}

static void act(World *w, Machine *m, int unit, const Action *a) {
        switch (a->kind) {
        case ACTION_TXN:
        case ACTION_READ:
                net_send(w, m, a);
                break;
        case ACTION_LISTEN:
                watch_listen(w, m, a->beats_from, a->session);
                mishap(w, MISHAP_LISTEN);
                break;
        case ACTION_SESSION:
                str_copy(m->run_session, SESSION_SIZE, strempty(a->session));
                break;
        case ACTION_REMEMBER:
                if (a->lease)
                        save_index(&m->memory, a->lease, a->index);
                else
                        save_memory(m);
                break;
        case ACTION_GUARD_ARM:
        case ACTION_GUARD_BEAT:
        case ACTION_GUARD_KEEP:
        case ACTION_GUARD_LOSE:
        case ACTION_GUARD_DISARM:
        case ACTION_GATE_OPEN:
        case ACTION_GATE_CLOSE:
                act_on_guard(w, m, unit < 0 ? 0 : (size_t) unit, a);
                break;
        case ACTION_UNIT_START:
                m->started[unit] = true;
                pid1_request(w, m, (size_t) unit, JOB_START, BY_DAEMON);
                break;
        case ACTION_UNIT_STOP:
                daemon_stop_unit(w, m, (size_t) unit);
                break;
        case ACTION_UNIT_READ:
                if (a->on)
                        write_environment(w, m->units + unit, a->index, a->lease);
                FOREACH_PART(w, (size_t) unit, part)
                        daemon_read_unit(w, m, part);
                break;
        case ACTION_UNIT_CLEAN:
                write_environment(w, m->units + unit, 0, NULL);
                break;
        case ACTION_FORGOTTEN:
                m->enabled[unit] = m->started[unit] = false;
                break;
        case ACTION_SLEEP_READY:
                sleep_ready(w, m);
                break;
        case ACTION_EXIT:
                m->exiting = true;
                break;
        case ACTION_REPORT:
                if (unit >= 0 && (a->report.kind == REPORT_STOPPED_BY_HAND || a->report.kind == REPORT_STARTED))
                        m->units[unit].is_wanted_down = a->report.kind == REPORT_STOPPED_BY_HAND;
                if (a->report.kind == REPORT_ASKED)
                        requests_begun(w, m, &a->report);
                check_report(w, unit, a);
                break;
        case ACTION_FENCE:
                fencing_begin(w, m, a);
                break;
        case ACTION_CALL_DONE:
                calls_done(w, m, a);
                break;
        case ACTION_WORD_DONE:
                requests_told(w, m, a);
                for (size_t i = 0; i < w->n_leases && w->options.runs; i++)
                        if (m->waits[i] == a->id)
                                m->waits[i] = 0;
                break;
        case ACTION_CHANGED:
        case ACTION_OFFER_CHANGED:
                break;
        }
}

/* A pause or a crash that was to fall between two actions. True: it has. */
static bool cut(World *w, Machine *m, const Action *a, bool before) {
        int what = m->cut;

        if (what == CUT_NONE || (m->cut_at != _ACTION_ANY && a->kind != m->cut_at))
                return false;
        if (m->cut_after > 0) {
                m->cut_after--;
                return false;
        }
        m->cut = CUT_NONE;
        if (before)
                m->next_action--;
        mishap(w, what == CUT_CRASH ? MISHAP_CRASH_INSIDE : MISHAP_HANG_INSIDE);
        if (what == CUT_CRASH)
                daemon_crash(w, m, m->cut_span);
        else
                daemon_pause(w, m, m->cut_span);
        return true;
}

/* Carries the actions out, unless something cuts in. */
static void run_actions(World *w, Machine *m) {
        while (m->next_action < m->n_actions) {
                const Action *a = m->actions + m->next_action++;
                int unit = find_unit(w, a->kind == ACTION_REPORT ? a->report.unit : a->unit);

                if (cut(w, m, a, true))
                        return;
                if (__builtin_expect(w->trace != NULL, 0))
                        trace_action(w, m, a);
                check_action(w, m, unit, a);
                if (w->failed)
                        return;
                act(w, m, unit, a);
                if (cut(w, m, a, false))
                        return;
        }
        if (m->exiting) {
                TRACE(w, m, "daemon: exits");
                daemon_gone(w, m);
                if (!m->stay_down)
                        daemon_start_later(w, m, random_span(w, 200 * USEC_PER_MSEC, 8 * USEC_PER_SEC));
        }
}

static void set_timer(World *w, Machine *m) {
        usec_t deadline = core_next_deadline(m->core), at;

        if (deadline == USEC_INFINITY)
                return;
        at = MAX(w->now, machine_true_time(w, m, deadline));
        at += 1 + random_below(w, random_chance(w, 10000) ? 15000 : 500);
        if (at >= m->deadline_at)
                return;
        m->deadline_at = at;
        world_post(w, (SimEvent){ .at = at, .kind = SIM_DEADLINE, .machine = m->number, .generation = m->generation });
}

void daemon_step(World *w, Machine *m, const Event *event) {
        Now now = { .boottime = machine_boottime(w, m), .realtime = machine_realtime(w, m) };

        if (w->failed)
                return;
        w->counts.steps++;
        check_pace(w, m);
        if (__builtin_expect(w->trace != NULL, 0))
                trace_step(w, m, event);
        m->actions = core_step(m->core, now, event, &m->n_actions);
        core_check(m->core);
        if (w->options.stepped)
                w->options.stepped(w, m);
        shadow_step(w, m, now, event);
        m->next_action = 0;
        run_actions(w, m);
        if (m->core && !m->paused && !w->failed)
                set_timer(w, m);
}

/* ---- its life ---- */

void daemon_start_later(World *w, Machine *m, usec_t delay) {
        world_post(w, (SimEvent){ .at = w->now + delay,
                                      .kind = SIM_DAEMON_START,
                                      .machine = m->number,
                                      .generation = m->generation });
}

void daemon_start(World *w, Machine *m) {
        CoreConfig config = { .machine_id = m->id,
                .boot_id = m->boot_id,
                .hostname = m->hostname,
                .metadata = m->metadata,
                .version = "1",
                .session = m->run_session[0] ? m->run_session : NULL,
                .ttl = m->ttl,
                .seed = world_random(w),
                .beats_told = w->beats_told,
                .looks_at_once = w->slice,
                .beats_every = fencing_beats_every(w, m),
                .fence_after = fencing_after(w, m),
                .memory = { .uuid = m->memory.uuid,
                                .store = m->memory.store,
                                .revision = m->memory.revision,
                                .floor = m->memory.floor,
                                .silence = m->memory.silence,
                                .newcomer = m->memory.newcomer,
                                .paused = m->memory.paused,
                                .draining = m->memory.draining,
                                .draining_boot = m->memory.draining_boot,
                                .undrained = m->memory.undrained,
                                .indexes = m->memory.indexes,
                                .n_indexes = m->memory.n_indexes } };

        m->core = core_new(&config);
        shadow_begin(w, m, &config);
        if (!m->core)
                abort();
        m->generation++;
        m->paused = m->exiting = false;
        m->cut = CUT_NONE;
        m->deadline_at = USEC_INFINITY;
        m->n_actions = m->next_action = 0;
        m->guard_lost_at = machine_boottime(w, m);
        m->guard_link = 0;
        memset(m->statuses, 0, sizeof(m->statuses));
        TRACE(w, m, "daemon: starts, session %s, TTL %.1f s", config.session ?: "none",
                        (double) m->ttl / USEC_PER_SEC);
        for (size_t i = 0; i < w->n_leases && m->core && !m->paused; i++) {
                m->units[i].ended_by = ENDED_BY_ITSELF;
                if (w->options.runs)
                        m->enabled[i] = m->started[i]; /* what nobody had started yet is not remembered */
                if (m->enabled[i])
                        daemon_input(w, m,
                                        &(SimEvent){ .kind = SIM_VERB, .a = EVENT_CONFIGURE, .unit = (uint16_t) i });
        }
        if (!m->core)
                return;
        daemon_post(w, m, 0, SIM_POLL, random_span(w, 100, 5000), 0, 0);
        daemon_post(w, m, 0, SIM_GUARD_CONNECT, random_span(w, 100, 5000), 0, 0);
        m->watch.beats_from[0] = m->watch.session[0] = '\0';
        watch_reset(w, m, random_span(w, 100, 5000));
        sleep_daemon_started(w, m);
        m->health_hindered = w->now;
        health_begin(w, m);
}

void daemon_gone(World *w, Machine *m) {
        if (!m->core)
                return;
        m->core = core_free(m->core);
        shadow_end(m);
        m->generation++;
        sleep_daemon_gone(w, m);
        m->paused = m->exiting = false;
        calls_forget(m);
        m->guard_link = 0;
        m->guard.connected = false;
        m->n_actions = m->next_action = 0;
        m->watch.generation++;
        for (size_t i = 0; i < UNITS_MAX; i++) {
                m->units[i].asked = false;
                m->units[i].ask_generation++;
        }
        memset(m->armed, 0, sizeof(m->armed));
        memset(m->gate_said, 0, sizeof(m->gate_said));
        memset(m->waits, 0, sizeof(m->waits));
        for (size_t i = 0; i < m->n_held; i++)
                world_post(w, m->held[i]); /* only to be dropped */
        m->n_held = 0;
}

void daemon_crash(World *w, Machine *m, usec_t back_in) {
        if (!m->core)
                return;
        mishap(w, MISHAP_CRASH);
        TRACE(w, m, "FAULT: daemon killed, back in %.3f s", (double) back_in / USEC_PER_SEC);
        daemon_gone(w, m);
        daemon_start_later(w, m, back_in);
}

void daemon_pause(World *w, Machine *m, usec_t span) {
        if (!m->core || m->paused)
                return;
        mishap(w, MISHAP_HANG);
        TRACE(w, m, "FAULT: daemon stopped for %.3f s, %zu actions undone", (double) span / USEC_PER_SEC,
                        m->n_actions - m->next_action);
        m->paused = true;
        machine_ails(w, m, span);
        daemon_post(w, m, 0, SIM_DAEMON_RESUME, span, 0, 0);
}

/* Two neighbours may as well have come in the other order; a socket keeps its own. */
static void set_held_loose(World *w, Machine *m) {
        for (size_t i = m->n_held; i > 1; i--) {
                SimEvent t = m->held[i - 1];

                if (random_chance(w, 800000) || t.kind == SIM_GUARD_SAYS || t.kind == SIM_VERB)
                        continue;
                if (m->held[i - 2].kind == SIM_GUARD_SAYS)
                        continue;
                m->held[i - 1] = m->held[i - 2];
                m->held[i - 2] = t;
        }
        for (size_t i = 0; i < m->n_held; i++)
                world_post(w, m->held[i]);
        m->n_held = 0;
}

void daemon_resume(World *w, Machine *m) {
        if (!m->core || !m->paused)
                return;
        TRACE(w, m, "daemon: goes on");
        m->health_hindered = w->now;
        m->paused = false;
        m->deadline_at = USEC_INFINITY;
        if (w->options.bias == BIAS_LATE_GATE && m->cut == CUT_NONE) {
                m->cut = CUT_CRASH; /* and then as soon as the gate has been asked for */
                m->cut_at = ACTION_GATE_OPEN;
                m->cut_after = 1;
        }
        run_actions(w, m);
        if (!m->core || m->paused || w->failed)
                return;
        if (random_chance(w, 500000)) /* the timer has priority, but let it not depend on that */
                daemon_step(w, m, &(Event){ .kind = EVENT_DEADLINE });
        set_held_loose(w, m);
        if (m->core && !m->paused && !w->failed)
                set_timer(w, m);
}

static void on_deadline(World *w, Machine *m, SimEvent *e) {
        if (e->at != m->deadline_at)
                return; /* another has taken its place */
        m->deadline_at = USEC_INFINITY;
        if (machine_boottime(w, m) >= core_next_deadline(m->core))
                daemon_step(w, m, &(Event){ .kind = EVENT_DEADLINE });
        else
                set_timer(w, m);
}

void daemon_event(World *w, SimEvent *e) {
        Machine *m = w->machines + e->machine;

        if (e->kind == SIM_STATUS_ASKED || e->kind == SIM_STATUS_BACK || e->kind == SIM_STATUS_TIMEOUT ||
                        e->kind == SIM_GUARD_SAYS) {
                daemon_input(w, m, e); /* these have generations of their own */
                return;
        }
        if (e->generation != m->generation)
                return;
        if (e->kind == SIM_DAEMON_START) {
                if (!m->core && m->powered && !m->stay_down)
                        daemon_start(w, m);
        } else if (e->kind == SIM_DAEMON_RESUME)
                daemon_resume(w, m);
        else if (m->core && !daemon_holds(w, m, e)) {
                if (e->kind == SIM_DEADLINE)
                        on_deadline(w, m, e);
                else
                        daemon_input(w, m, e);
        }
}
