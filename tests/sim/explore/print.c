/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A core's memory is read as a graph of blocks, beginning with the block of the core itself. A pointer counts as the
 * number of the block to which it leads, and blocks are numbered in the order in which they are met. Times, revisions
 * and ids lie in ranges of their own, and count as their distance from the core's present ones. A block that cannot be
 * reached does not count. Each part of the world outside the cores has a function of its own here. The queue counts as
 * a set, without the events that nobody waits for any more. Of a generation it counts only whether it is the present
 * one.
 */
#include "print.h"

#include "region.h"
#include "core-shape.h"
#include "rare.h"

static const uint64_t odd = 0x9e3779b97f4a7c15u;

static uint64_t mix(uint64_t a, uint64_t b) {
        __extension__ unsigned __int128 p = (unsigned __int128) (a ^ 0xa0761d6478bd642fu) * (b ^ 0xe7037ed1a0b428dbu);

        return (uint64_t) p ^ (uint64_t) (p >> 64);
}

static bool in_range(uint64_t v, uint64_t base) {
        return v - base < RANGE;
}

static uint64_t distance(uint64_t tag, uint64_t v, uint64_t from) {
        return tag << 56 ^ (v - from);
}

static uint64_t moment(uint64_t tag, uint64_t v, uint64_t now, usec_t old) {
        return v + old < now ? tag << 56 ^ UINT32_MAX : distance(tag, v, now);
}

/* Any number of a block, told from the present ones. */
static uint64_t number(uint64_t v, const CoreBases *b, usec_t old) {
        if (v < BASE_REVISION)
                return v;
        if (in_range(v, BASE_BOOTTIME))
                return moment(1, v, b->now.boottime, old);
        if (in_range(v, BASE_REALTIME))
                return moment(2, v, b->now.realtime, old);
        if (in_range(v, BASE_REVISION))
                return distance(3, v, b->revision);
        if (in_range(v, BASE_ID))
                return distance(4, v, b->id);
        if (in_range(v, BASE_SERIAL))
                return distance(5, v, b->serial);
        if (in_range(v, BASE_STAMP))
                return distance(6, v, b->stamp);
        return v;
}

/* Most of a record or of a block is zero. Gives the place of the next word that is not, or n. */
static inline size_t next_word(const uint64_t *words, size_t i, size_t n) {
        for (; i + 8 <= n; i += 8) {
                const uint64_t *w = words + i;

                if (w[0] | w[1] | w[2] | w[3] | w[4] | w[5] | w[6] | w[7])
                        break;
        }
        while (i < n && !words[i])
                i++;
        return i;
}

static uint64_t print_words(const void *data, size_t size, const CoreBases *b, usec_t old) {
        const uint64_t *words = data;
        size_t n = size / sizeof(uint64_t);
        uint64_t sum = 0;

        for (size_t i = next_word(words, 0, n); i < n; i = next_word(words, i + 1, n))
                sum += mix(number(words[i], b, old), i * odd);
        return mix(sum, size);
}

/* ---- a core ---- */

typedef struct Walk {
        Block blocks[BLOCKS_MAX];
        uint16_t met[BLOCKS_MAX]; /* number of each block; 0: it was not met yet */
        uint16_t order[BLOCKS_MAX];
        size_t n, n_met;
        const char *low, *high;
} Walk;

static Walk walk;

/* Gives the index of the block into which p leads, or -1. */
static int find_block(const char *p) {
        int begins = region_block_at(p);
        size_t low = 0, high = walk.n;

        if (begins >= 0 && (size_t) begins < walk.n && walk.blocks[begins].data == p)
                return begins;

        while (low < high) {
                size_t middle = (low + high) / 2;

                if (walk.blocks[middle].data <= p)
                        low = middle + 1;
                else
                        high = middle;
        }
        if (low == 0 || p >= walk.blocks[low - 1].data + walk.blocks[low - 1].size)
                return -1;
        return (int) low - 1;
}

static uint64_t pointer(const char *p) {
        int i = find_block(p);

        if (i < 0)
                return 0;
        if (!walk.met[i]) {
                walk.order[walk.n_met++] = (uint16_t) i;
                walk.met[i] = (uint16_t) walk.n_met;
        }
        return UINT64_C(8) << 56 ^ (uint64_t) walk.met[i] << 20 ^ (uint64_t) (p - walk.blocks[i].data);
}

static uint64_t print_block(const Core *core, const Block *block, const CoreBases *b, usec_t old) {
        const uint64_t *words = (const uint64_t *) block->data;
        size_t n = core_shape_size(core, block->data, block->size) / sizeof(uint64_t);
        uint64_t sum = 0;

        for (size_t i = next_word(words, 0, n); i < n; i = next_word(words, i + 1, n)) {
                uint64_t v = words[i];

                if (v - (uint64_t) (uintptr_t) walk.low < (uint64_t) (walk.high - walk.low))
                        v = pointer((const char *) (uintptr_t) v);
                else
                        v = number(v, b, old);
                sum += mix(v, i * odd);
        }
        return sum;
}

/* Sets what is no state to 0, or puts it back. */
static void hide(Core *core, bool back) {
        static char saved[16 * 1024];
        size_t size, at = 0;
        void *part;

        for (unsigned i = 0; core_shape_part(core, i, &part, &size); at += size, i++) {
                if (at + size > sizeof(saved))
                        abort();
                if (back)
                        memcpy(part, saved + at, size);
                else {
                        memcpy(saved + at, part, size);
                        memset(part, 0, size);
                }
        }
}

uint64_t print_core(int region, Core *core, usec_t ttl) {
        CoreBases b = core_shape_bases(core);
        usec_t old = OLD_TTLS * ttl;
        uint64_t sum = core_shape_print(core, old);
        size_t size;
        char *data = region_data(region, &size);

        walk.n = region_blocks(region, walk.blocks);
        walk.n_met = 0;
        walk.low = data;
        walk.high = data + size;
        memset(walk.met, 0, walk.n * sizeof(walk.met[0]));
        hide(core, false);
        (void) pointer((const char *) core);
        for (size_t i = 0; i < walk.n_met; i++)
                sum = mix(sum, print_block(core, walk.blocks + walk.order[i], &b, old));
        hide(core, true);
        return sum;
}

/* ---- the world ---- */

/* From what each machine's numbers count at present. */
static CoreBases bases[MACHINES_MAX];

static CoreBases make_bases(const World *w, const Machine *m) {
        CoreBases b = {};

        if (m->core)
                b = core_shape_bases(m->core);
        b.now.boottime = machine_boottime(w, m);
        b.now.realtime = machine_realtime(w, m);
        b.revision = w->map.revision;
        return b;
}

static unsigned *generation_of(const World *w, const SimEvent *e) {
        Machine *m = (Machine *) (uintptr_t) (w->machines + e->machine);
        ModelUnit *u = m->units + e->unit;

        switch (e->kind) {
        case SIM_ARRIVE:
        case SIM_GUARD_CLOCK:
                return NULL;
        case SIM_WATCH:
        case SIM_WATCH_CONNECT:
                return &m->watch.generation;
        case SIM_STATUS_ASKED:
        case SIM_STATUS_BACK:
        case SIM_STATUS_TIMEOUT:
                return &u->ask_generation;
        case SIM_GUARD_SAYS:
                return &m->guard_link;
        case SIM_JOB:
        case SIM_NEED_BACK:
        case SIM_POWER_ON:
        case SIM_POWER_OFF:
                return &m->boots;
        case SIM_DEATH:
        case SIM_LATE_FORK:
                return &u->processes[e->a].generation;
        case SIM_HEAL_LINK:
                return &m->link_generation;
        case SIM_FROST:
                return &u->frost;
        default:
                if (e->kind <= SIM_GUARD_CONNECT)
                        return &m->generation;
                if (e->kind <= SIM_STOP_TIMEOUT)
                        return &u->generation;
                return e->kind <= SIM_GUARD_END ? &m->guard.generation : NULL;
        }
}

bool print_is_stale(const World *w, const SimEvent *e) {
        const Machine *m = w->machines + e->machine;
        const unsigned *generation = generation_of(w, e);
        const Message *q = e->pointer;

        if (e->kind == SIM_GUARD_SAYS && e->generation == 0)
                return false;
        if (generation && *generation != e->generation)
                return true;
        switch (e->kind) {
        case SIM_ARRIVE:
                return q->incarnation != w->map.incarnation;
        case SIM_REPLY:
        case SIM_TIMEOUT:
                return q->answered || !m->core;
        case SIM_DEADLINE:
                return e->at != m->deadline_at;
        case SIM_GUARD_TIMER:
                return e->at != m->guard.timer;
        case SIM_DEATH:
                return !m->units[e->unit].processes[e->a].alive;
        case SIM_STOP_TIMEOUT:
                return !m->units[e->unit].processes[e->a].alive;
        case SIM_STATUS_ASKED:
        case SIM_STATUS_BACK:
        case SIM_STATUS_TIMEOUT:
                return !m->core || !m->units[e->unit].asked;
        default:
                return false;
        }
}

static uint64_t print_bytes(const void *data, size_t size) {
        const char *bytes = data;
        uint64_t sum = 7, word;

        for (; size >= sizeof(word); bytes += sizeof(word), size -= sizeof(word)) {
                memcpy(&word, bytes, sizeof(word));
                sum = mix(sum, word);
        }
        word = 0;
        memcpy(&word, bytes, size);
        return mix(sum, word ^ (uint64_t) size << 56);
}

static uint64_t print_text(const char *s) {
        return print_bytes(s, strlen(s));
}

static size_t value_size(RecordKind kind) {
        static const size_t sizes[] = {
                [RECORD_META] = sizeof(MetaRecord),
                [RECORD_MACHINE] = sizeof(MachineRecord),
                [RECORD_BEAT] = sizeof(BeatRecord),
                [RECORD_LEASE] = sizeof(LeaseRecord),
                [RECORD_OFFER] = sizeof(OfferRecord),
                [RECORD_REQUEST] = sizeof(RequestRecord),
                [RECORD_PAUSE] = sizeof(PauseRecord),
        };

        return sizes[kind];
}

static uint64_t print_value(const Value *v, const CoreBases *b, usec_t old) {
        uint64_t sum;

        if (!v)
                return 0;
        if (v->kind == RECORD_BEAT) { /* of its nonce, only the process is looked at by anybody */
                BeatRecord beat = v->beat;

                memset(beat.nonce + 16, 0, NONCE_SIZE - 16);
                return print_bytes(&beat, sizeof(beat)) + v->damaged;
        }
        if (v->kind != RECORD_FENCE)
                return print_words(&v->meta, value_size(v->kind), b, old) + v->damaged;
        sum = mix(v->fence.counter, v->fence.n_names) + v->damaged + v->fence.over * 2u + v->fence.keeps * 4u +
              number(v->fence.silence, b, old) * odd;
        for (size_t i = 0; i < v->fence.n_names; i++)
                sum = mix(sum, print_text(v->fence.names[i]));
        return sum;
}

static uint64_t print_key(const World *w, uint32_t key) {
        return mix(print_text(w->map.keys[key].name), (uint64_t) w->map.keys[key].kind + 3);
}

static uint64_t print_items(const World *w, const MapItem *items, size_t n, const CoreBases *b, usec_t old) {
        uint64_t sum = n;

        for (size_t i = 0; i < n; i++)
                sum = mix(sum, print_key(w, items[i].key) + number(items[i].mod_revision, b, old) * odd +
                                                print_value(items[i].value, b, old));
        return sum;
}

static uint64_t print_message(const World *w, const Message *q, usec_t old) {
        CoreBases b = bases[q->machine];
        uint64_t sum = mix((uint64_t) q->txn | (uint64_t) q->answered << 1 | (uint64_t) q->kept << 2 |
                                           (uint64_t) (q->generation == w->machines[q->machine].generation) << 3 |
                                           (uint64_t) q->machine << 4,
                        number(q->id, &b, old));

        sum = mix(sum, print_text(q->session) + q->list_kinds + ((uint64_t) q->complete << 8));
        sum = mix(sum, number(q->since, &b, old) + q->total);
        sum = mix(sum, print_items(w, q->compares, q->n_compares, &b, old));
        sum = mix(sum, print_items(w, q->puts, q->n_puts, &b, old));
        for (size_t i = 0; i < q->n_deletes; i++)
                sum = mix(sum, print_key(w, q->deletes[i]));
        if (q->n_records > 0 || q->complete)
                sum = mix(sum, (uint64_t) q->outcome + number(q->revision, &b, old) +
                                                print_items(w, q->records, q->n_records, &b, old));
        return sum;
}

static uint64_t print_event(const World *w, const SimEvent *e, usec_t old) {
        const Machine *m = w->machines + e->machine;
        CoreBases b = bases[e->machine];
        uint64_t sum = mix((uint64_t) e->kind << 32 | (uint64_t) e->machine << 16 | e->unit, e->at - w->now);

        if (e->kind == SIM_GUARD_SAYS) {
                unsigned flags = e->a == EVENT_GUARD_KEEPS ? 2 : 3; /* so many bits, below the serial (guard.c) */

                return mix(sum, mix(e->a * odd + e->b, (e->c & ((1u << flags) - 1)) | number(e->c >> flags, &b, old)
                                                                                                      << flags));
        }
        if (e->kind == SIM_GUARD_TOLD) {
                const Parcel *p = e->pointer;

                sum = mix(sum, (uint64_t) p->kind + p->index + (p->connection == m->guard.connection));
                sum = mix(sum, number(p->serial, &b, old) + (p->stop + p->kill) * 3);
                return mix(sum, number(p->t0, &b, old) * odd + number(p->kill_at, &b, old));
        }
        if (e->pointer)
                sum = mix(sum, print_message(w, e->pointer, old));
        if (e->kind == SIM_GUARD_SEES || e->kind == SIM_GUARD_STOPPED)
                return mix(sum, (e->a - w->now) + number(e->b, &b, old) * odd);
        if (e->kind == SIM_STATUS_BACK)
                return mix(sum, e->a);
        return mix(sum, e->a + number(e->b, &b, old) * odd);
}

static uint64_t print_guard(const World *w, const Machine *m, const CoreBases *b, usec_t old) {
        Guard g = m->guard;

        g.generation = g.connection = 0;
        g.paused_until = usec_sub(g.paused_until, w->now);
        g.last_told = usec_sub(g.last_told, w->now);
        g.last_says = usec_sub(g.last_says, w->now);
        g.timer = g.timer == USEC_INFINITY ? 0 : 1;
        return print_words(&g, sizeof(g), b, old);
}

static uint64_t print_unit(const ModelUnit *unit, const World *w, const CoreBases *b, usec_t old) {
        ModelUnit u = *unit;

        u.generation = u.ask_generation = u.frost = 0;
        u.closings -= u.closings_at_check;
        u.closings_at_check = 0;
        if (u.state != ACTIVE_ACTIVATING)
                u.closings = 0;
        u.run = 0; /* whether the core has seen this run, its report says */
        u.need_until = usec_sub(u.need_until, w->now);
        for (Slot s = 0; s < _SLOT_MAX; s++) {
                u.processes[s].generation = 0;
                u.processes[s].born_at = u.processes[s].late ? w->now - u.processes[s].born_at : 0;
        }
        return print_words(&u, sizeof(u), b, old);
}

/* Of a virtual machine that is paused, and what waits for the end of the pause. */
static uint64_t print_sleep(const World *w, const Machine *m, usec_t old) {
        const Sleep *s = &m->sleep;
        uint64_t sum = (uint64_t) s->state | (uint64_t) s->stands_still << 2 | (uint64_t) s->guarded << 3;

        for (size_t i = 0; i < s->n_events; i++)
                sum += print_event(w, s->events + i, old);
        return mix(sum, s->woke_at + old < w->now ? 0 : s->woke_at - w->now);
}

static uint64_t print_machine(const World *w, const Machine *m, uint64_t core) {
        CoreBases b = bases[m->number];
        usec_t old = OLD_TTLS * m->ttl;
        uint64_t flags = (uint64_t) m->powered | (uint64_t) m->paused << 1 | (uint64_t) m->exiting << 2 |
                         (uint64_t) m->stay_down << 3 | (uint64_t) (m->core != NULL) << 4 |
                         (uint64_t) m->requests_blocked << 5 | (uint64_t) m->replies_blocked << 6 |
                         (uint64_t) m->watch.connected << 7 | (uint64_t) m->watch.scheduled << 8 |
                         (uint64_t) (m->guard_link == m->guard.connection) << 9 | (uint64_t) m->enabled[0] << 10;
        uint64_t sum = mix(core, flags);

        if (m->core) {
                CoreBases last = core_shape_bases(m->core);

                sum = mix(sum, b.now.boottime - last.now.boottime);
                sum = mix(sum, w->map.revision - last.revision);
                sum = mix(sum, m->deadline_at == USEC_INFINITY ? 0 : 1 + m->deadline_at - w->now);
        }
        if (m->watch.connected)
                sum = mix(sum, w->map.revision - m->watch.position);
        sum = mix(sum, print_text(m->run_session) + print_text(m->watch.beats_from) + print_text(m->watch.session));
        sum = mix(sum, usec_sub(m->pid1_stalled_until, w->now) + usec_sub(m->watch.stalled_until, w->now) * odd);
        sum = mix(sum, number(m->memory.revision, &b, old) + m->memory.floor + print_text(m->memory.uuid));
        for (size_t i = 0; i < m->memory.n_indexes; i++)
                sum = mix(sum, m->memory.indexes[i].index);
        for (size_t i = 0; i < w->n_leases; i++) {
                sum = mix(sum, m->armed[i] * 2 + m->gate_said[i]);
                sum = mix(sum, print_unit(m->units + i, w, &b, old));
                sum = mix(sum, print_words(m->statuses + i, offsetof(UnitReport, run), &b, old));
        }
        for (size_t i = 0; i < m->n_held; i++)
                sum = mix(sum, print_event(w, m->held + i, old));
        return mix(sum, print_guard(w, m, &b, old) + print_sleep(w, m, old));
}

static uint64_t print_map(const World *w, usec_t old) {
        CoreBases b = { .now.realtime = machine_realtime(w, w->machines), .revision = w->map.revision };
        uint64_t behind = w->map.revision, sum = 0;

        for (uint32_t i = 0; i < w->map.n_keys; i++) {
                const MapKey *k = w->map.keys + i;

                if (k->value)
                        sum += mix(print_key(w, i), number(k->mod_revision, &b, old) + print_value(k->value, &b, old));
        }
        for (size_t i = 0; i < w->n_machines; i++)
                if (w->machines[i].core && w->machines[i].watch.connected)
                        behind = MIN(behind, w->machines[i].watch.position);
        for (size_t i = 0; i < w->map.n_changes; i++) {
                const MapChange *c = w->map.changes + (w->map.first_change + i) % CHANGES_MAX;

                if (c->revision > behind)
                        sum += mix(print_key(w, c->key) + (w->map.revision - c->revision),
                                        print_value(c->value, &b, old) ^ (w->now - c->at) << 32);
        }
        return sum;
}

uint64_t print_world(World *w, const uint64_t *cores) {
        usec_t old = OLD_TTLS * w->machines[0].ttl;
        uint64_t sum = print_map(w, old), events = 0;

        for (size_t i = 0; i < w->n_machines; i++)
                bases[i] = make_bases(w, w->machines + i);
        for (size_t i = 0; i < w->n_heap; i++)
                if (!print_is_stale(w, w->queue + i))
                        events += print_event(w, w->queue + i, old);
        sum = mix(sum, events);
        for (size_t i = 0; i < w->n_machines; i++)
                sum = mix(sum, print_machine(w, w->machines + i, cores[i]));
        for (size_t i = 0; i < w->n_leases; i++) {
                const LeaseCheck *l = w->leases + i;

                sum = mix(sum, mix(l->running | (uint64_t) (l->start_machine + 1) << 8,
                                               l->start_index * odd + l->index));
        }
        sum = mix(sum, rare_print(w));
        return mix(sum, usec_sub(w->registry_down_until, w->now) + usec_sub(w->registry_frozen_until, w->now) * odd);
}
