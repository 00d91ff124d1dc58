/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way between a daemon and the registry, and everything that can go wrong on it.
 *
 * A request may be lost, its answer may be lost, both may be late, a request may arrive twice (a client library that
 * repeats it on a new connection) with the answer to either, an error may be reported for what will yet be applied,
 * and a write may land half a minute after it was given up, through any partition. A read of several keys is not one
 * moment, but for that of what was not put after a revision: its first half is read before its second. What was sent
 * to a registry that has since been replaced is gone.
 *
 * Each request is answered to the core exactly once: with its answer, or at its timeout as unknown.
 */
#include "sim.h"

static Message *message_new(World *w) {
        Message *q = w->free_messages;

        if (q)
                w->free_messages = q->next_free;
        else if ((q = malloc(sizeof(Message)))) {
                q->records = NULL;
                q->records_size = 0;
        } else
                abort();
        q->id = 0;
        q->session[0] = '\0';
        q->references = 0;
        q->txn = q->answered = q->kept = false;
        q->list_kinds = q->complete = 0;
        q->since = q->total = 0;
        q->n_compares = q->n_puts = q->n_deletes = q->n_records = q->delivered = 0;
        q->list = 0;
        return q;
}

static void drop_records(World *w, Message *q) {
        for (size_t i = 0; i < q->n_records; i++)
                value_unref(w, q->records[i].value);
        q->n_records = 0;
        q->complete = 0;
}

static void message_unref(World *w, Message *q) {
        if (--q->references > 0)
                return;
        drop_records(w, q);
        for (size_t i = 0; i < q->n_puts; i++)
                value_unref(w, q->puts[i].value);
        q->next_free = w->free_messages;
        w->free_messages = q;
}

static void message_post(World *w, Message *q, SimKind kind, usec_t delay, uint64_t a, uint64_t b) {
        q->references++;
        world_post(w, (SimEvent){ .at = w->now + delay,
                                      .kind = kind,
                                      .machine = q->machine,
                                      .generation = q->generation,
                                      .a = a,
                                      .b = b,
                                      .pointer = q });
}

/* Of an event that will not come any more. */
static void drop_cargo(World *w, const SimEvent *e) {
        if (e->kind <= SIM_WATCH && e->pointer)
                message_unref(w, e->pointer);
        else if (e->kind == SIM_GUARD_TOLD)
                free(e->pointer);
}

void net_done(World *w) {
        Message *q;
        Parcel *p;

        for (size_t i = 0; i < w->n_heap; i++)
                drop_cargo(w, w->queue + (w->heap[i].order & SLOT_MASK));
        for (size_t i = 0; i < w->n_machines; i++) {
                const Machine *m = w->machines + i;

                for (size_t j = 0; j < m->n_held; j++)
                        drop_cargo(w, m->held + j);
                for (size_t j = 0; j < m->sleep.n_events; j++)
                        drop_cargo(w, m->sleep.events + j);
        }
        while ((q = w->free_messages)) {
                w->free_messages = q->next_free;
                free(q->records);
                free(q);
        }
        while ((p = w->free_parcels)) {
                w->free_parcels = p->next_free;
                free(p);
        }
        free(w->scratch);
}

static usec_t one_way(World *w) {
        usec_t usual = random_span(w, w->latency / 2 + 1, w->latency * 3 / 2 + 1);

        if (!random_chance(w, w->slow_ppm))
                return usual;
        mishap(w, MISHAP_DELAY);
        return usual + random_span(w, 0, 2 * USEC_PER_SEC);
}

static bool puts_a_lease(const World *w, const Message *q) {
        for (size_t i = 0; i < q->n_puts; i++)
                if (w->map.keys[q->puts[i].key].kind == RECORD_LEASE)
                        return true;
        return false;
}

static void message_dispatch(World *w, Machine *m, Message *q) {
        bool lost = m->requests_blocked || random_chance(w, w->lost_ppm);
        bool late = q->txn && random_chance(w, w->late_ppm);
        usec_t there = one_way(w);

        if (m->late_lease_write > 0 && puts_a_lease(w, q)) {
                late = true;
                there = m->late_lease_write;
                m->late_lease_write = 0;
        } else if (late)
                there = random_span(w, USEC_PER_SEC, 30 * USEC_PER_SEC);
        if (late) {
                mishap(w, MISHAP_LATE_WRITE);
                q->kept = true;
                message_post(w, q, SIM_ARRIVE, there, 0, 0);
        } else if (!lost && q->txn && random_chance(w, w->duplicate_ppm)) {
                bool first = random_chance(w, 500000);

                mishap(w, MISHAP_DUPLICATE);
                message_post(w, q, SIM_ARRIVE, there, first, 0);
                message_post(w, q, SIM_ARRIVE, there + one_way(w), !first, 0);
        } else if (!lost)
                message_post(w, q, SIM_ARRIVE, there, 1, 0);
        else if (!m->requests_blocked)
                mishap(w, MISHAP_LOST_REQUEST);
}

void net_send(World *w, Machine *m, const Action *a) {
        Message *q = message_new(w);
        const Key *keys = a->kind == ACTION_TXN ? a->txn.compares : a->keys;
        size_t n = a->kind == ACTION_TXN ? a->txn.n_compares : a->n_keys;
        usec_t timeout;

        if (n > ITEMS_MAX || (a->kind == ACTION_TXN && (a->txn.n_puts > ITEMS_MAX || a->txn.n_deletes > ITEMS_MAX))) {
                world_fail(w, "a request of %s has more than %d items", m->hostname, ITEMS_MAX);
                return;
        }
        q->txn = a->kind == ACTION_TXN;
        q->id = a->id;
        q->machine = m->number;
        q->generation = m->generation;
        q->incarnation = w->map.incarnation;
        q->sent_at = w->now;
        str_copy(q->session, SESSION_SIZE, m->run_session);
        q->list_kinds = a->kind == ACTION_READ && a->n_keys == 0 ? a->list_kinds : 0;
        q->since = a->kind == ACTION_READ ? a->since : 0;
        for (size_t i = 0; i < n; i++)
                q->compares[q->n_compares++] = (MapItem){ .key = map_key(w, keys[i].kind, keys[i].name),
                        .mod_revision = keys[i].mod_revision };
        for (size_t i = 0; q->txn && i < a->txn.n_puts; i++) {
                const Record *r = a->txn.puts + i;

                q->puts[q->n_puts++] = (MapItem){ .key = map_key(w, r->kind, r->name),
                        .value = value_new(w, r->kind, r->value) };
        }
        for (size_t i = 0; q->txn && i < a->txn.n_deletes; i++)
                q->deletes[q->n_deletes++] = map_key(w, a->txn.deletes[i].kind, a->txn.deletes[i].name);
        w->counts.txns++;
        message_dispatch(w, m, q);
        timeout = a->timeout * 1000000 / m->rate_ppm + random_below(w, USEC_PER_MSEC);
        if (random_chance(w, w->early_unknown_ppm)) {
                mishap(w, MISHAP_GIVEN_UP);
                timeout = random_below(w, timeout + 1);
        }
        message_post(w, q, SIM_TIMEOUT, timeout, 0, 0);
}

/* ---- at the registry ---- */

static void add_record(World *w, Message *q, uint32_t key) {
        if (q->n_records == q->records_size) {
                q->records_size = MAX((size_t) 16, 2 * q->records_size);
                q->records = realloc(q->records, q->records_size * sizeof(MapItem));
                if (!q->records)
                        abort();
        }
        q->records[q->n_records++] =
                        (MapItem){ key, w->map.keys[key].mod_revision, value_ref(w->map.keys[key].value) };
}

static void list_kind(World *w, Message *q, RecordKind kind) {
        for (size_t i = 0; i < w->map.n_live[kind]; i++)
                add_record(w, q, w->map.live[kind][i]);
        q->complete |= 1u << kind;
}

/* What was not put after q->since. */
static void list_unmoved(World *w, Message *q, RecordKind kind) {
        for (size_t i = 0; i < w->map.n_live[kind]; i++)
                if (w->map.keys[w->map.live[kind][i]].mod_revision <= q->since)
                        add_record(w, q, w->map.live[kind][i]);
        if (q->since == UINT64_MAX)
                q->complete |= 1u << kind;
}

/* Reads the first or the second half of what was asked for. */
static void read_half(World *w, Message *q, unsigned half) {
        unsigned kinds = (unsigned) __builtin_popcount(q->list_kinds), n = 0;

        for (RecordKind kind = 0; kind < _RECORD_KIND_MAX; kind++)
                if (q->list_kinds & 1u << kind && (n++ < kinds / 2) == (half == 0)) {
                        if (q->since > 0)
                                list_unmoved(w, q, kind);
                        else
                                list_kind(w, q, kind);
                        q->total = w->map.n_live[kind];
                }
        for (size_t i = half == 0 ? 0 : q->n_compares / 2; i < (half == 0 ? q->n_compares / 2 : q->n_compares); i++)
                add_record(w, q, q->compares[i].key);
        q->revision = half == 0 || q->since > 0 ? w->map.revision : MIN(q->revision, w->map.revision);
        q->outcome = OUTCOME_COMMITTED;
}

static void apply_txn(World *w, Message *q) {
        Map *map = &w->map;

        for (size_t i = 0; i < q->n_compares; i++)
                if (map->keys[q->compares[i].key].mod_revision != q->compares[i].mod_revision) {
                        for (size_t j = 0; j < q->n_compares; j++)
                                add_record(w, q, q->compares[j].key);
                        q->outcome = OUTCOME_REFUSED;
                        q->revision = map->revision;
                        return;
                }
        check_commit(w, q);
        if (q->n_puts + q->n_deletes > 0)
                map->revision++;
        for (size_t i = 0; i < q->n_puts; i++) {
                if (map->keys[q->puts[i].key].kind == RECORD_LEASE)
                        check_lease_put(w, q->puts[i].key, &q->puts[i].value->lease);
                map_put(w, q->puts[i].key, q->puts[i].value);
        }
        for (size_t i = 0; i < q->n_deletes; i++)
                map_delete(w, q->deletes[i]);
        q->outcome = OUTCOME_COMMITTED;
        q->revision = map->revision;
        if (w->now > q->sent_at + 5 * USEC_PER_SEC)
                mishap(w, MISHAP_LATE_COMMIT);
        net_changed(w);
}

static void send_reply(World *w, Message *q) {
        usec_t back;

        if (random_chance(w, w->lost_reply_ppm)) {
                mishap(w, MISHAP_LOST_ANSWER);
                return;
        }
        back = one_way(w);
        if (random_chance(w, w->slow_reply_ppm)) {
                mishap(w, MISHAP_SLOW_ANSWER);
                back += random_below(w, USEC_PER_SEC);
        }
        message_post(w, q, SIM_REPLY, back, 0, 0);
}

static void on_arrive(World *w, SimEvent *e) {
        Message *q = e->pointer;
        const Machine *m = w->machines + q->machine;

        if (q->incarnation != w->map.incarnation || w->now < w->registry_down_until)
                return;
        if (m->requests_blocked && !q->kept)
                return;
        if (w->now < w->registry_frozen_until) { /* it lies there until the registry thaws */
                q->kept = true;
                message_post(w, q, SIM_ARRIVE, w->registry_frozen_until - w->now + random_below(w, 20000), e->a, e->b);
                return;
        }
        if (e->b == 0)
                drop_records(w, q); /* of an earlier copy */
        if (q->txn)
                apply_txn(w, q);
        else
                read_half(w, q, (unsigned) e->b);
        if (!q->txn && e->b == 0) {
                message_post(w, q, SIM_ARRIVE, random_below(w, w->latency + 1), e->a, 1);
                return;
        }
        q->store = w->map.n_stores - 1;
        TRACE(w, m, "registry: request #%llu %s at revision %llu", (unsigned long long) q->id,
                        q->outcome == OUTCOME_REFUSED ? "refused"
                        : q->txn                      ? "committed"
                                                      : "read",
                        (unsigned long long) q->revision);
        if (e->a && !m->replies_blocked)
                send_reply(w, q);
}

/* ---- back at the daemon ---- */

static void record_fill(Record *r, const Value *v) {
        r->damaged = v && v->damaged;
        r->value = v && !v->damaged ? &v->meta : NULL;
}

/* Puts the next records of the message into w->scratch. */
static void fill_scratch(World *w, const Message *q, size_t n) {
        if (n > w->scratch_size) {
                w->scratch_size = 2 * n;
                w->scratch = realloc(w->scratch, w->scratch_size * sizeof(Record));
                if (!w->scratch)
                        abort();
        }
        for (size_t i = 0; i < n; i++) {
                const MapItem *item = q->records + q->delivered + i;
                const MapKey *k = w->map.keys + item->key;

                w->scratch[i] = (Record){ .kind = k->kind, .name = k->name, .mod_revision = item->mod_revision };
                record_fill(w->scratch + i, item->value);
                if (q->since > 0) {
                        w->scratch[i].value = NULL;
                        w->scratch[i].damaged = false;
                        w->scratch[i].bare = true;
                }
        }
}

/* How many records are delivered next: all of them, or those of the next part of a list. */
static size_t next_part(World *w, const Message *q) {
        size_t left = q->n_records - q->delivered, most = (size_t) w->slice * 4 + q->revision % 3;

        return w->slice > 0 && q->complete && q->since == 0 ? MIN(left, most) : left;
}

/* Returns whether another part of the list is to be delivered. */
static bool deliver(World *w, Machine *m, Message *q, EventKind kind, bool answer) {
        Event event = { .kind = kind, .id = q->id, .answer = { .outcome = OUTCOME_UNKNOWN } };
        size_t n = answer ? next_part(w, q) : 0;
        bool begins = q->delivered == 0, goes_on = answer && q->delivered + n < q->n_records;

        if (begins && goes_on) {
                q->list = ++w->lists;
                mishap(w, MISHAP_PARTS);
        }
        if (answer) {
                fill_scratch(w, q, n);
                event.answer = (Answer){ .outcome = q->outcome,
                        .revision = q->revision,
                        .complete = q->complete,
                        .list = q->list,
                        .begins = q->list && begins,
                        .goes_on = goes_on,
                        .since = q->since == UINT64_MAX ? 0 : q->since,
                        .total = q->total,
                        .store = w->map.stores[q->store],
                        .records = w->scratch,
                        .n_records = n };
                q->delivered += n;
        }
        w->counts.refused += answer && q->outcome == OUTCOME_REFUSED;
        w->counts.unknown += !answer;
        daemon_step(w, m, &event);
        return goes_on;
}

/* The next part of the list comes soon: other events may come before it. */
static void post_part(World *w, Message *q, SimKind kind) {
        message_post(w, q, kind, (usec_t) (1 + (q->revision + q->delivered) % 5 * 700), 0, 0);
}

static void on_answer(World *w, SimEvent *e) {
        Message *q = e->pointer;
        Machine *m = w->machines + e->machine;
        bool answer = e->kind == SIM_REPLY;

        if (q->answered || !m->core || m->generation != e->generation)
                return;
        if (answer && m->replies_blocked)
                return;
        if (daemon_holds(w, m, e)) {
                q->references++;
                return;
        }
        if (deliver(w, m, q, q->txn ? EVENT_TXN : EVENT_READ, answer))
                post_part(w, q, SIM_REPLY);
        else
                q->answered = true;
}

/* ---- the watch ---- */

void watch_reset(World *w, Machine *m, usec_t delay) {
        m->watch.generation++;
        m->watch.connected = m->watch.scheduled = false;
        world_post(w, (SimEvent){ .at = w->now + delay,
                                      .kind = SIM_WATCH_CONNECT,
                                      .machine = m->number,
                                      .generation = m->watch.generation });
}

void watch_listen(World *w, Machine *m, const char *beats_from, const char *session) {
        str_copy(m->watch.beats_from, SESSION_SIZE, beats_from);
        str_copy(m->watch.session, SESSION_SIZE, session);
        watch_reset(w, m, random_below(w, w->latency + 1));
}

static bool is_told(const Watch *watch, const MapKey *k) {
        return k->kind != RECORD_BEAT || strcmp(k->name, watch->beats_from) >= 0 || streq(k->name, watch->session);
}

static void watch_schedule(World *w, Machine *m, usec_t delay) {
        m->watch.scheduled = true;
        world_post(w, (SimEvent){ .at = w->now + delay,
                                      .kind = SIM_WATCH,
                                      .machine = m->number,
                                      .generation = m->watch.generation });
}

void net_changed(World *w) {
        for (size_t i = 0; i < w->n_machines; i++) {
                Machine *m = w->machines + i;

                if (m->watch.connected && !m->watch.scheduled)
                        watch_schedule(w, m, m->watch.latency);
        }
}

static void on_watch_connect(World *w, SimEvent *e) {
        Machine *m = w->machines + e->machine;
        Message *q;

        if (!m->core || m->watch.generation != e->generation || daemon_holds(w, m, e))
                return;
        if (m->requests_blocked || m->replies_blocked ||
                        w->now < MAX(w->registry_down_until, w->registry_frozen_until)) {
                watch_reset(w, m, random_span(w, 100, 1000) * USEC_PER_MSEC);
                return;
        }
        q = message_new(w);
        q->machine = m->number;
        q->incarnation = w->map.incarnation;
        for (RecordKind kind = 0; kind < _RECORD_KIND_MAX; kind++)
                list_kind(w, q, kind);
        q->revision = w->map.revision;
        q->outcome = OUTCOME_COMMITTED;
        q->store = w->map.n_stores - 1;
        q->generation = m->watch.generation;
        m->watch.position = q->revision;
        m->watch.latency = one_way(w);
        m->watch.scheduled = true;
        message_post(w, q, SIM_WATCH, one_way(w), 0, 0);
}

/* One event for each revision, in order. */
static void deliver_changes(World *w, Machine *m) {
        Map *map = &w->map;
        unsigned generation = m->watch.generation;
        Record records[2 * ITEMS_MAX];
        size_t i = map->n_changes;

        while (i > 0 && map->changes[(map->first_change + i - 1) % CHANGES_MAX].revision > m->watch.position)
                i--; /* from the end: a watch is rarely far behind */
        while (i < map->n_changes && m->core && !m->paused && m->watch.generation == generation) {
                const MapChange *c = map->changes + (map->first_change + i) % CHANGES_MAX;
                Event event = { .kind = EVENT_RECORDS,
                        .answer = { .outcome = OUTCOME_COMMITTED,
                                        .revision = c->revision,
                                        .store = map->stores[map->n_stores - 1],
                                        .records = records } };

                if (c->at + m->watch.latency > w->now)
                        break;
                m->watch.position = c->revision;
                while (i < map->n_changes && c->revision == event.answer.revision) {
                        Record *r = records + event.answer.n_records;

                        *r = (Record){ .kind = map->keys[c->key].kind, .name = map->keys[c->key].name };
                        r->mod_revision = c->value ? c->revision : 0;
                        record_fill(r, c->value);
                        event.answer.n_records += is_told(&m->watch, map->keys + c->key);
                        c = map->changes + (map->first_change + ++i) % CHANGES_MAX;
                }
                if (event.answer.n_records > 0)
                        daemon_step(w, m, &event);
        }
}

static void on_watch(World *w, SimEvent *e) {
        Machine *m = w->machines + e->machine;
        Watch *watch = &m->watch;
        Message *q = e->pointer;

        if (!m->core || watch->generation != e->generation)
                return;
        if (daemon_holds(w, m, e)) {
                if (q)
                        q->references++;
                return;
        }
        watch->scheduled = false;
        if (m->replies_blocked || w->now < watch->stalled_until) {
                if (q || random_chance(w, 50000)) { /* a broken stream: list anew */
                        mishap(w, MISHAP_WATCH_GAP);
                        watch_reset(w, m, random_span(w, 50, 500) * USEC_PER_MSEC);
                } else
                        watch_schedule(w, m, m->replies_blocked ? 200 * USEC_PER_MSEC : watch->stalled_until - w->now);
                return;
        }
        if (q) {
                watch->connected = q->delivered + next_part(w, q) == q->n_records;
                watch->scheduled = !watch->connected;
                if (deliver(w, m, q, EVENT_RECORDS, true)) {
                        post_part(w, q, SIM_WATCH);
                        return;
                }
        } else if (w->map.n_changes > 0 && w->map.changes[w->map.first_change].revision > watch->position + 1) {
                watch_reset(w, m, random_span(w, 1, 100) * USEC_PER_MSEC); /* compacted away */
                return;
        } else
                deliver_changes(w, m);
        if (watch->connected && !watch->scheduled && watch->position < w->map.revision)
                watch_schedule(w, m, MAX(watch->latency, 1u));
}

void net_event(World *w, SimEvent *e) {
        switch (e->kind) {
        case SIM_ARRIVE:
                on_arrive(w, e);
                break;
        case SIM_REPLY:
        case SIM_TIMEOUT:
                on_answer(w, e);
                break;
        case SIM_WATCH:
                on_watch(w, e);
                break;
        default:
                on_watch_connect(w, e);
        }
        if (e->pointer)
                message_unref(w, e->pointer);
}
