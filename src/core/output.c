/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Actions and the memory they live in: an arena that is emptied when the next step begins. Memory that cannot be had
 * aborts the process (core.h says why).
 */

#include "core/internal.h"

enum { CHUNK_SIZE = 64 * 1024 };

void *arena_alloc(Core *c, size_t size) {
        Chunk *k = c->out.arena;

        size = (size + 15) & ~(size_t) 15;
        if (!k || k->size - k->used < size) {
                size_t room = MAX(size, (size_t) CHUNK_SIZE);

                k = malloc(sizeof(Chunk) + room);
                if (!k)
                        abort();
                *k = (Chunk){ .next = c->out.arena, .size = room };
                c->out.arena = k;
        }
        k->used += size;
        return k->data + k->used - size;
}

void *arena_copy(Core *c, const void *p, size_t size) {
        return memcpy(arena_alloc(c, size), p, size);
}

FenceRecord *arena_fence(Core *c, const FenceRecord *f) {
        FenceRecord *copy = arena_alloc(c, sizeof(FenceRecord));

        fence_copy(copy, f);
        return copy;
}

static const char *arena_string(Core *c, const char *s) {
        return s ? arena_copy(c, s, strlen(s) + 1) : NULL;
}

void output_reset(Core *c) {
        while (c->out.arena && c->out.arena->next) {
                Chunk *k = c->out.arena;

                c->out.arena = k->next;
                free(k);
        }
        if (c->out.arena)
                c->out.arena->used = 0;
        c->out.n = 0;
        c->told.plan = NULL;
}

Action *output(Core *c, ActionKind kind) {
        if (c->out.n == c->out.room) {
                c->out.room = MAX((size_t) 32, c->out.room * 2);
                c->out.actions = realloc(c->out.actions, c->out.room * sizeof(Action));
                if (!c->out.actions)
                        abort();
        }
        Action *a = c->out.actions + c->out.n++;
        *a = (Action){ .kind = kind };
        return a;
}

void output_report(Core *c, Report report, const char *unit, const char *lease, const char *machine, uint64_t index) {
        Action *a = output(c, ACTION_REPORT);

        a->report = report;
        a->unit = arena_string(c, unit);
        a->lease = arena_string(c, lease);
        a->machine = arena_string(c, machine);
        a->session = c->own.name;
        a->index = index;
}

void output_changed(Core *c, const Unit *u, const Lease *l) {
        Action *a = output(c, ACTION_CHANGED);

        a->unit = u ? arena_string(c, u->name) : NULL;
        a->lease = l ? l->name : NULL;
}

/* splitmix64: small, good enough to tell nonces and sessions apart, and the same everywhere from one seed. */
uint64_t core_random(Core *c) {
        uint64_t z = (c->random += UINT64_C(0x9e3779b97f4a7c15));

        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        return z ^ z >> 31;
}

/* ---- questions under way ---- */

static uint64_t asked_begin(Core *c) {
        if (c->asked.n == c->asked.room) {
                c->asked.room = MAX((size_t) 16, c->asked.room * 2);
                c->asked.list = realloc(c->asked.list, c->asked.room * sizeof(Pending));
                if (!c->asked.list)
                        abort();
        }
        c->asked.list[c->asked.n++] = (Pending){ .id = ++c->last_id, .revision = c->identity.revision };
        return c->last_id;
}

bool asked_end(Core *c, uint64_t id, uint64_t *ret_revision) {
        for (size_t i = 0; i < c->asked.n; i++)
                if (c->asked.list[i].id == id) {
                        *ret_revision = c->asked.list[i].revision;
                        memmove(c->asked.list + i, c->asked.list + i + 1, (c->asked.n - i - 1) * sizeof(Pending));
                        c->asked.n--;
                        return true;
                }
        return false;
}

enum { TXN_ROOM = 128 };

TxnBuilder txn_begin(Core *c) {
        return (TxnBuilder){
                .core = c,
                .compares = arena_alloc(c, TXN_ROOM * sizeof(Key)),
                .puts = arena_alloc(c, TXN_ROOM * sizeof(Record)),
                .deletes = arena_alloc(c, TXN_ROOM * sizeof(Key)),
        };
}

void txn_compare(TxnBuilder *b, RecordKind kind, const char *name, uint64_t revision) {
        b->compares[b->n_compares++] =
                        (Key){ .kind = kind, .name = arena_string(b->core, name), .mod_revision = revision };
}

void txn_put(TxnBuilder *b, RecordKind kind, const char *name, const void *value, size_t size) {
        b->puts[b->n_puts++] = (Record){
                .kind = kind,
                .name = arena_string(b->core, name),
                .value = kind == RECORD_FENCE ? arena_fence(b->core, value) : arena_copy(b->core, value, size),
        };
}

void txn_delete(TxnBuilder *b, RecordKind kind, const char *name) {
        b->deletes[b->n_deletes++] = (Key){ .kind = kind, .name = arena_string(b->core, name) };
}

uint64_t txn_send(TxnBuilder *b) {
        Action *a = output(b->core, ACTION_TXN);

        a->id = asked_begin(b->core);
        a->timeout = b->core->own.timeline.attempt;
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

uint64_t read_keys(Core *c, const Key *keys, size_t n) {
        Key *copy = arena_alloc(c, n * sizeof(Key));
        Action *a = output(c, ACTION_READ);

        for (size_t i = 0; i < n; i++)
                copy[i] = (Key){ .kind = keys[i].kind, .name = arena_string(c, keys[i].name) };
        a->id = asked_begin(c);
        a->timeout = c->own.timeline.attempt;
        a->keys = copy;
        a->n_keys = n;
        return a->id;
}

uint64_t read_kinds(Core *c, unsigned kinds) {
        Action *a = output(c, ACTION_READ);

        a->id = asked_begin(c);
        a->timeout = c->own.timeline.attempt;
        a->list_kinds = kinds;
        return a->id;
}
