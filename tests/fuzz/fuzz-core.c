/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One core, and a world that says anything in any order: records that contradict one another, answers to what was
 * asked and to what was not, a guard and a PID 1 that lie, an operator who says everything at once. No promise can
 * hold in such a world but these: the core lives, comes to rest, and asks for nothing that is malformed. (That no unit
 * runs twice is checked where the world obeys the registry's contract: fuzz-simulation.)
 */
#include "core/core.h"
#include "fuzz.h"
#include "registry/record-json.h"

enum { PENDING_MAX = 64 };

typedef struct Run {
        Core *core;
        Now now;
        Input in;
        uint64_t revision;
        char session[SESSION_SIZE]; /* the core's own, once it has one */
        uint64_t txns[PENDING_MAX], reads[PENDING_MAX];
        size_t n_txns, n_reads;
        uint64_t gate_opened; /* mask of the units whose gate was asked for */
} Run;

static const char *const machines[] = { "00000000000000000000000000000001", "00000000000000000000000000000002",
        "00000000000000000000000000000003", "" };
static const char *const names[] = { "a.service", "b.service", "c@1.timer", "d" };
static const char *const places[] = { "region=eu", "region=eu rack=a", "", "rack=b" };

static const char *pick(Run *r, const char *const *list, size_t n) {
        return list[input_byte(&r->in) % n];
}

static const char *pick_session(Run *r) {
        static const char *const sessions[] = { "00000000000000aa-10000", "00000000000000bb-2000", "period-5000", "",
                "x" };
        uint8_t b = input_byte(&r->in);

        return b % 2 && *r->session ? r->session : sessions[b / 2 % ELEMENTSOF(sessions)];
}

static uint64_t pick_number(Run *r) {
        static const uint64_t numbers[] = { 0, 1, 2, 3, 7, 1000, UINT64_C(1700000000000000), INT64_MAX - 1,
                INT64_MAX };
        uint8_t b = input_byte(&r->in);

        return b < 128 ? numbers[b % ELEMENTSOF(numbers)] : input_number(&r->in, 2);
}

static void fill_lease(Run *r, LeaseRecord *l) {
        l->state = input_byte(&r->in) % _LEASE_STATE_MAX;
        str_copy(l->machine_id, sizeof(l->machine_id), pick(r, machines, ELEMENTSOF(machines)));
        str_copy(l->session, sizeof(l->session), pick_session(r));
        l->index = pick_number(r);
        l->version = (int64_t) pick_number(r);
        l->since = pick_number(r);
        l->period = input_byte(&r->in) % 4 ? (usec_t) 0 : pick_number(r);
        l->renewed = l->period ? pick_number(r) : 0;
        l->last_trigger = pick_number(r);
        for (size_t n = input_byte(&r->in) % 4; n > 0; n--)
                (void) lease_add_debt(l, pick_session(r), pick_number(r));
        if (input_byte(&r->in) % 2)
                lease_end_tenure(l, pick_number(r), WHY_RELEASED);
}

static void fill_value(Run *r, RecordKind kind, RecordValue *v) {
        memset(v, 0, sizeof(*v));
        switch (kind) {
        case RECORD_META:
                (void) snprintf(v->meta.uuid, sizeof(v->meta.uuid), "uuid-%u", input_byte(&r->in) % 2u);
                v->meta.index_floor = pick_number(r);
                v->meta.format = 1 + input_byte(&r->in) / 200u;
                break;
        case RECORD_MACHINE:
                str_copy(v->machine.hostname, sizeof(v->machine.hostname), "host");
                str_copy(v->machine.session, sizeof(v->machine.session), pick_session(r));
                str_copy(v->machine.boot_id, sizeof(v->machine.boot_id), pick(r, machines, ELEMENTSOF(machines)));
                str_copy(v->machine.metadata, sizeof(v->machine.metadata), pick(r, places, ELEMENTSOF(places)));
                v->machine.draining = input_byte(&r->in) % 4 == 0;
                break;
        case RECORD_BEAT:
                str_copy(v->beat.machine_id, sizeof(v->beat.machine_id), pick(r, machines, ELEMENTSOF(machines)));
                record_format_nonce("0000000000000001", pick_number(r), v->beat.nonce);
                break;
        case RECORD_FENCE:
                for (size_t n = input_byte(&r->in) % 70; n > 0; n--)
                        fence_add_name(&v->fence, pick(r, names, ELEMENTSOF(names)));
                v->fence.counter += input_byte(&r->in) % 200;
                v->fence.keeps = v->fence.counter % 8 == 7;
                if (v->fence.keeps)
                        str_copy(v->fence.keeper, sizeof(v->fence.keeper), machines[0]);
                break;
        case RECORD_LEASE:
                fill_lease(r, &v->lease);
                break;
        case RECORD_REQUEST:
                v->request.verb = input_byte(&r->in) % _REQUEST_VERB_MAX;
                v->request.stage = input_byte(&r->in) % _REQUEST_STAGE_MAX;
                str_copy(v->request.unit, sizeof(v->request.unit), pick(r, names, ELEMENTSOF(names)));
                str_copy(v->request.machine_id, MACHINE_SIZE, pick(r, machines, ELEMENTSOF(machines)));
                v->request.index = pick_number(r);
                v->request.within = pick_number(r);
                break;
        case RECORD_PAUSE:
                v->pause.stage = input_byte(&r->in) % _PAUSE_STAGE_MAX;
                v->pause.fell_back = input_byte(&r->in) % 4 == 0;
                break;
        default:
                str_copy(v->offer.lease, sizeof(v->offer.lease), pick(r, names, ELEMENTSOF(names)));
                v->offer.version = (int64_t) pick_number(r);
                str_copy(v->offer.why, sizeof(v->offer.why), input_byte(&r->in) % 2 ? "" : "drains");
                v->offer.until = pick_number(r);
        }
}

static void fill_record(Run *r, Record *record, RecordValue *value, char name[static RECORD_NAME_SIZE]) {
        RecordKind kind = input_byte(&r->in) % _RECORD_KIND_MAX;
        uint8_t what = input_byte(&r->in);

        name[0] = '\0';
        if (kind == RECORD_MACHINE)
                str_copy(name, RECORD_NAME_SIZE, machines[what % 3]);
        else if (kind == RECORD_BEAT || kind == RECORD_FENCE)
                str_copy(name, RECORD_NAME_SIZE, pick_session(r));
        else if (kind == RECORD_LEASE)
                str_copy(name, RECORD_NAME_SIZE, names[what % ELEMENTSOF(names)]);
        else if (kind == RECORD_OFFER)
                (void) snprintf(name, RECORD_NAME_SIZE, "%s/%s", machines[what % 3], names[what % ELEMENTSOF(names)]);
        else if (kind == RECORD_REQUEST)
                request_format_name(machines[what % 3], pick_session(r), what % 2, name);
        *record = (Record){ .kind = kind, .name = name };
        switch (what / 8 % 8) {
        case 0:
                return; /* there is none */
        case 1:
                record->damaged = true;
                break;
        default:
                fill_value(r, kind, value);
                record->value = value;
        }
        record->mod_revision = what % 16 ? r->revision : (uint64_t) input_byte(&r->in) + 1;
}

static void check_action(Run *r, const Action *a) {
        switch (a->kind) {
        case ACTION_TXN:
                must(a->id > 0 && a->timeout > 0 && a->timeout < USEC_PER_HOUR);
                must(a->txn.n_compares <= 128 && a->txn.n_puts + a->txn.n_deletes <= 128);
                for (size_t i = 0; i < a->txn.n_puts; i++) {
                        _cleanup_free_ char *text = NULL;
                        char key[RECORD_NAME_SIZE + 16];

                        must(record_key(a->txn.puts[i].kind, a->txn.puts[i].name, key, sizeof(key)) == 0);
                        must(record_encode(a->txn.puts + i, NULL, 0, &text) == 0);
                }
                if (r->n_txns < PENDING_MAX)
                        r->txns[r->n_txns++] = a->id;
                break;
        case ACTION_READ:
                must(a->id > 0 && a->timeout > 0 && (a->n_keys > 0 || a->list_kinds != 0));
                if (r->n_reads < PENDING_MAX)
                        r->reads[r->n_reads++] = a->id;
                break;
        case ACTION_LISTEN:
                must(a->beats_from && session_ttl(a->session) > 0);
                break;
        case ACTION_SESSION:
                must(session_ttl(a->session) > 0);
                str_copy(r->session, sizeof(r->session), a->session);
                break;
        case ACTION_GUARD_ARM:
                must(a->unit && a->index > 0 && a->t0 <= r->now.boottime && a->stop <= a->kill);
                break;
        case ACTION_GUARD_BEAT:
        case ACTION_GUARD_KEEP:
                must(a->t0 <= r->now.boottime);
                break;
        case ACTION_GATE_OPEN:
                must(a->unit && a->index > 0);
                break;
        case ACTION_UNIT_START:
        case ACTION_UNIT_STOP:
        case ACTION_GATE_CLOSE:
        case ACTION_GUARD_DISARM:
        case ACTION_GUARD_LOSE:
                must(a->unit && *a->unit);
                break;
        default:
                break;
        }
}

static void step(Run *r, const Event *e) {
        size_t n;
        const Action *actions = core_step(r->core, r->now, e, &n);

        for (size_t i = 0; i < n; i++)
                check_action(r, actions + i);
}

static void pass(Run *r) {
        usec_t to = usec_add(r->now.boottime, input_number(&r->in, 4) % (3 * USEC_PER_MINUTE));
        unsigned steps = 0;

        for (usec_t next; (next = core_next_deadline(r->core)) <= to;) {
                /* It is awake for so many steps at the most: units, leases and their retries, not a loop without end.
                 */
                must(steps++ < 20000);
                r->now.boottime = MAX(r->now.boottime, next);
                step(r, &(Event){ .kind = EVENT_DEADLINE });
        }
        r->now.boottime = to;
        r->now.realtime = usec_add(UINT64_C(1700000000000000), to);
        if (input_byte(&r->in) % 16 == 0) /* somebody sets the clock */
                r->now.realtime = pick_number(r);
}

static void answer(Run *r, EventKind kind, uint64_t *pending, size_t *n_pending) {
        RecordValue values[3];
        char record_names[3][RECORD_NAME_SIZE];
        Record records[3];
        Event e = { .kind = kind };
        size_t which = input_byte(&r->in);
        bool was_pending = *n_pending > 0;

        e.id = 1 + which;
        if (was_pending) {
                which %= *n_pending;
                e.id = pending[which];
                pending[which] = pending[--*n_pending];
        }
        e.answer.outcome = input_byte(&r->in) % 3;
        if (kind != EVENT_TXN && e.answer.outcome == OUTCOME_REFUSED)
                e.answer.outcome = OUTCOME_COMMITTED;
        r->revision += input_byte(&r->in) % 4 ? 1 : 0;
        e.answer.revision = input_byte(&r->in) % 16 ? r->revision : pick_number(r);
        e.answer.store = input_byte(&r->in) % 16 ? "store" : "another";
        if (kind != EVENT_TXN) {
                uint8_t how = input_byte(&r->in);

                e.answer.complete = how % 2 ? RECORD_ALL : input_byte(&r->in) & RECORD_ALL;
                e.answer.list = e.answer.complete ? how >> 1 & 3 : 0;
                e.answer.begins = e.answer.list && how & 8;
                e.answer.goes_on = e.answer.list && how & 16;
                if (e.answer.goes_on && was_pending)
                        pending[(*n_pending)++] = e.id;
        }
        if (kind == EVENT_READ && e.answer.complete == 0)
                e.answer.since = r->revision - which % 8;
        e.answer.total = which % 4;
        e.answer.n_records = input_byte(&r->in) % 4;
        for (size_t i = 0; i < e.answer.n_records; i++)
                fill_record(r, records + i, values + i, record_names[i]);
        e.answer.records = records;
        step(r, &e);
}

static void configure(Run *r) {
        Placement placement = {};
        uint8_t bits = input_byte(&r->in);
        const char *unit = pick(r, names, ELEMENTSOF(names));
        Event e = { .kind = EVENT_CONFIGURE };

        str_copy(placement.require, sizeof(placement.require), bits & 1 ? "region=eu" : "");
        e.config = (UnitConfig){
                .unit = unit,
                .lease = bits & 2 ? unit : "shared",
                .stop_grace = bits & 4 ? USEC_INFINITY : pick_number(r),
                .timeout_stop = bits & 8 ? USEC_INFINITY : pick_number(r),
                .version = (int64_t) pick_number(r),
                .hold_down_release = 30 * USEC_PER_SEC,
                .hold_down_failure = USEC_PER_MINUTE,
                .release_on_success = bits & 16,
                .hold_on_failure = bits & 32,
                .global = (bits & 0xc0) == 0xc0,
                .placement = bits & 1 ? &placement : NULL,
        };
        step(r, &e);
}

static void report(Run *r) {
        uint8_t bits = input_byte(&r->in), how;
        Event e = { .kind = EVENT_UNIT, .unit = pick(r, names, ELEMENTSOF(names)) };

        how = input_byte(&r->in);
        e.report = (UnitReport){
                .known = bits & 1,
                .job = bits & 2,
                .empty = bits & 4,
                .gate_loaded = bits & 8,
                .failed = bits & 16,
                .asked_at = r->now.boottime,
                .active = how % _ACTIVE_STATE_MAX,
                .ended_by = bits & 32 ? how / _ACTIVE_STATE_MAX % (ENDED_BY_CRASH + 1) : ENDED_BY_ITSELF,
                .obstacle = how / 64 % (OBSTACLE_SLICE + 1),
                .other = how & 32 ? names[0] : NULL,
                .run = input_byte(&r->in) % 4,
                .last_trigger = bits & 64 ? pick_number(r) : (usec_t) 0,
                .ended_at = bits & 128 ? pick_number(r) : (usec_t) 0,
        };
        step(r, &e);
}

static void guard(Run *r) {
        static const EventKind kinds[] = { EVENT_GUARD_UP, EVENT_GUARD_SYNCED, EVENT_GUARD_DOWN, EVENT_GUARD_GONE };
        uint8_t b = input_byte(&r->in);
        Event e = { .kind = EVENT_GUARD, .unit = pick(r, names, ELEMENTSOF(names)) };

        if (b % 4 == 0)
                e = (Event){ .kind = kinds[b / 4 % ELEMENTSOF(kinds)] };
        else {
                e.guard = (GuardReport){
                        .index = pick_number(r), .open = b & 8, .expired = b & 16, .serial = pick_number(r)
                };
                e.lease = b & 32 ? names[b / 64] : NULL;
                e.index = e.guard.index + (b & 4);
        }
        step(r, &e);
}

static void say(Run *r) {
        static const EventKind kinds[] = { EVENT_RELEASE, EVENT_TRANSFER, EVENT_STEAL, EVENT_REARM, EVENT_DRAIN,
                EVENT_METADATA, EVENT_TTL, EVENT_ACCEPT, EVENT_FORGET, EVENT_SLEEP, EVENT_SHUTDOWN, EVENT_FAILED,
                EVENT_RUN, EVENT_WITHDRAW, EVENT_CONFIRM, EVENT_FENCED, EVENT_STOP, EVENT_START, EVENT_RESTART,
                EVENT_REQUEST };
        Event e = { .kind = kinds[input_byte(&r->in) % ELEMENTSOF(kinds)], .unit = pick(r, names, ELEMENTSOF(names)) };

        e.on = input_byte(&r->in) % 2;
        e.index = pick_number(r);
        if (e.kind == EVENT_METADATA)
                e.metadata = pick(r, places, ELEMENTSOF(places));
        else if (e.kind == EVENT_ACCEPT)
                e.uuid = input_byte(&r->in) % 2 ? "uuid-0" : "uuid-1";
        else if (e.kind == EVENT_TRANSFER || e.kind == EVENT_DRAIN || e.kind == EVENT_CONFIRM ||
                        e.kind == EVENT_REQUEST)
                e.machine_id = machines[input_byte(&r->in) % 3];
        if (e.kind == EVENT_TTL)
                e.span = (2 + input_byte(&r->in) % 59) * USEC_PER_SEC;
        else if (e.kind == EVENT_SLEEP)
                e.span = input_number(&r->in, 3);
        if (e.kind == EVENT_FAILED) {
                e.action = input_byte(&r->in) % 2 ? ACTION_GATE_OPEN : ACTION_UNIT_START;
                e.id = pick_number(r);
        } else if (e.kind == EVENT_RUN || e.kind == EVENT_WITHDRAW || e.kind == EVENT_REQUEST)
                e.id = 1 + input_byte(&r->in) % 4;
        if (e.kind == EVENT_REQUEST)
                e.verb = e.index % _REQUEST_VERB_MAX;
        if (e.kind == EVENT_RUN)
                e.config = (UnitConfig){ .unit = e.unit,
                        .lease = e.index & 1 ? e.unit : "shared",
                        .stop_grace = USEC_INFINITY,
                        .timeout_stop = 10 * USEC_PER_SEC,
                        .once = true };
        step(r, &e);
}

static void call(Run *r) {
        Event e = { .kind = EVENT_CALL, .id = 1 + input_byte(&r->in) };

        e.call = (Call){
                .kind = input_byte(&r->in) % 4,
                .lease = pick(r, names, ELEMENTSOF(names)),
                .machine = pick(r, machines, ELEMENTSOF(machines)),
                .version = (int64_t) pick_number(r),
                .period = input_byte(&r->in) * USEC_PER_SEC / 2,
                .index = pick_number(r),
        };
        step(r, &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        Run r = { .in = { data, size }, .now = { USEC_PER_HOUR, UINT64_C(1700000000000000) } };
        CoreConfig config = {
                .machine_id = machines[0],
                .boot_id = machines[0],
                .hostname = "us",
                .version = "1",
                .metadata = "region=eu",
                .ttl = 10 * USEC_PER_SEC,
                .seed = 42,
        };

        if (input_byte(&r.in) % 2)
                config.session = "00000000000000cc-10000";
        r.core = core_new(&config);
        must(r.core);
        while (r.in.size > 0) {
                switch (input_byte(&r.in) % 10) {
                case 0:
                        pass(&r);
                        break;
                case 1:
                        answer(&r, EVENT_TXN, r.txns, &r.n_txns);
                        break;
                case 2:
                        answer(&r, EVENT_READ, r.reads, &r.n_reads);
                        break;
                case 3: {
                        size_t none = 0;

                        answer(&r, EVENT_RECORDS, r.reads, &none);
                        break;
                }
                case 4:
                        configure(&r);
                        break;
                case 5:
                case 6:
                        report(&r);
                        break;
                case 7:
                        guard(&r);
                        break;
                case 8:
                        say(&r);
                        break;
                default:
                        call(&r);
                }
        }
        core_free(r.core);
        return 0;
}
