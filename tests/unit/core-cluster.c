/* SPDX-License-Identifier: Apache-2.0 */
#include "core-cluster.h"

#include <stdio.h>

#include "core-actions.h"

/* ---- the registry ---- */

enum { PART = 250 }; /* records of a list that come in one event */

static ClusterEntry *find_entry(Cluster *c, RecordKind kind, const char *name) {
        char key[RECORD_NAME_SIZE + 2];
        ClusterEntry *e;

        (void) snprintf(key, sizeof(key), "%d/%s", (int) kind, name);
        HASH_FIND_STR(c->entries, key, e);
        return e;
}

static uint64_t revision_of(Cluster *c, const Key *k) {
        const ClusterEntry *e = find_entry(c, k->kind, k->name);

        return e ? e->revision : 0;
}

static void put(Cluster *c, RecordKind kind, const char *name, const void *value) {
        ClusterEntry *e = find_entry(c, kind, name);

        if (!e) {
                e = calloc(1, sizeof(*e));
                assert_non_null(e);
                e->kind = kind;
                str_copy(e->name, sizeof(e->name), name);
                (void) snprintf(e->key, sizeof(e->key), "%d/%s", (int) kind, name);
                HASH_ADD_STR(c->entries, key, e);
        }
        free(e->value);
        e->value = value ? memcpy(malloc(record_value_size(kind)), value, record_value_size(kind)) : NULL;
        e->revision = value ? c->revision : 0;
}

static Record as_record(const ClusterEntry *e) {
        return (Record){ .kind = e->kind, .name = e->name, .mod_revision = e->revision, .value = e->value };
}

static void carry_out(Cluster *c, size_t machine, const Action *a);

static unsigned count_txns(const Action *actions, size_t n) {
        unsigned txns = 0;

        for (size_t i = 0; i < n; i++)
                txns += actions[i].kind == ACTION_TXN;
        return txns;
}

void cluster_event(Cluster *c, size_t machine, Event e) {
        ClusterMachine *m = c->machines + machine;
        const Action *actions;
        size_t n;

        CoreWork before, after;

        if (!m->core)
                return;
        before = core_work(m->core);
        c->now++;
        actions = core_step(m->core, (Now){ .boottime = c->now, .realtime = c->now + 1000000 * USEC_PER_SEC }, &e, &n);
        after = core_work(m->core);
        m->most.looks = MAX(m->most.looks, after.looks - before.looks);
        m->most.pairs = MAX(m->most.pairs, after.pairs - before.pairs);
        m->most.meetings = MAX(m->most.meetings, after.meetings - before.meetings);
        m->most_txns = MAX(m->most_txns, count_txns(actions, n));
        for (size_t i = 0; i < n; i++) {
                if (c->n_queue == c->room) {
                        c->room = MAX((size_t) 1024, 2 * c->room);
                        c->queue = realloc(c->queue, c->room * sizeof(ClusterAction));
                        assert_non_null(c->queue);
                }
                c->queue[c->n_queue++] = (ClusterAction){ .machine = machine, .action = action_copy(actions + i) };
        }
        if (c->busy)
                return;
        c->busy = true;
        for (size_t i = 0; i < c->n_queue; i++) {
                Action action = c->queue[i].action;

                if (c->machines[c->queue[i].machine].core)
                        carry_out(c, c->queue[i].machine, &action);
                action_free(&action);
        }
        c->n_queue = 0;
        c->busy = false;
}

static void tell_all(Cluster *c, const Record *records, size_t n) {
        for (size_t i = 0; i < c->n_machines; i++)
                cluster_event(c, i,
                                (Event){ .kind = EVENT_RECORDS,
                                                .answer = { .revision = c->revision,
                                                                .store = "s",
                                                                .records = records,
                                                                .n_records = n } });
}

void cluster_put(Cluster *c, RecordKind kind, const char *name, const void *value) {
        Record r;

        c->revision++;
        put(c, kind, name, value);
        r = as_record(find_entry(c, kind, name));
        tell_all(c, &r, 1);
}

/* A long list comes in parts. */
static void deliver(Cluster *c, size_t machine, Event e) {
        const Record *records = e.answer.records;
        size_t n = e.answer.n_records, taken = 0;

        if (e.answer.complete && n > PART)
                e.answer.list = ++c->lists;
        do {
                e.answer.records = records + taken;
                e.answer.n_records = e.answer.list ? MIN(n - taken, (size_t) PART) : n;
                e.answer.begins = e.answer.list && taken == 0;
                taken += e.answer.n_records;
                e.answer.goes_on = taken < n;
                cluster_event(c, machine, e);
        } while (taken < n);
}

static void do_read(Cluster *c, size_t machine, const Action *a) {
        Record *records = calloc(HASH_COUNT(c->entries) + a->n_keys + 1, sizeof(Record));
        Event e = { .kind = EVENT_READ,
                .id = a->id,
                .answer = { .store = "s", .revision = c->revision, .records = records } };

        for (ClusterEntry *f = c->entries; f; f = f->hh.next) {
                if (!(a->list_kinds & 1u << f->kind) || !f->revision)
                        continue;
                e.answer.total++;
                if (a->since > 0 && f->revision > a->since)
                        continue;
                records[e.answer.n_records] = as_record(f);
                if (a->since > 0) {
                        records[e.answer.n_records].value = NULL;
                        records[e.answer.n_records].damaged = false;
                        records[e.answer.n_records].bare = true;
                }
                e.answer.n_records++;
        }
        for (size_t i = 0; i < a->n_keys; i++) {
                ClusterEntry *f = find_entry(c, a->keys[i].kind, a->keys[i].name);

                records[e.answer.n_records++] =
                                f ? as_record(f) : (Record){ .kind = a->keys[i].kind, .name = a->keys[i].name };
        }
        e.answer.since = a->since == UINT64_MAX ? 0 : a->since;
        e.answer.complete = e.answer.since > 0 ? 0 : a->list_kinds;
        deliver(c, machine, e);
        free(records);
}

static void do_txn(Cluster *c, size_t machine, const Action *a) {
        Record records[160];
        Event e = { .kind = EVENT_TXN, .id = a->id, .answer = { .store = "s", .records = records } };
        unsigned lease = 0, offer = 0;

        for (size_t i = 0; i < a->txn.n_compares; i++) {
                const Key *k = a->txn.compares + i;
                ClusterEntry *f = find_entry(c, k->kind, k->name);

                if (revision_of(c, k) != k->mod_revision)
                        e.answer.outcome = OUTCOME_REFUSED;
                records[e.answer.n_records++] = f ? as_record(f) : (Record){ .kind = k->kind, .name = k->name };
        }
        for (size_t i = 0; i < a->txn.n_puts; i++) {
                lease += a->txn.puts[i].kind == RECORD_LEASE;
                offer += a->txn.puts[i].kind == RECORD_OFFER;
                if (c->poisoned && a->txn.puts[i].kind == RECORD_LEASE && streq(a->txn.puts[i].name, c->poisoned)) {
                        cluster_event(c, machine,
                                        (Event){ .kind = EVENT_TXN, .id = a->id, .answer.outcome = OUTCOME_UNKNOWN });
                        return;
                }
        }
        c->lease_txns += lease > 0;
        c->offer_txns += offer > 0;
        c->most_leases = MAX(c->most_leases, lease);
        if (e.answer.outcome == OUTCOME_REFUSED)
                c->refused += lease > 0;
        else {
                c->revision++;
                e.answer.n_records = 0;
                for (size_t i = 0; i < a->txn.n_puts; i++)
                        put(c, a->txn.puts[i].kind, a->txn.puts[i].name, a->txn.puts[i].value);
                for (size_t i = 0; i < a->txn.n_deletes; i++)
                        put(c, a->txn.deletes[i].kind, a->txn.deletes[i].name, NULL);
        }
        e.answer.revision = c->revision;
        cluster_event(c, machine, e);
        if (e.answer.outcome == OUTCOME_REFUSED)
                return;
        for (size_t i = 0; i < a->txn.n_puts; i++)
                records[i] = as_record(find_entry(c, a->txn.puts[i].kind, a->txn.puts[i].name));
        for (size_t i = 0; i < a->txn.n_deletes; i++)
                records[a->txn.n_puts + i] =
                                (Record){ .kind = a->txn.deletes[i].kind, .name = a->txn.deletes[i].name };
        tell_all(c, records, a->txn.n_puts + a->txn.n_deletes);
}

static bool puts_lease(const Action *a) {
        for (size_t i = 0; i < a->txn.n_puts; i++)
                if (a->txn.puts[i].kind == RECORD_LEASE)
                        return true;
        return false;
}

static void begin_txn(Cluster *c, size_t machine, const Action *a) {
        ClusterMachine *m = c->machines + machine;

        if (m->slowness == 0 || !puts_lease(a)) {
                do_txn(c, machine, a);
                return;
        }
        if (m->n_late == 0)
                m->late_at = c->now + m->slowness;
        assert_in_range(m->n_late, 0, ELEMENTSOF(m->late) - 1);
        m->late[m->n_late++] = action_copy(a);
}

/* The first of a slow machine's Txns is carried out. */
static void end_late(Cluster *c, size_t machine) {
        ClusterMachine *m = c->machines + machine;
        Action a = m->late[0];

        m->n_late--;
        memmove(m->late, m->late + 1, m->n_late * sizeof(Action));
        m->late_at = c->now + m->slowness;
        if (m->core)
                do_txn(c, machine, &a);
        action_free(&a);
}

/* ---- guard and PID 1 ---- */

static size_t unit_of(const Cluster *c, const char *name) {
        size_t i = strtoul(name + strlen("unit"), NULL, 10);

        assert_true(i < c->n_units && streq(c->names[i], name));
        return i;
}

static void say_guard(Cluster *c, size_t machine, size_t unit, uint64_t serial) {
        Event e = { .kind = EVENT_GUARD, .unit = c->names[unit], .guard = c->machines[machine].units[unit].guard };

        e.guard.serial = serial;
        e.lease = serial == 0 ? c->machines[machine].units[unit].file : NULL;
        e.index = e.guard.index;
        cluster_event(c, machine, e);
}

void cluster_say_unit(Cluster *c, size_t machine, size_t unit) {
        UnitReport *r = &c->machines[machine].units[unit].report;

        r->known = true;
        r->asked_at = ++c->now;
        cluster_event(c, machine, (Event){ .kind = EVENT_UNIT, .unit = c->names[unit], .report = *r });
}

static void count_moving(Cluster *c, size_t machine) {
        unsigned moving = 0;

        for (const Unit *u = c->machines[machine].core->units; u; u = u->hh.next)
                moving += u->life.phase >= PHASE_CLOSING;
        c->most_moving = MAX(c->most_moving, moving);
}

static void carry_out_unit(Cluster *c, size_t machine, const Action *a) {
        size_t unit = unit_of(c, a->unit);
        ClusterUnit *u = c->machines[machine].units + unit;

        switch (a->kind) {
        case ACTION_GUARD_ARM:
                if (u->guard.index != a->index)
                        u->guard = (GuardReport){ .index = a->index };
                break;
        case ACTION_GATE_OPEN:
                u->guard.open = true;
                break;
        case ACTION_GATE_CLOSE:
                u->guard.open = false;
                break;
        case ACTION_GUARD_LOSE:
                u->guard = (GuardReport){ .index = a->index, .expired = true };
                break;
        case ACTION_GUARD_DISARM:
                u->guard = (GuardReport){};
                break;
        case ACTION_UNIT_START:
                u->starts++;
                u->report.active = ACTIVE_ACTIVE;
                u->report.empty = false;
                u->report.run++;
                return;
        case ACTION_UNIT_STOP:
                count_moving(c, machine);
                if (u->slow && u->report.active == ACTIVE_ACTIVE)
                        u->report.active = ACTIVE_DEACTIVATING;
                if (u->slow)
                        return;
                u->report.active = ACTIVE_INACTIVE;
                u->report.empty = true;
                return;
        default:
                cluster_say_unit(c, machine, unit);
                return;
        }
        say_guard(c, machine, unit, a->id);
}

static void carry_out(Cluster *c, size_t machine, const Action *a) {
        switch (a->kind) {
        case ACTION_TXN:
                begin_txn(c, machine, a);
                break;
        case ACTION_READ:
                do_read(c, machine, a);
                break;
        case ACTION_GUARD_ARM:
        case ACTION_GUARD_LOSE:
        case ACTION_GUARD_DISARM:
        case ACTION_GATE_OPEN:
        case ACTION_GATE_CLOSE:
                if (!c->machines[machine].deaf_guard)
                        carry_out_unit(c, machine, a);
                break;
        case ACTION_UNIT_START:
        case ACTION_UNIT_STOP:
        case ACTION_UNIT_READ:
                carry_out_unit(c, machine, a);
                break;
        case ACTION_WORD_DONE:
                c->word = a->word;
                c->why = a->reason.why;
                c->words++;
                break;
        default:
                break;
        }
}

/* ---- machines ---- */

Cluster *cluster_new(size_t n_machines, size_t n_units) {
        Cluster *c = calloc(1, sizeof(Cluster));
        MetaRecord meta = { .uuid = "u", .format = 1 };

        assert_non_null(c);
        c->n_machines = n_machines;
        c->n_units = n_units;
        c->now = 1000 * USEC_PER_SEC;
        c->revision = 1;
        c->names = calloc(n_units, sizeof(*c->names));
        c->configs = calloc(n_units, sizeof(UnitConfig));
        c->placements = calloc(n_units, sizeof(Placement));
        for (size_t i = 0; i < n_units; i++) {
                (void) snprintf(c->names[i], sizeof(c->names[i]), "unit%03u.service", (unsigned) i);
                c->configs[i] = (UnitConfig){ .unit = c->names[i],
                        .lease = c->names[i],
                        .stop_grace = USEC_INFINITY,
                        .timeout_stop = USEC_INFINITY,
                        .hold_down_release = 30 * USEC_PER_SEC,
                        .hold_down_failure = 60 * USEC_PER_SEC,
                        .placement = c->placements + i };
        }
        for (size_t i = 0; i < n_machines; i++) {
                (void) snprintf(c->machines[i].id, MACHINE_SIZE, "%08x%024d", (unsigned) i * 0x9e3779b1u + 1, 7);
                (void) snprintf(c->machines[i].hostname, sizeof(c->machines[i].hostname), "m%zu", i);
                c->machines[i].units = calloc(n_units, sizeof(ClusterUnit));
        }
        put(c, RECORD_META, "", &meta);
        return c;
}

void cluster_free(Cluster *c) {
        ClusterEntry *e, *next;

        for (size_t i = 0; i < c->n_machines; i++) {
                core_free(c->machines[i].core);
                free(c->machines[i].units);
                for (size_t k = 0; k < c->machines[i].n_late; k++)
                        action_free(&c->machines[i].late[k]);
        }
        HASH_ITER(hh, c->entries, e, next) {
                HASH_DEL(c->entries, e);
                free(e->value);
                free(e);
        }
        for (size_t i = 0; i < c->n_queue; i++)
                action_free(&c->queue[i].action);
        free(c->names);
        free(c->configs);
        free(c->placements);
        free(c->queue);
        free(c);
}

void cluster_configure(Cluster *c, size_t machine, size_t unit) {
        cluster_event(c, machine,
                        (Event){ .kind = EVENT_CONFIGURE, .unit = c->names[unit], .config = c->configs[unit] });
}

static void start_daemon(Cluster *c, size_t machine, const char *metadata, const char *session) {
        ClusterMachine *m = c->machines + machine;

        m->core = core_new(&(CoreConfig){
                        .machine_id = m->id,
                        .boot_id = m->id,
                        .hostname = m->hostname,
                        .metadata = metadata,
                        .session = session,
                        .ttl = CLUSTER_TTL,
                        .seed = machine + c->now,
                        .memory = { .uuid = "u", .store = "s" },
        });
        c->busy = true; /* as at a daemon's start: the registry answers when all is configured */
        for (size_t i = 0; i < c->n_units; i++)
                cluster_configure(c, machine, i);
        c->busy = false;
        cluster_event(c, machine, (Event){ .kind = EVENT_DEADLINE });
}

static void boot(Cluster *c, size_t machine, const char *metadata) {
        ClusterUnit *units = c->machines[machine].units;

        memset(units, 0, c->n_units * sizeof(ClusterUnit));
        for (size_t i = 0; i < c->n_units; i++)
                units[i].report.empty = units[i].report.gate_loaded = true;
        start_daemon(c, machine, metadata, NULL);
}

void cluster_restart(Cluster *c, size_t machine) {
        ClusterMachine *m = c->machines + machine;
        char session[SESSION_SIZE];

        str_copy(session, sizeof(session), m->core->own.name);
        m->core = core_free(m->core);
        start_daemon(c, machine, "", session);
        cluster_event(c, machine, (Event){ .kind = EVENT_GUARD_UP });
        for (size_t i = 0; i < c->n_units; i++)
                if (m->units[i].guard.index > 0)
                        say_guard(c, machine, i, 0);
        cluster_event(c, machine, (Event){ .kind = EVENT_GUARD_SYNCED });
        for (size_t i = 0; i < c->n_units; i++)
                cluster_say_unit(c, machine, i);
}

void cluster_start(Cluster *c, size_t machine, const char *metadata) {
        boot(c, machine, metadata);
        cluster_event(c, machine, (Event){ .kind = EVENT_GUARD_UP });
        cluster_event(c, machine, (Event){ .kind = EVENT_GUARD_SYNCED });
        for (size_t i = 0; i < c->n_units; i++)
                cluster_say_unit(c, machine, i);
}

void cluster_start_idle(Cluster *c, size_t machine) {
        boot(c, machine, "");
}

void cluster_start_all(Cluster *c) {
        for (size_t i = 0; i < c->n_machines; i++)
                cluster_start(c, i, "");
}

void cluster_power_cut(Cluster *c, size_t machine) {
        c->machines[machine].core = core_free(c->machines[machine].core);
        memset(c->machines[machine].units, 0, c->n_units * sizeof(ClusterUnit));
}

void cluster_pass(Cluster *c, usec_t span) {
        usec_t end = c->now + span;

        for (unsigned i = 0; i < 1000000; i++) {
                size_t first = 0;
                usec_t next = USEC_INFINITY;

                for (size_t m = 0; m < c->n_machines; m++)
                        if (c->machines[m].core && core_next_deadline(c->machines[m].core) < next) {
                                next = core_next_deadline(c->machines[m].core);
                                first = m;
                        }
                for (size_t m = 0; m < c->n_machines; m++)
                        if (c->machines[m].n_late > 0 && c->machines[m].late_at <= next) {
                                next = c->machines[m].late_at;
                                first = c->n_machines + m;
                        }
                if (next > end)
                        break;
                c->now = MAX(c->now, next);
                if (first >= c->n_machines)
                        end_late(c, first - c->n_machines);
                else
                        cluster_event(c, first, (Event){ .kind = EVENT_DEADLINE });
                assert_true(i < 999999); /* cores that never rest */
        }
        c->now = MAX(c->now, end);
}

/* ---- looking ---- */

int cluster_runs_on(Cluster *c, size_t unit) {
        int found = -1;

        for (size_t i = 0; i < c->n_machines; i++)
                if (c->machines[i].units[unit].report.active == ACTIVE_ACTIVE) {
                        assert_int_equal(found, -1);
                        found = (int) i;
                }
        return found;
}

void *cluster_record(Cluster *c, RecordKind kind, const char *name) {
        ClusterEntry *e = find_entry(c, kind, name);

        assert_non_null(e);
        assert_non_null(e->value);
        return e->value;
}

LeaseRecord *cluster_lease(Cluster *c, size_t unit) {
        ClusterEntry *e = find_entry(c, RECORD_LEASE, c->names[unit]);

        assert_non_null(e);
        return e->value;
}

void cluster_touch_lease(Cluster *c, size_t unit) {
        find_entry(c, RECORD_LEASE, c->names[unit])->revision = ++c->revision;
}

size_t cluster_count(Cluster *c, size_t machine) {
        size_t n = 0;

        for (size_t i = 0; i < c->n_units; i++)
                n += c->machines[machine].units[i].report.active == ACTIVE_ACTIVE;
        return n;
}

typedef struct Search {
        const char *machine;
        WhyNotView view;
        char why[WHY_TEXT_SIZE];
} Search;

static int take_why(const WhyNotView *v, void *userdata) {
        Search *s = userdata;

        if (!streq(v->machine_id, s->machine))
                return 0;
        assert_null(s->view.machine_id); /* one line for each */
        s->view = *v;
        (void) why_text(v->reason, s->why);
        return 0;
}

static const Search *look_for(Cluster *c, size_t observer, size_t unit, size_t machine) {
        static Search s;

        s = (Search){ .machine = c->machines[machine].id, .why = "(not listed)" };
        (void) core_each_why_not(
                        c->machines[observer].core, (Now){ .boottime = c->now }, c->names[unit], take_why, &s);
        return &s;
}

const WhyNotView *cluster_standing(Cluster *c, size_t observer, size_t unit, size_t machine) {
        return &look_for(c, observer, unit, machine)->view;
}

const char *cluster_why_not(Cluster *c, size_t observer, size_t unit, size_t machine) {
        return look_for(c, observer, unit, machine)->why;
}

bool cluster_is_stuck(Cluster *c, size_t observer, size_t unit) {
        return core_is_stuck(c->machines[observer].core, (Now){ .boottime = c->now }, c->names[unit]);
}
