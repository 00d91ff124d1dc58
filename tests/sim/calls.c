/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Schedulers on every machine that compete for one lease of the D-Bus API, as fleet's engines do for their leadership:
 * acquire, renew now and then, release or be robbed. Each believes to hold it for its period from the moment before it
 * asked, on its own clock, and from a steal only after the wait that it was told. Two such beliefs at one instant are
 * a breach, and so is an Index that does not rise.
 */
#include "sim.h"

static const char *const lease = "engine-leader";
/* In a million of those that do not lead. None: a waiting thief's margin of 2 % falls 0.02 % short of what two clocks
 * at their opposite edges ask for, (1+1 %)/(1-1 %). */
static const unsigned steals = 100000;

static void believe(World *w, Machine *m, usec_t from, usec_t until) {
        Scheduler *s = &m->scheduler;

        s->from = from;
        s->until = until;
        for (size_t i = 0; i < w->n_machines; i++) {
                const Scheduler *other = &w->machines[i].scheduler;

                if (w->machines + i != m && s->until > from && other->until > MAX(from, w->now) &&
                                other->from < s->until && other->until > other->from)
                        world_fail(w, "S1: %s leads from %.6f to %.6f s (Index %llu), and %s to %.6f s (Index %llu)",
                                        m->hostname, (double) from / USEC_PER_SEC, (double) until / USEC_PER_SEC,
                                        (unsigned long long) s->index, w->machines[i].hostname,
                                        (double) other->until / USEC_PER_SEC, (unsigned long long) other->index);
        }
}

void calls_check_put(World *w, const char *name, const LeaseRecord *l) {
        if (!streq(name, lease) || l->state != LEASE_HELD)
                return;
        if (l->index <= w->leader_index)
                world_fail(w, "S2: %s gets Index %llu after %llu", lease, (unsigned long long) l->index,
                                (unsigned long long) w->leader_index);
        w->leader_index = MAX(w->leader_index, l->index);
}

void calls_done(World *w, Machine *m, const Action *a) {
        Scheduler *s = &m->scheduler;
        usec_t wait = a->span * 1000000 / m->rate_ppm + 1;
        usec_t until = machine_true_time(w, m, s->asked_at + s->period);

        if (a->id == s->forget && a->result == CALL_DONE)
                mishap(w, s->forget_kind == CALL_FORGET_MACHINE ? MISHAP_FORGET_MACHINE : MISHAP_FORGET_LEASE);
        if (a->id != s->call)
                return;
        s->call = 0;
        TRACE(w, m, "scheduler: call ends with %d, Index %llu", (int) a->result, (unsigned long long) a->index);
        if (a->result == CALL_DONE && s->kind != CALL_RELEASE) {
                w->counts.calls++;
                s->index = a->index;
                believe(w, m, MAX(w->now + (s->kind == CALL_STEAL ? wait : 0), s->kind == CALL_RENEW ? s->from : 0),
                                until);
        } else if (a->result == CALL_DONE || a->result == CALL_LEASE_LOST)
                s->until = 0;
}

/* A scheduler asks for whatever makes sense to it; one that steals goes by what its machine shows. */
void calls_ask(World *w, Machine *m) {
        Scheduler *s = &m->scheduler;
        bool leads = s->until > w->now;
        LeaseView view;
        Call call = { .lease = lease, .machine = "", .version = 1 };

        if (!m->core || m->paused || s->call)
                return;
        if (leads)
                call.kind = random_chance(w, 100000) ? CALL_RELEASE : CALL_RENEW;
        else
                call.kind = random_chance(w, steals) ? CALL_STEAL : CALL_ACQUIRE;
        call.index = s->index;
        if (call.kind == CALL_STEAL) {
                Now now = { machine_boottime(w, m), machine_realtime(w, m) };

                if (!core_find_lease(m->core, now, lease, &view) || !view.record)
                        return;
                call.index = view.record->index;
        }
        s->kind = call.kind;
        s->period = call.period = random_span(w, 2, 15) * USEC_PER_SEC;
        s->asked_at = machine_boottime(w, m);
        s->call = ++w->last_call;
        if (call.kind == CALL_RELEASE)
                s->until = 0; /* it stops leading before it says so */
        else if (leads)       /* a shorter period may be in force before we hear of it */
                s->until = MIN(s->until, machine_true_time(w, m, s->asked_at + s->period));
        TRACE(w, m, "scheduler: call %d, Index %llu, period %.0f s", (int) call.kind, (unsigned long long) call.index,
                        (double) call.period / USEC_PER_SEC);
        mishap(w, MISHAP_CALL);
        daemon_step(w, m, &(Event){ .kind = EVENT_CALL, .id = s->call, .call = call });
}

/* An operator has the records of any machine or lease deleted: leased refuses what is up, held, owed or wanted. */
static void forget(World *w, Machine *m) {
        Scheduler *s = &m->scheduler;
        Call call = { .kind = CALL_FORGET_LEASE,
                .lease = random_chance(w, 100000) ? lease : w->unit_names[random_below(w, w->n_leases)] };

        if (random_chance(w, 500000))
                call = (Call){ .kind = CALL_FORGET_MACHINE,
                        .machine = w->machines[random_below(w, w->n_machines)].id };
        if (!m->core || m->paused)
                return;
        s->forget_kind = call.kind;
        s->forget = ++w->last_call;
        TRACE(w, m, "operator: forget %s", call.lease ?: call.machine);
        daemon_step(w, m, &(Event){ .kind = EVENT_CALL, .id = s->forget, .call = call });
}

/* The scheduler dies with its daemon: what it believed is over, and nobody waits for its calls. */
void calls_forget(Machine *m) {
        m->scheduler.call = m->scheduler.forget = 0;
        m->scheduler.until = 0;
}

void calls_event(World *w, SimEvent *e) {
        Machine *m = w->machines + e->machine;

        if (!w->quiet)
                world_post(w, (SimEvent){ .at = w->now + random_span(w, 100, 4000) * USEC_PER_MSEC,
                                              .kind = SIM_CALL,
                                              .machine = m->number });
        calls_ask(w, m);
        if (!w->quiet && random_chance(w, 30000))
                forget(w, m);
}
