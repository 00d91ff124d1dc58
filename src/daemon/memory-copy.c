/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/memory-copy.h"

#include "daemon/memory.h"
#include "util/hash.h"
#include "util/macros.h"

typedef struct Remembered {
        UT_hash_handle hh;
        uint64_t index; /* 0: it is forgotten */
        char lease[];
} Remembered;

struct MemoryCopy {
        CoreMemory memory; /* all but the Indexes; the copy owns its texts */
        Remembered *indexes;
};

MemoryCopy *memory_copy_new(void) {
        return calloc(1, sizeof(MemoryCopy));
}

MemoryCopy *memory_copy_free(MemoryCopy *c) {
        Remembered *r, *next;

        if (!c)
                return NULL;
        HASH_ITER(hh, c->indexes, r, next) {
                HASH_DEL(c->indexes, r);
                free(r);
        }
        free((void *) c->memory.uuid);
        free((void *) c->memory.store);
        free((void *) c->memory.draining_boot);
        free(c);
        return NULL;
}

static void set_index(MemoryCopy *c, const char *lease, uint64_t index) {
        size_t size = strlen(lease) + 1;
        Remembered *r;

        HASH_FIND_STR(c->indexes, lease, r);
        if (!r) {
                r = calloc(1, sizeof(Remembered) + size);
                if (!r)
                        abort(); /* as in the core */
                memcpy(r->lease, lease, size);
                HASH_ADD_STR(c->indexes, lease, r);
        }
        r->index = index;
}

static void set_text(const char **text, const char *value) {
        if (*text && streq(*text, strempty(value)))
                return;
        free((void *) *text);
        *text = strdup(strempty(value));
        if (!*text)
                abort();
}

void memory_copy_take(MemoryCopy *c, const CoreMemory *changes) {
        const char *uuid = c->memory.uuid, *store = c->memory.store, *draining_boot = c->memory.draining_boot;

        set_text(&uuid, changes->uuid);
        set_text(&store, changes->store);
        set_text(&draining_boot, changes->draining_boot);
        c->memory = *changes;
        c->memory.uuid = uuid;
        c->memory.store = store;
        c->memory.draining_boot = draining_boot;
        c->memory.indexes = NULL;
        c->memory.n_indexes = 0;
        for (size_t i = 0; i < changes->n_indexes; i++)
                set_index(c, changes->indexes[i].lease, changes->indexes[i].index);
}

void memory_copy_take_copy(MemoryCopy *c, MemoryCopy *from) {
        memory_copy_take(c, &from->memory);
        for (const Remembered *r = from->indexes; r; r = r->hh.next)
                set_index(c, r->lease, r->index);
        memory_copy_free(from);
}

char *memory_copy_encode(const MemoryCopy *c) {
        _cleanup_free_ RememberedIndex *indexes = calloc(HASH_COUNT(c->indexes) + 1, sizeof(RememberedIndex));
        CoreMemory memory = c->memory;

        if (!indexes)
                return NULL;
        for (const Remembered *r = c->indexes; r; r = r->hh.next)
                if (r->index > 0)
                        indexes[memory.n_indexes++] = (RememberedIndex){ .lease = r->lease, .index = r->index };
        memory.indexes = indexes;
        return memory_encode(&memory);
}
