/* SPDX-License-Identifier: Apache-2.0 */

/* Answers that come late say how things were. They must not undo what newer answers have decided: which endpoint is in
 * use, and which cluster is ours. */

#include "etcd-bench.h"

#include <stdio.h>

#include "registry/etcd/endpoint.h"
#include "registry/etcd/leader.h"

#define LONG_ATTEMPT USEC_PER_SEC
enum { AT_PROXY, AT_SECOND }; /* the endpoints' places */

static Server server, other; /* each a cluster of its own */
static Proxy proxy;

/* Opens with the proxy, which stands before the server, and with a second endpoint. */
static void open_both(Bench *b, const char *second) {
        const char *endpoints[] = { proxy.url, second, NULL };
        _cleanup_reply_ Reply reply = {};

        assert_int_equal(proxy_tell(&proxy, "mode pass"), 0);
        bench_open_config(b, &(RegistryConfig){ .endpoints = endpoints, .attempt = LONG_ATTEMPT });
        bench_get(b, "meta", PATIENCE, &reply);
        assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
}

static bool is_in_use(Bench *b, size_t i) {
        return etcd_state_of(b->r)->endpoints.current == i;
}

static bool nobody_is_asked(void *userdata) {
        const EtcdEndpoints *all = &etcd_state_of(((Bench *) userdata)->r)->endpoints;

        for (size_t i = 0; i < all->n; i++)
                if (all->items[i].question)
                        return false;
        return true;
}

/* The member answers everything, but later than an attempt lasts: also whether it follows a leader, when another
 * member serves us long since. */
static void a_slow_member_is_left_for_good(void **state) {
        Bench *b = *state;
        Seen seen = { .ops = &registry_etcd };
        _cleanup_reply_ Reply reply = {};
        unsigned unclear = 0;
        uint64_t revision;

        open_both(b, server.url);
        etcd_endpoint_use(etcd_state_of(b->r), AT_PROXY);
        assert_int_equal(registry_etcd.watch(b->r, "", seen_take, &seen, &seen.watch), 0);
        revision = bench_put(b, "beats/a", "first", PATIENCE);
        assert_true(world_wait_seen(b->event, &seen, "beats/a", "first"));
        assert_true(is_in_use(b, AT_PROXY));
        assert_int_equal(proxy_tell(&proxy, "mode hold-answer /v3/kv/ 1.5"), 0);
        for (unsigned i = 0; i < 5; i++) {
                char text[16];

                (void) snprintf(text, sizeof(text), "%u", i);
                bench_swap(b, "beats/a", revision, text, 4 * LONG_ATTEMPT, &reply);
                if (reply.outcome == REGISTRY_UNKNOWN) {
                        unclear++;
                        revision = bench_put(b, "beats/a", text, PATIENCE);
                } else {
                        revision = reply.revision;
                }
                assert_true(bench_until(b, nobody_is_asked, b));
                assert_true(world_wait_seen(b->event, &seen, "beats/a", text));
        }
        assert_int_equal(unclear, 1);
        assert_false(is_in_use(b, AT_PROXY));
        assert_int_equal(seen.lists, 2);
        assert_null(seen.broken);
        seen_clear(&seen);
}

/* Asks the member at i for the leader, and waits for the answer. changed: meanwhile there is a new one. */
static void ask_for_the_leader(Bench *b, size_t i, bool changed) {
        Etcd *e = etcd_state_of(b->r);

        e->endpoints.items[i].asked_at = 0;
        etcd_leader_ask(e, i);
        assert_non_null(e->endpoints.items[i].question);
        if (changed)
                etcd_leader_changed(e);
        assert_true(bench_until(b, nobody_is_asked, b));
}

static void put_in_use_anew(Bench *b, size_t i) {
        etcd_endpoint_use(etcd_state_of(b->r), 1 - i);
        etcd_endpoint_use(etcd_state_of(b->r), i);
}

/* The one in use has had no time to answer yet: only a new leader is a reason to leave it, since then it may still
 * wait for the leader before. */
static void only_a_new_leader_puts_the_member_in_use_that_tells_of_it(void **state) {
        Bench *b = *state;

        open_both(b, server.url);
        put_in_use_anew(b, AT_SECOND);
        ask_for_the_leader(b, AT_PROXY, false);
        assert_true(is_in_use(b, AT_SECOND));
        ask_for_the_leader(b, AT_PROXY, true);
        assert_true(is_in_use(b, AT_PROXY));
}

/* Two members are asked while there is no leader, and both tell of the new one: the first to do so is used. */
static void a_member_that_serves_is_not_left_for_one_that_tells_of_a_new_leader(void **state) {
        Bench *b = *state;
        _cleanup_reply_ Reply reply = {};

        open_both(b, server.url);
        put_in_use_anew(b, AT_SECOND);
        bench_get(b, "meta", PATIENCE, &reply);
        assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
        assert_true(is_in_use(b, AT_SECOND));
        ask_for_the_leader(b, AT_PROXY, true);
        assert_true(is_in_use(b, AT_SECOND));
        put_in_use_anew(b, AT_PROXY);
        ask_for_the_leader(b, AT_SECOND, true);
        assert_true(is_in_use(b, AT_SECOND));
        ask_for_the_leader(b, AT_PROXY, true);
        assert_true(is_in_use(b, AT_SECOND));
}

typedef struct Round {
        Etcd *e;
        usec_t after;
} Round;

static bool is_round_over(void *userdata) {
        const Round *r = userdata;
        bool over = r->e->probes.began_at > r->after;

        for (size_t i = 0; i < r->e->endpoints.n; i++)
                over = over && r->e->endpoints.items[i].probed;
        return over;
}

/* The only member of our cluster keeps silent when it is asked who it is, and answers calls meanwhile: these say it,
 * too. */
static void a_member_that_serves_has_said_who_it_is(void **state) {
        Bench *b = *state;
        _cleanup_reply_ Reply reply = {};
        Round first = {}, second = {};

        bench_remember(b, server.url);
        open_both(b, other.url);
        first.e = second.e = etcd_state_of(b->r);
        assert_true(bench_until(b, is_round_over, &first));
        assert_true(is_in_use(b, AT_PROXY));
        assert_int_equal(proxy_tell(&proxy, "mode black-hole /version 60"), 0);
        second.after = first.e->probes.began_at;
        etcd_state_note(second.e, ETCD_NEWS_PROBE);
        bench_get(b, "meta", PATIENCE, &reply);
        assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
        assert_true(bench_until(b, is_round_over, &second));
        assert_int_equal(proxy_tell(&proxy, "mode pass"), 0);
        bench_get(b, "meta", LONG_ATTEMPT / 2, &reply);
        assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
        assert_string_equal(reply.store, b->store);
}

static int run(void) {
        static const struct CMUnitTest tests[] = {
                BENCH(a_slow_member_is_left_for_good),
                BENCH(only_a_new_leader_puts_the_member_in_use_that_tells_of_it),
                BENCH(a_member_that_serves_is_not_left_for_one_that_tells_of_a_new_leader),
                BENCH(a_member_that_serves_has_said_who_it_is),
        };
        int r = servers_create(&server, 1, "late", NULL, NULL);

        if (r == 0)
                r = servers_create(&other, 1, "other", NULL, NULL);
        if (r == 0)
                r = servers_start(&server, 1);
        if (r == 0)
                r = servers_start(&other, 1);
        if (r == 0)
                r = proxy_start(&proxy, server.url);
        if (r < 0)
                printf("etcd or the proxy does not start: %s\n", strerror(-r));
        else
                r = cmocka_run_group_tests(tests, NULL, NULL);
        proxy_stop(&proxy);
        servers_destroy(&server, 1);
        servers_destroy(&other, 1);
        return r != 0;
}

int main(void) {
        return bench_main(run);
}
