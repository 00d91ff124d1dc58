/* SPDX-License-Identifier: Apache-2.0 */
/* How a request begins, ends and is dropped; what the status says meanwhile. */
#include "conformance-util.h"

#include <errno.h>
#include <stdio.h>

/* The largest request that is one too many in exactly one respect, or in none. */
static int ask_many(World *world, Registry *r, size_t compares, size_t puts, size_t deletes, Reply *reply) {
        static char keys[3][REGISTRY_TXN_MAX + 1][32];
        static const char *delete[REGISTRY_TXN_MAX + 1];
        static RegistryCompare compare[REGISTRY_TXN_MAX + 1];
        static RegistryRecord put[REGISTRY_TXN_MAX + 1];

        for (size_t i = 0; i <= REGISTRY_TXN_MAX; i++) {
                for (unsigned k = 0; k < 3; k++)
                        (void) snprintf(keys[k][i], sizeof(keys[k][i]), "%c/%zu", "cpd"[k], i);
                compare[i] = (RegistryCompare){ keys[0][i], 0 };
                put[i] = (RegistryRecord){ .key = keys[1][i], .value = keys[1][i], .size = 3 };
                delete[i] = keys[2][i];
        }
        return ask_txn(world->event, r,
                        &(RegistryTxn){ .compares = compare,
                                        .n_compares = compares,
                                        .puts = put,
                                        .n_puts = puts,
                                        .deletes = delete,
                                        .n_deletes = deletes },
                        reply);
}

static void a_txn_of_128_is_taken_and_one_of_129_is_invalid(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        _cleanup_reply_ Reply reply = {};

        assert_int_equal(ask_many(world, r, REGISTRY_TXN_MAX, REGISTRY_TXN_MAX / 2, REGISTRY_TXN_MAX / 2, &reply), 0);
        assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
        assert_int_equal(ask_many(world, r, 0, REGISTRY_TXN_MAX, 0, &reply), 0);
        assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
        assert_int_equal(ask_many(world, r, 0, 0, REGISTRY_TXN_MAX, &reply), 0);
        assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
        assert_int_equal(ask_many(world, r, REGISTRY_TXN_MAX + 1, 1, 0, &reply), -EINVAL);
        assert_int_equal(ask_many(world, r, 0, REGISTRY_TXN_MAX + 1, 0, &reply), -EINVAL);
        assert_int_equal(ask_many(world, r, 0, 0, REGISTRY_TXN_MAX + 1, &reply), -EINVAL);
        assert_int_equal(ask_many(world, r, 0, REGISTRY_TXN_MAX, 1, &reply), -EINVAL);
}

static void a_malformed_request_is_invalid(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        char text[REGISTRY_KEY_MAX + 2];
        const char *key = text, *none = "";
        RegistryRecord twice[] = { { .key = "a", .value = "1", .size = 1 }, { .key = "a", .value = "2", .size = 1 } };
        const char *both = "a";
        _cleanup_reply_ Reply reply = {};

        memset(text, 'x', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        assert_int_equal(ask_get(world->event, r, &key, 1, &reply), -EINVAL);
        assert_int_equal(ask_get(world->event, r, &none, 1, &reply), -EINVAL);
        assert_int_equal(ask_swap(world->event, r, key, 0, "x", &reply), -EINVAL);
        assert_int_equal(ask_swap(world->event, r, none, 0, "x", &reply), -EINVAL);
        assert_int_equal(ask_swap(world->event, r, none, 0, NULL, &reply), -EINVAL);
        /* One Txn changes a record at most once. */
        assert_int_equal(ask_txn(world->event, r, &(RegistryTxn){ .puts = twice, .n_puts = 2 }, &reply), -EINVAL);
        assert_int_equal(
                        ask_txn(world->event, r,
                                        &(RegistryTxn){ .puts = twice, .n_puts = 1, .deletes = &both, .n_deletes = 1 },
                                        &reply),
                        -EINVAL);
        (void) must_be(world, r, "a", NULL);
}

static void a_request_keeps_no_pointer_to_what_it_was_asked(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        char key[] = "leases/x", value[] = "one", prefix[] = "leases/";
        const char *keys[] = { key };
        RegistryRecord put = { .key = key, .value = value, .size = 3 };
        RegistryCompare compare = { key, 0 };
        RegistryTxn txn = {
                .compares = &compare, .n_compares = 1, .puts = &put, .n_puts = 1, .reads = keys, .n_reads = 1
        };
        Reply replies[3] = { { .ops = r->ops }, { .ops = r->ops }, { .ops = r->ops } };

        assert_int_equal(r->ops->txn(r, &txn, PATIENCE, reply_take, replies, &replies[0].request), 0);
        assert_int_equal(r->ops->get(r, keys, 1, PATIENCE, reply_take, replies + 1, &replies[1].request), 0);
        assert_int_equal(r->ops->list(r, prefix, PATIENCE, reply_take, replies + 2, &replies[2].request), 0);
        memset(key, '!', sizeof(key) - 1);
        memset(value, '!', sizeof(value) - 1);
        memset(prefix, '!', sizeof(prefix) - 1);
        keys[0] = NULL;
        put = (RegistryRecord){};
        compare = (RegistryCompare){};
        txn = (RegistryTxn){};
        for (unsigned i = 0; i < 3; i++) {
                assert_true(world_wait(world->event, &replies[i].calls, 1));
                assert_int_equal(replies[i].outcome, REGISTRY_COMMITTED);
                reply_clear(replies + i);
        }
        (void) must_be(world, r, "leases/x", "one");
}

static void requests_may_be_many_at_once(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        static Reply replies[64];
        char key[32];

        for (unsigned i = 0; i < ELEMENTSOF(replies); i++) {
                RegistryRecord put = { .key = key, .value = key, .size = 3 };
                const char *read = key;

                (void) snprintf(key, sizeof(key), "k%u", i / 2);
                replies[i] = (Reply){ .ops = r->ops };
                if (i % 2)
                        assert_int_equal(r->ops->get(r, &read, 1, PATIENCE, reply_take, replies + i,
                                                         &replies[i].request),
                                        0);
                else
                        assert_int_equal(r->ops->txn(r, &(RegistryTxn){ .puts = &put, .n_puts = 1 }, PATIENCE,
                                                         reply_take, replies + i, &replies[i].request),
                                        0);
                assert_int_equal(replies[i].calls, 0);
        }
        for (unsigned i = 0; i < ELEMENTSOF(replies); i++)
                assert_true(world_wait(world->event, &replies[i].calls, 1));
        must_put(world, r, "last", "one");
        for (unsigned i = 0; i < ELEMENTSOF(replies); i++) {
                assert_int_equal(replies[i].calls, 1);
                assert_int_equal(replies[i].outcome, REGISTRY_COMMITTED);
                reply_clear(replies + i);
        }
}

static void a_freed_request_never_fires(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        const char *key = "leases/x";
        RegistryRecord put = { .key = key, .value = "one", .size = 3 };
        Reply get = { .ops = r->ops }, txn = { .ops = r->ops }, list = { .ops = r->ops };

        assert_int_equal(r->ops->get(r, &key, 1, PATIENCE, reply_take, &get, &get.request), 0);
        assert_int_equal(r->ops->txn(r, &(RegistryTxn){ .puts = &put, .n_puts = 1 }, PATIENCE, reply_take, &txn,
                                         &txn.request),
                        0);
        assert_int_equal(r->ops->list(r, "leases/", PATIENCE, reply_take, &list, &list.request), 0);
        assert_null(r->ops->request_free(get.request));
        assert_null(r->ops->request_free(txn.request));
        assert_null(r->ops->request_free(list.request));
        assert_null(r->ops->request_free(NULL));
        for (unsigned i = 0; i < 5; i++)
                must_put(world, r, "leases/y", "two");
        assert_int_equal(get.calls + txn.calls + list.calls, 0);
}

static void a_request_may_be_freed_in_its_callback(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        const char *key = "leases/x";
        Reply reply = { .ops = r->ops, .free_inside = true };

        must_put(world, r, key, "one");
        assert_int_equal(r->ops->get(r, &key, 1, PATIENCE, reply_take, &reply, &reply.request), 0);
        assert_true(world_wait(world->event, &reply.calls, 1));
        assert_null(reply.request);
        (void) must_be(world, r, key, "one");
        assert_int_equal(reply.calls, 1);
        reply_clear(&reply);
}

static void a_request_outlives_its_registry_in_silence(void **state) {
        World *world = *state;
        Registry *r = world_open(world), *other = world_open(world);
        const char *key = "leases/x";
        Reply reply = { .ops = r->ops };
        Seen seen = { .ops = r->ops };

        assert_int_equal(r->ops->get(r, &key, 1, PATIENCE, reply_take, &reply, &reply.request), 0);
        assert_int_equal(r->ops->watch(r, "leases/", seen_take, &seen, &seen.watch), 0);
        world_close(world, r);
        for (unsigned i = 0; i < 5; i++)
                must_put(world, other, key, "one");
        assert_int_equal(reply.calls, 0);
        assert_int_equal(seen.lists, 0);
        reply_clear(&reply);
        seen_clear(&seen);
}

static void no_answer_ends_in_unknown_in_time(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        const char *key = "leases/x";
        RegistryRecord put = { .key = key, .value = "two", .size = 3 };
        Reply txn = { .ops = r->ops }, get = { .ops = r->ops }, list = { .ops = r->ops };
        Reply *all[] = { &txn, &get, &list };
        RegistryCompare compare = { .key = key };
        usec_t begin, end;

        /* Compared: once another write is there it can no longer land. */
        compare.mod_revision = must_put(world, r, key, "one");
        world->fixture->freeze(world->store);
        begin = now_boottime();
        assert_int_equal(r->ops->txn(r,
                                         &(RegistryTxn){ .compares = &compare,
                                                         .n_compares = 1,
                                                         .puts = &put,
                                                         .n_puts = 1 },
                                         400 * USEC_PER_MSEC, reply_take, &txn, &txn.request),
                        0);
        assert_int_equal(r->ops->get(r, &key, 1, 400 * USEC_PER_MSEC, reply_take, &get, &get.request), 0);
        assert_int_equal(r->ops->list(r, "leases/", 400 * USEC_PER_MSEC, reply_take, &list, &list.request), 0);
        for (unsigned i = 0; i < 3; i++)
                assert_true(world_wait(world->event, &all[i]->calls, 1));
        end = now_boottime();
        world->fixture->thaw(world->store);
        assert_true(end - begin >= 300 * USEC_PER_MSEC);
        assert_true(end - begin < 2 * USEC_PER_SEC); /* 0.4 s, and what a loaded machine adds */
        for (unsigned i = 0; i < 3; i++) {
                assert_int_equal(all[i]->outcome, REGISTRY_UNKNOWN);
                assert_int_equal(all[i]->n_records, 0);
                assert_null(all[i]->store);
                assert_non_null(all[i]->error);
                assert_true(all[i]->error[0] && !strchr(all[i]->error, '\n'));
        }
        /* Whatever became of the write, the store answers again and nothing fires twice. */
        must_put(world, r, key, "three");
        (void) must_be(world, r, key, "three");
        for (unsigned i = 0; i < 3; i++) {
                assert_int_equal(all[i]->calls, 1);
                reply_clear(all[i]);
        }
}

static void what_was_freed_in_a_frozen_store_stays_silent(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        const char *key = "leases/x";
        Reply reply = { .ops = r->ops };

        must_put(world, r, key, "one");
        world->fixture->freeze(world->store);
        assert_int_equal(r->ops->get(r, &key, 1, PATIENCE, reply_take, &reply, &reply.request), 0);
        reply.request = r->ops->request_free(reply.request);
        world->fixture->thaw(world->store);
        (void) must_be(world, r, key, "one");
        assert_int_equal(reply.calls, 0);
}

static void a_registry_may_be_closed_while_it_hangs(void **state) {
        World *world = *state;
        Registry *r = world_open(world), *other = world_open(world);
        const char *key = "leases/x";
        Reply reply = { .ops = r->ops };
        usec_t begin;

        must_put(world, r, key, "one");
        world->fixture->freeze(world->store);
        assert_int_equal(r->ops->get(r, &key, 1, PATIENCE, reply_take, &reply, &reply.request), 0);
        begin = now_boottime();
        world_close(world, r);
        assert_true(now_boottime() - begin < USEC_PER_SEC);
        world->fixture->thaw(world->store);
        (void) must_be(world, other, key, "one");
        assert_int_equal(reply.calls, 0);
        reply_clear(&reply);
}

/* ---- status ---- */

static void count(void *userdata) {
        (*(unsigned *) userdata)++;
}

static void status_says_what_is_in_use(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        RegistryStatus status = {};

        r->ops->status(r, &status);
        assert_int_equal(status.state, REGISTRY_CONNECTING);
        assert_string_equal(status.kind, r->ops->name);
        assert_string_equal(status.error, "");
        assert_int_equal(status.error_at, 0);
        must_put(world, r, "a", "1");
        r->ops->status(r, &status);
        assert_int_equal(status.state, REGISTRY_OK);
        assert_true(status.endpoint && status.endpoint[0]);
        assert_true(status.endpoints && strstr(status.endpoints, status.endpoint));
        assert_non_null(status.version);
        assert_non_null(status.warning);
        assert_non_null(status.note);
}

static void status_shows_trouble_and_its_end(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        const char *key = "a";
        RegistryStatus status = {};
        Reply reply = { .ops = r->ops };
        unsigned changes = 0;
        usec_t before = now_realtime();

        r->ops->on_status(r, count, &changes);
        must_put(world, r, key, "1");
        assert_true(world_wait(world->event, &changes, 1));
        changes = 0;
        world->fixture->freeze(world->store);
        assert_int_equal(r->ops->get(r, &key, 1, 300 * USEC_PER_MSEC, reply_take, &reply, &reply.request), 0);
        assert_true(world_wait(world->event, &reply.calls, 1));
        assert_true(world_wait(world->event, &changes, 1));
        r->ops->status(r, &status);
        assert_int_equal(status.state, REGISTRY_TROUBLE);
        assert_true(status.error[0]);
        assert_true(status.error_at >= before);
        changes = 0;
        world->fixture->thaw(world->store);
        (void) must_be(world, r, key, "1");
        assert_true(world_wait(world->event, &changes, 1));
        r->ops->status(r, &status);
        assert_int_equal(status.state, REGISTRY_OK);
        assert_true(status.error[0]); /* the last one stays to be read */
        r->ops->on_status(r, NULL, NULL);
        reply_clear(&reply);
}

static void all_handles_name_one_store(void **state) {
        World *world = *state;
        Registry *a = world_open(world), *b = world_open(world);
        _cleanup_reply_ Reply first = {}, second = {};

        assert_int_equal(ask_list(world->event, a, "", &first), 0);
        assert_int_equal(ask_list(world->event, b, "", &second), 0);
        assert_true(first.store && first.store[0]);
        assert_string_equal(first.store, second.store);
        world_close(world, a);
        a = world_open(world);
        assert_int_equal(ask_list(world->event, a, "", &first), 0);
        assert_string_equal(first.store, second.store);
}

static void housekeeping_disturbs_nothing(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        uint64_t revision = must_put(world, r, "a", "1");

        if (r->ops->compact)
                assert_true(r->ops->compact(r) >= 0);
        assert_int_equal(must_be(world, r, "a", "1"), revision);
}

const struct CMUnitTest conformance_request_tests[] = {
        PROMISE(a_txn_of_128_is_taken_and_one_of_129_is_invalid),
        PROMISE(a_malformed_request_is_invalid),
        PROMISE(a_request_keeps_no_pointer_to_what_it_was_asked),
        PROMISE(requests_may_be_many_at_once),
        PROMISE(a_freed_request_never_fires),
        PROMISE(a_request_may_be_freed_in_its_callback),
        PROMISE(a_request_outlives_its_registry_in_silence),
        PROMISE(no_answer_ends_in_unknown_in_time),
        PROMISE(what_was_freed_in_a_frozen_store_stays_silent),
        PROMISE(a_registry_may_be_closed_while_it_hangs),
        PROMISE(status_says_what_is_in_use),
        PROMISE(status_shows_trouble_and_its_end),
        PROMISE(all_handles_name_one_store),
        PROMISE(housekeeping_disturbs_nothing),
};
const size_t conformance_n_request_tests = ELEMENTSOF(conformance_request_tests);
