/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The promises, checked from outside at the instant at which they could break.
 *
 *   S1  at every birth of a process: none of the same unit lives on another machine
 *   S2  at every start: LEASE_INDEX never goes back, and is a new one wherever it is another tenure;
 *       at every change of a lease's record: the next tenure's Index is higher than any before
 *   P1  no lease changes hands while the record of a pause is there (pausing.c)
 *   C1  no machine takes or starts a unit whose check does not pass there, and C2: it lets such a unit go (health.c)
 *   K1  no other machine takes a lease that is kept for one that reboots (reboots.c)
 *   law 12: nobody is switched off twice in a silence, or before it is one (fencing.c)
 *   P2  a session begins to keep its leases without beats only while a pause is on
 *   the laws of the registry: what a transaction must compare and touch, whoever sends it
 *   what may be asked of guard and PID 1, and when
 *
 * One thing is counted instead of failed: PID 1 may hang between looking at the gate and forking (seen on real
 * machines), and no userspace can keep the process that it then forks from being born. Such a late fork must be dead
 * within late_fork_life; how often it met another machine's process, and for how long, is in the summary.
 */
#include "sim.h"

static const usec_t late_fork_life = 150 * USEC_PER_MSEC;
/* A busy second after a minute's pause takes some hundreds, and some dozens more for each lease. */
static unsigned steps_a_second(const World *w) {
        return 4000 + 200 * (unsigned) w->n_leases;
}

static bool is_late_fork(const World *w, const Machine *m, const Process *p) {
        return (p->late && w->now < p->born_at + late_fork_life) || (p->slept && sleep_excuses(w, m)) || p->stuck;
}

static bool only_late_forks(const World *w, const Machine *m, size_t unit) {
        FOREACH_PART(w, unit, part)
                for (Slot s = 0; s < _SLOT_MAX; s++) {
                        const Process *p = m->units[part].processes + s;

                        if (p->alive && !is_late_fork(w, m, p))
                                return false;
                }
        return true;
}

static bool has_slept(const World *w, const Machine *m, size_t unit) {
        FOREACH_PART(w, unit, part)
                for (Slot s = 0; s < _SLOT_MAX; s++)
                        if (m->units[part].processes[s].alive && m->units[part].processes[s].slept)
                                return true;
        return false;
}

static bool is_stuck(const Machine *m, const World *w, size_t unit) {
        FOREACH_PART(w, unit, part)
                for (Slot s = 0; s < _SLOT_MAX; s++)
                        if (m->units[part].processes[s].alive && m->units[part].processes[s].stuck)
                                return true;
        return false;
}

/* The number of the lease by which the unit runs, or ran last. */
static size_t lease_of(const World *w, const Machine *m, size_t unit) {
        return w->options.slots > 0 ? m->slot[unit] : unit;
}

static void check_pair(World *w, const Machine *m, size_t unit, const Machine *other, size_t beside) {
        if (only_late_forks(w, m, unit) || only_late_forks(w, other, beside)) {
                if (is_stuck(m, w, unit) || is_stuck(other, w, beside))
                        w->counts.stuck++;
                else if (has_slept(w, m, unit) || has_slept(w, other, beside))
                        w->counts.slept++;
                else
                        w->counts.late_forks++;
        } else
                world_fail(w, "S1: %s has processes on %s (Index %llu) and %s on %s (Index %llu), by the lease %s",
                                w->unit_names[unit], m->hostname, (unsigned long long) m->units[unit].index,
                                w->unit_names[beside], other->hostname,
                                (unsigned long long) other->units[beside].index, w->lease_names[lease_of(w, m, unit)]);
}

static void check_alone(World *w, const Machine *m, size_t unit) {
        for (size_t i = 0; i < w->n_machines; i++)
                for (size_t j = 0; j < w->n_leases; j++) {
                        const Machine *other = w->machines + i;

                        if ((other != m || j != unit) && w->leases[j].running & 1u << i &&
                                        lease_of(w, other, j) == lease_of(w, m, unit))
                                check_pair(w, m, unit, other, j);
                }
}

/* Of two units that must not run beside each other. Who forks late has looked at the gate in time. */
static void check_apart(World *w, const Machine *m, size_t unit) {
        for (size_t i = 0; i < w->n_leases; i++)
                if (i != unit && w->leases[i].running & 1u << m->number && !only_late_forks(w, m, i) &&
                                (placement_matches(w->placements[unit].conflicts, w->unit_names[i]) ||
                                                placement_matches(w->placements[i].conflicts, w->unit_names[unit])))
                        world_fail(w, "%s is started on %s, where %s runs, and they conflict", w->unit_names[unit],
                                        m->hostname, w->unit_names[i]);
}

static void check_start_index(World *w, const Machine *m, size_t unit) {
        LeaseCheck *l = w->leases + lease_of(w, m, lead_of(unit));
        uint64_t index = m->units[unit].index;
        bool same_place = l->start_machine == m->number && l->start_boot == m->boots;

        if (index == 0)
                world_fail(w, "S3: %s was started on %s without an Index", w->unit_names[unit], m->hostname);
        else if (index < l->start_index)
                world_fail(w, "S2: %s was started on %s with Index %llu after %llu", w->unit_names[unit], m->hostname,
                                (unsigned long long) index, (unsigned long long) l->start_index);
        else if (index == l->start_index && !same_place)
                world_fail(w, "S2: %s was started on %s with Index %llu, which %s (boot %u) had before",
                                w->unit_names[unit], m->hostname, (unsigned long long) index,
                                w->machines[l->start_machine].hostname, l->start_boot);
        l->start_index = index;
        l->start_machine = m->number;
        l->start_boot = m->boots;
}

/* S1 is about what executes. Members do not freeze in the model: freezing_is_on(). */
void check_frozen(World *w, Machine *m, size_t unit) {
        w->leases[lead_of(unit)].running &= ~(1u << m->number);
}

/* Not before a guard that hangs goes on: docs/safety.md, "What is not promised". */
static void must_be_dead_soon(World *w, Machine *m, size_t unit, Slot slot) {
        Process *p = m->units[unit].processes + slot;

        p->late = true;
        p->born_at = MAX(w->now, m->guard.paused_until);
        world_post(w, (SimEvent){ .at = p->born_at + late_fork_life,
                                      .kind = SIM_LATE_FORK,
                                      .machine = m->number,
                                      .unit = (uint16_t) unit,
                                      .generation = p->generation,
                                      .a = slot });
}

void check_thawed(World *w, Machine *m, size_t unit, bool by_pid1) {
        if (unit_is_empty(m->units + unit))
                return;
        for (Slot s = 0; s < _SLOT_MAX && by_pid1; s++)
                if (m->units[unit].processes[s].alive)
                        must_be_dead_soon(w, m, unit, s);
        check_alone(w, m, lead_of(unit));
        w->leases[lead_of(unit)].running |= 1u << m->number;
}

void check_birth(World *w, Machine *m, size_t unit, Slot slot) {
        LeaseCheck *l = w->leases + lead_of(unit);
        const Process *p = m->units[unit].processes + slot;

        TRACE(w, m, "%s: process %s is born, Index %llu%s", w->unit_names[unit],
                        slot == SLOT_MAIN   ? "main"
                        : slot == SLOT_POST ? "stop-post"
                                            : "left over",
                        (unsigned long long) m->units[unit].index,
                        p->late    ? ", LATE"
                        : p->slept ? ", AFTER SLEEP"
                                   : "");
        w->counts.births++;
        check_alone(w, m, lead_of(unit));
        l->running |= 1u << m->number;
        if (p->late || p->slept) {
                world_post(w, (SimEvent){ .at = w->now + late_fork_life,
                                              .kind = SIM_LATE_FORK,
                                              .machine = m->number,
                                              .unit = (uint16_t) unit,
                                              .generation = p->generation,
                                              .a = slot });
                return;
        }
        if (slot != SLOT_MAIN)
                return;
        w->counts.starts++;
        check_start_index(w, m, unit);
        check_apart(w, m, lead_of(unit));
        if (l->stopped_at > 0 && !w->options.faults)
                w->counts.gap_max = MAX(w->counts.gap_max, w->now - l->stopped_at);
        l->stopped_at = 0;
}

/* ... by the same lease, and neither asleep nor about to be killed. */
static bool runs_elsewhere(const World *w, const Machine *m, size_t unit) {
        for (size_t i = 0; i < w->n_machines; i++)
                for (size_t j = 0; j < w->n_leases; j++)
                        if (w->machines + i != m && w->leases[j].running & 1u << i &&
                                        lease_of(w, w->machines + i, j) == lease_of(w, m, unit) &&
                                        !only_late_forks(w, w->machines + i, j))
                                return true;
        return false;
}

void check_death(World *w, Machine *m, size_t unit, const Process *p) {
        LeaseCheck *l = w->leases + lead_of(unit);

        if ((p->late || p->slept) && runs_elsewhere(w, m, lead_of(unit))) {
                usec_t since = MAX(m->sleep.woke_at, p->born_at);

                if (p->slept && m->sleep.woke_at > 0)
                        w->counts.slept_max = MAX(w->counts.slept_max, w->now - since);
                else if (!p->slept)
                        w->counts.late_fork_max = MAX(w->counts.late_fork_max, usec_sub(w->now, p->born_at));
        }
        if (!lease_is_empty(w, m, lead_of(unit)))
                return;
        l->running &= ~(1u << m->number);
        if (!l->running)
                l->stopped_at = w->now;
}

void check_late_fork(World *w, SimEvent *e) {
        Machine *m = w->machines + e->machine;
        Process *p = m->units[e->unit].processes + e->a;

        if (!p->alive || p->generation != e->generation)
                return;
        if (!m->units[e->unit].frozen) /* which executes nothing, and is looked at when it is thawed */
                check_alone(w, m, lead_of(e->unit));
        p->slept = p->slept && sleep_excuses(w, m); /* else it has outlived the sleep as its lease did */
}

/* A core that answers its own echo, or is due again at once for ever. */
void check_pace(World *w, Machine *m) {
        if (w->now >= m->pace_since + USEC_PER_SEC) {
                m->pace_since = w->now;
                m->steps_since = 0;
        }
        if (++m->steps_since > steps_a_second(w))
                world_fail(w, "%s takes more than %u steps in a second", m->hostname, steps_a_second(w));
}

void check_elapse(World *w, const Machine *m, size_t unit, uint64_t elapse) {
        LeaseCheck *l = w->leases + unit;

        TRACE(w, m, "%s elapses for %llu, after %llu", w->unit_names[unit], (unsigned long long) elapse,
                        (unsigned long long) l->elapse);
        if (elapse <= l->elapse && !only_late_forks(w, m, unit))
                world_fail(w, "the elapse %llu of %s has a second run, on %s", (unsigned long long) elapse,
                                w->unit_names[unit], m->hostname);
        w->counts.elapses++;
        if (l->elapse > 0)
                w->counts.skipped += elapse - l->elapse - 1;
        l->elapse = MAX(l->elapse, elapse);
}

/* ---- what the core asks for ---- */

static bool names_key(const Key *keys, size_t n, RecordKind kind, const char *name) {
        for (size_t i = 0; i < n; i++)
                if (keys[i].kind == kind && streq(keys[i].name, name))
                        return true;
        return false;
}

/* The floor of all Indexes when the Txn is committed. */
static uint64_t floor_after(World *w, const Txn *t) {
        const Value *meta = w->map.keys[map_key(w, RECORD_META, "")].value;

        for (size_t i = 0; i < t->n_puts; i++)
                if (t->puts[i].kind == RECORD_META)
                        return t->puts[i].meta->index_floor;
        return meta ? meta->meta.index_floor : 0;
}

/* A lease is deleted only when an operator has it forgotten, and only in a Txn that compares the lease, the floor of
 * all Indexes and the sender's own fence; then no Index that the lease ever had is above the floor. */
static void check_forgotten(World *w, const Machine *m, const Txn *t, const char *lease) {
        const MapKey *k = w->map.keys + map_key(w, RECORD_LEASE, lease);

        if (!names_key(t->compares, t->n_compares, RECORD_LEASE, lease) ||
                        !names_key(t->compares, t->n_compares, RECORD_META, "") ||
                        !names_key(t->compares, t->n_compares, RECORD_FENCE, m->run_session))
                world_fail(w, "law: %s deletes lease %s", m->hostname, lease);
        for (size_t i = 0; i < t->n_compares; i++) {
                const Key *c = t->compares + i;

                if (c->kind == RECORD_LEASE && streq(c->name, lease) && k->value &&
                                c->mod_revision == k->mod_revision &&
                                (k->value->lease.index > floor_after(w, t) || k->value->lease.n_debts > 0))
                        world_fail(w, "law: %s deletes lease %s with Index %llu, above the floor, or owed",
                                        m->hostname, lease, (unsigned long long) k->value->lease.index);
        }
}

/* The registry's contract: a Txn writes a key once. */
static void check_written_once(World *w, const Machine *m, const Txn *t) {
        for (size_t i = 0; i < t->n_puts; i++)
                for (size_t k = 0; k < i; k++)
                        if (t->puts[i].kind == t->puts[k].kind && streq(t->puts[i].name, t->puts[k].name))
                                world_fail(w, "%s puts \"%s\" twice in a Txn", m->hostname, t->puts[i].name);
        for (size_t i = 0; i < t->n_deletes; i++) {
                const Key *d = t->deletes + i;

                if (names_key(t->deletes, i, d->kind, d->name))
                        world_fail(w, "%s deletes \"%s\" twice in a Txn", m->hostname, d->name);
                for (size_t k = 0; k < t->n_puts; k++)
                        if (t->puts[k].kind == d->kind && streq(t->puts[k].name, d->name))
                                world_fail(w, "%s puts and deletes \"%s\" in a Txn", m->hostname, d->name);
        }
}

/* Every Txn on a unit's lease compares that lease and the sender's own fence. */
static void check_txn(World *w, const Machine *m, const Txn *t) {
        check_written_once(w, m, t);
        for (size_t i = 0; i < t->n_puts; i++) {
                const Record *r = t->puts + i;

                if (!r->value)
                        world_fail(w, "law: %s puts a record without a value", m->hostname);
                else if (!names_key(t->compares, t->n_compares, r->kind, r->name))
                        world_fail(w, "law: %s puts \"%s\" (kind %d) without comparing it", m->hostname, r->name,
                                        (int) r->kind);
                else if (r->kind == RECORD_LEASE && r->lease->period == 0 &&
                                !names_key(t->compares, t->n_compares, RECORD_FENCE, m->run_session))
                        world_fail(w, "law: %s changes lease %s without comparing its fence", m->hostname, r->name);
        }
        pausing_check(w, m, t);
        for (size_t i = 0; i < t->n_deletes; i++)
                if (t->deletes[i].kind == RECORD_LEASE)
                        check_forgotten(w, m, t, t->deletes[i].name);
}

/* The machine is told that it may sleep. */
static void check_sleep(World *w, const Machine *m) {
        for (size_t i = 0; i < w->n_leases; i++)
                if (!lease_is_empty(w, m, i) || gate_is_open(m, i))
                        world_fail(w, "law: %s lets its machine sleep, and %s has %s", m->hostname, w->unit_names[i],
                                        gate_is_open(m, i) ? "an open gate" : "processes");
}

/* What does not answer is waited for by half a TTL, and no longer. */
static void check_exit(World *w, const Machine *m) {
        bool well = m->guard.state == GUARD_UP && w->now > m->ill_until + 2 * USEC_PER_SEC;

        for (size_t i = 0; i < w->n_leases && well; i++)
                if (!lease_is_empty(w, m, i))
                        world_fail(w, "the service on %s ends before %s is stopped", m->hostname, w->unit_names[i]);
}

void check_action(World *w, Machine *m, int unit, const Action *a) {
        bool known = unit >= 0;

        if (a->kind == ACTION_TXN) {
                health_check_txn(w, m, &a->txn);
                reboots_check(w, m, &a->txn);
        }
        if (a->kind == ACTION_UNIT_START && known)
                health_check_start(w, m, (size_t) unit);
        if (w->options.promises_only)
                return;
        switch (a->kind) {
        case ACTION_TXN:
                check_txn(w, m, &a->txn);
                w->counts.beats += a->txn.n_puts == 1 && a->txn.puts[0].kind == RECORD_BEAT;
                break;
        case ACTION_GATE_OPEN:
                if (known && m->armed[unit] != a->index)
                        world_fail(w, "%s opens the gate of %s at Index %llu, armed is %llu", m->hostname, a->unit,
                                        (unsigned long long) a->index, (unsigned long long) m->armed[unit]);
                break;
        case ACTION_UNIT_START:
                if (known && w->options.runs && (m->started[unit] || !m->waits[unit]))
                        world_fail(w, "law: %s starts the run %s %s", m->hostname, a->unit,
                                        m->started[unit] ? "a second time" : "for which nobody waits");
                if (known && !m->gate_said[unit])
                        world_fail(w, "%s starts %s although no gate was said to be open", m->hostname, a->unit);
                break;
        case ACTION_GUARD_DISARM:
                if (known && !lease_is_empty(w, m, (size_t) unit))
                        world_fail(w, "%s disarms %s, which has processes", m->hostname, a->unit);
                break;
        case ACTION_EXIT:
                check_exit(w, m);
                break;
        case ACTION_SLEEP_READY:
                check_sleep(w, m);
                break;
        case ACTION_FORGOTTEN:
                if (known && !lease_is_empty(w, m, (size_t) unit))
                        world_fail(w, "%s forgets %s, which has processes", m->hostname, a->unit);
                break;
        default:
                break;
        }
        if (!known && a->kind >= ACTION_GUARD_ARM && a->kind <= ACTION_FORGOTTEN && a->kind != ACTION_GUARD_BEAT &&
                        a->kind != ACTION_GUARD_KEEP)
                world_fail(w, "%s asks for action %d on an unknown unit", m->hostname, (int) a->kind);
}

void check_report(World *w, int unit, const Action *a) {
        Counts *c = &w->counts;
        LeaseCheck *l = unit < 0 ? NULL : w->leases + unit;

        switch (a->report.kind) {
        case REPORT_SESSION_NEW:
                c->sessions++;
                break;
        case REPORT_REGISTRY_FELL_BACK:
                c->fell_back++;
                if (c->mishaps[MISHAP_RESTORED] + c->mishaps[MISHAP_WIPED] == 0)
                        world_fail(w, "a registry that was never replaced is said to have fallen back");
                break;
        case REPORT_REGISTRY_FOREIGN:
                c->foreign++;
                break;
        case REPORT_ACQUIRED:
                c->acquired++;
                c->takeovers += a->report.machine_id != NULL;
                break;
        case REPORT_ADOPTED:
                c->adopted++;
                break;
        case REPORT_LOST:
                c->lost++;
                break;
        case REPORT_EXPIRED:
                c->expired++;
                break;
        case REPORT_RESUMED:
                c->resumed++;
                break;
        case REPORT_RELEASED:
                c->releases++;
                break;
        case REPORT_TRANSFERRED:
                c->transfers++;
                break;
        case REPORT_ROBBED:
                c->steals++;
                break;
        case REPORT_STOPPED_BY_HAND:
                c->by_hand++;
                break;
        case REPORT_UNIT_FAILED:
                c->failed_units++;
                if (l)
                        l->held_down_until = MAX(l->held_down_until, w->now + a->report.span + a->report.span / 50);
                break;
        case REPORT_DONE:
        case REPORT_SUCCEEDED:
                c->done++;
                break;
        default:
                break;
        }
}

/* ---- what the registry is made to do ---- */

static bool touches(const World *w, const MapItem *items, size_t n, RecordKind kind, const char *name) {
        for (size_t i = 0; i < n; i++)
                if (w->map.keys[items[i].key].kind == kind && streq(w->map.keys[items[i].key].name, name))
                        return true;
        return false;
}

/* was: NULL if it is lost. */
static bool is_from_anybody(const World *w, const MapKey *key, const LeaseRecord *was, const LeaseRecord *is) {
        int unit = lease_find(w, key->name);

        for (size_t i = 0; unit >= 0 && i < is->n_debts && is->index > w->leases[unit].index; i++)
                if (streq(is->debts[i].session, DEBT_ANYBODY) &&
                                !(was && lease_has_debt(was, DEBT_ANYBODY, is->debts[i].index)))
                        return true;
        return false;
}

/* By its holder, over what somebody else had made of it. */
static bool is_written_again(const World *w, const MapKey *key, const LeaseRecord *is) {
        int unit = lease_find(w, key->name);

        return unit >= 0 && is->index == w->leases[unit].index && streq(is->machine_id, w->leases[unit].machine_id);
}

/* Taken from whoever may hold it, for its record is lost: nobody who beat before that may have been passed over. */
static void check_retaking(World *w, const Message *q, const MapKey *key) {
        for (size_t i = 0; i < w->map.n_live[RECORD_BEAT]; i++) {
                const MapKey *beat = w->map.keys + w->map.live[RECORD_BEAT][i];

                if (beat->created < key->changed && !touches(w, q->compares, q->n_compares, RECORD_FENCE, beat->name))
                        world_fail(w, "law: %s takes %s, whose record was lost, without touching the fence of %s",
                                        w->machines[q->machine].hostname, key->name, beat->name);
        }
}

/* A lease is taken from a session that has not given it back: by silence or by force. */
static void check_taking(
                World *w, const Message *q, const MapKey *key, const LeaseRecord *was, const LeaseRecord *is) {
        const Machine *m = w->machines + q->machine;
        bool silence = touches(w, q->compares, q->n_compares, RECORD_BEAT, was->session);
        bool force = lease_has_debt(is, was->session, was->index);

        if (!silence && !force)
                world_fail(w, "law: %s takes %s from %s with neither its beat compared nor a debt", m->hostname,
                                key->name, was->session);
        if (!w->map.keys[map_key(w, RECORD_BEAT, was->session)].value)
                return; /* an absent beat is never written again: nothing to void */
        if (!touches(w, q->puts, q->n_puts, RECORD_FENCE, was->session))
                world_fail(w, "law: %s takes %s from %s without touching its fence", m->hostname, key->name,
                                was->session);
}

/* By the robbed itself or by the holder; each perhaps on its way to its next session, so that comparing the former
 * one's fence is what proves it. */
static void check_debts(World *w, const Message *q, const MapKey *key, const LeaseRecord *was, const LeaseRecord *is) {
        const Machine *m = w->machines + q->machine;

        for (size_t i = 0; i < was->n_debts; i++) {
                const Debt *d = was->debts + i;
                bool holder = streq(was->machine_id, m->id) &&
                              touches(w, q->compares, q->n_compares, RECORD_FENCE, was->session);

                if (!lease_has_debt(is, d->session, d->index) && !holder &&
                                !touches(w, q->compares, q->n_compares, RECORD_FENCE, d->session))
                        world_fail(w, "law: %s strikes the debt of %s off %s, and is neither robbed nor holder",
                                        m->hostname, d->session, key->name);
        }
}

void check_commit(World *w, const Message *q) {
        pausing_commit(w, q);
        for (size_t i = 0; i < q->n_puts; i++)
                if (w->map.keys[q->puts[i].key].kind == RECORD_FENCE)
                        fencing_check(w, q, w->map.keys + q->puts[i].key, &q->puts[i].value->fence);
        for (size_t i = 0; i < q->n_puts && !w->options.promises_only; i++) {
                const MapKey *key = w->map.keys + q->puts[i].key;
                const LeaseRecord *was, *is;

                if (key->kind != RECORD_LEASE)
                        continue;
                was = key->value && !key->value->damaged && lease_is_sound(&key->value->lease) ? &key->value->lease
                                                                                               : NULL;
                is = &q->puts[i].value->lease;
                if (is_from_anybody(w, key, was, is)) {
                        check_retaking(w, q, key);
                        continue;
                }
                if (!was || is_written_again(w, key, is))
                        continue;
                if (was->state == LEASE_HELD && was->session[0] && !streq(was->session, q->session))
                        if (lease_held_by(is, q->session) && !streq(is->machine_id, was->machine_id))
                                check_taking(w, q, key, was, is);
                if (was->period == 0) /* those of the D-Bus API are anybody's to strike who has waited: calls.c */
                        check_debts(w, q, key, was, is);
        }
}

void check_lease_put(World *w, uint32_t key, const LeaseRecord *l) {
        int unit = lease_find(w, w->map.keys[key].name);
        LeaseCheck *c = unit < 0 ? NULL : w->leases + unit;
        const Value *was = w->map.keys[key].value; /* perhaps as somebody wrote it by hand */
        bool same;

        calls_check_put(w, w->map.keys[key].name, l);
        if (!c)
                return;
        same = l->index == c->index && streq(l->machine_id, c->machine_id) && c->holder[0];
        same = same ||
               (was && !was->damaged && was->lease.index == l->index && streq(was->lease.machine_id, l->machine_id));
        if (l->state == LEASE_HELD && !same && l->index <= c->index)
                world_fail(w, "S2: the record of %s gets Index %llu for a new tenure after %llu", w->unit_names[unit],
                                (unsigned long long) l->index, (unsigned long long) c->index);
        c->index = MAX(c->index, l->index);
        str_copy(c->holder, SESSION_SIZE, l->state == LEASE_HELD ? l->session : "");
        str_copy(c->machine_id, MACHINE_SIZE, l->machine_id);
}

/* ---- the end ---- */

static bool runs_well(const Machine *m, size_t unit) {
        const ModelUnit *u = m->units + unit;

        return u->state == ACTIVE_ACTIVE && !u->job && u->processes[SLOT_MAIN].alive && gate_is_open(m, unit);
}

/* Whether one command runs by each slot. */
static bool all_slots_run(const World *w) {
        unsigned taken = 0;

        for (size_t i = 0; i < w->n_machines; i++)
                for (size_t j = 0; j < w->n_leases; j++)
                        if (runs_well(w->machines + i, j))
                                taken |= 1u << w->machines[i].slot[j];
        return taken == (1u << w->options.slots) - 1;
}

bool check_all_run(const World *w) {
        if (w->options.slots > 0)
                return all_slots_run(w);
        for (size_t i = 0; i < w->n_leases; i++) {
                unsigned running = w->leases[i].running;

                if (__builtin_popcount(running) != 1 || !runs_well(w->machines + __builtin_ctz(running), i))
                        return false;
        }
        return true;
}

void counts_add(Counts *sum, const Counts *c) {
        uint64_t *to = (uint64_t *) sum;
        const uint64_t *from = (const uint64_t *) c;
        usec_t gap = MAX(sum->gap_max, c->gap_max), recovery = MAX(sum->recovery_max, c->recovery_max);
        usec_t late = MAX(sum->late_fork_max, c->late_fork_max), slept = MAX(sum->slept_max, c->slept_max);

        for (size_t i = 0; i < sizeof(Counts) / sizeof(uint64_t); i++)
                to[i] += from[i];
        sum->gap_max = gap;
        sum->recovery_max = recovery;
        sum->late_fork_max = late;
        sum->slept_max = slept;
}
