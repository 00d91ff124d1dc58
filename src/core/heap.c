/* SPDX-License-Identifier: Apache-2.0 */
#include "core/heap.h"

#include <stdlib.h>

#include "util/macros.h"
#include "util/must.h"

static void put(Heap *h, size_t at, HeapNode *node) {
        h->list[at] = node;
        node->at = at;
}

static void move_up(Heap *h, HeapNode *node) {
        size_t at = node->at;

        for (; at > 0 && h->list[(at - 1) / 2]->key > node->key; at = (at - 1) / 2)
                put(h, at, h->list[(at - 1) / 2]);
        put(h, at, node);
}

static void move_down(Heap *h, HeapNode *node) {
        size_t at = node->at, child;

        while ((child = 2 * at + 1) < h->n) {
                if (child + 1 < h->n && h->list[child + 1]->key < h->list[child]->key)
                        child++;
                if (h->list[child]->key >= node->key)
                        break;
                put(h, at, h->list[child]);
                at = child;
        }
        put(h, at, node);
}

void heap_set(Heap *h, HeapNode *node, uint64_t key) {
        must(!node->heap || node->heap == h);
        if (node->heap && node->key == key)
                return;
        node->key = key;
        if (!node->heap) {
                if (h->n == h->room) {
                        h->room = MAX((size_t) 16, h->room * 2);
                        h->list = realloc(h->list, h->room * sizeof(HeapNode *));
                        if (!h->list)
                                abort();
                }
                node->heap = h;
                put(h, h->n++, node);
        }
        move_up(h, node);
        move_down(h, node);
}

void heap_remove(HeapNode *node) {
        Heap *h = node->heap;
        HeapNode *last;

        if (!h)
                return;
        must(h->n > 0 && h->list[node->at] == node);
        last = h->list[--h->n];
        node->heap = NULL;
        if (last == node)
                return;
        put(h, node->at, last);
        move_up(h, last);
        move_down(h, last);
}

HeapNode *heap_first(const Heap *h) {
        return h->n > 0 ? h->list[0] : NULL;
}

void heap_done(Heap *h) {
        free(h->list);
        *h = (Heap){};
}
