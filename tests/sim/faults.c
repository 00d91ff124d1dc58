/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes wrong, and what the operator does, drawn from the seed.
 *
 * Each run enables its own subset of the faults and its own pace, since bugs hide where everything happens at once as
 * well as where nearly nothing does. What no design could survive is kept apart, or excused: a process that cannot be
 * killed for long while a lease passes by time alone lives beside the next holder's (it is counted, and nothing else
 * may go wrong); PID 1 does not hang while the guard is killed or hung (a live kernel and a live PID 1 must end the
 * unit then; a hardware watchdog covers the rest); and a registry is replaced as operations.md asks: a minute between
 * the old one's last moment and the new one's first, unless every machine has surely seen a higher revision and will
 * notice.
 */
#include "sim.h"

static usec_t seconds(World *w, unsigned from, unsigned to) {
        return random_span(w, from * USEC_PER_SEC, to * USEC_PER_SEC);
}

/* Short ones are as telling as long ones: uniform in the exponent, from a millisecond. */
static usec_t any_span(World *w, usec_t longest) {
        usec_t most = longest >> random_below(w, 12);

        return random_span(w, USEC_PER_MSEC, MAX(most, 2 * USEC_PER_MSEC));
}

static void next_fault(World *w) {
        if (w->fault_every > 0)
                world_post(w, (SimEvent){ .at = w->now + random_span(w, 1000, 2 * w->fault_every),
                                              .kind = SIM_FAULT });
}

static void make_net_sick(World *w) {
        static const unsigned degrees[] = { 0, 1000, 20000, 150000 };

        w->lost_ppm = degrees[random_below(w, 4)];
        w->lost_reply_ppm = degrees[random_below(w, 4)];
        w->slow_ppm = degrees[random_below(w, 4)];
        w->late_ppm = degrees[random_below(w, 3)];
        w->duplicate_ppm = degrees[random_below(w, 4)];
        w->early_unknown_ppm = degrees[random_below(w, 4)];
        w->slow_reply_ppm = degrees[random_below(w, 4)];
}

static void exclude(World *w, const Fault *faults, size_t n) {
        for (size_t i = 0; i < n; i++)
                w->fault_enabled[faults[i]] = false;
}

/* What a bias is after, and nothing that would drown it. */
static void lean(World *w) {
        static const bool wanted[_BIAS_MAX][_FAULT_MAX] = {
                [BIAS_LATE_GATE] = { [FAULT_DAEMON_PAUSE] = true, [FAULT_BY_HAND] = true, [FAULT_RELEASE] = true },
                [BIAS_SLOW_ANSWERS] = { [FAULT_PARTITION] = true },
                [BIAS_LATE_WRITES] = { [FAULT_DAEMON_CRASH] = true,
                                [FAULT_STEAL] = true,
                                [FAULT_TRANSFER] = true,
                                [FAULT_RELEASE] = true,
                                [FAULT_PARTITION] = true },
                [BIAS_LATE_RELEASES] = { [FAULT_TRANSFER] = true, [FAULT_ENABLE] = true },
                [BIAS_STALE_WATCHES] = { [FAULT_TRANSFER] = true },
                [BIAS_SLEEP] = { [FAULT_SLEEP] = true, [FAULT_DAEMON_CRASH] = true, [FAULT_PARTITION] = true },
                [BIAS_RECORDS] = { [FAULT_RECORDS] = true,
                                [FAULT_STEAL] = true,
                                [FAULT_PARTITION] = true,
                                [FAULT_DAEMON_CRASH] = true },
                [BIAS_FEW_BEATS] = { [FAULT_PARTITION] = true },
                [BIAS_SHORT_TTL] = { [FAULT_PARTITION] = true, [FAULT_GUARD_PAUSE] = true },
                [BIAS_HAND_OVER] = { [FAULT_HAND_OVER] = true,
                                [FAULT_DAEMON_CRASH] = true,
                                [FAULT_GUARD_CRASH] = true,
                                [FAULT_PARTITION] = true },
                [BIAS_PAUSE] = { [FAULT_PARTITION] = true,
                                [FAULT_DAEMON_CRASH] = true,
                                [FAULT_POWER_CUT] = true,
                                [FAULT_HAND_OVER] = true,
                                [FAULT_GUARD_CRASH] = true,
                                [FAULT_GUARD_PAUSE] = true,
                                [FAULT_STEAL] = true,
                                [FAULT_RELEASE] = true },
                [BIAS_FREEZE] = { [FAULT_PARTITION] = true,
                                [FAULT_OUTAGE] = true,
                                [FAULT_DAEMON_CRASH] = true,
                                [FAULT_DAEMON_PAUSE] = true,
                                [FAULT_GUARD_CRASH] = true,
                                [FAULT_GUARD_PAUSE] = true,
                                [FAULT_STEAL] = true,
                                [FAULT_RELEASE] = true,
                                [FAULT_BY_HAND] = true,
                                [FAULT_UNIT_CRASH] = true,
                                [FAULT_TTL] = true },
                [BIAS_VM_PAUSE] = { [FAULT_VM_PAUSE] = true, [FAULT_DAEMON_CRASH] = true, [FAULT_PARTITION] = true },
        };

        /* By these the registry forgets the last elapse, or a machine runs a job again before its guard has seen the
         * pause (law 14). */
        static const Fault doubling[] = { FAULT_RESTORE, FAULT_WIPE, FAULT_RECORDS, FAULT_VM_PAUSE };

        if (w->options.bias == BIAS_TIMERS)
                exclude(w, doubling, ELEMENTSOF(doubling));
        if (w->options.bias == BIAS_NONE || w->options.bias == BIAS_SLOTS || w->options.bias == BIAS_COPIES ||
                        w->options.bias == BIAS_TIMERS)
                return;
        memcpy(w->fault_enabled, wanted[w->options.bias], sizeof(w->fault_enabled));
        if (w->options.bias == BIAS_LATE_WRITES || w->options.bias == BIAS_LATE_RELEASES) {
                w->late_ppm = 150000;
                w->lost_reply_ppm = 50000;
        } else if (w->options.bias == BIAS_STALE_WATCHES) {
                for (size_t i = 0; i < w->n_leases; i++) { /* handed over at once */
                        w->stop_time[i] = 20 * USEC_PER_MSEC;
                        w->post_time[i] = 0;
                        w->has_extra[i] = w->has_member[i] = false;
                }
        } else if (w->options.bias == BIAS_SHORT_TTL) {
                for (size_t i = 0; i < w->n_machines; i++)
                        w->machines[i].ttl = TTL_MIN;
                for (size_t i = 0; i < w->n_leases; i++)
                        w->stop_time[i] = 20 * USEC_PER_SEC;
        } else if (w->options.bias == BIAS_SLOW_ANSWERS || w->options.bias == BIAS_FEW_BEATS) {
                w->slow_reply_ppm = w->options.bias == BIAS_SLOW_ANSWERS ? 1000000 : 0;
                for (size_t i = 0; i < w->n_machines && !w->options.ttl; i++)
                        w->machines[i].ttl = 5 * USEC_PER_SEC;
                for (size_t i = 0; i < w->n_leases; i++)
                        w->stop_time[i] = 20 * USEC_PER_SEC;
        }
}

void faults_init(World *w) {
        static const Fault by_time[] = { FAULT_DAEMON_CRASH, FAULT_DAEMON_PAUSE, FAULT_PARTITION, FAULT_OUTAGE,
                FAULT_FREEZE, FAULT_RESTORE, FAULT_WIPE, FAULT_GUARD_CRASH, FAULT_GUARD_PAUSE, FAULT_PID1_STALL,
                FAULT_STEAL, FAULT_NET_SICK, FAULT_TTL, FAULT_SLEEP, FAULT_RECORDS, FAULT_RUN_LOST };
        static const Fault of_guard[] = { FAULT_GUARD_CRASH, FAULT_GUARD_PAUSE };
        static const usec_t paces[] = { 300, 2000, 8000, 30000 };
        static const usec_t latencies[] = { 200, 200, 2000, 2000, 20000, 200000 };
        unsigned density = 200000 + 200000 * (unsigned) random_below(w, 4);

        for (Fault f = 0; f < FAULT_HAND_OVER; f++)
                w->fault_enabled[f] = random_chance(w, density);
        if (random_chance(w, 700000)) /* rare in life, and they drown everything else */
                w->fault_enabled[FAULT_RESTORE] = w->fault_enabled[FAULT_WIPE] = false;
        if (random_chance(w, 850000))
                w->fault_enabled[FAULT_UNKILLABLE] = false;
        if (w->fault_enabled[FAULT_UNKILLABLE] && random_chance(w, 500000))
                exclude(w, by_time, ELEMENTSOF(by_time));
        w->fault_enabled[FAULT_VM_PAUSE] = w->options.seed % 4 == 1; /* draws nothing */
        if (w->fault_enabled[FAULT_UNKILLABLE])                      /* it would fall asleep with its machine */
                w->fault_enabled[FAULT_SLEEP] = w->fault_enabled[FAULT_VM_PAUSE] = false;
        if (w->fault_enabled[FAULT_RESTORE] || w->fault_enabled[FAULT_WIPE])
                w->fault_enabled[FAULT_CLOCK_STEP] = false; /* what was handed out and is lost with the registry, only
                                                               the wall clock is surely above */
        if (w->n_machines > 2 && w->fault_enabled[FAULT_CLONE] && random_chance(w, 200000)) {
                mishap(w, MISHAP_CLONE);
                str_copy(w->machines[1].id, MACHINE_SIZE, w->machines[0].id);
        }
        if (w->fault_enabled[FAULT_PID1_STALL])
                exclude(w, of_guard, ELEMENTSOF(of_guard));
        if (w->fault_enabled[FAULT_NET_SICK])
                make_net_sick(w);
        w->latency = latencies[random_below(w, w->fault_enabled[FAULT_UNKILLABLE] ? 4 : ELEMENTSOF(latencies))];
        w->fault_every = paces[random_below(w, ELEMENTSOF(paces))] * USEC_PER_MSEC;
        lean(w);
        next_fault(w);
        for (size_t i = 0; i < w->n_machines && w->fault_enabled[FAULT_CALLS]; i++)
                world_post(w, (SimEvent){ .at = random_span(w, 0, 10 * USEC_PER_SEC),
                                              .kind = SIM_CALL,
                                              .machine = (uint8_t) i });
}

/* ---- the registry ---- */

/* Revisions that each machine adds at most until all have looked at a registry anew: who has seen less than that
 * behind its last moment may find it grown beyond all that he knows, and cannot notice (docs/safety.md). It is more
 * where some look rarely and others often, or schedulers renew. */
static uint64_t regrowth(const World *w) {
        return w->n_machines * (w->fault_enabled[FAULT_TTL] || w->fault_enabled[FAULT_CALLS] ? 20 : 8);
}

/* Every machine has seen a later revision than the snapshot's, and will not forget that: it will notice (law 16); if
 * its daemon may be started anew meanwhile, only by the revision that it remembers. With no time between the two
 * registries it must also have seen everything up to the end: what it asks for without having heard of the change may
 * else be granted. */
static bool will_notice(const World *w, bool remembered, bool fresh) {
        uint64_t least = w->map.snapshot.revision + (remembered ? regrowth(w) : 1);

        for (size_t i = 0; i < w->n_machines; i++) {
                const Machine *m = w->machines + i;
                bool up_to_date = m->watch.connected && m->watch.position == w->map.revision;
                bool there = m->core && !m->paused && !machine_is_asleep(m) && !m->requests_blocked &&
                             !m->replies_blocked && (!fresh || up_to_date);

                if (remembered ? m->memory.revision < least : !there || core_memory(m->core)->revision < least)
                        return false;
        }
        return true;
}

static bool any_free(World *w) {
        for (size_t i = 0; i < w->n_leases; i++) {
                const LeaseRecord *l = map_lease(w, i);

                if (!l || l->state == LEASE_FREE)
                        return true;
        }
        return false;
}

/* The first half: a snapshot. The second, some time later: the registry goes, and comes back as it was then. */
static void restore(World *w) {
        if (w->replacing)
                return;
        if (!w->map.snapshot.taken) {
                /* What was free then, and is held when it comes back, is the most tempting. */
                if (any_free(w) || random_chance(w, 300000))
                        map_snapshot(w);
        } else if (will_notice(w, false, true) && random_chance(w, 500000)) {
                map_restore(w);
                w->peace_until = w->now + 15 * USEC_PER_SEC;
        } else if (will_notice(w, true, false)) {
                w->replacing = true;
                w->registry_down_until = w->now + 62 * USEC_PER_SEC;
                world_post(w, (SimEvent){ .at = w->registry_down_until, .kind = SIM_RESTORE, .a = 1 });
        }
}

/* Who has never seen a registry takes an empty one for a new one, and Indexes begin anew; nothing can tell him. */
static bool all_remember(const World *w) {
        for (size_t i = 0; i < w->n_machines; i++)
                if (!w->machines[i].memory.uuid[0] || w->machines[i].memory.revision < regrowth(w) / 4)
                        return false;
        return true;
}

static void accept_everywhere(World *w) {
        for (size_t i = 0; i < w->n_machines; i++)
                daemon_verb(w, w->machines + i, EVENT_ACCEPT, 0, 0);
}

/* ---- one machine ---- */

static void hurt_daemon(World *w, Machine *m, Fault f) {
        static const ActionKind telling[] = { ACTION_TXN, ACTION_GUARD_ARM, ACTION_GATE_OPEN, ACTION_UNIT_START,
                ACTION_GUARD_LOSE, ACTION_GUARD_DISARM, ACTION_SESSION, _ACTION_ANY, _ACTION_ANY };
        usec_t span = any_span(w, f == FAULT_DAEMON_CRASH ? 60 * USEC_PER_SEC : 90 * USEC_PER_SEC);
        bool inside = random_chance(w, 500000);

        if (w->options.bias == BIAS_LATE_GATE) {
                m->cut = CUT_PAUSE;
                m->cut_span = m->ttl + any_span(w, 2 * m->ttl);
                m->cut_after = 0;
                m->cut_at = ACTION_GATE_OPEN;
        } else if (f == FAULT_DAEMON_STOP) {
                daemon_verb(w, m, EVENT_SHUTDOWN, 0, 0);
        } else if (inside) { /* in the middle of some step to come */
                m->cut = f == FAULT_DAEMON_CRASH ? CUT_CRASH : CUT_PAUSE;
                m->cut_span = span;
                m->cut_after = random_below(w, 4);
                m->cut_at = telling[random_below(w, ELEMENTSOF(telling))];
        } else if (f == FAULT_DAEMON_CRASH)
                daemon_crash(w, m, span);
        else
                daemon_pause(w, m, span);
}

static void hurt_unit(World *w, Machine *m, size_t unit, Fault f) {
        ModelUnit *u = m->units + unit;

        if (f == FAULT_BY_HAND) {
                bool start = random_chance(w, 500000);

                mishap(w, start ? MISHAP_START_BY_HAND : MISHAP_STOP_BY_HAND);
                pid1_request(w, m, unit, start ? JOB_START : JOB_STOP, BY_HAND);
                return;
        }
        if (f == FAULT_NEED) {
                pid1_stops_for_another(w, m, unit, random_chance(w, 300000) ? ENDED_BY_CONFLICT : ENDED_BY_NEED,
                                w->failures[lead_of(unit)]++ < 6 && random_chance(w, 300000),
                                any_span(w, 60 * USEC_PER_SEC));
                return;
        }
        if (!u->processes[SLOT_MAIN].alive || u->processes[SLOT_MAIN].late || w->failures[unit] >= 6)
                return;
        mishap(w, f == FAULT_UNIT_EXIT ? MISHAP_UNIT_EXIT : MISHAP_UNIT_CRASH);
        unit_ends(w, m, unit, f == FAULT_UNIT_EXIT);
}

/* Another machine is handed the unit, does not beat until others take it, and hears of the first when it beats again:
 * its watch is behind by more than a TTL. */
static void hand_on_in_the_dark(World *w, size_t unit) {
        const LeaseRecord *l = map_lease(w, unit);
        Machine *to = w->machines + random_below(w, w->n_machines);

        for (size_t i = 0; i < w->n_machines && l && l->state == LEASE_HELD; i++) {
                Machine *m = w->machines + i;

                if (m == to || !streq(m->id, l->machine_id))
                        continue;
                daemon_verb(w, m, EVENT_TRANSFER, unit, to->number);
                to->watch.latency = random_span(w, to->ttl, 2 * to->ttl);
                machine_cut_off(w, to, true, false, random_span(w, to->ttl, to->ttl * 3 / 2));
        }
}

/* Somebody wants a command to run, or does not wait for it any more: with him goes one that has begun. */
static void verb_of_run(World *w, Machine *m, size_t unit) {
        if (!m->enabled[unit])
                daemon_verb(w, m, EVENT_RUN, unit, random_below(w, 3));
        else if (m->waits[unit])
                daemon_verb(w, m, EVENT_WITHDRAW, unit, 0);
        else if (m->units[unit].processes[SLOT_MAIN].alive)
                unit_ends(w, m, unit, random_chance(w, 500000));
}

static void verb(World *w, Machine *m, size_t unit, Fault f) {
        Machine *other = w->machines + random_below(w, w->n_machines);
        const LeaseRecord *l = map_lease(w, unit);

        if (w->options.runs && (f == FAULT_TRANSFER || f == FAULT_ENABLE || f == _FAULT_MAX)) {
                verb_of_run(w, m, unit);
                return;
        }
        switch (f) {
        case FAULT_RELEASE:
                daemon_verb(w, m, EVENT_RELEASE, unit, 0);
                requests_ask(w, other, unit);
                break;
        case FAULT_TRANSFER:
                if (w->options.bias == BIAS_STALE_WATCHES)
                        hand_on_in_the_dark(w, unit);
                else
                        daemon_verb(w, m, EVENT_TRANSFER, unit, other->number);
                requests_ask(w, other, unit);
                break;
        case FAULT_STEAL: /* sometimes with what the operator saw a while ago */
                daemon_verb(w, m, EVENT_STEAL, unit,
                                random_chance(w, 500000) || !l ? 0 : l->index - random_below(w, 2));
                break;
        case FAULT_DRAIN:
                daemon_verb(w, m, EVENT_DRAIN, unit,
                                random_below(w, 2) + (random_chance(w, 300000) ? 2 * (other->number + 1) : 0));
                break;
        case FAULT_ENABLE:
                if (random_chance(w, 200000))
                        m->version[unit]++;
                if (w->options.bias == BIAS_COPIES)
                        m->copies = 2 + (unsigned) random_below(w, w->n_leases - 1);
                daemon_verb(w, m, m->enabled[unit] && random_chance(w, 500000) ? EVENT_FORGET : EVENT_CONFIGURE, unit,
                                0);
                break;
        default:
                daemon_verb(w, m, EVENT_REARM, unit, 0);
        }
}

/* What units here may require, or prefer. */
static const char *const machine_metadata[] = { "disk=ssd rack=a", "disk=ssd rack=b", "disk=tape rack=a", "" };

/* A host's clock that is set forward looks like a pause, and costs a stop at most. */
static void disturb_clock(World *w, Machine *m) {
        usec_t span = MAX(any_span(w, 90 * USEC_PER_SEC), PAUSE_SEEN);

        if (!m->powered || machine_is_asleep(m)) /* whose guard reads no clock */
                return;
        if (random_chance(w, 800000)) {
                machine_stand_still(w, m, span);
                return;
        }
        mishap(w, MISHAP_HOST_CLOCK_SET);
        sleep_learn_clock(w, m);
        m->clock_set += span;
        guard_look_at_clock(w, m, 0);
}

static void hurt_machine(World *w, Machine *m, Fault f) {
        static const usec_t ttls[] = { USEC_PER_SEC, 2 * USEC_PER_SEC, 5 * USEC_PER_SEC, 10 * USEC_PER_SEC,
                20 * USEC_PER_SEC };

        switch (f) {
        case FAULT_POWER_CUT:
                machine_power_cut(w, m, seconds(w, 1, 60));
                break;
        case FAULT_SHUT_DOWN:
                machine_shut_down(w, m, seconds(w, 1, 60));
                break;
        case FAULT_SLEEP: /* logind's InhibitDelayMaxSec= is 5 s where nobody has changed it */
                machine_sleep(w, m, random_chance(w, 700000) ? 5 * USEC_PER_SEC : seconds(w, 2, 30),
                                random_chance(w, 100000) ? 0 : any_span(w, 90 * USEC_PER_SEC));
                break;
        case FAULT_PARTITION:
                machine_cut_off(w, m, random_chance(w, 700000), random_chance(w, 700000),
                                any_span(w, 90 * USEC_PER_SEC));
                break;
        case FAULT_WATCH_STALL:
                if (random_chance(w, 500000)) {
                        mishap(w, MISHAP_WATCH_STALL);
                        m->watch.stalled_until = w->now + any_span(w, 90 * USEC_PER_SEC);
                } else {
                        mishap(w, MISHAP_WATCH_LAG);
                        m->watch.latency = any_span(w, 90 * USEC_PER_SEC);
                }
                break;
        case FAULT_GUARD_CRASH:
                w->counts.mishaps[MISHAP_GUARD_KILLED] += m->guard.state == GUARD_UP;
                guard_crash(w, m);
                break;
        case FAULT_GUARD_PAUSE:
                guard_pause(w, m, any_span(w, 60 * USEC_PER_SEC));
                break;
        case FAULT_VM_PAUSE:
                disturb_clock(w, m);
                break;
        case FAULT_HAND_OVER:
                guard_hand_over(w, m);
                break;
        case FAULT_PID1_STALL:
                mishap(w, MISHAP_PID1_STALL);
                m->pid1_stalled_until = MAX(m->pid1_stalled_until, w->now + any_span(w, 10 * USEC_PER_SEC));
                machine_ails(w, m, m->pid1_stalled_until - w->now);
                break;
        case FAULT_METADATA:
                m->metadata = machine_metadata[random_below(w, ELEMENTSOF(machine_metadata))];
                daemon_verb(w, m, EVENT_METADATA, 0, 0);
                break;
        case FAULT_CLOCK_STEP:
                mishap(w, MISHAP_CLOCK_STEP);
                m->realtime_offset = (int64_t) random_below(w, 4 * USEC_PER_HOUR) - (int64_t) (2 * USEC_PER_HOUR);
                break;
        case FAULT_RUN_LOST:
                daemon_crash(w, m, any_span(w, 30 * USEC_PER_SEC));
                if (m->core || !m->run_session[0])
                        break;
                mishap(w, MISHAP_RUN_LOST);
                m->run_session[0] = '\0';
                for (size_t i = 0; i < w->n_leases && w->options.runs; i++)
                        m->enabled[i] = m->started[i] = false;
                break;
        case FAULT_RUN_FULL:
                m->run_full = !m->run_full;
                w->counts.mishaps[MISHAP_RUN_FULL] += m->run_full;
                break;
        default: /* FAULT_TTL */
                m->ttl = ttls[random_below(w, ELEMENTSOF(ttls))];
                if (random_chance(w, 500000))
                        daemon_verb(w, m, EVENT_TTL, 0, m->ttl);
                else
                        daemon_crash(w, m, seconds(w, 0, 2));
        }
}

/* The others strike something that does not run. */
static bool meets_the_sleeping(Fault f) {
        return f == FAULT_POWER_CUT || f == FAULT_PARTITION || f == FAULT_OUTAGE || f == FAULT_FREEZE ||
               f == FAULT_NET_SICK || f == FAULT_RESTORE || f == FAULT_WIPE || f == FAULT_RECORDS;
}

static void strike(World *w, Fault f) {
        Machine *m = w->machines + random_below(w, w->n_machines);
        size_t unit = unit_of_lease(w, random_below(w, w->n_leases));

        TRACE(w, m, "FAULT %d on %s", (int) f, w->unit_names[unit]);
        if (machine_is_asleep(m) && !meets_the_sleeping(f))
                return;
        switch (f) {
        case FAULT_DAEMON_CRASH:
        case FAULT_DAEMON_PAUSE:
        case FAULT_DAEMON_STOP:
                hurt_daemon(w, m, f);
                break;
        case FAULT_OUTAGE:
                mishap(w, MISHAP_OUTAGE);
                w->registry_down_until = w->now + any_span(w, 60 * USEC_PER_SEC);
                break;
        case FAULT_FREEZE:
                mishap(w, MISHAP_FREEZE);
                w->registry_frozen_until = w->now + any_span(w, 60 * USEC_PER_SEC);
                break;
        case FAULT_NET_SICK:
                make_net_sick(w);
                break;
        case FAULT_RESTORE:
                restore(w);
                break;
        case FAULT_WIPE:
                if (w->replacing || !all_remember(w) || pausing_is_on(w))
                        break;
                w->replacing = true;
                w->registry_down_until = w->now + 62 * USEC_PER_SEC;
                world_post(w, (SimEvent){ .at = w->registry_down_until, .kind = SIM_RESTORE, .a = 0 });
                break;
        case FAULT_RECORDS:
                records_fault(w);
                break;
        case FAULT_UNIT_CRASH:
        case FAULT_UNIT_EXIT:
        case FAULT_BY_HAND:
        case FAULT_NEED:
                hurt_unit(w, m, w->has_member[unit] && random_chance(w, 300000) ? unit + LEASES_MAX : unit, f);
                break;
        case FAULT_RELEASE:
        case FAULT_TRANSFER:
        case FAULT_STEAL:
        case FAULT_DRAIN:
        case FAULT_ENABLE:
                verb(w, m, unit, f);
                break;
        default:
                hurt_machine(w, m, f);
        }
}

static void on_fault(World *w) {
        Fault enabled[_FAULT_MAX];
        size_t n = 0;

        next_fault(w);
        if (w->now < w->peace_until)
                return;
        for (Fault f = 0; f < _FAULT_MAX; f++)
                if (w->fault_enabled[f] && f != FAULT_UNKILLABLE && f != FAULT_CALLS && f != FAULT_CLONE)
                        enabled[n++] = f;
        if (n == 0)
                return;
        strike(w, enabled[random_below(w, n)]);
        if (random_chance(w, 100000)) /* jobs that ended well run again when somebody says so */
                verb(w, w->machines + random_below(w, w->n_machines), unit_of_lease(w, random_below(w, w->n_leases)),
                                _FAULT_MAX);
        if (w->fault_enabled[FAULT_WIPE] && random_chance(w, 100000))
                accept_everywhere(w);
}

/* ---- the end of all faults ---- */

/* PID 1 stopped it by itself: nobody has to help. */
static bool was_put_aside(const ModelUnit *u) {
        return u->ended_by == ENDED_BY_NEED || u->ended_by == ENDED_BY_CONFLICT;
}

/* What keeps a unit down by somebody's will, and would for ever: said again now and then, for verbs get lost with a
 * daemon, and a machine may notice only now that its registry is another. */
static void operator_helps(World *w) {
        for (size_t i = 0; i < w->n_machines; i++) {
                Machine *m = w->machines + i;

                daemon_verb(w, m, EVENT_DRAIN, 0, 0);
                m->metadata = machine_metadata[i % 2];
                daemon_verb(w, m, EVENT_METADATA, 0, 0);
                for (size_t j = 0; j < w->n_leases; j++) {
                        const LeaseRecord *l = map_lease(w, j);

                        size_t unit = unit_of_lease(w, j);

                        if (!m->enabled[unit] || (w->options.bias == BIAS_COPIES && m->copies != w->options.slots)) {
                                m->copies = w->options.slots;
                                daemon_verb(w, m, w->options.runs ? EVENT_RUN : EVENT_CONFIGURE, unit, 1);
                        }
                        if (l && l->state == LEASE_DONE)
                                daemon_verb(w, m, EVENT_REARM, unit, 0);
                        if (l && l->state == LEASE_HELD && streq(l->machine_id, m->id) &&
                                        unit_is_down(m->units + unit) && gate_is_open(m, unit) &&
                                        (m->units[unit].is_wanted_down || !was_put_aside(m->units + unit)) &&
                                        !w->options.runs)
                                pid1_request(w, m, unit, JOB_START, BY_HAND);
                }
        }
        accept_everywhere(w);
        pausing_help(w);
        world_post(w, (SimEvent){ .at = w->now + 20 * USEC_PER_SEC, .kind = SIM_OPERATOR });
}

/* Gives the shorter of two TTLs: the machine's, and that of its session, which may be older than the machine's present
 * TTL. */
static usec_t shortest_ttl(const World *w, const Machine *m) {
        SessionView session = { .ttl = m->ttl };

        if (m->core)
                core_session_view(
                                m->core, (Now){ .boottime = machine_boottime((World *) w, (Machine *) m) }, &session);
        return MIN(m->ttl, session.ttl);
}

void faults_heal(World *w) {
        TRACE(w, NULL, "---- everything heals ----");
        w->quiet = true;
        w->healed_at = w->now;
        w->lost_ppm = w->lost_reply_ppm = w->slow_ppm = w->late_ppm = w->duplicate_ppm = w->early_unknown_ppm = 0;
        w->slow_reply_ppm = 0;
        w->registry_down_until = MIN(w->registry_down_until, w->now);
        w->registry_frozen_until = MIN(w->registry_frozen_until, w->now);
        for (size_t i = 0; i < w->n_machines; i++) {
                Machine *m = w->machines + i;

                m->requests_blocked = m->replies_blocked = m->run_full = false;
                w->latency = MIN(w->latency, shortest_ttl(w, m) / 24); /* an attempt at a beat may take TTL/6 */
                if (m->watch.stalled_until > w->now || m->watch.latency > USEC_PER_SEC)
                        watch_reset(w, m, USEC_PER_MSEC); /* it would go on only when the stall was to end */
                m->watch.stalled_until = 0;
                m->cut = CUT_NONE;
                if (m->sleep.stands_still) { /* a pause is not made too short to be seen */
                        sleep_end_soon(w, m);
                        continue;
                }
                machine_wake(w, m);
                daemon_resume(w, m);
                if (!m->powered)
                        machine_power_on(w, m);
                else if (!m->core && !m->stay_down)
                        daemon_start_later(w, m, USEC_PER_SEC);
        }
        w->fault_every = 0;
        for (size_t i = 0; i < w->n_machines * UNITS_MAX; i++) /* and the daemons see it with their next poll */
                w->machines[i / UNITS_MAX].units[i % UNITS_MAX].need_until = 0;
        operator_helps(w);
}

void faults_event(World *w, SimEvent *e) {
        Machine *m = w->machines + e->machine;

        switch (e->kind) {
        case SIM_FAULT:
                if (!w->quiet)
                        on_fault(w);
                break;
        case SIM_HEAL_LINK:
                if (m->link_generation != e->generation)
                        return;
                m->requests_blocked = m->replies_blocked = false;
                TRACE(w, m, "link is back");
                if (m->core && random_chance(w, 500000))
                        watch_reset(w, m, random_span(w, 1, 500) * USEC_PER_MSEC);
                break;
        case SIM_RESTORE:
                if (e->a && !w->quiet &&
                                !will_notice(w, false,
                                                false)) { /* somebody is away: wait until all are there to see it */
                        w->registry_down_until = e->at = w->now + 5 * USEC_PER_SEC;
                        world_post(w, *e);
                        return;
                }
                w->replacing = false;
                w->peace_until = w->now + 15 * USEC_PER_SEC;
                if (w->quiet)
                        return;
                if (e->a && w->map.snapshot.taken)
                        map_restore(w);
                else if (!e->a)
                        map_wipe(w, random_chance(w, 500000));
                break;
        default: /* SIM_OPERATOR */
                if (w->quiet)
                        operator_helps(w);
        }
}
