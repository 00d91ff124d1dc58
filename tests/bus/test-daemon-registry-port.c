/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Between core and registry: every action ends in one event, and nothing that a record says is lost or made up on the
 * way. The registry is a puppet of this test: it notes what it is asked, and answers when told.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "daemon/registry-port.h"
#include "registry/record-json.h"

#define SESSION "0123456789abcdef-10000"
#define MACHINE "0123456789abcdef0123456789abcdef"
#define TIMEOUT (USEC_PER_SEC / 2)

/* ---- the puppet ---- */

struct RegistryRequest {
        registry_answer_t f;
        void *userdata;
        bool freed;
};

typedef struct Puppet {
        Registry registry;
        RegistryRequest request; /* one at a time is enough */
        bool busy;
        int refuse; /* what the next request returns instead of being made */
        usec_t timeout;
        char asked[4096]; /* the last request, as text */
        char put[4096];   /* the value of its first put */
        registry_change_t change;
        void *change_userdata;
} Puppet;

static void note(Puppet *p, const char *format, ...) _printf_(2, 3);

static void note(Puppet *p, const char *format, ...) {
        size_t n = strlen(p->asked);
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(p->asked + n, sizeof(p->asked) - n, format, ap);
        va_end(ap);
}

static int begin(Puppet *p, usec_t timeout, registry_answer_t f, void *userdata, RegistryRequest **ret) {
        if (p->refuse < 0)
                return p->refuse;
        assert_false(p->busy);
        p->busy = true;
        p->timeout = timeout;
        p->request = (RegistryRequest){ .f = f, .userdata = userdata };
        *ret = &p->request;
        return 0;
}

static int puppet_get(Registry *r, const char *const *keys, size_t n, usec_t timeout, registry_answer_t f,
                void *userdata, RegistryRequest **ret) {
        Puppet *p = (Puppet *) r;

        p->asked[0] = '\0';
        for (size_t i = 0; i < n; i++)
                note(p, "get %s;", keys[i]);
        return begin(p, timeout, f, userdata, ret);
}

static int puppet_list(Registry *r, const char *prefix, usec_t timeout, registry_answer_t f, void *userdata,
                RegistryRequest **ret) {
        Puppet *p = (Puppet *) r;

        p->asked[0] = '\0';
        note(p, "list %s;", prefix);
        return begin(p, timeout, f, userdata, ret);
}

static int puppet_txn(Registry *r, const RegistryTxn *txn, usec_t timeout, registry_answer_t f, void *userdata,
                RegistryRequest **ret) {
        Puppet *p = (Puppet *) r;

        p->asked[0] = p->put[0] = '\0';
        for (size_t i = 0; i < txn->n_compares; i++)
                note(p, "compare %s %" PRIu64 ";", txn->compares[i].key, txn->compares[i].mod_revision);
        for (size_t i = 0; i < txn->n_puts; i++)
                note(p, "put %s;", txn->puts[i].key);
        for (size_t i = 0; i < txn->n_deletes; i++)
                note(p, "delete %s;", txn->deletes[i]);
        for (size_t i = 0; i < txn->n_reads; i++)
                note(p, "read %s;", txn->reads[i]);
        if (txn->n_puts > 0)
                (void) snprintf(p->put, sizeof(p->put), "%.*s", (int) txn->puts[0].size,
                                (const char *) txn->puts[0].value);
        return begin(p, timeout, f, userdata, ret);
}

static RegistryRequest *puppet_request_free(RegistryRequest *q) {
        if (q)
                q->freed = true;
        return NULL;
}

static int puppet_watch(Registry *r, const char *prefix, registry_change_t f, void *userdata, RegistryWatch **ret) {
        Puppet *p = (Puppet *) r;

        assert_string_equal(prefix, "");
        p->change = f;
        p->change_userdata = userdata;
        *ret = (RegistryWatch *) p;
        return 0;
}

static RegistryWatch *puppet_watch_free(RegistryWatch *w) {
        ((Puppet *) w)->change = NULL;
        return NULL;
}

static const RegistryOps puppet_ops = {
        .name = "puppet",
        .get = puppet_get,
        .list = puppet_list,
        .txn = puppet_txn,
        .request_free = puppet_request_free,
        .watch = puppet_watch,
        .watch_free = puppet_watch_free,
};

static void puppet_answer(Puppet *p, const RegistryAnswer *answer) {
        assert_true(p->busy);
        p->busy = false;
        p->request.f(answer, p->request.userdata);
        assert_true(p->request.freed); /* nobody else will */
}

/* ---- what the core would get ---- */

typedef struct Seen {
        unsigned events;
        EventKind kind;
        uint64_t id, revision;
        Outcome outcome;
        unsigned complete;
        char store[32];
        struct {
                RecordKind kind;
                char name[NAME_SIZE];
                uint64_t mod_revision;
                bool damaged, value;
                uint64_t index; /* of a lease */
        } records[4];
        size_t n_records;
        uint32_t list;
        bool begins, goes_on;
} Seen;

static void on_event(const Event *e, void *userdata) {
        Seen *s = userdata;

        s->events++;
        s->kind = e->kind;
        s->id = e->id;
        s->outcome = e->answer.outcome;
        s->revision = e->answer.revision;
        s->complete = e->answer.complete;
        str_copy(s->store, sizeof(s->store), strempty(e->answer.store));
        s->n_records = e->answer.n_records;
        s->list = e->answer.list;
        s->begins = e->answer.begins;
        s->goes_on = e->answer.goes_on;
        for (size_t i = 0; i < MIN(s->n_records, ELEMENTSOF(s->records)); i++) {
                const Record *r = e->answer.records + i;

                s->records[i].kind = r->kind;
                str_copy(s->records[i].name, NAME_SIZE, r->name);
                s->records[i].mod_revision = r->mod_revision;
                s->records[i].damaged = r->damaged;
                s->records[i].value = r->value;
                s->records[i].index = r->kind == RECORD_LEASE && r->value ? r->lease->index : 0;
        }
}

typedef struct Fixture {
        Puppet puppet;
        Seen seen;
        RegistryPort *registry_port;
        sd_event *event;
} Fixture;

static int setup(void **state) {
        Fixture *f = calloc(1, sizeof(Fixture));

        f->puppet.registry.ops = &puppet_ops;
        assert_true(sd_event_new(&f->event) >= 0);
        assert_int_equal(registry_port_new(f->event, &f->puppet.registry, on_event, &f->seen, &f->registry_port), 0);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        Fixture *f = *state;

        registry_port_free(f->registry_port);
        assert_null(f->puppet.change);
        sd_event_unref(f->event);
        free(f);
        return 0;
}

/* ---- records and their texts ---- */

static LeaseRecord held_lease(uint64_t index) {
        LeaseRecord l = { .state = LEASE_HELD, .version = 3, .index = index, .since = 1764000000000000 };

        str_copy(l.machine_id, sizeof(l.machine_id), MACHINE);
        str_copy(l.session, sizeof(l.session), SESSION);
        return l;
}

static char *lease_text(uint64_t index, const char *extra) {
        LeaseRecord l = held_lease(index);
        char *text = NULL;

        assert_int_equal(record_encode(&(Record){ .kind = RECORD_LEASE, .name = "a.service", .lease = &l }, NULL, 0,
                                         &text),
                        0);
        if (extra) {
                json_t *root = json_loads(text, 0, NULL);

                assert_int_equal(json_object_set_new(root, extra, json_pack("{s:[i,i]}", "deep", 1, 2)), 0);
                free(text);
                text = json_dumps(root, JSON_COMPACT);
                json_decref(root);
        }
        return text;
}

static void put_lease(Fixture *f, uint64_t id, uint64_t revision, uint64_t index) {
        LeaseRecord l = held_lease(index);
        Key compare = { .kind = RECORD_LEASE, .name = "a.service", .mod_revision = revision };
        Record put = { .kind = RECORD_LEASE, .name = "a.service", .lease = &l };

        registry_port_txn(f->registry_port,
                        &(Action){
                                        .kind = ACTION_TXN,
                                        .id = id,
                                        .timeout = TIMEOUT,
                                        .txn = { .compares = &compare, .n_compares = 1, .puts = &put, .n_puts = 1 },
                        });
}

static void assert_put_has(const Fixture *f, const char *member, uint64_t index) {
        json_t *root = json_loads(f->puppet.put, 0, NULL);
        RecordValue value;

        assert_non_null(root);
        assert_int_equal(json_is_object(json_object_get(root, member)), 1);
        assert_int_equal(json_array_size(json_object_get(json_object_get(root, member), "deep")), 2);
        json_decref(root);
        assert_int_equal(record_decode(RECORD_LEASE, f->puppet.put, strlen(f->puppet.put), &value, NULL), 0);
        assert_int_equal(value.lease.index, index);
}

static void watch(Fixture *f, bool listed, uint64_t revision, const char *key, const char *text, uint64_t mod,
                bool gone) {
        f->puppet.change(
                        &(RegistryChange){
                                        .listed = listed,
                                        .revision = revision,
                                        .store = "store",
                                        .records = &(RegistryRecord){ .key = key,
                                                        .value = text,
                                                        .size = text ? strlen(text) : 0,
                                                        .mod_revision = mod },
                                        .deleted = &gone,
                                        .n_records = key ? 1 : 0,
                        },
                        f->puppet.change_userdata);
}

/* ---- the promises ---- */

static void members_that_we_do_not_know_survive_a_rewrite(void **state) {
        _cleanup_free_ char *text = lease_text(4, "colour");
        Fixture *f = *state;

        watch(f, true, 10, "leases/a.service", text, 9, false);
        put_lease(f, 1, 9, 5);
        assert_put_has(f, "colour", 5);
        puppet_answer(&f->puppet,
                        &(RegistryAnswer){ .outcome = REGISTRY_COMMITTED, .revision = 11, .store = "store" });

        /* Once more: now it is our own text that is rewritten. */
        put_lease(f, 2, 11, 6);
        assert_put_has(f, "colour", 6);
        puppet_answer(&f->puppet,
                        &(RegistryAnswer){ .outcome = REGISTRY_COMMITTED, .revision = 12, .store = "store" });
}

static void members_learnt_from_a_refusal_survive_too(void **state) {
        _cleanup_free_ char *text = lease_text(5, "taste");
        Fixture *f = *state;

        put_lease(f, 1, 0, 5);
        puppet_answer(&f->puppet, &(RegistryAnswer){
                                                  .outcome = REGISTRY_REFUSED,
                                                  .revision = 20,
                                                  .store = "store",
                                                  .records = &(RegistryRecord){ .key = "leases/a.service",
                                                                  .value = text,
                                                                  .size = strlen(text),
                                                                  .mod_revision = 19 },
                                                  .n_records = 1,
                                  });
        put_lease(f, 2, 19, 6);
        assert_put_has(f, "taste", 6);
        puppet_answer(&f->puppet, &(RegistryAnswer){ .outcome = REGISTRY_UNKNOWN, .error = "gone" });
}

static void an_older_text_does_not_replace_a_newer_one(void **state) {
        _cleanup_free_ char *newer = lease_text(6, "newer"), *older = lease_text(5, "older");
        Fixture *f = *state;

        watch(f, false, 30, "leases/a.service", newer, 30, false);
        watch(f, false, 29, "leases/a.service", older, 29, false);
        put_lease(f, 1, 30, 7);
        assert_put_has(f, "newer", 7);
        puppet_answer(&f->puppet, &(RegistryAnswer){ .outcome = REGISTRY_UNKNOWN });
}

/* The newer text has no unknown members, so nothing of it is kept. The older text is kept when it comes, and is not
 * used, since it is not of the revision that is compared. */
static void an_older_text_brings_back_no_members(void **state) {
        _cleanup_free_ char *newer = lease_text(6, NULL), *older = lease_text(5, "older");
        Fixture *f = *state;

        watch(f, false, 30, "leases/a.service", newer, 30, false);
        watch(f, false, 29, "leases/a.service", older, 29, false);
        put_lease(f, 1, 30, 7);
        assert_null(strstr(f->puppet.put, "older"));
        puppet_answer(&f->puppet, &(RegistryAnswer){ .outcome = REGISTRY_UNKNOWN });
}

static void what_was_deleted_leaves_no_members_behind(void **state) {
        _cleanup_free_ char *text = lease_text(6, "ghost");
        Fixture *f = *state;

        watch(f, false, 30, "leases/a.service", text, 30, false);
        watch(f, false, 31, "leases/a.service", NULL, 31, true);
        assert_int_equal(f->seen.n_records, 1);
        assert_int_equal(f->seen.records[0].mod_revision, 0); /* absent, as of the change's revision */
        assert_int_equal(f->seen.revision, 31);
        put_lease(f, 1, 0, 7);
        assert_null(strstr(f->puppet.put, "ghost"));
        puppet_answer(&f->puppet, &(RegistryAnswer){ .outcome = REGISTRY_UNKNOWN });

        /* A whole listing without it says the same. */
        watch(f, false, 40, "leases/a.service", text, 40, false);
        watch(f, true, 41, NULL, NULL, 0, false);
        put_lease(f, 2, 0, 8);
        assert_null(strstr(f->puppet.put, "ghost"));
        puppet_answer(&f->puppet, &(RegistryAnswer){ .outcome = REGISTRY_UNKNOWN });
}

static void a_record_that_cannot_be_read_is_damaged_and_not_absent(void **state) {
        static const char *const texts[] = { "", "{", "[]", "{\"state\":\"held\"}", "{\"state\":42}" };
        Fixture *f = *state;

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                watch(f, false, 50 + i, "leases/a.service", texts[i], 50 + i, false);
                assert_int_equal(f->seen.n_records, 1);
                assert_true(f->seen.records[0].damaged);
                assert_false(f->seen.records[0].value);
                assert_int_equal(f->seen.records[0].mod_revision, 50 + i);
                assert_non_null(registry_port_damage(f->registry_port, RECORD_LEASE, "a.service"));
        }
        assert_null(registry_port_damage(f->registry_port, RECORD_LEASE, "b.service"));
}

enum { MANY = 2000 };

static void change_many(Fixture *f, uint64_t revision) {
        static char keys[MANY][32];
        static RegistryRecord records[MANY];
        _cleanup_free_ char *text = lease_text(4, NULL);

        for (unsigned i = 0; i < MANY; i++) {
                (void) snprintf(keys[i], sizeof(keys[i]), "leases/%04u", i);
                records[i] = (RegistryRecord){
                        .key = keys[i], .value = text, .size = strlen(text), .mod_revision = 5
                };
        }
        f->puppet.change(&(RegistryChange){ .listed = true,
                                         .revision = revision,
                                         .store = "store",
                                         .records = records,
                                         .n_records = MANY },
                        f->puppet.change_userdata);
}

/* Lets the loop run until all parts of the list have come, in as many turns. Returns how many records they have. */
static size_t take_parts(Fixture *f, uint32_t list) {
        unsigned before = f->seen.events, turns = 0;
        size_t n = 0;

        do {
                (void) sd_event_run(f->event, 0);
                assert_int_equal(f->seen.events, before + ++turns);
                assert_int_equal(f->seen.list, list);
                assert_int_equal(f->seen.begins, turns == 1);
                assert_int_equal(f->seen.complete, RECORD_ALL);
                assert_string_equal(f->seen.store, "store");
                assert_in_range(f->seen.n_records, 1, 300);
                n += f->seen.n_records;
        } while (f->seen.goes_on && turns < MANY);
        assert_in_range(turns, 8, 20);
        return n;
}

/* What comes after the list waits for it; a list that comes after it takes its place. */
static void a_long_list_takes_many_turns_of_the_loop(void **state) {
        _cleanup_free_ char *text = lease_text(4, NULL);
        Fixture *f = *state;

        change_many(f, 10);
        watch(f, false, 11, "leases/0001", text, 11, false);
        assert_int_equal(f->seen.events, 0);
        (void) sd_event_run(f->event, 0);
        assert_int_equal(f->seen.events, 1);
        assert_true(f->seen.list == 1 && f->seen.begins && f->seen.goes_on);
        change_many(f, 12);
        watch(f, false, 13, "leases/0001", text, 13, false);
        assert_int_equal(take_parts(f, 2), MANY);
        assert_int_equal(f->seen.revision, 12);
        (void) sd_event_run(f->event, 0);
        assert_int_equal(f->seen.revision, 13);
        assert_int_equal(f->seen.n_records, 1);
        assert_int_equal(f->seen.list, 0);
        watch(f, false, 14, "leases/0001", text, 14, false);
        assert_int_equal(f->seen.revision, 14);
        change_many(f, 15); /* the port is freed with it */
}

static void a_listing_is_complete_and_leaves_out_what_is_not_ours(void **state) {
        _cleanup_free_ char *text = lease_text(4, NULL);
        Fixture *f = *state;
        const RegistryRecord records[] = {
                { .key = "leases/a.service", .value = text, .size = strlen(text), .mod_revision = 9 },
                { .key = "notes/of/somebody", .value = "hello", .size = 5, .mod_revision = 8 },
                { .key = "leases", .value = "hello", .size = 5, .mod_revision = 7 },
        };

        f->puppet.change(&(RegistryChange){ .listed = true,
                                         .revision = 10,
                                         .store = "store",
                                         .records = records,
                                         .n_records = ELEMENTSOF(records) },
                        f->puppet.change_userdata);
        assert_int_equal(f->seen.kind, EVENT_RECORDS);
        assert_int_equal(f->seen.complete, RECORD_ALL);
        assert_string_equal(f->seen.store, "store");
        assert_int_equal(f->seen.n_records, 1);
        assert_string_equal(f->seen.records[0].name, "a.service");
        assert_int_equal(f->seen.records[0].index, 4);
}

static void a_transaction_asks_for_what_it_compares(void **state) {
        Fixture *f = *state;
        BeatRecord beat = { .machine_id = MACHINE, .nonce = "0123456789abcdef-1" };
        const Key compares[] = {
                { .kind = RECORD_BEAT, .name = SESSION, .mod_revision = 7 },
                { .kind = RECORD_META, .name = "", .mod_revision = 0 },
        };
        const Key deletes[] = { { .kind = RECORD_OFFER, .name = "m/a.service" } };
        const Record put = { .kind = RECORD_BEAT, .name = SESSION, .beat = &beat };

        registry_port_txn(f->registry_port, &(Action){
                                                            .kind = ACTION_TXN,
                                                            .id = 77,
                                                            .timeout = TIMEOUT,
                                                            .txn = { .compares = compares,
                                                                            .n_compares = 2,
                                                                            .puts = &put,
                                                                            .n_puts = 1,
                                                                            .deletes = deletes,
                                                                            .n_deletes = 1 },
                                            });
        assert_string_equal(f->puppet.asked, "compare beats/" SESSION " 7;compare meta 0;put beats/" SESSION
                                             ";delete offers/m/a.service;read beats/" SESSION ";read meta;");
        assert_int_equal(f->puppet.timeout, TIMEOUT);
        puppet_answer(&f->puppet, &(RegistryAnswer){ .outcome = REGISTRY_COMMITTED, .revision = 8, .store = "store" });
        assert_int_equal(f->seen.events, 1);
        assert_int_equal(f->seen.kind, EVENT_TXN);
        assert_int_equal(f->seen.id, 77);
        assert_int_equal(f->seen.outcome, OUTCOME_COMMITTED);
        assert_int_equal(f->seen.revision, 8);
        assert_int_equal(f->seen.complete, 0);
}

static void no_answer_is_unknown(void **state) {
        Fixture *f = *state;

        put_lease(f, 5, 0, 1);
        puppet_answer(&f->puppet, &(RegistryAnswer){ .outcome = REGISTRY_UNKNOWN, .error = "no answer in 0.5 s" });
        assert_int_equal(f->seen.events, 1);
        assert_int_equal(f->seen.id, 5);
        assert_int_equal(f->seen.outcome, OUTCOME_UNKNOWN);
}

static void a_request_that_cannot_be_made_is_unknown_too(void **state) {
        Fixture *f = *state;

        f->puppet.refuse = -ENOMEM;
        put_lease(f, 5, 0, 1);
        registry_port_read(f->registry_port, &(Action){ .kind = ACTION_READ, .id = 6, .list_kinds = RECORD_ALL });
        assert_int_equal(f->seen.events, 2);
        assert_int_equal(f->seen.kind, EVENT_READ);
        assert_int_equal(f->seen.id, 6);
        assert_int_equal(f->seen.outcome, OUTCOME_UNKNOWN);
}

static void single_keys_are_got_and_absence_is_reported(void **state) {
        const Key keys[] = { { .kind = RECORD_LEASE, .name = "a.service" },
                { .kind = RECORD_FENCE, .name = SESSION } };
        Fixture *f = *state;
        const RegistryRecord records[] = { { .key = "leases/a.service" }, { .key = "fences/" SESSION } };

        registry_port_read(f->registry_port,
                        &(Action){ .kind = ACTION_READ, .id = 9, .timeout = TIMEOUT, .keys = keys, .n_keys = 2 });
        assert_string_equal(f->puppet.asked, "get leases/a.service;get fences/" SESSION ";");
        puppet_answer(&f->puppet, &(RegistryAnswer){ .outcome = REGISTRY_COMMITTED,
                                                  .revision = 60,
                                                  .store = "store",
                                                  .records = records,
                                                  .n_records = 2 });
        assert_int_equal(f->seen.kind, EVENT_READ);
        assert_int_equal(f->seen.complete, 0);
        assert_int_equal(f->seen.n_records, 2);
        assert_int_equal(f->seen.records[0].mod_revision, 0);
        assert_false(f->seen.records[0].damaged);
        assert_int_equal(f->seen.records[1].kind, RECORD_FENCE);
}

static void a_kind_is_listed_by_its_prefix(void **state) {
        _cleanup_free_ char *text = lease_text(4, NULL);
        const RegistryRecord records[] = {
                { .key = "beats/" SESSION, .value = "{}", .size = 2, .mod_revision = 3 },
                { .key = "leases/a.service", .value = text, .size = strlen(text), .mod_revision = 4 },
        };
        Fixture *f = *state;

        registry_port_read(
                        f->registry_port, &(Action){ .kind = ACTION_READ, .id = 9, .list_kinds = 1u << RECORD_BEAT });
        assert_string_equal(f->puppet.asked, "list beats/;");
        puppet_answer(&f->puppet, &(RegistryAnswer){ .outcome = REGISTRY_COMMITTED,
                                                  .revision = 5,
                                                  .records = records,
                                                  .n_records = 1 });
        assert_int_equal(f->seen.complete, 1u << RECORD_BEAT);
        assert_int_equal(f->seen.n_records, 1);

        /* Several kinds: one listing, one revision, and only what was asked for. */
        registry_port_read(f->registry_port, &(Action){ .kind = ACTION_READ,
                                                             .id = 10,
                                                             .list_kinds = 1u << RECORD_LEASE | 1u << RECORD_FENCE });
        assert_string_equal(f->puppet.asked, "list ;");
        puppet_answer(&f->puppet, &(RegistryAnswer){ .outcome = REGISTRY_COMMITTED,
                                                  .revision = 5,
                                                  .records = records,
                                                  .n_records = 2 });
        assert_int_equal(f->seen.complete, 1u << RECORD_LEASE | 1u << RECORD_FENCE);
        assert_int_equal(f->seen.n_records, 1);
        assert_int_equal(f->seen.records[0].kind, RECORD_LEASE);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(members_that_we_do_not_know_survive_a_rewrite, setup, teardown),
                cmocka_unit_test_setup_teardown(members_learnt_from_a_refusal_survive_too, setup, teardown),
                cmocka_unit_test_setup_teardown(an_older_text_does_not_replace_a_newer_one, setup, teardown),
                cmocka_unit_test_setup_teardown(an_older_text_brings_back_no_members, setup, teardown),
                cmocka_unit_test_setup_teardown(what_was_deleted_leaves_no_members_behind, setup, teardown),
                cmocka_unit_test_setup_teardown(
                                a_record_that_cannot_be_read_is_damaged_and_not_absent, setup, teardown),
                cmocka_unit_test_setup_teardown(a_long_list_takes_many_turns_of_the_loop, setup, teardown),
                cmocka_unit_test_setup_teardown(
                                a_listing_is_complete_and_leaves_out_what_is_not_ours, setup, teardown),
                cmocka_unit_test_setup_teardown(a_transaction_asks_for_what_it_compares, setup, teardown),
                cmocka_unit_test_setup_teardown(no_answer_is_unknown, setup, teardown),
                cmocka_unit_test_setup_teardown(a_request_that_cannot_be_made_is_unknown_too, setup, teardown),
                cmocka_unit_test_setup_teardown(single_keys_are_got_and_absence_is_reported, setup, teardown),
                cmocka_unit_test_setup_teardown(a_kind_is_listed_by_its_prefix, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
