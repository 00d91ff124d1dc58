/* SPDX-License-Identifier: Apache-2.0 */
/*
 * True time, chance, the queue of everything that is yet to happen, and the life of one run.
 *
 * The queue is a binary heap of turns, ordered by time and then by the order of scheduling, so that a run is a
 * function of its seed alone; the events themselves lie still in their slots. Nothing in it is ever cancelled: an
 * event carries the generation of what it is meant for, and its handler drops it if that has moved on.
 */
#include "sim.h"

#include <stdarg.h>
#include <stdio.h>

uint64_t world_random(World *w) {
        uint64_t z = (w->random += 0x9e3779b97f4a7c15u); /* splitmix64, by Sebastiano Vigna */

        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        z ^= z >> 31;
        if (w->options.tape_size >= 2) {
                z = z >> 16 | (uint64_t) w->options.tape[0] << 56 | (uint64_t) w->options.tape[1] << 48;
                w->options.tape += 2;
                w->options.tape_size -= 2;
        }
        return z;
}

/* The upper half of random * n, without a type of 128 bits, which machines of 32 bits have not. */
uint64_t random_below(World *w, uint64_t n) {
        uint64_t r = world_random(w), high = r >> 32, low = r & UINT32_MAX;
        uint64_t n_high = n >> 32, n_low = n & UINT32_MAX;
        uint64_t a = high * n_low + (low * n_low >> 32);
        uint64_t b = low * n_high + (a & UINT32_MAX);

        return high * n_high + (a >> 32) + (b >> 32);
}

usec_t random_span(World *w, usec_t from, usec_t to) {
        return from + random_below(w, to - from + 1);
}

bool random_chance(World *w, unsigned ppm) {
        return ppm > 0 && random_below(w, 1000000) < ppm;
}

static bool is_before(Turn a, Turn b) {
        return a.at != b.at ? a.at < b.at : a.order < b.order;
}

static void queue_grow(World *w) {
        size_t size = MAX((size_t) 256, 2 * w->queue_size);

        if (size > 1u << SLOT_BITS)
                abort();
        w->heap = realloc(w->heap, size * sizeof(Turn));
        w->queue = realloc(w->queue, size * sizeof(SimEvent));
        if (!w->heap || !w->queue)
                abort();
        for (size_t i = w->queue_size; i < size; i++)
                w->heap[i].order = i; /* the slots that are free are those behind the heap's end */
        w->queue_size = size;
}

void world_post(World *w, SimEvent e) {
        size_t i, parent, slot;
        Turn turn;

        if (w->n_heap == w->queue_size)
                queue_grow(w);
        slot = w->heap[w->n_heap].order & SLOT_MASK;
        e.at = MAX(e.at, w->now);
        turn = (Turn){ .at = e.at, .order = w->sequence++ << SLOT_BITS | slot };
        w->queue[slot] = e;
        for (i = w->n_heap++; i > 0; i = parent) {
                parent = (i - 1) / 2;
                if (!is_before(turn, w->heap[parent]))
                        break;
                w->heap[i] = w->heap[parent];
        }
        w->heap[i] = turn;
}

static SimEvent take_next(World *w) {
        Turn first = w->heap[0], last = w->heap[--w->n_heap];
        size_t i = 0, child, n = w->n_heap;

        while ((child = 2 * i + 1) < n) {
                if (child + 1 < n)
                        child += is_before(w->heap[child + 1], w->heap[child]);
                if (!is_before(w->heap[child], last))
                        break;
                w->heap[i] = w->heap[child];
                i = child;
        }
        w->heap[i] = last;
        w->heap[n] = first; /* its slot is free again */
        return w->queue[first.order & SLOT_MASK];
}

static void dispatch(World *w, SimEvent *e) {
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
        else if (e->kind <= SIM_POWER_OFF)
                machine_event(w, e);
        else if (e->kind <= SIM_WAKE)
                sleep_event(w, e);
        else if (e->kind <= SIM_OPERATOR)
                faults_event(w, e);
        else if (e->kind == SIM_CALL)
                calls_event(w, e);
        else
                check_late_fork(w, e);
}

bool world_run(World *w, usec_t until) {
        while (!w->failed && w->n_heap > 0 && w->heap[0].at <= until) {
                SimEvent e = take_next(w);

                w->now = e.at;
                dispatch(w, &e);
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
                SimEvent e = take_next(w);

                w->now = e.at;
                dispatch(w, &e);
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
                unit_init(w, i);
                member_init(w, i);
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

World *world_new(const Options *options) {
        World *w = calloc(1, sizeof(World));

        if (!w)
                abort();
        w->options = *options;
        w->random = options->seed * 0xd1342543de82ef95u + 1;
        (void) world_random(w);
        w->beats_told = few_beats(options);
        w->n_machines = options->n_machines;
        w->n_leases = options->n_leases;
        w->latency = 300;
        if (options->trace || options->trace_live)
                trace_init(w);
        map_init(w);
        units_init(w);
        for (size_t i = 0; i < w->n_machines; i++)
                machine_init(w, w->machines + i, i);
        for (size_t i = 0; i < w->n_leases; i++)
                w->leases[i].start_machine = -1;
        if (options->faults)
                faults_init(w);
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
                        if (!w->leases[i].running)
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
