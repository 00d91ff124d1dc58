/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A binary heap: a set that gives out the member with the lowest key first. Each member embeds a HeapNode, and so can
 * be in several heaps, by one node for each. The heap owns its list of pointers and not the members. A heap of all
 * zeros is empty and ready for use. Without memory the process is aborted (core.h says why). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Heap Heap;

typedef struct HeapNode {
        Heap *heap;   /* the heap that the node is in; NULL: none */
        size_t at;    /* the node's position in heap->list */
        uint64_t key; /* may only be changed by heap_set() */
} HeapNode;

struct Heap {
        HeapNode **list; /* no node has a lower key than the node at half its position: list[(at - 1) / 2] */
        size_t n, room;  /* nodes in the list, and for how many it has memory */
};

/* Puts the node into the heap, or gives the node another key there. The node must not be in another heap. It is
 * borrowed until it is removed. */
void heap_set(Heap *h, HeapNode *node, uint64_t key);
/* Takes the node out of its heap. Does nothing if the node is in none. */
void heap_remove(HeapNode *node);
/* Gives the node with the lowest key, and leaves it in the heap; NULL: the heap is empty. Of several nodes with the
 * same key any one is given. */
HeapNode *heap_first(const Heap *h);
/* Frees the list, and leaves an empty heap. Nodes that were still in the heap must not be used any more: they still
 * point to it. */
void heap_done(Heap *h);
