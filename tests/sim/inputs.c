/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What reaches a daemon besides the registry: PID 1's answers, asked for one at a time for each unit and each member,
 * after any hint and by a slow poll, and put together as src/daemon/members.c does; the guard's words on its
 * connection, and what is found when there is none; the operator's.
 */
#include <stdio.h>

#include "sim.h"

static const usec_t question_timeout = USEC_PER_SEC;

/* ---- questions to PID 1 ---- */

void daemon_hint(World *w, Machine *m, size_t unit) {
        if (m->core)
                daemon_post(w, m, unit, SIM_HINT, random_span(w, 50, 2000), 0, 0);
}

void daemon_read_unit(World *w, Machine *m, size_t unit) {
        ModelUnit *u = m->units + unit;

        if (u->asked) {
                u->ask_again = true;
                return;
        }
        u->asked = true;
        u->ask_again = false;
        u->asked_at = machine_boottime(w, m);
        u->ask_generation++;
        world_post(w, (SimEvent){ .at = pid1_time(w, m, random_span(w, 50, 1000)),
                                      .kind = SIM_STATUS_ASKED,
                                      .machine = m->number,
                                      .unit = (uint16_t) unit,
                                      .generation = u->ask_generation });
        world_post(w, (SimEvent){ .at = w->now + question_timeout,
                                      .kind = SIM_STATUS_TIMEOUT,
                                      .machine = m->number,
                                      .unit = (uint16_t) unit,
                                      .generation = u->ask_generation });
}

static bool is_up(const UnitReport *r) {
        return r->active != ACTIVE_INACTIVE && r->active != ACTIVE_FAILED;
}

/* The unit and its member as one, each as it was when PID 1 spoke of it last. */
static UnitReport combine(const World *w, const Machine *m, size_t lease) {
        UnitReport all = m->statuses[lease];
        bool up = is_up(&all);

        FOREACH_PART(w, lease, part) {
                const UnitReport *each = m->statuses + part;

                all.known &= each->known;
                all.asked_at = MIN(all.asked_at, each->asked_at);
                all.job |= each->job;
                all.empty &= each->empty;
                all.gate_loaded &= each->gate_loaded;
                if (!up && is_up(each) && all.active != ACTIVE_ACTIVE)
                        all.active = each->active == ACTIVE_DEACTIVATING ? each->active : ACTIVE_ACTIVE;
        }
        return all;
}

/* By what is known of the member, which may be old. */
void daemon_stop_unit(World *w, Machine *m, size_t unit) {
        FOREACH_PART(w, unit, part) {
                const UnitReport *s = m->statuses + part;
                bool down = s->known && !s->job && s->empty && !is_up(s);

                if (part == unit || (!down && s->active != ACTIVE_DEACTIVATING))
                        pid1_request(w, m, part, JOB_STOP, BY_DAEMON);
        }
}

/* Who stopped a unit takes the daemon another question. */
static EndedBy find_end(World *w, Machine *m, size_t unit) {
        ModelUnit *u = m->units + unit;

        if (!unit_is_down(u) || u->ended_by == ENDED_BY_ITSELF || u->looked)
                return unit_is_down(u) ? u->ended_by : ENDED_BY_ITSELF;
        u->looked = true;
        daemon_post(w, m, unit, SIM_HINT, random_span(w, 200, 20000), 0, 0);
        return ENDED_BY_UNKNOWN;
}

static void on_status(World *w, Machine *m, SimEvent *e) {
        ModelUnit *u = m->units + e->unit;
        UnitReport *status = m->statuses + e->unit;
        Event event = { .kind = EVENT_UNIT, .unit = w->unit_names[lead_of(e->unit)] };
        SimEvent back = *e;

        if (!m->core || !u->asked || e->generation != u->ask_generation)
                return;
        if (e->kind == SIM_STATUS_ASKED) {
                back.at = w->now < m->pid1_stalled_until ? m->pid1_stalled_until : w->now + random_span(w, 50, 500);
                if (w->now >= m->pid1_stalled_until) {
                        back.kind = SIM_STATUS_BACK;
                        back.b = u->run;
                        back.a = (uint64_t) u->state | (uint64_t) u->job << 8 | (uint64_t) u->gate_loaded << 9 |
                                 (uint64_t) u->failed << 10 | (uint64_t) find_end(w, m, e->unit) << 11 |
                                 (uint64_t) unit_obstacle(w, m, u) << 14;
                }
                world_post(w, back);
                return;
        }
        if (daemon_holds(w, m, e))
                return;
        u->asked = false;
        status->known = e->kind == SIM_STATUS_BACK;
        status->asked_at = u->asked_at;
        if (status->known) {
                status->active = (ActiveState) (e->a & 0xff);
                status->job = e->a >> 8 & 1;
                status->gate_loaded = e->a >> 9 & 1 && !(w->options.runs && status->active == ACTIVE_INACTIVE);
                status->failed = e->a >> 10 & 1;
                status->ended_by = (EndedBy) (e->a >> 11 & 7);
                status->obstacle = status->ended_by == ENDED_BY_UNKNOWN ? OBSTACLE_NONE : (Obstacle) (e->a >> 14 & 3);
                status->run = e->b;
                status->last_trigger = w->options.bias == BIAS_TIMERS ? u->stamp : 0;
                status->empty = unit_is_empty(u);
        } else
                daemon_post(w, m, e->unit, SIM_HINT, 200 * USEC_PER_MSEC, 0, 0);
        if (status->known && u->ask_again)
                daemon_read_unit(w, m, e->unit);
        event.report = combine(w, m, lead_of(e->unit));
        daemon_step(w, m, &event);
}

static void on_poll(World *w, Machine *m) {
        for (size_t i = 0; i < w->n_leases; i++)
                if (m->enabled[i])
                        FOREACH_PART(w, i, part)
                                daemon_read_unit(w, m, part);
        daemon_post(w, m, 0, SIM_POLL, m->ttl / 2, 0, 0);
}

/* ---- the guard ---- */

/* As the daemon has it: no entry of a guard lives longer from the last word that it has heard. */
#define ENTRY_LIFE_MAX (TTL_MAX + TTL_MAX / 50)

static bool gates_are_closed(const World *w, const Machine *m) {
        for (size_t i = 0; i < w->n_leases; i++)
                if (gate_is_open(m, i))
                        return false;
        return true;
}

static bool guard_is_gone(const World *w, const Machine *m) {
        if (m->guard.state == GUARD_DOWN)
                return true;
        return m->guard.cut_off && machine_boottime(w, m) >= m->guard_lost_at + ENTRY_LIFE_MAX &&
               gates_are_closed(w, m);
}

static void on_guard_connect(World *w, Machine *m) {
        if (m->guard_link)
                return;
        if (m->guard.state == GUARD_UP && !m->guard.cut_off) {
                guard_connect(w, m);
                return;
        }
        if (guard_is_gone(w, m)) /* PID 1 is asked how its service is, and the gates are looked at */
                world_post(w, (SimEvent){ .at = pid1_time(w, m, random_span(w, 100, 5000)),
                                              .kind = SIM_GUARD_SAYS,
                                              .machine = m->number,
                                              .generation = 0,
                                              .a = EVENT_GUARD_GONE });
        if (!m->stay_down)
                guard_start_asked(w, m);
        daemon_post(w, m, 0, SIM_GUARD_CONNECT, random_span(w, 50, 300) * USEC_PER_MSEC, 0, 0);
}

/* What the daemon reads of the unit by a new connection to the guard: in a run with faults at times nothing, as of a
 * file that was removed, and at times a file of an earlier tenure, as behind a mount that was taken away. It hangs on
 * the seed and the daemon's life, and draws nothing. */
static Environment read_environment(const World *w, const Machine *m, size_t unit, uint64_t index) {
        const ModelUnit *u = m->units + unit;
        uint64_t z = ((w->options.seed * 64 + m->generation) * 64 + unit * 8 + m->number + 1) * 0x9e3779b97f4a7c15u;

        if (w->options.faults && z >> 62 == 0)
                return (Environment){};
        return z >> 62 == 1 && u->former.index > 0 && u->former.index != index ? u->former : u->environment;
}

static void on_guard_says(World *w, Machine *m, SimEvent *e) {
        Event event = { .kind = (EventKind) e->a };

        if (!m->core || m->guard_link != e->generation || daemon_holds(w, m, e))
                return;
        if (event.kind == EVENT_GUARD) {
                event.unit = w->unit_names[e->unit];
                event.guard = (GuardReport){ .index = e->b,
                        .open = e->c & 1,
                        .expired = e->c >> 1 & 1,
                        .jumped = e->c >> 2 & 1,
                        .frozen = e->c >> 3 & 1,
                        .serial = e->c >> 4 };
                if (event.guard.index > 0 && event.guard.serial == 0) {
                        Environment file = read_environment(w, m, e->unit, e->b);

                        event.index = file.index;
                        event.lease = file.index > 0 ? w->lease_names[file.lease] : NULL;
                        if (file.index > 0)
                                mishap(w, file.index == e->b ? MISHAP_LEASE_READ : MISHAP_LEASE_OF_OTHER_TENURE);
                }
                m->armed[e->unit] = e->b;
                m->gate_said[e->unit] = e->c & 1;
        } else if (event.kind == EVENT_GUARD_UP || event.kind == EVENT_GUARD_DOWN) {
                memset(m->armed, 0, sizeof(m->armed));
                memset(m->gate_said, 0, sizeof(m->gate_said));
        }
        if (event.kind == EVENT_GUARD_KEEPS) {
                event.on = e->b;
                event.id = e->c >> 2;
        }
        if (event.kind == EVENT_GUARD_GONE && (!guard_is_gone(w, m) || w->now < m->pid1_stalled_until))
                return; /* another has come meanwhile */
        if (event.kind == EVENT_GUARD_DOWN) {
                m->guard_link = 0;
                m->guard_lost_at = machine_boottime(w, m);
                daemon_post(w, m, 0, SIM_GUARD_CONNECT, random_span(w, 50, 300) * USEC_PER_MSEC, 0, 0);
        }
        daemon_step(w, m, &event);
}

/* ---- the operator ---- */

static void count_verb(World *w, EventKind verb) {
        static const struct {
                EventKind verb;
                Mishap mishap;
        } verbs[] = {
                { EVENT_RELEASE, MISHAP_RELEASE },
                { EVENT_TRANSFER, MISHAP_TRANSFER },
                { EVENT_STEAL, MISHAP_STEAL },
                { EVENT_REARM, MISHAP_REARM },
                { EVENT_DRAIN, MISHAP_DRAIN },
                { EVENT_CONFIRM, MISHAP_CONFIRM },
                { EVENT_PAUSE, MISHAP_PAUSE },
                { EVENT_CONFIGURE, MISHAP_ENABLE },
                { EVENT_FORGET, MISHAP_DISABLE },
                { EVENT_TTL, MISHAP_TTL },
                { EVENT_METADATA, MISHAP_METADATA },
                { EVENT_ACCEPT, MISHAP_ACCEPT },
                { EVENT_SHUTDOWN, MISHAP_SERVICE_STOP },
        };

        for (size_t i = 0; i < ELEMENTSOF(verbs) && !w->quiet; i++)
                if (verbs[i].verb == verb)
                        mishap(w, verbs[i].mishap);
}

void daemon_verb(World *w, Machine *m, EventKind verb, size_t unit, uint64_t argument) {
        if (!m->core)
                return;
        count_verb(w, verb);
        reboots_meddled(w, verb, unit);
        daemon_post(w, m, unit, SIM_VERB, random_span(w, 10, 1000), verb, argument);
}

static void on_verb(World *w, Machine *m, SimEvent *e) {
        Event event = {
                .kind = (EventKind) e->a, .unit = w->unit_names[e->unit], .index = e->b, .span = e->b, .on = e->b
        };
        const Value *meta = w->map.keys[map_key(w, RECORD_META, "")].value;
        char by[24], copy[NAME_SIZE + 8];

        if (event.kind == EVENT_CHECK) {
                health_event(w, m, e);
                return;
        }
        if (event.kind != EVENT_CONFIGURE) /* which each start of a daemon repeats */
                reboots_meddled(w, event.kind, e->unit);
        if (event.kind == EVENT_SLEEP && event.on != (m->sleep.state == SLEEP_COMING))
                return; /* a signal is a hint, and logind, when it was asked, has said that it is not so any more */
        if (event.kind == EVENT_TRANSFER || event.kind == EVENT_CONFIRM)
                event.machine_id = w->machines[e->b].id;
        if (event.kind == EVENT_REQUEST) {
                event.id = e->b / _REQUEST_VERB_MAX;
                event.verb = (RequestVerb) (e->b % _REQUEST_VERB_MAX);
                event.machine_id = w->machines[event.id % w->n_machines].id;
                (void) snprintf(by, sizeof(by), "%llu", (unsigned long long) event.id);
                event.by = by;
                if (w->options.bias == BIAS_COPIES && event.id % 4 > 0) {
                        (void) snprintf(copy, sizeof(copy), "%s#%u", event.unit, (unsigned) (event.id % 4));
                        event.unit = copy;
                }
        }
        if (event.kind == EVENT_METADATA)
                event.metadata = m->metadata;
        if (event.kind == EVENT_DRAIN) {
                event.on = e->b & 1;
                event.brief = event.on && w->options.faults && w->options.seed % 2;
                event.machine_id = e->b > 1 ? w->machines[e->b / 2 - 1].id : NULL;
        }
        if (event.kind == EVENT_ACCEPT) {
                if (!meta)
                        return;
                event.uuid = meta->meta.uuid;
        }
        if (event.kind == EVENT_WITHDRAW && e->b > 0) /* of a request */
                event.id = e->b;
        else if (event.kind == EVENT_RUN || event.kind == EVENT_WITHDRAW) {
                if (m->enabled[e->unit] != (event.kind == EVENT_WITHDRAW))
                        return; /* the one before is not over, or this one is */
                event.id = event.kind == EVENT_RUN ? ++w->last_call : m->waits[e->unit];
                m->waits[e->unit] = event.kind == EVENT_RUN ? event.id : 0;
        }
        if (event.kind == EVENT_CONFIGURE || event.kind == EVENT_RUN) {
                m->enabled[e->unit] = true;
                event.config = w->unit_configs[e->unit];
                event.config.version = m->version[e->unit];
                if (w->options.bias == BIAS_COPIES)
                        event.config.slots = m->copies;
                else if (event.kind == EVENT_CONFIGURE &&
                                w->options.slots > 0) { /* after a restart, its slot is known */
                        event.config.lease = w->lease_names[m->slot[e->unit]];
                        event.config.slots = 0;
                }
                FOREACH_PART(w, e->unit, part)
                        event.config.timeout_stop = MAX(event.config.timeout_stop, w->unit_configs[part].timeout_stop);
        }
        daemon_step(w, m, &event);
}

static void on_failed(World *w, Machine *m, SimEvent *e) {
        Event event = { .kind = EVENT_FAILED, .action = (unsigned) e->a, .id = e->b, .unit = w->unit_names[e->unit] };

        daemon_step(w, m, &event);
}

void daemon_input(World *w, Machine *m, SimEvent *e) {
        switch (e->kind) {
        case SIM_STATUS_ASKED:
        case SIM_STATUS_BACK:
        case SIM_STATUS_TIMEOUT:
                on_status(w, m, e);
                break;
        case SIM_GUARD_SAYS:
                on_guard_says(w, m, e);
                break;
        case SIM_HINT:
                daemon_read_unit(w, m, e->unit);
                break;
        case SIM_POLL:
                on_poll(w, m);
                break;
        case SIM_GUARD_CONNECT:
                on_guard_connect(w, m);
                break;
        case SIM_VERB:
                on_verb(w, m, e);
                break;
        default: /* SIM_FAILED */
                on_failed(w, m, e);
        }
}
