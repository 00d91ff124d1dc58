/* SPDX-License-Identifier: Apache-2.0 */
/*
 * True time, and the life of one run.
 */
#include "sim.h"

#include <stdarg.h>
#include <stdio.h>

void world_dispatch(World *w, SimEvent *e) {
        w->counts.events++;
        if (w->n_asleep > 0 && sleep_holds(w, e))
                return;
        if (e->kind <= SIM_WATCH_CONNECT)
                net_event(w, e);
        else if (e->kind <= SIM_GUARD_SAYS)
                daemon_event(w, e);
        else if (e->kind <= SIM_STOP_TIMEOUT)
                pid1_event(w, e);
        else if (e->kind <= SIM_GUARD_END)
                guard_event(w, e);
        else if (e->kind == SIM_FENCED)
                fencing_event(w, e);
        else if (e->kind <= SIM_CONFIRM)
                machine_event(w, e);
        else if (e->kind <= SIM_WAKE)
                sleep_event(w, e);
        else if (e->kind <= SIM_OPERATOR)
                faults_event(w, e);
        else if (e->kind == SIM_PAUSE)
                pausing_event(w, e);
        else if (e->kind == SIM_CALL)
                calls_event(w, e);
        else
                check_late_fork(w, e);
}

bool world_run(World *w, usec_t until) {
        while (!w->failed && w->n_heap > 0 && w->heap[0].at <= until) {
                SimEvent e = world_take(w);

                w->now = e.at;
                world_dispatch(w, &e);
        }
        if (!w->failed)
                w->now = MAX(w->now, until);
        return !w->failed;
}

bool world_run_until(World *w, usec_t span, bool (*done)(World *, void *), void *userdata) {
        usec_t until = w->now + span;

        while (!w->failed && !done(w, userdata)) {
                if (w->n_heap == 0 || w->heap[0].at > until)
                        return false;
                SimEvent e = world_take(w);

                w->now = e.at;
                world_dispatch(w, &e);
        }
        return !w->failed;
}

void world_fail(World *w, const char *format, ...) {
        va_list ap;

        if (w->failed)
                return; /* the first one counts, what follows may be its consequence */
        w->failed = true;
        va_start(ap, format);
        (void) vsnprintf(w->failure, sizeof(w->failure), format, ap);
        va_end(ap);
        TRACE(w, NULL, "FAILED: %s", w->failure);
}

/* Each unit has its own temper, drawn once: how long it takes to start and stop, what it leaves behind. */
static void unit_init(World *w, size_t i) {
        static const usec_t stops[] = { 20 * USEC_PER_MSEC, 300 * USEC_PER_MSEC, 3 * USEC_PER_SEC, 20 * USEC_PER_SEC };

        w->stop_time[i] = 300 * USEC_PER_MSEC;
        w->start_time[i] = 50 * USEC_PER_MSEC;
        if (!w->options.faults)
                return;
        w->stop_time[i] = stops[random_below(w, ELEMENTSOF(stops))];
        w->start_time[i] = random_span(w, 0, 2 * USEC_PER_SEC);
        w->post_time[i] = random_chance(w, 500000) ? random_span(w, USEC_PER_MSEC, 2 * USEC_PER_SEC) : 0;
        w->has_extra[i] = random_chance(w, 250000);
        w->restarts[i] = random_chance(w, 250000);
        w->unit_configs[i].timeout_stop = random_span(w, 1, 90) * USEC_PER_SEC;
}

static void member_init(World *w, size_t i) {
        (void) snprintf(w->unit_names[i + LEASES_MAX], NAME_SIZE, "member%zu.service", i);
        w->unit_configs[i + LEASES_MAX].timeout_stop = 5 * USEC_PER_SEC;
        if (w->options.faults)
                w->has_member[i] = random_chance(w, 250000);
        if (w->options.faults && w->has_member[i])
                w->member_life[i] = random_chance(w, 500000) ? random_span(w, 1, 20) * USEC_PER_SEC : 0;
        unit_init(w, i + LEASES_MAX);
}

/* In some runs units mind where they run. With so few machines that all can still be satisfied when all is well. */
static void placement_init(World *w, size_t i) {
        Placement *p = w->placements + i;

        if (random_chance(w, 300000))
                str_copy(p->require, sizeof(p->require), "disk=ssd");
        if (random_chance(w, 300000)) {
                str_copy(p->prefer, sizeof(p->prefer), random_chance(w, 500000) ? "rack=a" : "rack=b");
                p->failback = random_chance(w, 500000);
                p->failback_hold = random_span(w, 1, 20) * USEC_PER_SEC;
        }
        if (i == 1 && w->n_machines > 2 && random_chance(w, 400000))
                (void) snprintf(p->conflicts, sizeof(p->conflicts), "unit0.*");
        else if (i == 1 && random_chance(w, 300000))
                (void) snprintf(p->machine_of, sizeof(p->machine_of), "%s", w->unit_names[0]);
}

/* Whether the unit has OnOutage=freeze: in every fourth run each second one, and with the bias all. It hangs on the
 * seed alone, and draws nothing. */
static bool freezes(const Options *options, size_t i) {
        if (!options->faults || options->runs)
                return false;
        return options->bias == BIAS_FREEZE ||
               (options->bias == BIAS_NONE && options->seed % 4 == 2 && (options->seed / 4 + i) % 2 == 0);
}

static void units_init(World *w) {
        bool wishes = w->options.faults && w->options.bias == BIAS_NONE && random_chance(w, 400000);

        for (size_t i = 0; i < w->n_leases; i++) {
                (void) snprintf(w->unit_names[i], NAME_SIZE, "unit%zu.service", i);
                (void) snprintf(w->lease_names[i], NAME_SIZE, i % 2 ? "lease-%zu" : "unit%zu.service", i);
                w->unit_configs[i] = (UnitConfig){
                        .unit = w->unit_names[i],
                        .lease = w->lease_names[i],
                        .stop_grace = USEC_INFINITY,
                        .timeout_stop = 5 * USEC_PER_SEC,
                        .version = 1,
                        .hold_down_release = 3 * USEC_PER_SEC,
                        .hold_down_failure = 2 * USEC_PER_SEC,
                };
                if (w->options.slots > 0) {
                        (void) snprintf(w->lease_names[i], NAME_SIZE, "job#%zu", i + 1);
                        w->unit_configs[i].lease = w->lease_names[0];
                        w->unit_configs[i].slots = w->options.slots;
                }
                unit_init(w, i);
                member_init(w, i);
                w->unit_configs[i].freezes = freezes(&w->options, i);
                if (w->unit_configs[i].freezes) /* a service has no members but what lies in its slice */
                        w->has_member[i] = false;
                if (w->options.runs) {
                        w->unit_configs[i].once = true;
                        w->has_extra[i] = w->restarts[i] = w->has_member[i] = false;
                        w->post_time[i] = 0;
                }
                if (!w->options.faults || w->options.runs)
                        continue;
                if (random_chance(w, 250000))
                        w->unit_configs[i].stop_grace = random_span(w, 0, 500 * USEC_PER_MSEC);
                w->unit_configs[i].release_on_success = random_chance(w, 200000);
                w->unit_configs[i].hold_on_failure = random_chance(w, 200000);
                w->unit_configs[i].placement = w->placements + i;
                if (wishes)
                        placement_init(w, i);
        }
}

/* How many of the beats the watch tells of: as usual, none or some. It hangs on the seed alone, and draws nothing. */
static unsigned few_beats(const Options *options) {
        static const unsigned numbers[] = { 0, 1, 400, 3000 };

        if (!options->faults)
                return 0;
        return options->bias == BIAS_FEW_BEATS ? 1 : numbers[options->seed * 0x9e3779b97f4a7c15u >> 62];
}

/* In a quarter of the runs each step takes next to nothing at a time. It hangs on the seed alone, and draws nothing.
 */
static unsigned slice_of(const Options *options) {
        static const unsigned numbers[] = { 0, 0, 0, 0, 0, 0, 1, 3 };

        return options->faults ? numbers[options->seed * 0x9e3779b97f4a7c15u >> 58 & 7] : 0;
}

/* How often timers elapse. It hangs on the seed alone, and draws nothing. */
static usec_t timer_period(const Options *options) {
        static const usec_t periods[] = { 1, 3, 10, 30 };

        return periods[options->seed * 0x9e3779b97f4a7c15u >> 62] * USEC_PER_SEC;
}

World *world_new(const Options *options) {
        World *w = calloc(1, sizeof(World));

        if (!w)
                abort();
        w->options = *options;
        if (options->bias == BIAS_SLOTS || options->bias == BIAS_COPIES) {
                w->options.runs = options->bias == BIAS_SLOTS;
                w->options.slots = 2;
        }
        w->random = options->seed * 0xd1342543de82ef95u + 1;
        (void) world_random(w);
        w->beats_told = few_beats(options);
        w->slice = slice_of(options);
        w->timer_period = timer_period(options);
        w->n_machines = options->n_machines;
        w->n_leases = MAX(options->n_leases, w->options.slots); /* each slot is a lease */
        w->latency = 300;
        if (options->trace || options->trace_live)
                trace_init(w);
        map_init(w);
        units_init(w);
        health_init(w);
        reboots_init(w);
        for (size_t i = 0; i < w->n_machines; i++)
                machine_init(w, w->machines + i, i);
        for (size_t i = 0; i < w->n_leases; i++)
                w->leases[i].start_machine = -1;
        if (options->faults)
                faults_init(w);
        pausing_init(w);
        for (size_t i = 0; i < w->n_machines; i++)
                world_post(w, (SimEvent){ .at = options->faults ? random_span(w, 0, USEC_PER_SEC) : i * 1000,
                                              .kind = SIM_POWER_ON,
                                              .machine = (uint8_t) i,
                                              .generation = w->machines[i].boots });
        return w;
}

World *world_free(World *w) {
        if (!w)
                return NULL;
        net_done(w);
        for (size_t i = 0; i < w->n_machines; i++) {
                core_free(w->machines[i].core);
                shadow_end(w->machines + i);
                free(w->machines[i].held);
                free(w->machines[i].sleep.events);
        }
        map_done(w);
        trace_done(w);
        free(w->asked);
        free(w->heap);
        free(w->queue);
        free(w);
        return NULL;
}

static bool all_run(World *w, void *userdata) {
        return check_all_run(w);
}

/* The longest that may pass in peace until all runs: a registry's silence (61.2 s), hold-downs, one lease's life;
 * twice as much for a registry that must first get a name again, and for a lease whose record is lost. */
static usec_t recovery_bound(const World *w) {
        usec_t bound = (w->fault_enabled[FAULT_RECORDS] ? 330 : 180) * USEC_PER_SEC;

        for (size_t i = 0; i < w->n_leases; i++) {
                usec_t hold_down = w->unit_configs[i].hold_down_failure << MIN(w->failures[i], 8u);

                bound += MAX(hold_down, usec_sub(w->leases[i].held_down_until, w->now));
        }
        return bound;
}

static bool is_replaced(World *w, void *userdata) {
        return !w->replacing;
}

/* Replacing a registry takes more than a minute: in a short run it would end in the quiet, as if it had never begun.
 */
static void await_registry(World *w) {
        if (!w->replacing)
                return;
        (void) world_run_until(w, 4 * USEC_PER_MINUTE, is_replaced, NULL);
        (void) world_run(w, w->now + random_span(w, USEC_PER_SEC, 30 * USEC_PER_SEC));
}

bool world_run_seed(World *w) {
        usec_t healed;

        (void) world_run(w, w->options.duration);
        await_registry(w);
        if (w->failed)
                return false;
        faults_heal(w);
        healed = w->now;
        if (!world_run_until(w, recovery_bound(w), all_run, NULL)) {
                for (size_t i = 0; i < w->n_leases && !w->failed; i++)
                        if (!w->leases[i].running && w->options.slots == 0)
                                world_fail(w, "L1: %s runs nowhere %.1f s after everything was healed",
                                                w->unit_names[i], (double) (w->now - healed) / USEC_PER_SEC);
                if (!w->failed)
                        world_fail(w, "L1: not every unit runs %.1f s after everything was healed",
                                        (double) (w->now - healed) / USEC_PER_SEC);
                return false;
        }
        w->counts.recovery_max = w->now - healed;
        w->counts.model_time = w->now;
        return true;
}
