/* SPDX-License-Identifier: Apache-2.0 */
#include "turns.h"

static usec_t fork_stall;
static bool slow_deaths, late_watchdog;

static uint64_t scatter(uint64_t z) {
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        return z ^ z >> 31;
}

/* Of these numbers only names are made: of machines, boots and sessions. So any numbers will do. */
uint64_t world_random(World *w) {
        return scatter(++w->random * 0x9e3779b97f4a7c15u);
}

uint64_t random_below(World *w, uint64_t n) {
        return 0;
}

/* Gives the shortest span, with four exceptions, each known by the bounds that pid1.c and guard.c pass: how long PID 1
 * hangs before a fork, how long an ExecStopPost= takes, how long a process takes to die of SIGKILL, and how late PID 1
 * is with the guard's watchdog. */
usec_t random_span(World *w, usec_t from, usec_t to) {
        if (from == 0 && to == 10 * USEC_PER_SEC && fork_stall > 0) {
                usec_t span = fork_stall;

                fork_stall = 0;
                return span;
        }
        if (from == 1000 && to == 10 * USEC_PER_SEC)
                return to; /* an ExecStopPost= */
        if (late_watchdog && from == 50 && to == 260)
                return to;
        return slow_deaths && from == 100 && to == 30 * USEC_PER_MSEC ? to : from;
}

/* What is more likely than not happens, and nothing else does, but a hang of PID 1 before a fork (50000 in pid1.c)
 * while the search asks for it. */
bool random_chance(World *w, unsigned ppm) {
        return ppm >= 500000 || (ppm == 50000 && fork_stall > 0);
}

void turns_stall_fork(usec_t span) {
        fork_stall = span;
}

void turns_slow_deaths(bool slow) {
        slow_deaths = slow;
}

void turns_late_watchdog(bool late) {
        late_watchdog = late;
}

void world_post(World *w, SimEvent e) {
        if (w->n_heap == w->queue_size) {
                w->queue_size = MAX((size_t) 48, 2 * w->queue_size);
                w->queue = realloc(w->queue, w->queue_size * sizeof(SimEvent));
                if (!w->queue)
                        abort();
        }
        e.at = MAX(e.at, w->now);
        w->queue[w->n_heap++] = e;
}

SimEvent turns_take(World *w, size_t slot) {
        SimEvent e = w->queue[slot];

        memmove(w->queue + slot, w->queue + slot + 1, (--w->n_heap - slot) * sizeof(SimEvent));
        memset(w->queue + w->n_heap, 0, sizeof(SimEvent));
        return e;
}

SimEvent world_take(World *w) {
        size_t first = 0;

        for (size_t i = 1; i < w->n_heap; i++)
                if (w->queue[i].at < w->queue[first].at)
                        first = i;
        return turns_take(w, first);
}
