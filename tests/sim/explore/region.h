/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The memory of an explored world (region.c): one region for the world and one for each machine's core. A region lies
 * at a fixed address, so that a copy of its bytes is a copy of its state, pointers and all. While a region is entered,
 * malloc() and its kin take from there (by the linker's --wrap); otherwise they are the C library's.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        REGION_WORLD,
        REGION_CORE, /* of machine 0; the others follow */
        REGIONS_MAX = REGION_CORE + 3,
        REGION_SIZE = 512 * 1024,
        GRAIN = 16, /* blocks begin and end at multiples of this */
        BLOCKS_MAX = 1024,
};

/* A copy of a region, shared by the states between which the region did not change. */
typedef struct Copy {
        unsigned references;
        uint32_t size;    /* of the region, in bytes */
        uint32_t n_bytes; /* of this copy */
        uint64_t print;   /* fingerprint of the core in the region, set and used by search.c */
        uint64_t lines[]; /* a bit for each line of the region that is not all zero, then these lines */
} Copy;

typedef struct Block {
        const char *data;
        uint32_t size; /* as asked for, rounded up to whole grains */
} Block;

/* Enters a region, or none (-1), and returns the one that was entered before. */
int region_enter(int region);
/* Frees all blocks of the region at once. */
void region_reset(int region);
/* The region's bytes in use. */
char *region_data(int region, size_t *ret_size);
/* The blocks that are taken, in the order of their addresses. */
size_t region_blocks(int region, Block ret[static BLOCKS_MAX]);
/* A guess of the index that region_blocks() gave the block that begins at p, which lies in a region. */
int region_block_at(const char *p);

Copy *region_save(int region);
void region_restore(int region, const Copy *copy);
Copy *region_copy_ref(Copy *copy);
void region_copy_unref(Copy *copy);
size_t region_copy_bytes(void); /* of all copies together */
