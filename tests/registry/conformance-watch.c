/* SPDX-License-Identifier: Apache-2.0 */
/* The watch: the whole first, then changes in order, and no end. */
#include "conformance-util.h"

#include <stdio.h>

static void a_watch_begins_with_the_whole(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        Seen seen = { .ops = r->ops };
        uint64_t a = must_put(world, r, "leases/a", "1"), b = must_put(world, r, "leases/b", "2");

        must_put(world, r, "beats/a", "x");
        assert_int_equal(r->ops->watch(r, "leases/", seen_take, &seen, &seen.watch), 0);
        assert_int_equal(seen.lists, 0);
        assert_true(world_wait(world->event, &seen.lists, 1));
        assert_null(seen.broken);
        assert_int_equal(seen.n_records, 2);
        assert_true(kept_is(kept_find(seen.records, 2, "leases/a"), "1"));
        assert_int_equal(kept_find(seen.records, 2, "leases/a")->mod_revision, a);
        assert_int_equal(kept_find(seen.records, 2, "leases/b")->mod_revision, b);
        assert_true(seen.revision >= b);
        seen_clear(&seen);
}

static void an_empty_store_is_listed_too(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        Seen seen = { .ops = r->ops };

        assert_int_equal(r->ops->watch(r, "", seen_take, &seen, &seen.watch), 0);
        assert_true(world_wait(world->event, &seen.lists, 1));
        assert_int_equal(seen.n_records, 0);
        assert_null(seen.broken);
        seen_clear(&seen);
}

static void a_watch_sees_changes_in_order(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        Seen seen = { .ops = r->ops };
        uint64_t last = 0;

        assert_int_equal(r->ops->watch(r, "leases/", seen_take, &seen, &seen.watch), 0);
        assert_true(world_wait(world->event, &seen.lists, 1));
        for (unsigned i = 0; i < 30; i++) {
                char key[32], text[16];

                (void) snprintf(key, sizeof(key), "leases/%u", i % 7);
                (void) snprintf(text, sizeof(text), "%u", i);
                last = must_put(world, r, key, text);
                if (i % 3 == 0)
                        assert_true(world_wait_seen(world->event, &seen, key, text));
        }
        assert_true(world_wait_seen(world->event, &seen, "leases/1", "29"));
        assert_null(seen.broken);
        assert_int_equal(seen.lists, 1);
        assert_true(seen.changes > 0);
        assert_int_equal(kept_find(seen.records, seen.n_records, "leases/1")->mod_revision, last);
        seen_clear(&seen);
}

static void a_watch_sees_deletions(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        Seen seen = { .ops = r->ops };

        must_put(world, r, "leases/a", "1");
        must_put(world, r, "leases/b", "2");
        assert_int_equal(r->ops->watch(r, "leases/", seen_take, &seen, &seen.watch), 0);
        assert_true(world_wait_seen(world->event, &seen, "leases/a", "1"));
        must_delete(world, r, "leases/a");
        assert_true(world_wait_seen(world->event, &seen, "leases/a", NULL));
        assert_int_equal(seen.deletions, 1);
        assert_int_equal(seen.n_records, 1);
        must_put(world, r, "leases/a", "3");
        assert_true(world_wait_seen(world->event, &seen, "leases/a", "3"));
        assert_int_equal(seen.lists, 1);
        assert_null(seen.broken);
        seen_clear(&seen);
}

static void a_watch_sees_its_prefix_only(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        Seen leases = { .ops = r->ops }, all = { .ops = r->ops };

        assert_int_equal(r->ops->watch(r, "leases/", seen_take, &leases, &leases.watch), 0);
        assert_int_equal(r->ops->watch(r, "", seen_take, &all, &all.watch), 0);
        assert_true(world_wait(world->event, &leases.lists, 1));
        assert_true(world_wait(world->event, &all.lists, 1));
        must_put(world, r, "beats/a", "1");
        must_put(world, r, "leases0", "2");
        must_put(world, r, "leases/a", "3");
        assert_true(world_wait_seen(world->event, &leases, "leases/a", "3"));
        assert_true(world_wait_seen(world->event, &all, "leases/a", "3"));
        assert_int_equal(leases.n_records, 1);
        assert_int_equal(all.n_records, 3);
        assert_null(leases.broken);
        assert_null(all.broken);
        seen_clear(&leases);
        seen_clear(&all);
}

static void a_narrowed_watch_sees_its_keys_only(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        Seen seen = { .ops = r->ops };

        must_put(world, r, "beats/a", "1");
        assert_int_equal(r->ops->watch(r, "", seen_take, &seen, &seen.watch), 0);
        assert_true(world_wait(world->event, &seen.lists, 1));
        must_put(world, r, "beats/b", "1");
        assert_int_equal(r->ops->narrow(seen.watch, "beats/m", "beats/c"), 0);
        assert_true(world_wait(world->event, &seen.lists, 2)); /* of all */
        assert_true(world_wait_seen(world->event, &seen, "beats/b", "1"));
        must_put(world, r, "beats/a", "2");
        must_delete(world, r, "beats/b");
        must_put(world, r, "beats/c", "2");
        assert_true(world_wait_seen(world->event, &seen, "beats/c", "2"));
        must_put(world, r, "beats/m", "2");
        must_put(world, r, "leases/x", "2");
        assert_true(world_wait_seen(world->event, &seen, "leases/x", "2"));
        assert_true(world_wait_seen(world->event, &seen, "beats/m", "2"));
        must_delete(world, r, "beats/c");
        assert_true(world_wait_seen(world->event, &seen, "beats/c", NULL));
        assert_true(kept_is(kept_find(seen.records, seen.n_records, "beats/a"), "1"));
        assert_true(kept_is(kept_find(seen.records, seen.n_records, "beats/b"), "1"));
        assert_int_equal(seen.lists, 2);
        assert_int_equal(r->ops->narrow(seen.watch, NULL, NULL), 0);
        assert_true(world_wait(world->event, &seen.lists, 3));
        assert_null(kept_find(seen.records, seen.n_records, "beats/b"));
        must_put(world, r, "beats/a", "3");
        assert_true(world_wait_seen(world->event, &seen, "beats/a", "3"));
        assert_int_equal(r->ops->narrow(seen.watch, "beats/m", "beats/x"), 0); /* the key is in the range */
        assert_true(world_wait(world->event, &seen.lists, 4));
        must_put(world, r, "beats/x", "4");
        assert_true(world_wait_seen(world->event, &seen, "beats/x", "4"));
        assert_null(seen.broken);
        seen_clear(&seen);
}

/* Whoever has dropped what the watch reported gets the whole again, and then what comes after it. */
static void a_watch_lists_anew_when_it_is_asked_to(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        Seen seen = { .ops = r->ops };

        must_put(world, r, "a", "1");
        assert_int_equal(r->ops->watch(r, "", seen_take, &seen, &seen.watch), 0);
        r->ops->relist(seen.watch); /* also before the first list */
        assert_true(world_wait(world->event, &seen.lists, 1));
        for (unsigned n = 0; n < 3; n++) {
                unsigned lists = seen.lists;

                r->ops->relist(seen.watch);
                assert_true(world_wait(world->event, &seen.lists, lists + 1));
                must_put(world, r, "a", n % 2 ? "odd" : "even");
                assert_true(world_wait_seen(world->event, &seen, "a", n % 2 ? "odd" : "even"));
        }
        assert_null(seen.broken);
        world_close(world, r);
        seen.ops->relist(seen.watch); /* of a registry that is gone: nothing */
        seen_clear(&seen);
}

static void a_watch_sees_what_others_write(void **state) {
        World *world = *state;
        Registry *a = world_open(world), *b = world_open(world);
        Seen seen = { .ops = a->ops };

        assert_int_equal(a->ops->watch(a, "", seen_take, &seen, &seen.watch), 0);
        assert_true(world_wait(world->event, &seen.lists, 1));
        for (unsigned i = 0; i < 10; i++) {
                char text[16];

                (void) snprintf(text, sizeof(text), "%u", i);
                must_put(world, b, "beats/b", text);
                assert_true(world_wait_seen(world->event, &seen, "beats/b", text));
        }
        assert_null(seen.broken);
        assert_int_equal(seen.lists, 1);
        seen_clear(&seen);
}

static void a_watch_sees_a_txn_whole(void **state) {
        World *world = *state;
        Registry *a = world_open(world), *b = world_open(world);
        Seen seen = { .ops = a->ops };

        assert_int_equal(a->ops->watch(a, "", seen_take, &seen, &seen.watch), 0);
        assert_true(world_wait(world->event, &seen.lists, 1));
        for (unsigned i = 0; i < 10; i++) {
                char text[16];
                RegistryRecord puts[] = { { .key = "fences/a", .value = text }, { .key = "leases/a", .value = text } };
                _cleanup_reply_ Reply reply = {};

                puts[0].size = puts[1].size = (size_t) snprintf(text, sizeof(text), "%u", i);
                assert_int_equal(ask_txn(world->event, b, &(RegistryTxn){ .puts = puts, .n_puts = 2 }, &reply), 0);
                assert_true(world_wait_seen(world->event, &seen, "leases/a", text));
                /* Nothing may be waited for here: it came in the same report. */
                assert_true(kept_is(kept_find(seen.records, seen.n_records, "fences/a"), text));
                assert_int_equal(kept_find(seen.records, seen.n_records, "fences/a")->mod_revision, reply.revision);
        }
        assert_null(seen.broken);
        seen_clear(&seen);
}

static void a_freed_watch_is_silent(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        Seen seen = { .ops = r->ops }, other = { .ops = r->ops };

        assert_int_equal(r->ops->watch(r, "", seen_take, &seen, &seen.watch), 0);
        assert_null(seen.watch = r->ops->watch_free(seen.watch)); /* before its first list */
        assert_int_equal(r->ops->watch(r, "", seen_take, &other, &other.watch), 0);
        must_put(world, r, "a", "1");
        assert_true(world_wait_seen(world->event, &other, "a", "1"));
        assert_int_equal(seen.lists + seen.changes, 0);
        assert_null(r->ops->watch_free(NULL));
        seen_clear(&other);
}

static void a_watch_may_be_freed_in_its_callback(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        Seen seen = { .ops = r->ops, .free_inside = true }, other = { .ops = r->ops };

        must_put(world, r, "a", "0");
        assert_int_equal(r->ops->watch(r, "", seen_take, &seen, &seen.watch), 0);
        assert_true(world_wait(world->event, &seen.lists, 1));
        assert_null(seen.watch);
        assert_int_equal(r->ops->watch(r, "", seen_take, &other, &other.watch), 0);
        must_put(world, r, "a", "1");
        assert_true(world_wait_seen(world->event, &other, "a", "1"));
        assert_int_equal(seen.lists + seen.changes, 1);
        seen_clear(&seen);
        seen_clear(&other);
}

static void a_watch_outlasts_an_outage(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        Seen before = { .ops = r->ops }, during = { .ops = r->ops };

        must_put(world, r, "a", "1");
        assert_int_equal(r->ops->watch(r, "", seen_take, &before, &before.watch), 0);
        assert_true(world_wait_seen(world->event, &before, "a", "1"));
        world->fixture->freeze(world->store);
        assert_int_equal(r->ops->watch(r, "", seen_take, &during, &during.watch), 0);
        world->fixture->thaw(world->store);
        must_put(world, r, "a", "2");
        assert_true(world_wait_seen(world->event, &before, "a", "2"));
        assert_true(world_wait_seen(world->event, &during, "a", "2"));
        assert_null(before.broken);
        assert_null(during.broken);
        seen_clear(&before);
        seen_clear(&during);
}

const struct CMUnitTest conformance_watch_tests[] = {
        PROMISE(a_watch_begins_with_the_whole),
        PROMISE(an_empty_store_is_listed_too),
        PROMISE(a_watch_sees_changes_in_order),
        PROMISE(a_watch_sees_deletions),
        PROMISE(a_watch_sees_its_prefix_only),
        PROMISE(a_narrowed_watch_sees_its_keys_only),
        PROMISE(a_watch_lists_anew_when_it_is_asked_to),
        PROMISE(a_watch_sees_what_others_write),
        PROMISE(a_watch_sees_a_txn_whole),
        PROMISE(a_freed_watch_is_silent),
        PROMISE(a_watch_may_be_freed_in_its_callback),
        PROMISE(a_watch_outlasts_an_outage),
};
const size_t conformance_n_watch_tests = ELEMENTSOF(conformance_watch_tests);
