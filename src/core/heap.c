/* SPDX-License-Identifier: Apache-2.0 */
#include "core/heap.h"

#include <stdlib.h>

#include "util/macros.h"
#include "util/must.h"

static void put(Heap *h, uint32_t i, HeapItem item) {
        h->list[i] = item;
        item.node->at = i + 1;
}

static uint32_t move_up(Heap *h, uint32_t i) {
        HeapItem item = h->list[i];

        for (; i > 0 && h->list[(i - 1) / 2].key > item.key; i = (i - 1) / 2)
                put(h, i, h->list[(i - 1) / 2]);
        put(h, i, item);
        return i;
}

static void move_down(Heap *h, uint32_t i) {
        HeapItem item = h->list[i];
        uint32_t child;

        while ((child = 2 * i + 1) < h->n) {
                if (child + 1 < h->n && h->list[child + 1].key < h->list[child].key)
                        child++;
                if (h->list[child].key >= item.key)
                        break;
                put(h, i, h->list[child]);
                i = child;
        }
        put(h, i, item);
}

static void make_room(Heap *h) {
        if (h->n < h->room)
                return;
        h->room = MAX((uint32_t) 16, h->room * 2);
        h->list = realloc(h->list, h->room * sizeof(HeapItem));
        if (!h->list)
                abort();
}

bool heap_has(const Heap *h, const HeapNode *node) {
        return node->at > 0 && node->at <= h->n && h->list[node->at - 1].node == node;
}

void heap_set(Heap *h, HeapNode *node, uint64_t key) {
        must(node->at == 0 || heap_has(h, node));
        if (node->at > 0 && h->list[node->at - 1].key == key)
                return;
        if (node->at == 0) {
                make_room(h);
                node->at = ++h->n;
        }
        h->list[node->at - 1] = (HeapItem){ node, key };
        move_down(h, move_up(h, node->at - 1));
}

void heap_remove(Heap *h, HeapNode *node) {
        HeapItem last;
        uint32_t i;

        if (!heap_has(h, node))
                return;
        i = node->at - 1;
        last = h->list[--h->n];
        node->at = 0;
        if (last.node == node)
                return;
        h->list[i] = last;
        move_down(h, move_up(h, i));
}

HeapNode *heap_first(const Heap *h) {
        return h->n > 0 ? h->list[0].node : NULL;
}

uint64_t heap_first_key(const Heap *h) {
        return h->n > 0 ? h->list[0].key : UINT64_MAX;
}

void heap_done(Heap *h) {
        free(h->list);
        *h = (Heap){};
}
