/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What somebody does to a record by hand, or a disk to all of them: deleted, cut short so that it cannot be read any
 * more, or written over by one who does not know what it means. No transaction compares anything then, and nobody is
 * told but by the watch. Nothing of it is healed at the end: what is damaged must have an end of its own.
 */
#include "sim.h"

#include <stdio.h>

/* Whoever has never seen a lease's record, and finds none, takes the lease for a new one; nothing can tell him. */
static bool all_remember(const World *w, const char *lease) {
        for (size_t i = 0; i < w->n_machines; i++) {
                const Machine *m = w->machines + i;
                size_t n = 0;

                while (n < m->memory.n_indexes && !streq(m->memory.names[n], lease))
                        n++;
                if (n == m->memory.n_indexes)
                        return false;
        }
        return true;
}

/* Nor is one deleted that was made a moment ago: another write that found none may still be on its way. */
static bool may_be_deleted(const World *w, uint32_t key) {
        const MapKey *k = w->map.keys + key;

        return k->kind != RECORD_LEASE || (w->now > k->since + USEC_PER_MINUTE && all_remember(w, k->name));
}

/* Who was away while the floor was raised, and finds it lost, has the wall clock only, which may be behind
 * (docs/safety.md). */
static bool may_lose_floor(const World *w) {
        const MapKey *k = w->map.n_live[RECORD_META] > 0 ? w->map.keys + w->map.live[RECORD_META][0] : NULL;

        if (!w->fault_enabled[FAULT_CLOCK_STEP] || !k || k->value->damaged || k->value->meta.index_floor > FLOOR_MAX)
                return true;
        for (size_t i = 0; i < w->n_machines; i++)
                if (w->machines[i].memory.floor < k->value->meta.index_floor)
                        return false;
        return true;
}

/* Any that beats, or one of nobody's. */
static void another_session(World *w, char ret[static SESSION_SIZE]) {
        size_t n = w->map.n_live[RECORD_BEAT];

        if (n > 0)
                str_copy(ret, SESSION_SIZE, w->map.keys[w->map.live[RECORD_BEAT][random_below(w, n)]].name);
        else
                session_format(world_random(w), 10 * USEC_PER_SEC, ret);
}

/* As nobody ever wrote it. One that is forged whole, with a session that could hold it, is not to be told from a true
 * one. */
static void write_over_lease(World *w, LeaseRecord *l) {
        switch (random_below(w, 5)) {
        case 4: /* a word that nobody keeps, a time that never comes, a version that nobody installs */
                l->kept_for = l->last_trigger = l->since = l->renewed = INT64_MAX;
                l->upgraded = INT64_MAX;
                break;
        case 0: /* beyond all that can be */
                l->index = (uint64_t) INT64_MAX;
                break;
        case 1: /* held by nobody */
                l->state = LEASE_HELD;
                l->session[0] = '\0';
                l->period = 0;
                break;
        case 2: /* ... or by what is no session */
                l->state = LEASE_HELD;
                str_copy(l->session, SESSION_SIZE, "somebody");
                break;
        default:
                l->period = UINT64_MAX / 2;
                l->state = LEASE_HELD;
        }
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
                v->machine.beats_every = v->machine.up_since = random_chance(w, 500000) ? INT64_MAX : 1;
                break;
        case RECORD_LEASE:
                write_over_lease(w, &v->lease);
                break;
        case RECORD_META: /* another's name in it is another registry, which only the operator accepts */
                v->meta.index_floor = UINT64_MAX / 2;
                break;
        case RECORD_REQUEST: /* as an old one, or of somebody else */
                v->request.stage = REQUEST_ASKED;
                v->request.index -= random_below(w, 2);
                v->request.within = INT64_MAX;
                break;
        case RECORD_PAUSE:
                v->pause.stage = v->pause.stage == PAUSE_ON ? PAUSE_ENDING : PAUSE_ON;
                v->pause.since = INT64_MAX;
                break;
        default: /* RECORD_OFFER */
                str_copy(v->offer.lease, NAME_SIZE, "no-such-lease");
                str_copy(v->offer.why, WHY_SIZE, random_chance(w, 500000) ? "no" : "");
                v->offer.until = v->offer.since = INT64_MAX;
        }
}

static void meddle(World *w, uint32_t key) {
        Map *map = &w->map;
        Value *v = value_new(w, map->keys[key].kind, &map->keys[key].value->meta);

        map->revision++;
        if (v->kind == RECORD_REQUEST)
                requests_spoil(w, &v->request);
        if (random_chance(w, 333333) && may_be_deleted(w, key)) {
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
        TRACE(w, NULL, "registry: record %d of %s is %s at revision %llu", (int) map->keys[key].kind,
                        map->keys[key].name,
                        !map->keys[key].value ? "deleted"
                        : v->damaged          ? "damaged"
                                              : "overwritten",
                        (unsigned long long) map->revision);
        value_unref(w, v);
}

void records_fault(World *w) {
        RecordKind kind = (RecordKind) random_below(w, _RECORD_KIND_MAX);
        Map *map = &w->map;
        bool all = random_chance(w, 100000);

        /* Whoever never read a fence that says so cannot know that its session keeps its leases (docs/safety.md). */
        if (pausing_is_on(w) && (kind == RECORD_FENCE || kind == RECORD_BEAT))
                return;
        if (map->n_live[kind] == 0 || (kind == RECORD_META && !may_lose_floor(w)))
                return;
        if (!all)
                meddle(w, map->live[kind][random_below(w, map->n_live[kind])]);
        for (uint32_t key = 0; all && key < map->n_keys; key++)
                if (map->keys[key].kind == kind && map->keys[key].value)
                        meddle(w, key);
        net_changed(w);
}
