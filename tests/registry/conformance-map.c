/* SPDX-License-Identifier: Apache-2.0 */
/* The map itself: what a Txn does, what get and list tell. */
#include "conformance-util.h"

#include <errno.h>
#include <stdio.h>

static void what_is_put_can_be_read(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        uint64_t revision = must_put(world, r, "leases/foo.service", "one");

        assert_int_equal(must_be(world, r, "leases/foo.service", "one"), revision);
}

static void an_absent_record_has_no_revision(void **state) {
        World *world = *state;
        Registry *r = world_open(world);

        (void) must_be(world, r, "leases/foo.service", NULL);
}

static void a_put_at_the_right_revision_is_committed(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        uint64_t revision = must_put(world, r, "beats/a", "one");
        _cleanup_reply_ Reply reply = {};

        assert_int_equal(ask_swap(world->event, r, "beats/a", revision, "two", &reply), 0);
        assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
        assert_true(reply.revision > revision);
        assert_null(reply.error);
        assert_non_null(reply.store);
        assert_int_equal(must_be(world, r, "beats/a", "two"), reply.revision);
}

static void a_put_at_a_wrong_revision_is_refused_and_read_back(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        uint64_t first = must_put(world, r, "beats/a", "one"), second = must_put(world, r, "beats/a", "two");
        const char *reads[] = { "beats/b", "beats/a" };
        RegistryCompare compare = { "beats/a", first };
        RegistryRecord put = { .key = "beats/a", .value = "three", .size = 5 };
        _cleanup_reply_ Reply reply = {};

        assert_int_equal(ask_txn(world->event, r,
                                         &(RegistryTxn){ .compares = &compare,
                                                         .n_compares = 1,
                                                         .puts = &put,
                                                         .n_puts = 1,
                                                         .reads = reads,
                                                         .n_reads = 2 },
                                         &reply),
                        0);
        assert_int_equal(reply.outcome, REGISTRY_REFUSED);
        assert_true(reply.revision >= second);
        assert_non_null(reply.store);
        assert_int_equal(reply.n_records, 2);
        assert_string_equal(reply.records[0].key, "beats/b");
        assert_int_equal(reply.records[0].mod_revision, 0);
        assert_null(reply.records[0].value);
        assert_string_equal(reply.records[1].key, "beats/a");
        assert_int_equal(reply.records[1].mod_revision, second);
        assert_true(kept_is(reply.records + 1, "two"));
        assert_int_equal(must_be(world, r, "beats/a", "two"), second);
}

static void revision_zero_means_absent(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        _cleanup_reply_ Reply reply = {};

        assert_int_equal(ask_swap(world->event, r, "meta", 0, "first", &reply), 0);
        assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
        assert_int_equal(ask_swap(world->event, r, "meta", 0, "second", &reply), 0);
        assert_int_equal(reply.outcome, REGISTRY_REFUSED);
        assert_true(kept_is(reply.records, "first"));
        (void) must_delete(world, r, "meta");
        assert_int_equal(ask_swap(world->event, r, "meta", 0, "third", &reply), 0);
        assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
}

static void an_absent_record_is_at_no_revision(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        uint64_t revision = must_put(world, r, "beats/a", "one");
        _cleanup_reply_ Reply reply = {};

        (void) must_delete(world, r, "beats/a");
        assert_int_equal(ask_swap(world->event, r, "beats/a", revision, "two", &reply), 0);
        assert_int_equal(reply.outcome, REGISTRY_REFUSED);
        (void) must_be(world, r, "beats/a", NULL);
}

static void a_recreated_record_is_not_the_old_one(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        uint64_t old = must_put(world, r, "beats/a", "same"), new;
        _cleanup_reply_ Reply reply = {};

        (void) must_delete(world, r, "beats/a");
        new = must_put(world, r, "beats/a", "same");
        assert_true(new > old);
        assert_int_equal(ask_swap(world->event, r, "beats/a", old, "two", &reply), 0);
        assert_int_equal(reply.outcome, REGISTRY_REFUSED);
}

static void a_delete_is_a_change_like_another(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        uint64_t put = must_put(world, r, "beats/a", "one");
        _cleanup_reply_ Reply reply = {};

        assert_int_equal(ask_swap(world->event, r, "beats/a", put + 1, NULL, &reply), 0);
        assert_int_equal(reply.outcome, REGISTRY_REFUSED);
        assert_int_equal(ask_swap(world->event, r, "beats/a", put, NULL, &reply), 0);
        assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
        assert_true(reply.revision > put);
        (void) must_be(world, r, "beats/a", NULL);
}

static void several_records_change_as_one(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        uint64_t lease = must_put(world, r, "leases/x", "held by a"), beat = must_put(world, r, "beats/a", "1");
        RegistryCompare compares[] = { { "leases/x", lease }, { "beats/a", beat }, { "fences/a", 0 } };
        RegistryRecord puts[] = {
                { .key = "leases/x", .value = "held by b", .size = 9 },
                { .key = "fences/a", .value = "touched", .size = 7 },
        };
        const char *deletes[] = { "requests/x", "beats/a" };
        RegistryTxn txn = { .compares = compares,
                .n_compares = 3,
                .puts = puts,
                .n_puts = 2,
                .deletes = deletes,
                .n_deletes = 2,
                .reads = deletes,
                .n_reads = 2 };
        _cleanup_reply_ Reply reply = {};

        must_put(world, r, "requests/x", "give");
        assert_int_equal(ask_txn(world->event, r, &txn, &reply), 0);
        assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
        assert_int_equal(must_be(world, r, "leases/x", "held by b"), reply.revision);
        assert_int_equal(must_be(world, r, "fences/a", "touched"), reply.revision);
        (void) must_be(world, r, "requests/x", NULL);
        (void) must_be(world, r, "beats/a", NULL);
}

static void one_failed_compare_stops_everything(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        uint64_t lease = must_put(world, r, "leases/x", "held by a"), beat = must_put(world, r, "beats/a", "1");
        RegistryCompare compares[] = { { "leases/x", lease }, { "beats/a", beat } };
        RegistryRecord puts[] = {
                { .key = "leases/x", .value = "held by b", .size = 9 },
                { .key = "fences/a", .value = "touched", .size = 7 },
        };
        const char *deletes[] = { "requests/x" };
        RegistryTxn txn = {
                .compares = compares, .n_compares = 2, .puts = puts, .n_puts = 2, .deletes = deletes, .n_deletes = 1
        };
        _cleanup_reply_ Reply reply = {};

        must_put(world, r, "requests/x", "give");
        must_put(world, r, "beats/a", "2");
        assert_int_equal(ask_txn(world->event, r, &txn, &reply), 0);
        assert_int_equal(reply.outcome, REGISTRY_REFUSED);
        assert_int_equal(reply.n_records, 0);
        assert_int_equal(must_be(world, r, "leases/x", "held by a"), lease);
        (void) must_be(world, r, "fences/a", NULL);
        (void) must_be(world, r, "requests/x", "give");
}

static void revisions_grow_with_every_change(void **state) {
        World *world = *state;
        Registry *a = world_open(world), *b = world_open(world);
        uint64_t last = 0;

        for (unsigned i = 0; i < 20; i++) {
                uint64_t revision = must_put(world, i % 2 ? a : b, i % 3 ? "beats/a" : "beats/b", "x");

                assert_true(revision > last);
                last = revision;
                if (i % 5 == 0) {
                        revision = must_delete(world, a, i % 3 ? "beats/a" : "beats/b");
                        assert_true(revision > last);
                        last = revision;
                }
        }
}

static void a_read_is_never_older_than_what_was_known(void **state) {
        World *world = *state;
        Registry *a = world_open(world), *b = world_open(world);
        const char *keys[] = { "beats/a", "beats/b" };

        for (unsigned i = 0; i < 20; i++) {
                _cleanup_reply_ Reply reply = {};
                char text[16];
                uint64_t revision;

                (void) snprintf(text, sizeof(text), "%u", i);
                revision = must_put(world, a, "beats/a", text);
                assert_int_equal(must_be(world, b, "beats/a", text), revision);
                assert_int_equal(ask_list(world->event, b, "beats/", &reply), 0);
                assert_true(reply.revision >= revision);
                assert_int_equal(reply.n_records, 1);
                assert_true(kept_is(reply.records, text));
                assert_int_equal(ask_get(world->event, b, keys, 2, &reply), 0);
                assert_true(reply.revision >= revision);
        }
}

static void get_answers_in_the_order_asked(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        const char *keys[] = { "c", "none", "a", "b", "a" };
        _cleanup_reply_ Reply reply = {};

        must_put(world, r, "a", "1");
        must_put(world, r, "b", "2");
        must_put(world, r, "c", "3");
        assert_int_equal(ask_get(world->event, r, keys, 5, &reply), 0);
        assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
        assert_int_equal(reply.n_records, 5);
        for (size_t i = 0; i < 5; i++)
                assert_string_equal(reply.records[i].key, keys[i]);
        assert_true(kept_is(reply.records, "3"));
        assert_int_equal(reply.records[1].mod_revision, 0);
        assert_null(reply.records[1].value);
        assert_false(reply.records[1].damaged);
        assert_true(kept_is(reply.records + 2, "1"));
        assert_true(kept_is(reply.records + 3, "2"));
        assert_true(kept_is(reply.records + 4, "1"));
}

static void list_is_what_starts_with_the_prefix_sorted(void **state) {
        static const char *const put[] = { "leases/b", "leases/a.service", "lease", "leases", "leases/", "leases0",
                "leases/a", "leases/\xff", "leases/B", "leases/a/b", "machines/x" };
        static const char *const expected[] = { "leases/", "leases/B", "leases/a", "leases/a.service", "leases/a/b",
                "leases/b", "leases/\xff" };
        World *world = *state;
        Registry *r = world_open(world);
        _cleanup_reply_ Reply reply = {};

        for (size_t i = 0; i < ELEMENTSOF(put); i++)
                must_put(world, r, put[i], put[i]);
        assert_int_equal(ask_list(world->event, r, "leases/", &reply), 0);
        assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
        assert_int_equal(reply.n_records, ELEMENTSOF(expected));
        for (size_t i = 0; i < ELEMENTSOF(expected); i++) {
                assert_string_equal(reply.records[i].key, expected[i]);
                assert_true(kept_is(reply.records + i, expected[i]));
                assert_true(reply.records[i].mod_revision > 0);
        }
        assert_int_equal(ask_list(world->event, r, "", &reply), 0);
        assert_int_equal(reply.n_records, ELEMENTSOF(put));
        assert_int_equal(ask_list(world->event, r, "leases/\xff", &reply), 0);
        assert_int_equal(reply.n_records, 1);
}

static void what_was_not_put_since_is_listed_without_values(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        uint64_t a, b, c;
        _cleanup_reply_ Reply reply = {};

        must_put(world, r, "beats/a", "1");
        must_put(world, r, "beats0", "1");
        b = must_put(world, r, "beats/b", "1");
        c = must_put(world, r, "beats/c", "1");
        a = must_put(world, r, "beats/a", "2");
        must_put(world, r, "beats/gone", "1");
        must_delete(world, r, "beats/gone");
        assert_int_equal(ask_older(world->event, r, "beats/", c, &reply), 0);
        assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
        assert_true(reply.revision > a);
        assert_int_equal(reply.total, 3);
        assert_int_equal(reply.n_records, 2);
        assert_string_equal(reply.records[0].key, "beats/b");
        assert_int_equal(reply.records[0].mod_revision, b);
        assert_string_equal(reply.records[1].key, "beats/c");
        assert_int_equal(reply.records[1].mod_revision, c);
        assert_int_equal(reply.records[1].size, 0);
        assert_int_equal(ask_older(world->event, r, "beats/", b - 1, &reply), 0);
        assert_int_equal(reply.n_records, 0);
        assert_int_equal(reply.total, 3);
        assert_int_equal(ask_older(world->event, r, "beats/", UINT64_MAX, &reply), 0);
        assert_int_equal(reply.n_records, 3);
        assert_int_equal(reply.records[0].mod_revision, a);
        assert_int_equal(ask_older(world->event, r, "leases/", UINT64_MAX, &reply), 0);
        assert_int_equal(reply.total, 0);
}

static void a_long_list_of_what_was_not_put_since_is_whole(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        _cleanup_reply_ Reply reply = {};
        uint64_t last = 0;
        char key[32];

        for (unsigned i = 0; i < 1100; i += 50) {
                RegistryRecord puts[50];
                char keys[50][32];

                for (unsigned k = 0; k < 50; k++) {
                        (void) snprintf(keys[k], sizeof(keys[k]), "beats/%04u", i + k);
                        puts[k] = (RegistryRecord){ .key = keys[k], .value = "x", .size = 1 };
                }
                assert_int_equal(ask_txn(world->event, r, &(RegistryTxn){ .puts = puts, .n_puts = 50 }, &reply), 0);
                last = reply.revision;
        }
        must_put(world, r, "beats/0600", "y");
        assert_int_equal(ask_older(world->event, r, "beats/", last, &reply), 0);
        assert_int_equal(reply.total, 1100);
        assert_int_equal(reply.n_records, 1099);
        for (unsigned i = 0; i < 1099; i++) {
                (void) snprintf(key, sizeof(key), "beats/%04u", i + (i >= 600));
                assert_string_equal(reply.records[i].key, key);
        }
}

static void an_empty_list_is_an_answer(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        uint64_t revision = must_put(world, r, "machines/x", "");
        _cleanup_reply_ Reply reply = {};

        assert_int_equal(ask_list(world->event, r, "leases/", &reply), 0);
        assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
        assert_int_equal(reply.n_records, 0);
        assert_true(reply.revision >= revision);
        assert_non_null(reply.store);
}

static void a_long_list_is_whole(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        enum { ROUNDS = 5 };
        char keys[REGISTRY_TXN_MAX][32];
        RegistryRecord puts[REGISTRY_TXN_MAX];
        _cleanup_reply_ Reply reply = {};

        for (unsigned round = 0; round < ROUNDS; round++) {
                for (unsigned i = 0; i < REGISTRY_TXN_MAX; i++) {
                        (void) snprintf(keys[i], sizeof(keys[i]), "leases/%06u", i * ROUNDS + round);
                        puts[i] = (RegistryRecord){ .key = keys[i], .value = keys[i], .size = strlen(keys[i]) };
                }
                assert_int_equal(ask_txn(world->event, r, &(RegistryTxn){ .puts = puts, .n_puts = REGISTRY_TXN_MAX },
                                                 &reply),
                                0);
                assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
        }
        assert_int_equal(ask_list(world->event, r, "leases/", &reply), 0);
        assert_int_equal(reply.n_records, ROUNDS * REGISTRY_TXN_MAX);
        for (unsigned i = 0; i < reply.n_records; i++) {
                char key[32];

                (void) snprintf(key, sizeof(key), "leases/%06u", i);
                assert_string_equal(reply.records[i].key, key);
                assert_true(kept_is(reply.records + i, key));
        }
}

static void any_byte_may_be_in_a_value(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        const char *key = "leases/x";
        RegistryRecord put = { .key = key, .size = 1024 };
        _cleanup_reply_ Reply reply = {};
        char value[1024];

        for (size_t i = 0; i < sizeof(value); i++)
                value[i] = (char) (i % 256);
        put.value = value;
        assert_int_equal(ask_txn(world->event, r, &(RegistryTxn){ .puts = &put, .n_puts = 1 }, &reply), 0);
        assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
        assert_int_equal(ask_get(world->event, r, &key, 1, &reply), 0);
        assert_int_equal(reply.records[0].size, sizeof(value));
        assert_memory_equal(reply.records[0].value, value, sizeof(value));
}

static void an_empty_value_is_a_record(void **state) {
        World *world = *state;
        Registry *r = world_open(world);

        must_put(world, r, "leases/x", "");
        assert_true(must_be(world, r, "leases/x", "") > 0);
}

static void the_largest_value_fits_and_a_larger_one_is_invalid(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        _cleanup_free_ char *value = malloc(REGISTRY_VALUE_MAX + 1);
        const char *key = "leases/x";
        RegistryRecord put = { .key = key, .value = value, .size = REGISTRY_VALUE_MAX };
        _cleanup_reply_ Reply reply = {};

        assert_non_null(value);
        for (size_t i = 0; i <= REGISTRY_VALUE_MAX; i++)
                value[i] = (char) (i * 2654435761u >> 13);
        assert_int_equal(ask_txn(world->event, r, &(RegistryTxn){ .puts = &put, .n_puts = 1 }, &reply), 0);
        assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
        assert_int_equal(ask_get(world->event, r, &key, 1, &reply), 0);
        assert_int_equal(reply.records[0].size, REGISTRY_VALUE_MAX);
        assert_memory_equal(reply.records[0].value, value, REGISTRY_VALUE_MAX);
        put.size++;
        assert_int_equal(ask_txn(world->event, r, &(RegistryTxn){ .puts = &put, .n_puts = 1 }, &reply), -EINVAL);
}

static void any_key_keeps_to_itself(void **state) {
        static const char *const keys[] = { "leases/a/../b", "leases/..", "leases/.", "..", ".", "/", "//",
                "leases//a", "leases/foo-bar\\x2dbaz@qux.service", "leases/a b", "leases/a%2Fb", "leases/a+b", "a%",
                "leases/\x01\x7f", "leases/\xc3\xa4.service", "../../etc/passwd", "leases/a\nb", "leases/*",
                "leases/~", "leases/-r" };
        World *world = *state;
        Registry *r = world_open(world);
        _cleanup_reply_ Reply reply = {};

        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                must_put(world, r, keys[i], keys[i]);
        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                (void) must_be(world, r, keys[i], keys[i]);
        assert_int_equal(ask_list(world->event, r, "", &reply), 0);
        assert_int_equal(reply.n_records, ELEMENTSOF(keys));
        for (size_t i = 0; i < reply.n_records; i++)
                assert_true(kept_is(reply.records + i, reply.records[i].key));
        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                (void) must_delete(world, r, keys[i]);
                (void) must_be(world, r, keys[i], NULL);
        }
}

static void the_longest_keys_do_not_meet(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        char keys[4][REGISTRY_KEY_MAX + 2];
        _cleanup_reply_ Reply reply = {};

        for (size_t i = 0; i < 4; i++) {
                memset(keys[i], i < 2 ? 'x' : '\xfe', REGISTRY_KEY_MAX);
                memcpy(keys[i], "leases/", 7);
                keys[i][REGISTRY_KEY_MAX - 1] = (char) ('0' + i % 2);
                keys[i][REGISTRY_KEY_MAX] = '\0';
                must_put(world, r, keys[i], i % 2 ? "odd" : "even");
        }
        for (size_t i = 0; i < 4; i++)
                (void) must_be(world, r, keys[i], i % 2 ? "odd" : "even");
        assert_int_equal(ask_list(world->event, r, "leases/", &reply), 0);
        assert_int_equal(reply.n_records, 4);
        for (size_t i = 0; i < 4; i++)
                assert_string_equal(reply.records[i].key, keys[i]);
}

const struct CMUnitTest conformance_map_tests[] = {
        PROMISE(what_is_put_can_be_read),
        PROMISE(an_absent_record_has_no_revision),
        PROMISE(a_put_at_the_right_revision_is_committed),
        PROMISE(a_put_at_a_wrong_revision_is_refused_and_read_back),
        PROMISE(revision_zero_means_absent),
        PROMISE(an_absent_record_is_at_no_revision),
        PROMISE(a_recreated_record_is_not_the_old_one),
        PROMISE(a_delete_is_a_change_like_another),
        PROMISE(several_records_change_as_one),
        PROMISE(one_failed_compare_stops_everything),
        PROMISE(revisions_grow_with_every_change),
        PROMISE(a_read_is_never_older_than_what_was_known),
        PROMISE(get_answers_in_the_order_asked),
        PROMISE(list_is_what_starts_with_the_prefix_sorted),
        PROMISE(what_was_not_put_since_is_listed_without_values),
        PROMISE(a_long_list_of_what_was_not_put_since_is_whole),
        PROMISE(an_empty_list_is_an_answer),
        PROMISE(a_long_list_is_whole),
        PROMISE(any_byte_may_be_in_a_value),
        PROMISE(an_empty_value_is_a_record),
        PROMISE(the_largest_value_fits_and_a_larger_one_is_invalid),
        PROMISE(any_key_keeps_to_itself),
        PROMISE(the_longest_keys_do_not_meet),
};
const size_t conformance_n_map_tests = ELEMENTSOF(conformance_map_tests);
