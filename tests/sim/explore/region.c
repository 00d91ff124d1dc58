/* SPDX-License-Identifier: Apache-2.0 */
#include "region.h"

#include <stdlib.h>
#include <string.h>

enum {
        LINE = 256,
        CLASSES = 24,      /* free blocks of powers of two */
        LARGE = 32 * 1024, /* a core's memory for what the actions of a step point to (core/output.c): not part of its
                              state */
        LARGE_SIZE = 80 * 1024,
        LARGES_MAX = 4,
};

/* What stands before each block. */
typedef struct Head {
        uint32_t size; /* of the block without its head */
        uint32_t taken;
        uint32_t next; /* of a free block: the next free one, as a place in the region; 0: none. Of one that is taken:
                          its index */
        uint32_t class;
} Head;

typedef struct Region {
        uint32_t used;
        uint32_t free[CLASSES];
        uint32_t larges; /* bit for each that is taken */
        uint32_t spare;
        char data[] __attribute__((aligned(GRAIN)));
} Region;

static char memory[REGIONS_MAX][REGION_SIZE] __attribute__((aligned(4096)));
static char large[REGIONS_MAX][LARGES_MAX][LARGE_SIZE] __attribute__((aligned(4096)));
static int entered = -1;
static size_t bytes;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void __wrap_free(void *p);
char *__wrap_strdup(const char *s);

static Region *region_at(int region) {
        return (Region *) memory[region];
}

int region_enter(int region) {
        int before = entered;

        entered = region;
        return before;
}

void region_reset(int region) {
        Region *r = region_at(region);

        memset(r, 0, r->used > sizeof(Region) ? r->used : sizeof(Region));
        r->used = sizeof(Region);
}

char *region_data(int region, size_t *ret_size) {
        *ret_size = region_at(region)->used;
        return memory[region];
}

size_t region_blocks(int region, Block ret[static BLOCKS_MAX]) {
        const Region *r = region_at(region);
        size_t n = 0;

        for (uint32_t at = sizeof(Region); at < r->used;) {
                Head *h = (Head *) (memory[region] + at);

                if (h->taken) {
                        if (n == BLOCKS_MAX)
                                abort();
                        h->next = (uint32_t) n;
                        ret[n++] = (Block){ (const char *) (h + 1), h->size };
                }
                at += (uint32_t) sizeof(Head) + h->size;
        }
        return n;
}

int region_block_at(const char *p) {
        const Head *h = (const Head *) p - 1;

        return (uintptr_t) p % GRAIN ? -1 : (int) h->next;
}

/* Sizes between two powers of two have a class between them, so that little is wasted. */
static uint32_t class_of(size_t size, uint32_t *ret_size) {
        uint32_t class = 0, room = 32;

        while (room < size) {
                room = class % 2 ? room / 3 * 4 : room / 2 * 3;
                class ++;
        }
        *ret_size = room;
        return class;
}

static void *take_large(int region) {
        Region *r = region_at(region);

        for (uint32_t i = 0; i < LARGES_MAX; i++)
                if (!(r->larges & 1u << i)) {
                        r->larges |= 1u << i;
                        return large[region][i];
                }
        abort();
}

static void *take(int region, size_t size) {
        Region *r = region_at(region);
        uint32_t room, class, at;
        Head *h;

        if (size >= LARGE && size <= LARGE_SIZE && region >= REGION_CORE)
                return take_large(region);
        class = class_of(size, &room);
        if (class >= CLASSES)
                abort();
        if ((at = r->free[class]) > 0) {
                h = (Head *) (memory[region] + at);
                r->free[class] = h->next;
        } else {
                at = r->used;
                if (at + sizeof(Head) + room > REGION_SIZE)
                        abort();
                r->used += (uint32_t) sizeof(Head) + room;
                h = (Head *) (memory[region] + at);
        }
        *h = (Head){ .size = room, .taken = 1, .class = class };
        return memset(h + 1, 0, room);
}

static int region_of(const void *p) {
        const char *c = p;

        if (c >= memory[0] && c < memory[0] + sizeof(memory))
                return (int) ((size_t) (c - memory[0]) / REGION_SIZE);
        return -1;
}

static bool give_large(const void *p) {
        const char *c = p;
        size_t i;

        if (c < large[0][0] || c >= large[0][0] + sizeof(large))
                return false;
        i = (size_t) (c - large[0][0]) / LARGE_SIZE;
        region_at((int) (i / LARGES_MAX))->larges &= ~(1u << i % LARGES_MAX);
        return true;
}

void *__wrap_malloc(size_t size) {
        return entered < 0 ? __real_malloc(size) : take(entered, size);
}

void *__wrap_calloc(size_t n, size_t size) {
        return entered < 0 ? __real_calloc(n, size) : take(entered, n * size);
}

void __wrap_free(void *p) {
        int region = region_of(p);
        Head *h;

        if (!p || give_large(p))
                return;
        if (region < 0) {
                __real_free(p);
                return;
        }
        h = (Head *) p - 1;
        memset(p, 0, h->size);
        h->taken = 0;
        h->next = region_at(region)->free[h->class];
        region_at(region)->free[h->class] = (uint32_t) ((char *) h - memory[region]);
}

void *__wrap_realloc(void *p, size_t size) {
        int region = region_of(p);
        void *fresh;

        if (region < 0 && (p || entered < 0))
                return __real_realloc(p, size);
        if (!p)
                return take(entered, size);
        if (((Head *) p - 1)->size >= size)
                return p;
        fresh = take(region, size);
        memcpy(fresh, p, ((Head *) p - 1)->size);
        __wrap_free(p);
        return fresh;
}

char *__wrap_strdup(const char *s) {
        size_t size = strlen(s) + 1;

        return memcpy(__wrap_malloc(size), s, size);
}

/* ---- copies ---- */

static bool is_zero(const uint64_t *line) {
        uint64_t any = 0;

        for (size_t i = 0; i < LINE / sizeof(uint64_t); i++)
                any |= line[i];
        return any == 0;
}

Copy *region_save(int region) {
        static char buffer[sizeof(Copy) + REGION_SIZE / LINE / 8 + 8 + REGION_SIZE] __attribute__((aligned(64)));
        const char *from = memory[region];
        uint32_t size = (region_at(region)->used + LINE - 1) / LINE * LINE, lines = size / LINE;
        size_t words = (lines + 63) / 64, total;
        Copy *scratch = (Copy *) buffer, *copy;
        char *to = buffer + sizeof(Copy) + words * sizeof(uint64_t);

        memset(scratch->lines, 0, words * sizeof(uint64_t));
        for (uint32_t i = 0; i < lines; i++)
                if (!is_zero((const uint64_t *) (from + (size_t) i * LINE))) {
                        scratch->lines[i / 64] |= UINT64_C(1) << i % 64;
                        memcpy(to, from + (size_t) i * LINE, LINE);
                        to += LINE;
                }
        total = (size_t) (to - buffer);
        copy = __real_malloc(total);
        if (!copy)
                abort();
        memcpy(copy, buffer, total);
        copy->references = 1;
        copy->size = size;
        copy->n_bytes = (uint32_t) total;
        bytes += total;
        return copy;
}

void region_restore(int region, const Copy *copy) {
        char *to = memory[region];
        uint32_t used = (region_at(region)->used + LINE - 1) / LINE * LINE, lines = copy->size / LINE;
        const char *from = (const char *) (copy->lines + (lines + 63) / 64);

        for (uint32_t i = 0; i < lines; i++)
                if (copy->lines[i / 64] & UINT64_C(1) << i % 64) {
                        memcpy(to + (size_t) i * LINE, from, LINE);
                        from += LINE;
                } else if (!is_zero((const uint64_t *) (to + (size_t) i * LINE)))
                        memset(to + (size_t) i * LINE, 0, LINE);
        if (used > copy->size)
                memset(to + copy->size, 0, used - copy->size);
}

Copy *region_copy_ref(Copy *copy) {
        copy->references++;
        return copy;
}

void region_copy_unref(Copy *copy) {
        if (!copy || --copy->references > 0)
                return;
        bytes -= copy->n_bytes;
        __real_free(copy);
}

size_t region_copy_bytes(void) {
        return bytes;
}
