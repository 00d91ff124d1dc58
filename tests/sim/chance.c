/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chance, and the queue of everything that is yet to happen. (explore/turns.c takes the place of this file where each
 * choice is tried instead of drawn.)
 *
 * The queue is a binary heap of turns, ordered by time and then by the order of scheduling, so that a run is a
 * function of its seed alone; the events themselves lie still in their slots. Nothing in it is ever cancelled: an
 * event carries the generation of what it is meant for, and its handler drops it if that has moved on.
 */
#include "sim.h"

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

SimEvent world_take(World *w) {
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
