/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance-util.h"

#include <errno.h>
#include <stdio.h>

static const RegistryFixture *fixture;

int world_setup(void **state) {
        World *world = calloc(1, sizeof(World));

        if (!world)
                return -1;
        *state = world;
        world->fixture = fixture;
        world->ops = fixture->ops;
        if (sd_event_new(&world->event) < 0)
                return -1;
        return fixture->create(&world->store);
}

int world_teardown(void **state) {
        World *world = *state;

        if (!world)
                return 0;
        for (size_t i = 0; i < world->n_handles; i++)
                world->ops->free(world->handles[i]);
        if (world->store)
                fixture->destroy(world->store);
        sd_event_unref(world->event);
        free(world);
        return 0;
}

Registry *world_open(World *world) {
        _cleanup_free_ char *error = NULL;
        Registry *r = NULL;
        int ret;

        assert_true(world->n_handles < ELEMENTSOF(world->handles));
        ret = world->fixture->open(world->store, world->event, &r, &error);
        if (ret < 0)
                fail_msg("open: %s (%d)", strempty(error), ret);
        assert_ptr_equal(r->ops, world->ops);
        return world->handles[world->n_handles++] = r;
}

void world_close(World *world, Registry *r) {
        for (size_t i = 0; i < world->n_handles; i++)
                if (world->handles[i] == r) {
                        world->handles[i] = world->handles[--world->n_handles];
                        world->ops->free(r);
                        return;
                }
        fail_msg("no such handle");
}

/* ---- what was answered ---- */

static bool kept_copy(Kept *to, const RegistryRecord *from) {
        *to = (Kept){ .key = strdup(from->key),
                .size = from->size,
                .mod_revision = from->mod_revision,
                .damaged = from->damaged };
        if (from->value) {
                to->value = malloc(from->size + 1); /* terminated, for kept_is() */
                if (!to->value)
                        abort();
                memcpy(to->value, from->value, from->size);
                ((char *) to->value)[from->size] = '\0';
        }
        return to->key;
}

static void kept_free(Kept *records, size_t n) {
        for (size_t i = 0; i < n; i++) {
                free(records[i].key);
                free(records[i].value);
        }
        free(records);
}

const Kept *kept_find(const Kept *records, size_t n, const char *key) {
        for (size_t i = 0; i < n; i++)
                if (streq(records[i].key, key))
                        return records + i;
        return NULL;
}

bool kept_is(const Kept *record, const char *text) {
        if (!record || !record->value)
                return !text;
        return text && record->size == strlen(text) && memcmp(record->value, text, record->size) == 0;
}

void reply_clear(Reply *reply) {
        if (reply->ops)
                reply->ops->request_free(reply->request);
        free(reply->store);
        free(reply->error);
        kept_free(reply->records, reply->n_records);
        *reply = (Reply){};
}

void reply_take(const RegistryAnswer *answer, void *userdata) {
        Reply *reply = userdata;

        if (reply->calls++ > 0)
                return; /* the test will see that */
        reply->outcome = answer->outcome;
        reply->revision = answer->revision;
        reply->total = answer->total;
        reply->store = answer->store ? strdup(answer->store) : NULL;
        reply->error = answer->error ? strdup(answer->error) : NULL;
        reply->records = calloc(answer->n_records + 1, sizeof(Kept));
        if (!reply->records)
                abort();
        for (size_t i = 0; i < answer->n_records; i++)
                kept_copy(reply->records + reply->n_records++, answer->records + i);
        if (reply->free_inside)
                reply->request = reply->ops->request_free(reply->request);
}

/* ---- what was seen ---- */

void seen_clear(Seen *seen) {
        if (seen->ops)
                seen->ops->watch_free(seen->watch);
        kept_free(seen->records, seen->n_records);
        *seen = (Seen){};
}

static void seen_drop(Seen *seen, const char *key) {
        for (size_t i = 0; i < seen->n_records; i++)
                if (streq(seen->records[i].key, key)) {
                        free(seen->records[i].key);
                        free(seen->records[i].value);
                        seen->records[i] = seen->records[--seen->n_records];
                        return;
                }
}

static void seen_change(Seen *seen, const RegistryRecord *record, bool deleted) {
        const Kept *old = kept_find(seen->records, seen->n_records, record->key);

        if (record->mod_revision == 0)
                seen->broken = seen->broken ?: "a change without a revision";
        if (record->mod_revision < seen->mod_revision)
                seen->broken = seen->broken ?: "changes out of order";
        if (old && record->mod_revision <= old->mod_revision)
                seen->broken = seen->broken ?: "a change that is no news";
        if (deleted && record->value)
                seen->broken = seen->broken ?: "a deletion with a value";
        if (!deleted && !record->value && !record->damaged)
                seen->broken = seen->broken ?: "a record without a value";
        seen->mod_revision = record->mod_revision;
        seen_drop(seen, record->key);
        if (deleted) {
                seen->deletions++;
                return;
        }
        seen->records = realloc(seen->records, (seen->n_records + 1) * sizeof(Kept));
        if (!seen->records)
                abort();
        kept_copy(seen->records + seen->n_records++, record);
}

void seen_take(const RegistryChange *change, void *userdata) {
        Seen *seen = userdata;

        if (seen->lists == 0 && !change->listed)
                seen->broken = seen->broken ?: "changes before the first list";
        if (change->revision < seen->revision)
                seen->broken = seen->broken ?: "the revision went back";
        if (!change->store)
                seen->broken = seen->broken ?: "no store";
        seen->revision = change->revision;
        if (change->listed) {
                kept_free(seen->records, seen->n_records);
                seen->records = NULL;
                seen->n_records = 0;
                seen->mod_revision = 0;
        }
        for (size_t i = 0; i < change->n_records; i++) {
                if (change->listed && change->deleted && change->deleted[i])
                        seen->broken = seen->broken ?: "a deletion in a list";
                if (change->records[i].mod_revision > change->revision)
                        seen->broken = seen->broken ?: "a record newer than its report";
                if (change->listed)
                        seen->mod_revision = 0; /* a list is sorted by key */
                seen_change(seen, change->records + i, change->deleted && change->deleted[i]);
        }
        if (change->listed) {
                seen->mod_revision = change->revision;
                seen->lists++;
        } else
                seen->changes++;
        if (seen->free_inside)
                seen->watch = seen->ops->watch_free(seen->watch);
}

/* ---- waiting ---- */

bool world_wait(sd_event *event, const unsigned *counter, unsigned n) {
        usec_t deadline = now_boottime() + PATIENCE;

        while (*counter < n) {
                usec_t now = now_boottime();

                if (now >= deadline || sd_event_run(event, deadline - now) < 0)
                        return false;
        }
        return true;
}

bool world_wait_seen(sd_event *event, const Seen *seen, const char *key, const char *text) {
        usec_t deadline = now_boottime() + PATIENCE;

        while (seen->lists == 0 || !kept_is(kept_find(seen->records, seen->n_records, key), text)) {
                usec_t now = now_boottime();

                if (now >= deadline || sd_event_run(event, deadline - now) < 0)
                        return false;
        }
        return true;
}

/* ---- asking ---- */

static int await(sd_event *event, Reply *reply, int r) {
        if (r < 0)
                return r;
        if (reply->calls > 0)
                return -EALREADY; /* it fired inside the call */
        return world_wait(event, &reply->calls, 1) ? 0 : -ETIME;
}

int ask_txn(sd_event *event, Registry *r, const RegistryTxn *txn, Reply *reply) {
        reply_clear(reply);
        reply->ops = r->ops;
        return await(event, reply, r->ops->txn(r, txn, PATIENCE, reply_take, reply, &reply->request));
}

int ask_get(sd_event *event, Registry *r, const char *const *keys, size_t n, Reply *reply) {
        reply_clear(reply);
        reply->ops = r->ops;
        return await(event, reply, r->ops->get(r, keys, n, PATIENCE, reply_take, reply, &reply->request));
}

int ask_list(sd_event *event, Registry *r, const char *prefix, Reply *reply) {
        reply_clear(reply);
        reply->ops = r->ops;
        return await(event, reply, r->ops->list(r, prefix, PATIENCE, reply_take, reply, &reply->request));
}

int ask_older(sd_event *event, Registry *r, const char *prefix, uint64_t revision, Reply *reply) {
        reply_clear(reply);
        reply->ops = r->ops;
        return await(event, reply, r->ops->older(r, prefix, revision, PATIENCE, reply_take, reply, &reply->request));
}

int ask_swap(sd_event *event, Registry *r, const char *key, uint64_t mod_revision, const char *text, Reply *reply) {
        RegistryCompare compare = { .key = key, .mod_revision = mod_revision };
        RegistryRecord put = { .key = key, .value = text, .size = text ? strlen(text) : 0 };

        return ask_txn(event, r,
                        &(RegistryTxn){
                                        .compares = &compare,
                                        .n_compares = 1,
                                        .puts = &put,
                                        .n_puts = text ? 1 : 0,
                                        .deletes = &key,
                                        .n_deletes = text ? 0 : 1,
                                        .reads = &key,
                                        .n_reads = 1,
                        },
                        reply);
}

uint64_t must_put(World *world, Registry *r, const char *key, const char *text) {
        RegistryRecord put = { .key = key, .value = text, .size = strlen(text) };
        _cleanup_reply_ Reply reply = {};

        assert_int_equal(ask_txn(world->event, r, &(RegistryTxn){ .puts = &put, .n_puts = 1 }, &reply), 0);
        assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
        assert_true(reply.revision > 0);
        return reply.revision;
}

uint64_t must_delete(World *world, Registry *r, const char *key) {
        _cleanup_reply_ Reply reply = {};

        assert_int_equal(ask_txn(world->event, r, &(RegistryTxn){ .deletes = &key, .n_deletes = 1 }, &reply), 0);
        assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
        return reply.revision;
}

uint64_t must_be(World *world, Registry *r, const char *key, const char *text) {
        _cleanup_reply_ Reply reply = {};

        assert_int_equal(ask_get(world->event, r, &key, 1, &reply), 0);
        assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
        assert_int_equal(reply.n_records, 1);
        assert_string_equal(reply.records[0].key, key);
        assert_true(kept_is(reply.records, text));
        assert_int_equal(!!reply.records[0].mod_revision, !!text);
        assert_true(reply.records[0].mod_revision <= reply.revision);
        return reply.records[0].mod_revision;
}

int conformance_run(const RegistryFixture *f) {
        int failed = 0;

        fixture = f;
        printf("registry: %s\n", f->ops->name);
        failed += _cmocka_run_group_tests("map", conformance_map_tests, conformance_n_map_tests, NULL, NULL);
        failed += _cmocka_run_group_tests(
                        "requests", conformance_request_tests, conformance_n_request_tests, NULL, NULL);
        failed += _cmocka_run_group_tests("watch", conformance_watch_tests, conformance_n_watch_tests, NULL, NULL);
        failed += _cmocka_run_group_tests("many", conformance_many_tests, conformance_n_many_tests, NULL, NULL);
        return failed;
}
