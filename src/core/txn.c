/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Txns and READs: put together here, asked for in this step, remembered until they are answered.
 */

#include "core/txn.h"

#include "core/output.h"

static uint64_t begin(Core *c) {
        must(c->asked.n == 0 || c->asked.list[c->asked.n - 1].id <= c->asked.last_id); /* each id is given once */
        if (c->asked.n == c->asked.room) {
                c->asked.room = MAX((size_t) 16, c->asked.room * 2);
                c->asked.list = realloc(c->asked.list, c->asked.room * sizeof(Pending));
                if (!c->asked.list)
                        abort();
        }
        c->asked.list[c->asked.n++] = (Pending){ .id = ++c->asked.last_id, .revision = c->identity.revision };
        return c->asked.last_id;
}

/* Gives the place of the first in the list whose id is not below this one. */
static size_t place_of(const Core *c, uint64_t id) {
        size_t from = 0, to = c->asked.n;

        while (from < to) {
                size_t middle = (from + to) / 2;

                if (c->asked.list[middle].id < id)
                        from = middle + 1;
                else
                        to = middle;
        }
        return from;
}

bool txn_find(const Core *c, uint64_t id, Pending *ret) {
        size_t at = place_of(c, id);

        if (at == c->asked.n || c->asked.list[at].id != id)
                return false;
        *ret = c->asked.list[at];
        return true;
}

bool txn_end(Core *c, uint64_t id, Pending *ret) {
        Pending *p;

        if (!txn_find(c, id, ret))
                return false;
        p = c->asked.list + place_of(c, id);
        memmove(p, p + 1, (size_t) (c->asked.list + --c->asked.n - p) * sizeof(Pending));
        return true;
}

void txn_writes(Core *c, uint64_t id, Lease *l) {
        Pending *p = c->asked.list + c->asked.n - 1;

        must(c->asked.n > 0 && p->id == id && l->txn == 0);
        l->txn = id;
        l->next_of_txn = p->leases;
        p->leases = l;
}

/* The longest time that a list has. It also delays the next attempt, if the registry comes back meanwhile. */
#define LIST_PATIENCE (5 * USEC_PER_SEC)

enum { TXN_ROOM = 128, TXN_ROOM_FIRST = 4 };

TxnBuilder txn_begin(Core *c) {
        return (TxnBuilder){ .core = c, .timeout = c->own.timeline.attempt };
}

/* Room for one more. Most Txns are small, and thousands may be sent in one step. */
static void *make_room(Core *c, void *list, size_t n, size_t size) {
        bool is_full = n >= TXN_ROOM_FIRST ? (n & (n - 1)) == 0 : n == 0;
        void *more;

        must(n < TXN_ROOM);
        if (!is_full)
                return list;
        more = output_alloc(c, (n == 0 ? (size_t) TXN_ROOM_FIRST : 2 * n) * size);
        return n > 0 ? memcpy(more, list, n * size) : more;
}

void txn_compare(TxnBuilder *b, RecordKind kind, const char *name, uint64_t revision) {
        b->compares = make_room(b->core, b->compares, b->n_compares, sizeof(Key));
        b->compares[b->n_compares++] =
                        (Key){ .kind = kind, .name = output_string(b->core, name), .mod_revision = revision };
}

bool txn_compares(const TxnBuilder *b, RecordKind kind) {
        for (size_t i = 0; i < b->n_compares; i++)
                if (b->compares[i].kind == kind)
                        return true;
        return false;
}

void txn_put(TxnBuilder *b, RecordKind kind, const char *name, const void *value, size_t size) {
        b->puts = make_room(b->core, b->puts, b->n_puts, sizeof(Record));
        b->puts[b->n_puts++] = (Record){
                .kind = kind,
                .name = output_string(b->core, name),
                .value = kind == RECORD_FENCE ? output_fence(b->core, value) : output_copy(b->core, value, size),
        };
}

void txn_delete(TxnBuilder *b, RecordKind kind, const char *name) {
        b->deletes = make_room(b->core, b->deletes, b->n_deletes, sizeof(Key));
        b->deletes[b->n_deletes++] = (Key){ .kind = kind, .name = output_string(b->core, name) };
}

bool txn_deletes(const TxnBuilder *b, RecordKind kind, const char *name) {
        for (size_t i = 0; i < b->n_deletes; i++)
                if (b->deletes[i].kind == kind && streq(b->deletes[i].name, name))
                        return true;
        return false;
}

uint64_t txn_send(TxnBuilder *b) {
        Action *a = output(b->core, ACTION_TXN);

        a->id = begin(b->core);
        a->timeout = b->timeout;
        a->txn = (Txn){
                .compares = b->compares,
                .n_compares = b->n_compares,
                .puts = b->puts,
                .n_puts = b->n_puts,
                .deletes = b->deletes,
                .n_deletes = b->n_deletes,
        };
        return a->id;
}

uint64_t txn_read_keys(Core *c, const Key *keys, size_t n) {
        Key *copy = output_alloc(c, n * sizeof(Key));
        Action *a = output(c, ACTION_READ);

        for (size_t i = 0; i < n; i++)
                copy[i] = (Key){ .kind = keys[i].kind, .name = output_string(c, keys[i].name) };
        a->id = begin(c);
        a->timeout = c->own.timeline.attempt;
        a->keys = copy;
        a->n_keys = n;
        return a->id;
}

/* A list may be long, and the machine or the registry slow. If each list had only the time of a single request, a
 * machine with a short TTL might never get one. */
uint64_t txn_read_kinds(Core *c, unsigned kinds) {
        usec_t least = c->own.timeline.attempt, patience = least << MIN(c->heard.unlisted, 8u);
        Action *a = output(c, ACTION_READ);

        a->id = begin(c);
        patience = MIN(patience, LIST_PATIENCE);
        a->timeout = MAX(least, patience);
        c->heard.unlisted++; /* until a list has come */
        a->list_kinds = kinds;
        return a->id;
}

uint64_t txn_read_beats(Core *c, uint64_t since) {
        Action *a = output(c, ACTION_READ);

        must(since > 0);
        a->id = begin(c);
        a->timeout = c->own.timeline.attempt;
        a->list_kinds = 1u << RECORD_BEAT;
        a->since = since;
        return a->id;
}
