/* SPDX-License-Identifier: Apache-2.0 */
#include "core-world.h"

#include "core-actions.h"

Entry *world_find(World *w, RecordKind kind, const char *name) {
        for (size_t i = 0; i < w->n_entries; i++)
                if (w->entries[i].kind == kind && streq(w->entries[i].name, name))
                        return w->entries + i;
        return NULL;
}

Entry *world_put(World *w, RecordKind kind, const char *name, const void *value) {
        Entry *e = world_find(w, kind, name);

        if (!e) {
                assert_true(w->n_entries < RECORDS_MAX);
                e = w->entries + w->n_entries++;
                e->kind = kind;
                str_copy(e->name, sizeof(e->name), name);
        }
        memcpy(&e->value, value, record_value_size(kind));
        e->revision = w->revision;
        e->damaged = false;
        return e;
}

void world_delete(World *w, RecordKind kind, const char *name) {
        w->revision++;
        world_find(w, kind, name)->revision = 0;
}

void world_damage(World *w, RecordKind kind, const char *name) {
        Entry *e = world_find(w, kind, name);

        e->revision = ++w->revision;
        e->damaged = true;
}

static Record as_record(const Entry *e) {
        bool damaged = e->revision > 0 && e->damaged;

        return (Record){ .kind = e->kind,
                .name = e->name,
                .mod_revision = e->revision,
                .damaged = damaged,
                .value = e->revision > 0 && !damaged ? &e->value : NULL };
}

static void answer_read(World *w, const Action *a, Event *e, Record *records) {
        e->kind = EVENT_READ;
        e->answer.since = a->since == UINT64_MAX ? 0 : a->since;
        e->answer.complete = e->answer.since > 0 ? 0 : a->list_kinds;
        for (size_t i = 0; i < w->n_entries; i++) {
                Record *r = records + e->answer.n_records;

                if (!(a->list_kinds & 1u << w->entries[i].kind) || !w->entries[i].revision)
                        continue;
                e->answer.total++;
                if (a->since > 0 && w->entries[i].revision > a->since)
                        continue;
                *r = as_record(w->entries + i);
                if (a->since > 0)
                        *r = (Record){
                                .kind = r->kind, .name = r->name, .mod_revision = r->mod_revision, .bare = true
                        };
                e->answer.n_records++;
        }
        for (size_t i = 0; i < a->n_keys; i++) {
                Entry *f = world_find(w, a->keys[i].kind, a->keys[i].name);

                records[e->answer.n_records++] =
                                f ? as_record(f) : (Record){ .kind = a->keys[i].kind, .name = a->keys[i].name };
        }
}

/* etcd's rule: a Txn writes a key once. */
static void assert_written_once(const Txn *t) {
        for (size_t i = 0; i < t->n_puts + t->n_deletes; i++)
                for (size_t k = 0; k < i; k++) {
                        const Key a = i < t->n_puts ? (Key){ .kind = t->puts[i].kind, .name = t->puts[i].name }
                                                    : t->deletes[i - t->n_puts];
                        const Key b = k < t->n_puts ? (Key){ .kind = t->puts[k].kind, .name = t->puts[k].name }
                                                    : t->deletes[k - t->n_puts];

                        assert_false(a.kind == b.kind && streq(a.name, b.name));
                }
}

static void answer_txn(World *w, const Action *a, Event *e, Record *records) {
        e->kind = EVENT_TXN;
        for (size_t i = 0; i < a->txn.n_compares; i++) {
                const Key *k = a->txn.compares + i;
                Entry *f = world_find(w, k->kind, k->name);

                if ((f ? f->revision : 0) != k->mod_revision)
                        e->answer.outcome = OUTCOME_REFUSED;
                records[e->answer.n_records++] = f ? as_record(f) : (Record){ .kind = k->kind, .name = k->name };
        }
        if (e->answer.outcome == OUTCOME_REFUSED)
                return;
        e->answer.n_records = 0;
        w->revision++;
        for (size_t i = 0; i < a->txn.n_puts; i++)
                world_put(w, a->txn.puts[i].kind, a->txn.puts[i].name, a->txn.puts[i].value);
        for (size_t i = 0; i < a->txn.n_deletes; i++) {
                Entry *f = world_find(w, a->txn.deletes[i].kind, a->txn.deletes[i].name);

                if (f)
                        f->revision = 0;
        }
}

static bool is_lost(const World *w, const Action *a) {
        for (size_t i = 0; i < a->txn.n_puts; i++)
                if (a->kind == ACTION_TXN && w->lose & 1u << a->txn.puts[i].kind)
                        return true;
        return false;
}

void world_land(World *w) {
        Record records[RECORDS_MAX];
        Event e = { .answer = { .records = records } };

        assert_true(w->late.id > 0);
        answer_txn(w, &w->late, &e, records);
        action_free(&w->late);
        w->late = (Action){};
}

static void answer(World *w, const Action *a) {
        Record records[RECORDS_MAX];
        Event e = { .id = a->id, .answer = { .records = records, .store = "store" } };

        if (a->kind == ACTION_TXN)
                assert_written_once(&a->txn);
        if (w->hang && a->kind == ACTION_TXN) {
                w->hanging = a->id;
                return;
        }
        if (is_lost(w, a)) {
                if (w->late.id == 0)
                        w->late = action_copy(a);
                e.kind = EVENT_TXN;
                e.answer.outcome = OUTCOME_UNKNOWN;
        } else if (w->silent || (a->kind == ACTION_READ && a->list_kinds && a->timeout < w->list_takes)) {
                e.kind = a->kind == ACTION_TXN ? EVENT_TXN : EVENT_READ;
                e.answer.outcome = OUTCOME_UNKNOWN;
        } else if (a->kind == ACTION_TXN) {
                answer_txn(w, a, &e, records);
                if (w->twice) {
                        e.answer.n_records = 0;
                        answer_txn(w, a, &e, records);
                }
        } else
                answer_read(w, a, &e, records);
        if (w->lose_replies)
                e.answer.outcome = OUTCOME_UNKNOWN;
        e.answer.revision = w->revision;
        world_step(w, e);
}

static void say_guard(World *w, const char *unit) {
        Event e = { .kind = EVENT_GUARD, .unit = unit, .guard = w->guard };

        e.guard.serial = UINT64_MAX; /* it has heard all that was said */
        if (!w->guard_mute)
                world_step(w, e);
}

void world_say_unit(World *w) {
        w->unit.known = true;
        w->unit.asked_at = ++w->now.boottime;
        world_step(w, (Event){ .kind = EVENT_UNIT, .unit = "a.service", .report = w->unit });
}

static void carry_out(World *w, const Action *a) {
        w->done[a->kind]++;
        if (a->kind >= ACTION_GUARD_ARM && a->kind <= ACTION_GATE_CLOSE)
                w->guard_asked = a->id;
        if (a->kind == ACTION_REMEMBER && a->lease)
                w->remembered = a->index;
        switch (a->kind) {
        case ACTION_TXN:
        case ACTION_READ:
                answer(w, a);
                break;
        case ACTION_SESSION:
                str_copy(w->session, sizeof(w->session), a->session);
                break;
        case ACTION_REPORT:
                w->reports[a->report.kind]++;
                w->report_whys[a->report.kind] = a->report.why;
                w->starts_again += a->report.again;
                break;
        case ACTION_FENCE:
                str_copy(w->fenced, sizeof(w->fenced), a->machine_id);
                break;
        case ACTION_CALL_DONE:
                w->called = a->result;
                w->called_index = a->index;
                w->called_span = a->span;
                w->called_why = a->reason.why;
                break;
        case ACTION_WORD_DONE:
                w->word = a->word;
                w->word_span = a->span;
                w->word_why = a->reason.why != WHY_NONE ? "said" : NULL;
                break;
        case ACTION_GUARD_ARM:
                if (w->guard.index != a->index)
                        w->guard = (GuardReport){ .index = a->index };
                else if (w->guard.frozen)
                        w->guard = (GuardReport){ .index = a->index, .open = true };
                w->keeps = w->keeps || a->on;
                w->armed = a->index;
                w->armed_kill = a->kill;
                w->last_t0 = a->t0;
                say_guard(w, a->unit);
                break;
        case ACTION_GUARD_KEEP:
                w->keeps = a->on && w->guard.index > 0 && !w->guard.expired;
                w->last_t0 = a->t0;
                if (!w->keeps_mute)
                        world_step(w, (Event){ .kind = EVENT_GUARD_KEEPS, .id = a->id, .on = w->keeps });
                break;
        case ACTION_GUARD_BEAT:
                w->beat_at = ++w->order;
                w->last_t0 = a->t0;
                break;
        case ACTION_GATE_OPEN:
                w->guard.open = !w->gate_fails;
                say_guard(w, a->unit);
                break;
        case ACTION_GATE_CLOSE:
                w->guard.open = false;
                say_guard(w, a->unit);
                break;
        case ACTION_GUARD_LOSE:
                w->lost_at = ++w->order;
                w->guard = (GuardReport){ .index = a->index, .expired = true };
                say_guard(w, a->unit);
                break;
        case ACTION_GUARD_DISARM:
                w->guard = (GuardReport){};
                say_guard(w, a->unit);
                break;
        case ACTION_UNIT_START:
                w->clean_starts += a->on;
                if (w->start_refused)
                        break;
                w->unit.ended_by = ENDED_BY_ITSELF;
                w->unit.job = w->start_waits;
                if (w->start_waits)
                        break;
                w->unit.active = ACTIVE_ACTIVE;
                w->unit.empty = false;
                w->unit.gate_loaded = !w->gate_taken_away;
                w->unit.run++;
                break;
        case ACTION_UNIT_READ:
                if (!w->pid1_mute)
                        world_say_unit(w);
                break;
        default:
                break;
        }
}

void world_step(World *w, Event e) {
        const Action *actions;
        size_t n;

        w->now.boottime++;
        w->now.realtime = w->now.boottime + 1000000 * USEC_PER_SEC - w->behind;
        actions = core_step(w->core, w->now, &e, &n);
        for (size_t i = 0; i < n; i++) {
                assert_true(w->queued < ELEMENTSOF(w->queue));
                w->queue[w->queued++] = action_copy(actions + i);
        }
        if (w->busy)
                return;
        w->busy = true;
        for (size_t i = 0; i < w->queued; i++) {
                carry_out(w, w->queue + i);
                action_free(w->queue + i);
        }
        w->queued = 0;
        w->busy = false;
}

/* Lets time pass until t, waking the core whenever it asks for it. */
void world_pass_until(World *w, usec_t t) {
        for (unsigned i = 0; i < 100000; i++) {
                usec_t next = core_next_deadline(w->core);

                if (next > t)
                        break;
                w->now.boottime = MAX(w->now.boottime, next);
                world_step(w, (Event){ .kind = EVENT_DEADLINE });
                assert_true(i < 99999); /* a core that never rests spins */
        }
        w->now.boottime = MAX(w->now.boottime, t);
}

void world_pass(World *w, usec_t span) {
        world_pass_until(w, w->now.boottime + span);
}

static Core *make_core(const World *w, const char *session) {
        return core_new(&(CoreConfig){
                        .machine_id = US,
                        .boot_id = w->boot ?: US,
                        .hostname = "us",
                        .session = session,
                        .ttl = TTL,
                        .fence_after = w->fence_after,
                        .beats_every = w->beats_every,
                        .seed = w->boot ? 43 : 42,
                        .former = w->former,
                        .memory = { .uuid = w->newcomer ? "" : "u",
                                        .store = w->newcomer ? "" : "store",
                                        .newcomer = w->core && !w->former.uuid && core_memory(w->core)->newcomer,
                                        .draining = w->remembered_drain.draining,
                                        .draining_boot = w->remembered_drain.draining_boot,
                                        .undrained = w->remembered_drain.undrained },
        });
}

void world_connect(World *w) {
        world_step(w, (Event){ .kind = EVENT_CONFIGURE,
                                      .config = { .unit = "a.service",
                                                      .lease = "a.service",
                                                      .stop_grace = USEC_INFINITY,
                                                      .timeout_stop = 90 * USEC_PER_SEC,
                                                      .hold_down_release = 30 * USEC_PER_SEC,
                                                      .hold_down_failure = 60 * USEC_PER_SEC } });
        world_step(w, (Event){ .kind = EVENT_GUARD_UP });
        if (w->guard.index)
                say_guard(w, "a.service");
        if (w->keeps)
                world_step(w, (Event){ .kind = EVENT_GUARD_KEEPS, .on = true });
        world_step(w, (Event){ .kind = EVENT_GUARD_SYNCED });
        world_say_unit(w);
}

void world_restart(World *w, const char *session) {
        Core *before = w->core;

        w->core = make_core(w, session);
        core_free(before);
}

World *world_new(void) {
        World *w = calloc(1, sizeof(World));
        MetaRecord meta = { .uuid = "u", .format = 1 };

        assert_non_null(w);
        w->now.boottime = 1000 * USEC_PER_SEC;
        w->revision = 1;
        w->unit.empty = w->unit.gate_loaded = true;
        world_put(w, RECORD_META, "", &meta);
        w->core = make_core(w, NULL);
        return w;
}

void world_free(World *w) {
        core_free(w->core);
        action_free(&w->late);
        free(w);
}

LeaseRecord *world_lease(World *w) {
        Entry *e = world_find(w, RECORD_LEASE, "a.service");

        assert_non_null(e);
        return &e->value.lease;
}

World *world_running(void) {
        World *w = world_new();

        world_connect(w);
        world_pass(w, USEC_PER_SEC);
        assert_string_equal(world_lease(w)->session, w->session);
        assert_true(w->guard.open);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        return w;
}

/* Somebody else's session that holds the lease at index 7. */
void world_add_them(World *w) {
        LeaseRecord l = { .state = LEASE_HELD, .machine_id = THEM, .session = THEIR_SESSION, .index = 7 };
        BeatRecord b = { .machine_id = THEM, .nonce = "0000000000000bad-1" };
        static const FenceRecord f;

        w->revision++;
        world_put(w, RECORD_LEASE, "a.service", &l);
        world_put(w, RECORD_BEAT, THEIR_SESSION, &b);
        world_put(w, RECORD_FENCE, THEIR_SESSION, &f);
}

void world_beat_them(World *w) {
        w->revision++;
        world_find(w, RECORD_BEAT, THEIR_SESSION)->revision = w->revision;
}

/* ---- promises ---- */

void world_rob_us(World *w) {
        LeaseRecord l = *world_lease(w);
        FenceRecord *f = &world_find(w, RECORD_FENCE, w->session)->value.fence;

        (void) lease_add_debt(&l, w->session, l.index);
        str_copy(l.session, sizeof(l.session), THEIR_SESSION);
        l.index++;
        w->revision++;
        world_put(w, RECORD_LEASE, "a.service", &l);
        fence_add_name(f, "a.service");
        world_find(w, RECORD_FENCE, w->session)->revision = w->revision;
}
