/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A binary heap: a set that gives out the member with the lowest key first. Each member embeds a HeapNode, and so can
 * be in several heaps, by one node for each. There may be very many nodes, most of them in no heap, so a node is only
 * a number; what belongs to a member of the heap is in the heap's list. The heap owns this list and not the members. A
 * heap of all zeros is empty and ready for use. Without memory the process is aborted (core.h says why). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct HeapNode {
        uint32_t at; /* the node's place in the list of its heap, from 1 on; 0: the node is in no heap */
} HeapNode;

typedef struct HeapItem {
        HeapNode *node;
        uint64_t key;
} HeapItem;

typedef struct Heap {
        HeapItem *list;   /* no item has a lower key than the item at half its position: list[(i - 1) / 2] */
        uint32_t n, room; /* items in the list, and for how many it has memory */
} Heap;

/* Puts the node into the heap, or gives the node another key there. The node must not be in another heap. It is
 * borrowed until it is removed. */
void heap_set(Heap *h, HeapNode *node, uint64_t key);
/* Takes the node out of the heap. Does nothing if the node is not in there, whether or not it is in another one. */
void heap_remove(Heap *h, HeapNode *node);
/* Whether the node is in the heap. */
bool heap_has(const Heap *h, const HeapNode *node);
/* Gives the node with the lowest key, and leaves it in the heap; NULL: the heap is empty. Of several nodes with the
 * same key any one is given. */
HeapNode *heap_first(const Heap *h);
/* Gives that lowest key; UINT64_MAX if the heap is empty. */
uint64_t heap_first_key(const Heap *h);
/* Frees the list, and leaves an empty heap. Nodes that were still in the heap must not be used any more. */
void heap_done(Heap *h);
