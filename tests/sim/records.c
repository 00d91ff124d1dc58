/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What somebody does to a record by hand, or a disk to all of them: deleted, cut short so that it cannot be read any more,
 * or written over by one who does not know what it means. No transaction compares anything then, and nobody is told but by
 * the watch. Nothing of it is healed at the end: what is damaged must have an end of its own.
 */
#include "sim.h"

#include <stdio.h>

static bool is_meddled_with(const World *w, RecordKind kind) {
        (void) w;
        return kind == RECORD_BEAT || kind == RECORD_FENCE || kind == RECORD_MACHINE || kind == RECORD_OFFER;
}

/* Any other session's, of this run or of none. */
static void another_session(World *w, char ret[static SESSION_SIZE]) {
        size_t n = w->map.n_live[RECORD_BEAT];

        if (n > 0 && random_chance(w, 700000))
                str_copy(ret, SESSION_SIZE, w->map.keys[w->map.live[RECORD_BEAT][random_below(w, n)]].name);
        else
                session_format(world_random(w), 10 * USEC_PER_SEC, ret);
}

static void write_over(World *w, Value *v) {
        switch (v->kind) {
        case RECORD_BEAT:
                (void) snprintf(v->beat.nonce, NONCE_SIZE, "%016llx-1", (unsigned long long) world_random(w));
                break;
        case RECORD_FENCE: /* as it was at first, or as nobody ever wrote it */
                v->fence.counter = random_chance(w, 500000) ? 0 : world_random(w) >> 1;
                v->fence.n_names = 0;
                break;
        case RECORD_MACHINE:
                another_session(w, v->machine.session);
                v->machine.draining = random_chance(w, 200000);
                break;
        default: /* RECORD_OFFER */
                str_copy(v->offer.lease, NAME_SIZE, "no-such-lease");
                str_copy(v->offer.why, WHY_SIZE, random_chance(w, 500000) ? "no" : "");
        }
}

static void meddle(World *w, uint32_t key) {
        Map *map = &w->map;
        Value *v = value_new(w, map->keys[key].kind, &map->keys[key].value->meta);

        map->revision++;
        if (random_chance(w, 333333)) {
                mishap(w, MISHAP_RECORD_DELETED);
                map_delete(w, key);
        } else if (random_chance(w, 500000)) {
                mishap(w, MISHAP_RECORD_DAMAGED);
                v->damaged = true;
                map_put(w, key, v);
        } else {
                mishap(w, MISHAP_RECORD_OVERWRITTEN);
                write_over(w, v);
                map_put(w, key, v);
        }
        TRACE(w, NULL, "registry: record %d of %s is %s at revision %llu", (int) map->keys[key].kind, map->keys[key].name,
                        !map->keys[key].value ? "deleted" : v->damaged ? "damaged" : "overwritten",
                        (unsigned long long) map->revision);
        value_unref(w, v);
}

void records_fault(World *w) {
        RecordKind kind = (RecordKind) random_below(w, _RECORD_KIND_MAX);
        Map *map = &w->map;
        bool all = random_chance(w, 100000);

        if (!is_meddled_with(w, kind) || map->n_live[kind] == 0)
                return;
        if (!all)
                meddle(w, map->live[kind][random_below(w, map->n_live[kind])]);
        for (uint32_t key = 0; all && key < map->n_keys; key++)
                if (map->keys[key].kind == kind && map->keys[key].value)
                        meddle(w, key);
        net_changed(w);
}
