/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An open hash table of words: 57 bits of the fingerprint, one for "live", two for the troubles and four for the time
 * that may still come. Two states with the same 57 bits are taken for one, wherever they lie; the search prints how
 * often that is to be expected.
 */
#include "seen.h"

#include <stdlib.h>
#include <sys/mman.h>

enum {
        TIME_BITS = 4,
        TROUBLE_BITS = 2,
        LIVE_BIT = TIME_BITS + TROUBLE_BITS,
        PRINT_SHIFT = LIVE_BIT + 1,
        TRIES_MAX = 4096
};

struct Seen {
        uint64_t mask;
        uint64_t words[];
};

size_t seen_size(unsigned bits) {
        return sizeof(Seen) + (sizeof(uint64_t) << bits);
}

Seen *seen_at(void *memory, unsigned bits) {
        Seen *s = memory;

        s->mask = (UINT64_C(1) << bits) - 1;
        return s;
}

Seen *seen_new(unsigned bits) {
        void *memory = mmap(NULL, seen_size(bits), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                        -1, 0);

        if (memory == MAP_FAILED)
                abort();
        return seen_at(memory, bits);
}

static uint64_t pack(uint64_t print, Budget b) {
        return print << PRINT_SHIFT | (uint64_t) b.troubles << TIME_BITS | b.time;
}

static Budget unpack(uint64_t word) {
        return (Budget){ .troubles = word >> TIME_BITS & 3, .time = word & 15 };
}

SeenAs seen_note(Seen *s, uint64_t print, Budget budget, size_t *ret_place) {
        uint64_t mine = print << PRINT_SHIFT >> PRINT_SHIFT;

        mine += !mine; /* an empty place is 0 */
        for (size_t i = (print >> 20) * 0x9e3779b97f4a7c15u >> 16 & s->mask, tries = 0;; i = (i + 1) & s->mask) {
                uint64_t word = __atomic_load_n(s->words + i, __ATOMIC_RELAXED);

                if (++tries > TRIES_MAX)
                        return SEEN_FULL;
                *ret_place = i;
                if (word == 0 && __atomic_compare_exchange_n(s->words + i, &word, pack(mine, budget), false,
                                                 __ATOMIC_RELAXED, __ATOMIC_RELAXED))
                        return SEEN_NEW;
                if (word >> PRINT_SHIFT != mine)
                        continue;
                Budget was = unpack(word);

                if (budget.troubles <= was.troubles && budget.time <= was.time)
                        return SEEN_KNOWN;
                if (budget.troubles >= was.troubles && budget.time >= was.time)
                        __atomic_store_n(s->words + i, pack(mine, budget) | (word & UINT64_C(1) << LIVE_BIT),
                                        __ATOMIC_RELAXED);
                return SEEN_POORER;
        }
}

void seen_set_live(Seen *s, size_t place) {
        __atomic_fetch_or(s->words + place, UINT64_C(1) << LIVE_BIT, __ATOMIC_RELAXED);
}

bool seen_is_live(const Seen *s, size_t place) {
        return __atomic_load_n(s->words + place, __ATOMIC_RELAXED) >> LIVE_BIT & 1;
}
