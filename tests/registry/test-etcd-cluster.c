/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Three members, one registry that knows all of them: what happens to it when members die, hang, restart, lose each
 * other, or turn out to be somebody else.
 */

#include "etcd-bench.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "registry/etcd/endpoint.h"
#include "registry/etcd/version.h"

static Server cluster[3], alone, small, off; /* the last two are of one test each */

static void open_cluster(Bench *b) {
        bench_open(b, cluster[0].url, cluster[1].url, cluster[2].url, NULL);
}

static Server *serving(Bench *b) {
        const char *endpoint = bench_status(b).endpoint;

        for (size_t i = 0; i < ELEMENTSOF(cluster); i++)
                if (streq(cluster[i].url, endpoint))
                        return &cluster[i];
        fail_msg("%s is not ours", endpoint);
        return NULL;
}

static Server *leader(void) {
        usec_t end = usec_add(now_boottime(), PATIENCE);

        while (now_boottime() < end)
                for (size_t i = 0; i < ELEMENTSOF(cluster); i++)
                        if (server_leads(&cluster[i]))
                                return &cluster[i];
        fail_msg("nobody leads");
        return NULL;
}

/* Writes and sees it on the watch; says how long that took. */
static usec_t beat(Bench *b, Seen *seen, const char *text) {
        usec_t begin = now_boottime();

        (void) bench_put(b, "beats/a", text, PATIENCE);
        begin = now_boottime() - begin;
        assert_true(world_wait_seen(b->event, seen, "beats/a", text));
        assert_null(seen->broken);
        return begin;
}

static void watch_cluster(Bench *b, Seen *seen) {
        open_cluster(b);
        seen->ops = &registry_etcd;
        assert_int_equal(registry_etcd.watch(b->r, "", seen_take, seen, &seen->watch), 0);
        (void) beat(b, seen, "first");
}

static void the_loss_of_the_leader_is_survived(void **state) {
        Bench *b = *state;
        Seen seen = {};
        Server *lost = leader();
        usec_t gap;

        watch_cluster(b, &seen);
        server_stop(lost, SIGKILL);
        gap = beat(b, &seen, "without the leader");
        print_message("no commit for %" PRIu64 " ms\n", gap / USEC_PER_MSEC);
        assert_true(gap < 6 * USEC_PER_SEC); /* an election takes one or two seconds */
        assert_int_equal(servers_start(cluster, 3), 0);
        (void) beat(b, &seen, "with all");
        seen_clear(&seen);
}

/* Both followers think for a while that they still have it, and hand it the write. Its sockets stay open and silent.
 */
static void a_write_that_hangs_with_the_old_leader_is_given_up_when_there_is_a_new_one(void **state) {
        Bench *b = *state;
        Server *frozen = leader();
        const char *endpoints[3] = {};
        _cleanup_reply_ Reply reply = {};
        usec_t begin, took;
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(cluster); i++)
                if (cluster + i != frozen)
                        endpoints[n++] = cluster[i].url;
        bench_open_config(b, &(RegistryConfig){ .endpoints = endpoints, .attempt = PATIENCE / 2 });
        (void) bench_put(b, "beats/a", "before", PATIENCE);
        server_signal(frozen, SIGSTOP);
        begin = now_boottime();
        bench_swap(b, "beats/b", 0, "lost", PATIENCE / 2, &reply);
        took = now_boottime() - begin;
        assert_int_equal(reply.outcome, REGISTRY_UNKNOWN);
        assert_non_null(strstr(reply.error, "the leader has changed"));
        print_message("given up after %" PRIu64 " ms\n", took / USEC_PER_MSEC);
        assert_in_range(took, USEC_PER_SEC / 2, PATIENCE / 4);
        begin = now_boottime();
        (void) bench_put(b, "beats/a", "after", PATIENCE);
        assert_true(now_boottime() - begin < USEC_PER_SEC);
        server_signal(frozen, SIGCONT);
        assert_int_equal(server_wait(frozen), 0);
}

/* Whoever asks while there is none is told so at once, waits, and must not miss the moment. */
static void a_call_that_waits_for_a_leader_goes_out_when_there_is_one(void **state) {
        Bench *b = *state;
        Server *first = leader(), *second = first == cluster ? cluster + 1 : cluster;
        _cleanup_reply_ Reply reply = {};

        open_cluster(b);
        (void) bench_put(b, "beats/a", "before", PATIENCE);
        server_stop(first, SIGKILL);
        server_stop(second, SIGKILL);
        do
                bench_swap(b, "beats/b", 0, "never", USEC_PER_SEC, &reply);
        while (!strstr(strempty(reply.error), "no leader") && !strstr(strempty(reply.error), "onnect"));
        assert_int_equal(server_spawn(first), 0);
        bench_get(b, "beats/a", PATIENCE / 2, &reply);
        assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
        assert_int_equal(servers_start(cluster, 3), 0);
}

static void members_may_be_restarted_one_by_one(void **state) {
        Bench *b = *state;
        Seen seen = {};

        watch_cluster(b, &seen);
        for (size_t i = 0; i < ELEMENTSOF(cluster); i++) {
                char text[32];

                server_stop(&cluster[i], SIGTERM);
                (void) snprintf(text, sizeof(text), "without %zu", i);
                (void) beat(b, &seen, text);
                assert_int_equal(servers_start(cluster, 3), 0);
                (void) snprintf(text, sizeof(text), "%zu is back", i);
                (void) beat(b, &seen, text);
        }
        seen_clear(&seen);
}

/* The very member that serves us, watch and all, hangs: its sockets stay open and silent. */
static void a_member_that_hangs_is_left(void **state) {
        Bench *b = *state;
        Seen seen = {};
        Server *stopped;
        usec_t gap;

        watch_cluster(b, &seen);
        stopped = serving(b);
        server_signal(stopped, SIGSTOP);
        gap = beat(b, &seen, "elsewhere");
        assert_true(gap < 6 * USEC_PER_SEC);
        assert_string_not_equal(bench_status(b).endpoint, stopped->url);
        server_signal(stopped, SIGCONT);
        assert_int_equal(server_wait(stopped), 0);
        (void) beat(b, &seen, "all of them");
        seen_clear(&seen);
}

static void without_a_majority_nothing_is_known(void **state) {
        Bench *b = *state;
        Seen seen = {};
        _cleanup_reply_ Reply reply = {};
        Server *first = leader(), *second = first == cluster ? cluster + 1 : cluster;
        uint64_t revision;
        usec_t begin;

        watch_cluster(b, &seen);
        revision = bench_put(b, "beats/a", "last", PATIENCE);
        server_stop(first, SIGKILL);
        server_stop(second, SIGKILL);
        begin = now_boottime();
        bench_swap(b, "beats/a", revision, "never", 2 * USEC_PER_SEC, &reply);
        assert_int_equal(reply.outcome, REGISTRY_UNKNOWN);
        bench_get(b, "beats/a", USEC_PER_SEC, &reply);
        assert_int_equal(reply.outcome, REGISTRY_UNKNOWN);
        assert_true(now_boottime() - begin < 4 * USEC_PER_SEC);
        assert_int_equal(bench_status(b).state, REGISTRY_TROUBLE);
        assert_int_equal(servers_start(cluster, 3), 0);
        (void) beat(b, &seen, "back");
        assert_int_equal(bench_status(b).state, REGISTRY_OK);
        seen_clear(&seen);
}

static void endpoints_of_two_clusters_are_refused(void **state) {
        Bench *b = *state;
        _cleanup_reply_ Reply reply = {};
        RegistryStatus status;

        for (unsigned i = 0; i < 4; i++) { /* whichever is asked first */
                bench_open(b, cluster[0].url, alone.url, NULL);
                bench_get(b, "meta", USEC_PER_SEC, &reply);
                assert_int_equal(reply.outcome, REGISTRY_UNKNOWN);
                assert_non_null(strstr(reply.error, "different etcd clusters"));
                bench_swap(b, "meta", 0, "x", USEC_PER_SEC, &reply);
                assert_int_equal(reply.outcome, REGISTRY_UNKNOWN);
                status = bench_status(b);
                assert_int_equal(status.state, REGISTRY_TROUBLE);
                assert_non_null(strstr(status.error, alone.url));
                assert_non_null(strstr(status.error, cluster[0].url));
                bench_close(b);
        }
        bench_open(b, cluster[0].url, NULL);
        bench_get(b, "meta", PATIENCE, &reply);
        assert_int_equal(reply.records[0].mod_revision, 0); /* none of those writes came through */
}

/* Most of them agree, so that nobody waits for one that hangs; if that turns out to be of another cluster it is left
 * out. */
static void an_endpoint_that_hangs_is_not_waited_for_at_the_start(void **state) {
        Bench *b = *state;
        const char *endpoints[] = { alone.url, cluster[0].url, cluster[1].url, NULL };
        _cleanup_reply_ Reply reply = {};

        server_signal(&alone, SIGSTOP);
        bench_open_config(b, &(RegistryConfig){ .endpoints = endpoints, .attempt = 4 * PATIENCE });
        bench_get(b, "meta", PATIENCE, &reply);
        assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
        server_signal(&alone, SIGCONT);
        assert_true(bench_until_status(b, REGISTRY_OK, "of another etcd cluster"));
        assert_non_null(strstr(bench_status(b).warning, alone.url));
        bench_get(b, "meta", PATIENCE, &reply);
        assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
}

static void most_of_the_endpoints_are_enough_though_others_hang_or_disagree(void **state) {
        Bench *b = *state;
        char silent[64];
        const char *endpoints[] = { silent, cluster[0].url, cluster[1].url, cluster[2].url, alone.url, NULL };
        _cleanup_reply_ Reply reply = {};
        struct sockaddr_in address;
        int fd = bench_listen(16, &address, silent);

        bench_open_config(b, &(RegistryConfig){ .endpoints = endpoints, .attempt = 4 * PATIENCE });
        bench_get(b, "meta", PATIENCE, &reply);
        assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
        (void) close(fd);
}

/* A machine that remembers nothing must not take a store that others do not see. */
static void who_remembers_nothing_wants_more_than_half(void **state) {
        Bench *b = *state;
        char silent[2][64];
        const char *endpoints[] = { alone.url, silent[0], silent[1], NULL };
        _cleanup_reply_ Reply reply = {};
        struct sockaddr_in address;
        int fds[] = { bench_listen(16, &address, silent[0]), bench_listen(16, &address, silent[1]) };

        bench_open_config(b, &(RegistryConfig){ .endpoints = endpoints });
        bench_get(b, "meta", 2 * USEC_PER_SEC, &reply);
        assert_int_equal(reply.outcome, REGISTRY_UNKNOWN);
        assert_non_null(strstr(reply.error, "1 of 3 endpoints"));
        bench_close(b);
        bench_remember(b, alone.url);
        bench_open_config(b, &(RegistryConfig){ .endpoints = endpoints });
        bench_get(b, "meta", PATIENCE, &reply);
        assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                (void) close(fds[i]);
}

/* Of two both: another machine may hear the other one only, and that may be of another store. */
static void who_remembers_nothing_wants_both_of_two(void **state) {
        Bench *b = *state;
        char silent[64];
        const char *endpoints[] = { alone.url, silent, NULL };
        _cleanup_reply_ Reply reply = {};
        struct sockaddr_in address;
        int fd = bench_listen(16, &address, silent);

        bench_open_config(b, &(RegistryConfig){ .endpoints = endpoints });
        bench_get(b, "meta", 2 * USEC_PER_SEC, &reply);
        assert_int_equal(reply.outcome, REGISTRY_UNKNOWN);
        assert_non_null(strstr(reply.error, "1 of 2 endpoints"));
        bench_close(b);
        endpoints[1] = NULL;
        bench_open_config(b, &(RegistryConfig){ .endpoints = endpoints });
        bench_get(b, "meta", PATIENCE, &reply);
        assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
        (void) close(fd);
}

/* ---- one that began a cluster of its own ---- */

static void the_remembered_cluster_is_asked_and_the_odd_member_left_out(void **state) {
        Bench *b = *state;
        const char *endpoints[] = { alone.url, cluster[0].url, NULL };
        RegistryConfig config = { .endpoints = endpoints, .prefix = "/remembered/" };
        _cleanup_reply_ Reply reply = {};
        RegistryStatus status;

        bench_remember(b, cluster[0].url);
        for (unsigned i = 0; i < 6; i++) { /* whichever it begins with */
                char text[16];

                bench_open_config(b, &config);
                (void) snprintf(text, sizeof(text), "%u", i);
                (void) bench_put(b, "beats/a", text, PATIENCE);
                bench_get(b, "beats/a", PATIENCE, &reply);
                assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
                assert_string_equal(reply.store, b->store);
                assert_true(bench_until_status(b, REGISTRY_OK, "is of another etcd cluster"));
                status = bench_status(b);
                assert_string_equal(status.endpoint, cluster[0].url);
                assert_non_null(strstr(status.warning, alone.url));
                bench_close(b);
        }
        /* It was never asked for anything that counts: nothing was written there. */
        b->store[0] = '\0';
        config.endpoints = (const char *[]){ alone.url, NULL };
        bench_open_config(b, &config);
        bench_get(b, "beats/a", PATIENCE, &reply);
        assert_int_equal(reply.records[0].mod_revision, 0);
}

/* Only where none is of the remembered cluster, and most are of another, is that one asked: the caller sees its name.
 */
static void where_none_is_of_the_remembered_cluster_nothing_counts(void **state) {
        Bench *b = *state;
        _cleanup_reply_ Reply reply = {};
        char silent[64];
        struct sockaddr_in address;
        int fd = bench_listen(16, &address, silent);

        bench_remember(b, cluster[0].url);
        bench_open(b, alone.url, silent, NULL);
        bench_get(b, "meta", 2 * USEC_PER_SEC, &reply);
        assert_int_equal(reply.outcome, REGISTRY_UNKNOWN);
        assert_non_null(strstr(reply.error, "that this machine remembers"));
        assert_non_null(strstr(reply.error, alone.url));
        bench_close(b);
        bench_open(b, alone.url, NULL);
        bench_get(b, "meta", PATIENCE, &reply);
        assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
        assert_string_not_equal(reply.store, b->store);
        (void) close(fd);
}

static bool is_at_the_cluster(void *userdata) {
        return streq(bench_status(userdata).endpoint, cluster[0].url);
}

static void what_is_remembered_later_is_asked_from_then_on(void **state) {
        Bench *b = *state;
        Seen seen = { .ops = &registry_etcd };
        _cleanup_reply_ Reply reply = {};
        char of_cluster[64];

        bench_remember(b, cluster[0].url);
        str_copy(of_cluster, sizeof(of_cluster), b->store);
        b->store[0] = '\0';
        bench_remember(b, alone.url);
        bench_open(b, cluster[0].url, alone.url, NULL);
        assert_int_equal(registry_etcd.watch(b->r, "", seen_take, &seen, &seen.watch), 0);
        bench_get(b, "meta", PATIENCE, &reply);
        assert_string_equal(reply.store, b->store);
        registry_etcd.remember(b->r, of_cluster);
        assert_true(bench_until(b, is_at_the_cluster, b));
        (void) bench_put(b, "beats/a", "there", PATIENCE);
        assert_true(world_wait_seen(b->event, &seen, "beats/a", "there"));
        bench_get(b, "beats/a", PATIENCE, &reply);
        assert_string_equal(reply.store, of_cluster);
        seen_clear(&seen);
}

/* The same URL, another store: its name changes in the answers, and the watch lists again. */
static void a_replaced_store_has_another_name(void **state) {
        Bench *b = *state;
        Seen seen = { .ops = &registry_etcd };
        _cleanup_reply_ Reply before = {}, after = {};
        usec_t end = usec_add(now_boottime(), PATIENCE);
        unsigned lists;

        bench_open(b, alone.url, NULL);
        (void) bench_put(b, "beats/a", "old", PATIENCE);
        assert_int_equal(registry_etcd.watch(b->r, "", seen_take, &seen, &seen.watch), 0);
        assert_true(world_wait_seen(b->event, &seen, "beats/a", "old"));
        bench_get(b, "beats/a", PATIENCE, &before);
        lists = seen.lists;
        server_stop(&alone, SIGKILL);
        server_wipe(&alone);
        for (size_t i = 0; i + 1 < alone.n_arguments; i++)
                if (streq(alone.arguments[i], "--initial-cluster-token")) {
                        free(alone.arguments[i + 1]);
                        alone.arguments[i + 1] = strdup("replaced");
                }
        assert_int_equal(servers_start(&alone, 1), 0);
        do
                bench_get(b, "beats/a", PATIENCE, &after);
        while (after.outcome != REGISTRY_COMMITTED && now_boottime() < end);
        assert_int_equal(after.outcome, REGISTRY_COMMITTED);
        assert_string_not_equal(after.store, before.store);
        assert_int_equal(after.records[0].mod_revision, 0);
        assert_true(world_wait(b->event, &seen.lists, lists + 1));
        seen_clear(&seen);
}

/* A balancer, or a name with several addresses. A member that is replaced is none. */
static void a_name_that_stands_for_several_members_is_named(void **state) {
        Bench *b = *state;
        char urls[2 * sizeof(cluster[0].url)];
        uint64_t member;
        Proxy balancer;
        Etcd *e;

        bench_open(b, cluster[0].url, NULL);
        (void) bench_put(b, "beats/a", "one", PATIENCE);
        e = etcd_state_of(b->r);
        member = e->endpoints.items[0].member_id;
        assert_int_not_equal(member, 0);
        etcd_endpoint_member(e, 0, member + 1);
        etcd_endpoint_member(e, 0, member + 2);
        (void) bench_put(b, "beats/a", "two", PATIENCE);
        assert_int_equal(e->endpoints.items[0].member_id, member);
        assert_int_equal(e->endpoints.items[0].several_at, 0);
        bench_close(b);
        (void) snprintf(urls, sizeof(urls), "%s,%s", cluster[0].url, strstr(cluster[1].url, "://") + 3);
        assert_int_equal(proxy_start(&balancer, urls), 0);
        bench_open(b, balancer.url, NULL);
        for (unsigned i = 0; i < 8; i++)
                (void) bench_put(b, "beats/a", i % 2 == 0 ? "three" : "four", PATIENCE);
        assert_true(bench_until_status(b, REGISTRY_OK, "more than one member"));
        proxy_stop(&balancer);
}

static void a_full_store_is_named(void **state) {
        Bench *b = *state;
        _cleanup_free_ char *value = malloc(REGISTRY_VALUE_MAX);
        const char *extra[] = { "--quota-backend-bytes=1048576", NULL }, *bug;
        Reply reply = {};

        assert_non_null(value);
        memset(value, 'x', REGISTRY_VALUE_MAX);
        assert_int_equal(servers_create(&small, 1, "small", NULL, extra), 0);
        assert_int_equal(servers_start(&small, 1), 0);
        bench_open_config(b, &(RegistryConfig){ .endpoints = (const char *[]){ small.url, NULL },
                                             .attempt = 5 * USEC_PER_SEC });
        for (unsigned i = 0; i < 40; i++) {
                char key[32];
                RegistryRecord put = { .key = key, .value = value, .size = REGISTRY_VALUE_MAX };

                (void) snprintf(key, sizeof(key), "leases/%u", i);
                assert_int_equal(ask_txn(b->event, b->r, &(RegistryTxn){ .puts = &put, .n_puts = 1 }, &reply), 0);
                if (reply.outcome == REGISTRY_UNKNOWN)
                        break;
        }
        assert_int_equal(reply.outcome, REGISTRY_UNKNOWN);
        assert_non_null(strstr(reply.error, "space exceeded"));
        /* Reads go on, and the status says what to do. */
        bench_get(b, "leases/0", PATIENCE, &reply);
        assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
        assert_true(bench_until_status(b, REGISTRY_OK, "NOSPACE"));
        assert_non_null(strstr(bench_status(b).warning, "defragment"));
        /* What only another version mends is no warning. */
        assert_null(strstr(bench_status(b).warning, "this version"));
        bug = etcd_version_warning(bench_status(b).version);
        assert_true(!bug || strstr(bench_status(b).note, bug));
        reply_clear(&reply);
}

static void a_gateway_that_is_off_is_named(void **state) {
        Bench *b = *state;
        const char *extra[] = { "--enable-grpc-gateway=false", NULL };
        usec_t end = usec_add(now_boottime(), PATIENCE);
        _cleanup_reply_ Reply reply = {};

        assert_int_equal(servers_create(&off, 1, "off", NULL, extra), 0);
        assert_int_equal(server_spawn(&off), 0);
        bench_open(b, off.url, NULL);
        do { /* until it listens */
                assert_true(now_boottime() < end);
                bench_get(b, "meta", USEC_PER_SEC, &reply);
                assert_int_equal(reply.outcome, REGISTRY_UNKNOWN);
        } while (!strstr(reply.error, "enable-grpc-gateway"));
}

static int run(void) {
        static const struct CMUnitTest tests[] = {
                BENCH(endpoints_of_two_clusters_are_refused),
                BENCH(an_endpoint_that_hangs_is_not_waited_for_at_the_start),
                BENCH(most_of_the_endpoints_are_enough_though_others_hang_or_disagree),
                BENCH(who_remembers_nothing_wants_more_than_half),
                BENCH(who_remembers_nothing_wants_both_of_two),
                BENCH(the_remembered_cluster_is_asked_and_the_odd_member_left_out),
                BENCH(where_none_is_of_the_remembered_cluster_nothing_counts),
                BENCH(what_is_remembered_later_is_asked_from_then_on),
                BENCH(the_loss_of_the_leader_is_survived),
                BENCH(a_write_that_hangs_with_the_old_leader_is_given_up_when_there_is_a_new_one),
                BENCH(a_call_that_waits_for_a_leader_goes_out_when_there_is_one),
                BENCH(members_may_be_restarted_one_by_one),
                BENCH(a_member_that_hangs_is_left),
                BENCH(without_a_majority_nothing_is_known),
                BENCH(a_replaced_store_has_another_name),
                BENCH(a_name_that_stands_for_several_members_is_named),
                BENCH(a_full_store_is_named),
                BENCH(a_gateway_that_is_off_is_named),
        };
        int r = servers_create(cluster, 3, "three", NULL, NULL);

        if (r == 0)
                r = servers_create(&alone, 1, "alone", NULL, NULL);
        if (r == 0)
                r = servers_start(cluster, 3);
        if (r == 0)
                r = servers_start(&alone, 1);
        if (r < 0)
                printf("etcd does not start: %s\n", strerror(-r));
        else
                r = cmocka_run_group_tests(tests, NULL, NULL);
        servers_destroy(cluster, 3);
        servers_destroy(&alone, 1);
        servers_destroy(&small, 1);
        servers_destroy(&off, 1);
        return r != 0;
}

int main(void) {
        return bench_main(run);
}
