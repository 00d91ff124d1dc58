/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The registry's map (map.c). Included by sim.h only. */

#include "sim.h"

typedef struct Value {
        struct Value *next_free;
        unsigned references;
        RecordKind kind;
        bool damaged; /* it cannot be read */
        union {
                MetaRecord meta;
                MachineRecord machine;
                BeatRecord beat;
                FenceRecord fence;
                LeaseRecord lease;
                OfferRecord offer;
                RequestRecord request;
                PauseRecord pause;
        };
} Value;

typedef struct MapKey {
        RecordKind kind;
        int live; /* its place in the kind's list of present keys, or -1 */
        Value *value;
        uint64_t mod_revision;
        usec_t since;              /* true time at which it was created */
        uint64_t created, changed; /* revisions: since when it is there, and when it last was written or deleted */
        char name[RECORD_NAME_SIZE];
} MapKey;

typedef struct MapItem {
        uint32_t key;
        uint64_t mod_revision;
        Value *value;
} MapItem;

typedef struct MapChange {
        uint64_t revision;
        usec_t at;
        uint32_t key;
        Value *value; /* NULL: deleted */
} MapChange;

typedef struct Snapshot {
        bool taken;
        uint64_t revision;
        MapItem *items;
        size_t n_items;
} Snapshot;

typedef struct Map {
        MapKey *keys;
        size_t n_keys, keys_size;
        uint32_t *table; /* hash table of key numbers + 1 */
        size_t table_size;
        uint32_t *live[_RECORD_KIND_MAX];
        size_t n_live[_RECORD_KIND_MAX], live_size[_RECORD_KIND_MAX];
        uint64_t revision;
        MapChange *changes; /* ring */
        size_t first_change, n_changes;
        char stores[STORES_MAX][UUID_SIZE];
        size_t n_stores;      /* the last is the present one */
        unsigned incarnation; /* what was sent to another incarnation never arrives */
        Snapshot snapshot;
        Value *free_values[_RECORD_KIND_MAX];
} Map;

void map_init(World *w);
void map_done(World *w);
Value *value_new(World *w, RecordKind kind, const void *data);
Value *value_ref(Value *v);
void value_unref(World *w, Value *v);
/* The number of a key; it is made if it does not exist. */
uint32_t map_key(World *w, RecordKind kind, const char *name);
/* When the record was last written (true time); 0: that is not known any more. */
usec_t map_written_at(const World *w, const MapKey *k);
const LeaseRecord *map_lease(World *w, size_t unit);
void map_put(World *w, uint32_t key, Value *value);
void map_delete(World *w, uint32_t key);
void map_snapshot(World *w);
void map_restore(World *w);
void map_wipe(World *w, bool new_store);
