/* SPDX-License-Identifier: Apache-2.0 */
#include "registry-puppet.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "registry/record-json.h"

usec_t look_takes;

usec_t __wrap_now_boottime(void);

usec_t __wrap_now_boottime(void) {
        static usec_t now = USEC_PER_SEC;

        return now += look_takes;
}

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

static void puppet_relist(RegistryWatch *w) {
        ((Puppet *) w)->relists++;
}

static const RegistryOps puppet_ops = {
        .name = "puppet",
        .get = puppet_get,
        .list = puppet_list,
        .txn = puppet_txn,
        .request_free = puppet_request_free,
        .watch = puppet_watch,
        .watch_free = puppet_watch_free,
        .relist = puppet_relist,
};

void puppet_answer(Puppet *p, const RegistryAnswer *answer) {
        assert_true(p->busy);
        p->busy = false;
        p->request.f(answer, p->request.userdata);
        assert_true(p->request.freed); /* nobody else will */
}

/* ---- what the core would get ---- */

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

int setup(void **state) {
        Fixture *f = calloc(1, sizeof(Fixture));

        f->puppet.registry.ops = &puppet_ops;
        assert_true(sd_event_new(&f->event) >= 0);
        assert_int_equal(registry_port_new(f->event, &f->puppet.registry, on_event, &f->seen, &f->registry_port), 0);
        *state = f;
        return 0;
}

int teardown(void **state) {
        Fixture *f = *state;

        look_takes = 0;
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

char *lease_text(uint64_t index, const char *extra) {
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

void put_lease(Fixture *f, uint64_t id, uint64_t revision, uint64_t index) {
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

void watch(Fixture *f, bool listed, uint64_t revision, const char *key, const char *text, uint64_t mod, bool gone) {
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
