/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A set that gives out what has the lowest key first. What is kept in it embeds a HeapNode; the heap owns only its
 * list of pointers. Memory that cannot be had aborts the process (core.h says why). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Heap Heap;

typedef struct HeapNode {
        Heap *heap; /* that it is in; NULL: in none */
        size_t at;
        uint64_t key;
} HeapNode;

struct Heap {
        HeapNode **list;
        size_t n, room;
};

/* Puts the node into the heap, or gives it another key there. It must not be in another heap. */
void heap_set(Heap *h, HeapNode *node, uint64_t key);
/* Takes the node out of the heap that it is in, if any. */
void heap_remove(HeapNode *node);
/* The node with the lowest key; NULL: the heap is empty. */
HeapNode *heap_first(const Heap *h);
/* Frees the list; the nodes must not be used with the heap any more. */
void heap_done(Heap *h);
