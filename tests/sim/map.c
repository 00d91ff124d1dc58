/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry's map: keys with values and modification revisions, the log of changes for the watches, and what can
 * befall a whole registry: a snapshot restored, or everything gone.
 *
 * Values are never changed once made, only replaced, and counted, so that a message on its way, the log and a snapshot
 * can share one. Keys are numbered and their numbers never reused: everything else in the simulation speaks of
 * numbers.
 */
#include "sim.h"

#include <stdio.h>

static size_t value_size(RecordKind kind) {
        static const size_t sizes[] = {
                [RECORD_META] = sizeof(MetaRecord),
                [RECORD_MACHINE] = sizeof(MachineRecord),
                [RECORD_BEAT] = sizeof(BeatRecord),
                [RECORD_FENCE] = sizeof(FenceRecord),
                [RECORD_LEASE] = sizeof(LeaseRecord),
                [RECORD_OFFER] = sizeof(OfferRecord),
                [RECORD_REQUEST] = sizeof(RequestRecord),
                [RECORD_PAUSE] = sizeof(PauseRecord),
        };

        return sizes[kind];
}

Value *value_new(World *w, RecordKind kind, const void *data) {
        Value *v = w->map.free_values[kind];

        if (v)
                w->map.free_values[kind] = v->next_free;
        else
                v = malloc(offsetof(Value, meta) + value_size(kind));
        if (!v)
                abort();
        v->references = 1;
        v->kind = kind;
        v->damaged = false;
        if (kind == RECORD_FENCE)
                fence_copy(&v->fence, data);
        else
                memcpy(&v->meta, data, value_size(kind));
        return v;
}

Value *value_ref(Value *v) {
        if (v)
                v->references++;
        return v;
}

void value_unref(World *w, Value *v) {
        if (!v || --v->references > 0)
                return;
        v->next_free = w->map.free_values[v->kind];
        w->map.free_values[v->kind] = v;
}

static uint64_t hash_name(RecordKind kind, const char *name) {
        uint64_t h = 0xcbf29ce484222325u + (uint64_t) kind; /* FNV-1a */

        for (const char *p = name; *p; p++)
                h = (h ^ (uint8_t) *p) * 0x100000001b3u;
        return h ^ h >> 32;
}

static void table_insert(Map *map, uint32_t key) {
        size_t i = hash_name(map->keys[key].kind, map->keys[key].name) & (map->table_size - 1);

        while (map->table[i])
                i = (i + 1) & (map->table_size - 1);
        map->table[i] = key + 1;
}

static void map_grow(Map *map) {
        map->keys_size = MAX((size_t) KEYS_LEAST, 2 * map->keys_size);
        map->keys = realloc(map->keys, map->keys_size * sizeof(MapKey));
        free(map->table);
        map->table_size = 4 * map->keys_size;
        map->table = calloc(map->table_size, sizeof(uint32_t));
        if (!map->keys || !map->table)
                abort();
        for (uint32_t i = 0; i < map->n_keys; i++)
                table_insert(map, i);
}

uint32_t map_key(World *w, RecordKind kind, const char *name) {
        Map *map = &w->map;
        uint32_t found;

        for (size_t i = hash_name(kind, name) & (map->table_size - 1); (found = map->table[i]) > 0;
                        i = (i + 1) & (map->table_size - 1))
                if (map->keys[found - 1].kind == kind && streq(map->keys[found - 1].name, name))
                        return found - 1;
        if (map->n_keys == map->keys_size)
                map_grow(map);
        found = (uint32_t) map->n_keys++;
        map->keys[found] = (MapKey){ .kind = kind, .live = -1 };
        str_copy(map->keys[found].name, RECORD_NAME_SIZE, name);
        table_insert(map, found);
        return found;
}

usec_t map_written_at(const World *w, const MapKey *k) {
        for (size_t i = w->map.n_changes; i-- > 0;) {
                const MapChange *c = w->map.changes + (w->map.first_change + i) % CHANGES_MAX;

                if (c->revision == k->mod_revision)
                        return c->at;
        }
        return 0;
}

const LeaseRecord *map_lease(World *w, size_t unit) {
        Value *v = w->map.keys[map_key(w, RECORD_LEASE, w->lease_names[unit])].value;

        return v && !v->damaged ? &v->lease : NULL;
}

static void live_add(Map *map, uint32_t key) {
        RecordKind kind = map->keys[key].kind;

        if (map->n_live[kind] == map->live_size[kind]) {
                map->live_size[kind] = MAX((size_t) 32, 2 * map->live_size[kind]);
                map->live[kind] = realloc(map->live[kind], map->live_size[kind] * sizeof(uint32_t));
                if (!map->live[kind])
                        abort();
        }
        map->keys[key].live = (int) map->n_live[kind];
        map->live[kind][map->n_live[kind]++] = key;
}

static void live_remove(Map *map, uint32_t key) {
        RecordKind kind = map->keys[key].kind;
        uint32_t last = map->live[kind][--map->n_live[kind]];

        map->live[kind][map->keys[key].live] = last;
        map->keys[last].live = map->keys[key].live;
        map->keys[key].live = -1;
}

static void set_value(World *w, uint32_t key, Value *value, uint64_t mod_revision) {
        MapKey *k = w->map.keys + key;

        k->changed = w->map.revision;
        if (value && k->live < 0) {
                k->created = w->map.revision;
                k->since = w->now;
                live_add(&w->map, key);
        }
        if (!value && k->live >= 0)
                live_remove(&w->map, key);
        value_unref(w, k->value);
        k->value = value;
        k->mod_revision = value ? mod_revision : 0;
}

static void log_change(World *w, uint32_t key) {
        Map *map = &w->map;
        MapChange *c;

        if (map->n_changes == CHANGES_MAX) {
                value_unref(w, map->changes[map->first_change].value);
                map->first_change = (map->first_change + 1) % CHANGES_MAX;
                map->n_changes--;
        }
        c = map->changes + (map->first_change + map->n_changes++) % CHANGES_MAX;
        *c = (MapChange){ map->revision, w->now, key, value_ref(map->keys[key].value) };
}

/* Both belong to a transaction: the caller has raised map.revision. */
void map_put(World *w, uint32_t key, Value *value) {
        set_value(w, key, value_ref(value), w->map.revision);
        log_change(w, key);
}

void map_delete(World *w, uint32_t key) {
        if (!w->map.keys[key].value)
                return;
        set_value(w, key, NULL, 0);
        log_change(w, key);
}

static void add_store(World *w) {
        (void) snprintf(w->map.stores[w->map.n_stores++], UUID_SIZE, "%016llx", (unsigned long long) world_random(w));
}

static void snapshot_drop(World *w) {
        Snapshot *s = &w->map.snapshot;

        for (size_t i = 0; i < s->n_items; i++)
                value_unref(w, s->items[i].value);
        free(s->items);
        *s = (Snapshot){};
}

void map_snapshot(World *w) {
        Map *map = &w->map;
        Snapshot *s = &map->snapshot;

        snapshot_drop(w);
        s->items = calloc(map->n_keys + 1, sizeof(MapItem));
        if (!s->items)
                abort();
        for (uint32_t i = 0; i < map->n_keys; i++)
                if (map->keys[i].value)
                        s->items[s->n_items++] =
                                        (MapItem){ i, map->keys[i].mod_revision, value_ref(map->keys[i].value) };
        s->revision = map->revision;
        s->taken = true;
        TRACE(w, NULL, "registry: snapshot at revision %llu", (unsigned long long) s->revision);
}

/* Forgets the log: nobody can be told what led from there to here. */
static void cut_log(World *w) {
        Map *map = &w->map;

        for (; map->n_changes > 0; map->n_changes--) {
                value_unref(w, map->changes[map->first_change].value);
                map->first_change = (map->first_change + 1) % CHANGES_MAX;
        }
        map->incarnation++;
}

void map_restore(World *w) {
        Map *map = &w->map;

        for (uint32_t i = 0; i < map->n_keys; i++)
                set_value(w, i, NULL, 0);
        for (size_t i = 0; i < map->snapshot.n_items; i++) {
                const MapItem *item = map->snapshot.items + i;

                set_value(w, item->key, value_ref(item->value), item->mod_revision);
        }
        mishap(w, MISHAP_RESTORED);
        requests_spoil_all(w);
        TRACE(w, NULL, "registry: revision %llu replaced by the snapshot of %llu", (unsigned long long) map->revision,
                        (unsigned long long) map->snapshot.revision);
        map->revision = map->snapshot.revision;
        snapshot_drop(w);
        cut_log(w);
        for (size_t i = 0; i < w->n_machines; i++)
                watch_reset(w, w->machines + i, random_span(w, USEC_PER_MSEC, USEC_PER_SEC));
}

void map_wipe(World *w, bool new_store) {
        Map *map = &w->map;

        for (uint32_t i = 0; i < map->n_keys; i++)
                set_value(w, i, NULL, 0);
        snapshot_drop(w);
        map->revision = 1;
        if (new_store && map->n_stores < STORES_MAX)
                add_store(w);
        mishap(w, MISHAP_WIPED);
        TRACE(w, NULL, "registry: wiped%s", new_store ? ", another store" : "");
        cut_log(w);
        for (size_t i = 0; i < w->n_machines; i++)
                watch_reset(w, w->machines + i, random_span(w, USEC_PER_MSEC, USEC_PER_SEC));
}

void map_init(World *w) {
        w->map.changes = calloc(CHANGES_MAX, sizeof(MapChange));
        if (!w->map.changes)
                abort();
        w->map.revision = 1;
        map_grow(&w->map);
        add_store(w);
}

void map_done(World *w) {
        Map *map = &w->map;
        Value *v;

        snapshot_drop(w);
        cut_log(w);
        for (uint32_t i = 0; i < map->n_keys; i++)
                set_value(w, i, NULL, 0);
        for (RecordKind kind = 0; kind < _RECORD_KIND_MAX; kind++) {
                while ((v = map->free_values[kind])) {
                        map->free_values[kind] = v->next_free;
                        free(v);
                }
                free(map->live[kind]);
        }
        free(map->keys);
        free(map->table);
        free(map->changes);
}
