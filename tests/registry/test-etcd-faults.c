/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the network, and servers that are not etcd, can do to a request: everything may end in UNKNOWN, in time and
 * with a reason, but no Txn is ever sent twice, no answer is made up, and where another endpoint can help it does.
 */

#include "etcd-bench.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "registry/etcd/compact.h"
#include "registry/etcd/endpoint.h"
#include "registry/etcd/history.h"

static Server server;
static Proxy proxy;

/* Through the proxy only, with one record at a known revision and a connection that has been used. */
static uint64_t open_through_proxy(Bench *b) {
        assert_int_equal(proxy_tell(&proxy, "mode pass"), 0);
        bench_open(b, proxy.url, NULL);
        return bench_put(b, "beats/a", "one", PATIENCE);
}

static bool is_there(Bench *b, const char *key, const char *text) {
        _cleanup_reply_ Reply reply = {};

        bench_get(b, key, PATIENCE, &reply);
        assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
        return kept_is(reply.records, text);
}

/* One Txn that meets a fault: UNKNOWN, seen by the proxy once, given to etcd at most `forwarded` times. */
static void txn_meets(Bench *b, const char *fault, long forwarded, bool applied) {
        uint64_t revision = open_through_proxy(b);
        long seen = proxy_tell(&proxy, "count /v3/kv/txn"), passed = proxy_tell(&proxy, "forwarded /v3/kv/txn");
        _cleanup_reply_ Reply reply = {};
        usec_t begin;

        assert_int_equal(proxy_tell(&proxy, "mode %s", fault), 0);
        begin = now_boottime();
        bench_swap(b, "beats/a", revision, "two", 2 * USEC_PER_SEC, &reply);
        assert_true(now_boottime() - begin < 3 * USEC_PER_SEC);
        assert_int_equal(reply.outcome, REGISTRY_UNKNOWN);
        assert_true(reply.error && strstr(reply.error, proxy.url));
        assert_int_equal(proxy_tell(&proxy, "count /v3/kv/txn") - seen, 1);
        assert_int_equal(proxy_tell(&proxy, "forwarded /v3/kv/txn") - passed, forwarded);
        assert_int_equal(proxy_tell(&proxy, "mode pass"), 0);
        assert_true(is_there(b, "beats/a", applied ? "two" : "one"));
}

static void a_request_that_is_cut_is_unknown_and_not_sent_again(void **state) {
        txn_meets(*state, "cut-request /v3/kv/txn", 0, false);
}

static void an_answer_that_is_cut_is_unknown(void **state) {
        txn_meets(*state, "cut-answer /v3/kv/txn", 1, true);
}

static void half_a_request_is_unknown(void **state) {
        txn_meets(*state, "truncate-request /v3/kv/txn", 1, false);
}

static void half_an_answer_is_unknown(void **state) {
        txn_meets(*state, "truncate-answer /v3/kv/txn", 1, true);
}

static void an_answer_that_comes_too_late_is_unknown(void **state) {
        txn_meets(*state, "hold-answer /v3/kv/txn 1", 1, true);
}

static void a_request_that_nobody_answers_is_unknown(void **state) {
        txn_meets(*state, "black-hole /v3/kv/txn 5", 0, false);
}

/* A read says "unchanged", and yet the write lands: nothing but a write of the same record settles it. */
static void a_request_that_lands_late_was_unknown_and_lands(void **state) {
        Bench *b = *state;
        uint64_t revision = open_through_proxy(b);
        _cleanup_reply_ Reply reply = {};
        usec_t end;

        assert_int_equal(proxy_tell(&proxy, "mode hold-request /v3/kv/txn 1.5"), 0);
        bench_swap(b, "beats/a", revision, "two", USEC_PER_SEC, &reply);
        assert_int_equal(reply.outcome, REGISTRY_UNKNOWN);
        assert_true(is_there(b, "beats/a", "one"));
        end = usec_add(now_boottime(), PATIENCE);
        while (!is_there(b, "beats/a", "two"))
                assert_true(now_boottime() < end);
}

static void a_request_that_was_overtaken_lands_nowhere(void **state) {
        Bench *b = *state;
        uint64_t revision = open_through_proxy(b);
        long passed = proxy_tell(&proxy, "forwarded /v3/kv/txn");
        _cleanup_reply_ Reply reply = {};
        usec_t end;

        assert_int_equal(proxy_tell(&proxy, "mode hold-request /v3/kv/txn 1 1"), 0);
        bench_swap(b, "beats/a", revision, "two", USEC_PER_SEC, &reply);
        assert_int_equal(reply.outcome, REGISTRY_UNKNOWN);
        bench_swap(b, "beats/a", revision, "three", USEC_PER_SEC, &reply);
        assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
        end = usec_add(now_boottime(), PATIENCE);
        while (proxy_tell(&proxy, "forwarded /v3/kv/txn") - passed < 2)
                assert_true(now_boottime() < end);
        assert_true(is_there(b, "beats/a", "three"));
}

/* Somebody on the way sends it twice: the second is refused because of the first, and reads back what that wrote. */
static void a_refusal_by_our_own_write_shows_it(void **state) {
        Bench *b = *state;
        uint64_t revision = open_through_proxy(b);
        _cleanup_reply_ Reply reply = {};

        assert_int_equal(proxy_tell(&proxy, "mode duplicate /v3/kv/txn"), 0);
        bench_swap(b, "beats/a", revision, "two", USEC_PER_SEC, &reply);
        assert_int_equal(reply.outcome, REGISTRY_REFUSED);
        assert_true(reply.records[0].mod_revision > revision);
        assert_true(kept_is(reply.records, "two"));
        assert_int_equal(proxy_tell(&proxy, "mode pass"), 0);
}

static void a_read_is_repeated_until_it_is_answered(void **state) {
        static const char *const faults[] = { "cut-request", "cut-answer", "truncate-request", "truncate-answer",
                "hold-answer", "hold-request", "black-hole", "garbage", "error" };
        Bench *b = *state;

        (void) open_through_proxy(b);
        for (size_t i = 0; i < ELEMENTSOF(faults); i++) {
                assert_int_equal(proxy_tell(&proxy, "mode %s /v3/kv/range 1 1", faults[i]), 0);
                assert_true(is_there(b, "beats/a", "one"));
        }
}

/* ---- several endpoints ---- */

/* Whichever of the two is asked first, and for each kind of request. */
static void both_kinds_are_served(Bench *b, const char *bad) {
        bench_remember(b, server.url);
        for (unsigned i = 0; i < 4; i++) {
                char text[16];

                bench_open(b, bad, server.url, NULL);
                (void) snprintf(text, sizeof(text), "%u", i);
                (void) bench_put(b, "beats/a", text, PATIENCE);
                assert_true(is_there(b, "beats/a", text));
                assert_string_equal(bench_status(b).endpoint, server.url);
                bench_close(b);
        }
}

static void a_refused_connection_costs_nothing(void **state) {
        Bench *b = *state;
        _cleanup_reply_ Reply reply = {};
        char dead[64];

        (void) snprintf(dead, sizeof(dead), "http://127.0.0.1:%u", free_port());
        both_kinds_are_served(b, dead);
        for (unsigned i = 0; i < 4; i++) { /* not even a first Txn becomes UNKNOWN */
                bench_open(b, dead, server.url, NULL);
                bench_swap(b, "meta", 0, "x", 2 * USEC_PER_SEC, &reply);
                assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
                bench_close(b);
        }
}

/* A listener whose queue is full: connecting to it neither works nor fails. */
static int black_hole(char url[static 64]) {
        struct sockaddr_in a;
        int fd = bench_listen(0, &a, url);

        for (unsigned i = 0; i < 4; i++) { /* left open until the process ends */
                int full = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

                (void) connect(full, (struct sockaddr *) &a, sizeof(a));
        }
        return fd;
}

static void a_black_hole_leaves_time_for_another_endpoint(void **state) {
        Bench *b = *state;
        _cleanup_reply_ Reply reply = {};
        char url[64];
        int fd = black_hole(url);

        bench_remember(b, server.url);
        for (unsigned i = 0; i < 4; i++) {
                bench_open(b, url, server.url, NULL);
                bench_swap(b, "meta", 0, "x", 2 * USEC_PER_SEC, &reply);
                assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
                bench_close(b);
        }
        (void) close(fd);
}

static void a_black_hole_alone_ends_in_time(void **state) {
        Bench *b = *state;
        _cleanup_reply_ Reply reply = {};
        char url[64];
        int fd = black_hole(url);
        usec_t begin = now_boottime();

        bench_open(b, url, NULL);
        bench_swap(b, "meta", 0, "x", 700 * USEC_PER_MSEC, &reply);
        assert_int_equal(reply.outcome, REGISTRY_UNKNOWN);
        assert_true(now_boottime() - begin < 1500 * USEC_PER_MSEC);
        (void) close(fd);
}

/* "name.invalid" can never be looked up; whatever the resolver does, the loop turns and the time limit holds. */
static void a_name_that_cannot_be_looked_up_blocks_nothing(void **state) {
        Bench *b = *state;
        _cleanup_reply_ Reply reply = {};
        usec_t begin = now_boottime();

        bench_open(b, "http://name.invalid:2379", NULL);
        bench_swap(b, "meta", 0, "x", 700 * USEC_PER_MSEC, &reply);
        assert_int_equal(reply.outcome, REGISTRY_UNKNOWN);
        assert_true(now_boottime() - begin < 1500 * USEC_PER_MSEC);
        bench_close(b);
        assert_true(now_boottime() - begin < 2 * USEC_PER_SEC);
        both_kinds_are_served(b, "http://name.invalid:2379");
}

/* ---- not etcd ---- */

static void what_is_not_etcd_is_named_and_does_no_harm(void **state) {
        static const struct {
                const char *fault, *text;
                unsigned ms; /* of an attempt, if 200 are not enough to see it */
        } cases[] = {
                { "garbage", "not etcd's" },
                { "html", "not etcd's" },
                { "empty", "not etcd's" },
                { "wrong-type", "not etcd's" },
                { "not-found", "/v3/" },
                { "redirect", "redirects" },
                { "error", "status 502" },
                { "huge", "too large", 2000 },
                { "drip", "in time" },
                { "endless-head", "" },
                { "black-hole", "in time" },
        };
        Bench *b = *state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_reply_ Reply reply = {};
                usec_t attempt = (cases[i].ms ?: 200) * USEC_PER_MSEC, begin = now_boottime();
                RegistryStatus status;

                assert_int_equal(proxy_tell(&proxy, "mode %s", cases[i].fault), 0);
                bench_open_config(b, &(RegistryConfig){ .endpoints = (const char *[]){ proxy.url, NULL },
                                                     .attempt = attempt });
                bench_get(b, "meta", 2 * attempt, &reply);
                assert_true(now_boottime() - begin < 2 * attempt + USEC_PER_SEC);
                assert_int_equal(reply.outcome, REGISTRY_UNKNOWN);
                if (!strstr(reply.error, cases[i].text))
                        fail_msg("%s: %s", cases[i].fault, reply.error);
                bench_swap(b, "meta", 0, "x", 2 * attempt, &reply);
                assert_int_equal(reply.outcome, REGISTRY_UNKNOWN);
                status = bench_status(b);
                assert_int_equal(status.state, REGISTRY_TROUBLE);
                assert_string_equal(status.error, reply.error);
                bench_close(b);
        }
        assert_int_equal(proxy_tell(&proxy, "mode html"), 0);
        both_kinds_are_served(b, proxy.url);
        assert_int_equal(proxy_tell(&proxy, "mode huge"), 0);
        both_kinds_are_served(b, proxy.url);
}

/* As members from 3.6 on are to whoever has no token: its answers say who it is. */
static void a_member_that_does_not_say_who_it_is_says_so_in_its_answers(void **state) {
        Bench *b = *state;

        assert_int_equal(proxy_tell(&proxy, "mode not-found /v3/maintenance/status"), 0);
        for (unsigned i = 0; i < 4; i++) { /* whichever it begins with */
                bench_open(b, proxy.url, server.url, NULL);
                (void) bench_put(b, "beats/a", "x", PATIENCE);
                bench_close(b);
        }
        assert_int_equal(proxy_tell(&proxy, "mode pass"), 0);
}

static void https_to_a_plain_server_is_named(void **state) {
        Bench *b = *state;
        _cleanup_reply_ Reply reply = {};
        char url[96];

        (void) snprintf(url, sizeof(url), "https%.80s", server.url + strlen("http"));
        bench_open(b, url, NULL);
        bench_get(b, "meta", 2 * USEC_PER_SEC, &reply);
        assert_int_equal(reply.outcome, REGISTRY_UNKNOWN);
        if (!strstr(reply.error, "SSL") && !strstr(reply.error, "(does it want http?)"))
                fail_msg("said: %s", reply.error);
}

static void records_of_others_are_passed_on(void **state) {
        Bench *b = *state;
        const char *endpoints[] = { server.url, NULL };
        char body[512];
        Reply reply = {};

        bench_open_config(b, &(RegistryConfig){ .endpoints = endpoints, .prefix = "/shared" });
        (void) bench_put(b, "leases/a", "ours", PATIENCE);
        (void) snprintf(body, sizeof(body), "{\"key\":\"%s\",\"value\":\"%s\"}", base64_of("/shared/notes of mine"),
                        base64_of("not json"));
        assert_int_equal(server_post(&server, "/v3/kv/put", body, NULL, NULL), 200);
        (void) snprintf(body, sizeof(body), "{\"key\":\"%s\",\"value\":\"\"}", "L3NoYXJlZC9iAGI="); /* /shared/b\0b */
        assert_int_equal(server_post(&server, "/v3/kv/put", body, NULL, NULL), 200);
        (void) snprintf(body, sizeof(body), "{\"key\":\"%s\"}", base64_of("/shared2/x"));
        assert_int_equal(server_post(&server, "/v3/kv/put", body, NULL, NULL), 200);
        assert_int_equal(ask_list(b->event, b->r, "", &reply), 0);
        assert_int_equal(reply.n_records, 2);
        assert_true(kept_is(kept_find(reply.records, 2, "notes of mine"), "not json"));
        assert_true(kept_is(kept_find(reply.records, 2, "leases/a"), "ours"));
        reply_clear(&reply);
}

/* ---- the watch ---- */

static void a_stalled_watch_is_noticed(void **state) {
        Bench *b = *state;
        Seen seen = { .ops = &registry_etcd };

        (void) open_through_proxy(b);
        assert_int_equal(registry_etcd.watch(b->r, "", seen_take, &seen, &seen.watch), 0);
        assert_true(world_wait(b->event, &seen.lists, 1));
        (void) bench_put(b, "beats/a", "two", PATIENCE);
        assert_true(world_wait_seen(b->event, &seen, "beats/a", "two"));
        assert_int_equal(seen.lists, 1);
        assert_int_equal(proxy_tell(&proxy, "mode stall /v3/watch"), 0);
        (void) bench_put(b, "beats/a", "three", PATIENCE);
        assert_true(world_wait_seen(b->event, &seen, "beats/a", "three"));
        assert_true(seen.lists > 1);
        assert_int_equal(proxy_tell(&proxy, "mode pass"), 0);
        (void) bench_put(b, "beats/a", "four", PATIENCE);
        assert_true(world_wait_seen(b->event, &seen, "beats/a", "four"));
        assert_null(seen.broken);
        seen_clear(&seen);
}

static void a_watch_that_is_cut_lists_again(void **state) {
        static const char *const faults[] = { "cut-request", "cut-answer", "truncate-answer", "garbage", "html",
                "huge", "not-found", "wrong-type", "empty" };
        Bench *b = *state;
        Seen seen = { .ops = &registry_etcd };

        (void) open_through_proxy(b);
        for (size_t i = 0; i < ELEMENTSOF(faults); i++) {
                assert_int_equal(proxy_tell(&proxy, "mode %s /v3/watch 0 2", faults[i]), 0);
                assert_int_equal(registry_etcd.watch(b->r, "", seen_take, &seen, &seen.watch), 0);
                assert_true(world_wait(b->event, &seen.lists, 1));
                (void) bench_put(b, "beats/a", faults[i], PATIENCE);
                assert_true(world_wait_seen(b->event, &seen, "beats/a", faults[i]));
                assert_null(seen.broken);
                seen_clear(&seen);
                seen.ops = &registry_etcd;
        }
        assert_int_equal(proxy_tell(&proxy, "mode pass"), 0);
        seen_clear(&seen);
}

/* A timer like the daemon's sign of life, and the longest that it was late. */
typedef struct Pulse {
        sd_event_source *timer;
        usec_t due, late;
} Pulse;

static int on_pulse(sd_event_source *source, uint64_t usec, void *userdata) {
        Pulse *p = userdata;
        usec_t now = now_boottime();

        p->late = MAX(p->late, usec_sub(now, p->due));
        p->due = usec_add(now, 20 * USEC_PER_MSEC);
        assert_true(sd_event_source_set_time(source, p->due) >= 0);
        assert_true(sd_event_source_set_enabled(source, SD_EVENT_ONESHOT) >= 0);
        return 0;
}

static bool is_at_the_good_one(void *userdata) {
        return streq(bench_status(userdata).endpoint, server.url);
}

/* Whatever a stream is made of: the loop goes on turning, the server that sends it is left for another, and there the
 * watch goes on. */
static void a_server_that_sends_nonsense_loses_its_turn(void **state) {
        static const char *const faults[] = { "flood-empty", "flood-short", "flood-progress", "flood-events",
                "nul-line", "long-line" };
        Bench *b = *state;

        for (size_t i = 0; i < ELEMENTSOF(faults); i++) {
                const char *endpoints[] = { proxy.url, server.url, NULL };
                Seen seen = { .ops = &registry_etcd };
                Pulse pulse = {};

                assert_int_equal(proxy_tell(&proxy, "mode %s /v3/watch", faults[i]), 0);
                do { /* until it happens to begin with the bad one */
                        bench_close(b);
                        bench_open_config(b, &(RegistryConfig){ .endpoints = endpoints });
                } while (is_at_the_good_one(b));
                assert_true(sd_event_add_time(b->event, &pulse.timer, CLOCK_BOOTTIME, pulse.due = now_boottime(), 1,
                                            on_pulse, &pulse) >= 0);
                assert_int_equal(registry_etcd.watch(b->r, "", seen_take, &seen, &seen.watch), 0);
                if (streq(faults[i], "flood-events"))
                        (void) bench_put(b, "beats/a", "again and again", PATIENCE);
                if (!bench_until(b, is_at_the_good_one, b))
                        fail_msg("%s: it stays there", faults[i]);
                (void) bench_put(b, "beats/a", faults[i], PATIENCE);
                assert_true(world_wait_seen(b->event, &seen, "beats/a", faults[i]));
                assert_null(seen.broken);
                print_message("%s: the loop was late by %" PRIu64 " ms\n", faults[i], pulse.late / USEC_PER_MSEC);
                assert_true(pulse.late < USEC_PER_SEC);
                sd_event_source_disable_unref(pulse.timer);
                seen_clear(&seen);
        }
        assert_int_equal(proxy_tell(&proxy, "mode pass"), 0);
}

static bool is_at_the_proxy(const Bench *b) {
        const EtcdEndpoints *all = &etcd_state_of(b->r)->endpoints;

        return streq(all->items[all->current].url, proxy.url);
}

static bool is_asked_to_watch_again(void *asked) {
        return proxy_tell(&proxy, "count /v3/watch") > *(long *) asked;
}

/* A doubt is settled once: a later doubt of another endpoint does not disturb the watch. */
static void a_doubt_of_one_endpoint_leaves_the_watch_at_another_alone(void **state) {
        const char *endpoints[] = { proxy.url, server.url, NULL };
        Bench *b = *state;
        Seen seen = { .ops = &registry_etcd };
        size_t here;
        long asked;

        assert_int_equal(proxy_tell(&proxy, "mode pass"), 0);
        do { /* until it happens to begin with the proxy */
                bench_close(b);
                bench_open_config(b, &(RegistryConfig){ .endpoints = endpoints });
        } while (!is_at_the_proxy(b));
        here = etcd_state_of(b->r)->endpoints.current;
        assert_int_equal(registry_etcd.watch(b->r, "", seen_take, &seen, &seen.watch), 0);
        (void) bench_put(b, "beats/a", "one", PATIENCE);
        assert_true(world_wait_seen(b->event, &seen, "beats/a", "one"));
        asked = proxy_tell(&proxy, "count /v3/watch");
        etcd_endpoint_doubt(etcd_state_of(b->r), here);
        assert_true(bench_until(b, is_asked_to_watch_again, &asked));
        assert_false(etcd_state_of(b->r)->endpoints.items[here].in_doubt);
        (void) bench_put(b, "beats/a", "two", PATIENCE);
        assert_true(world_wait_seen(b->event, &seen, "beats/a", "two"));
        etcd_endpoint_doubt(etcd_state_of(b->r), 1 - here);
        (void) bench_put(b, "beats/a", "three", PATIENCE);
        assert_true(world_wait_seen(b->event, &seen, "beats/a", "three"));
        assert_int_equal(proxy_tell(&proxy, "count /v3/watch"), asked + 1);
        assert_null(seen.broken);
        seen_clear(&seen);
}

static void a_watch_outlasts_restart_and_compaction(void **state) {
        Bench *b = *state;
        Seen seen = { .ops = &registry_etcd };
        char body[64];
        uint64_t revision;

        bench_open(b, server.url, NULL);
        revision = bench_put(b, "beats/a", "one", PATIENCE);
        assert_int_equal(registry_etcd.watch(b->r, "", seen_take, &seen, &seen.watch), 0);
        assert_true(world_wait_seen(b->event, &seen, "beats/a", "one"));
        server_stop(&server, SIGTERM);
        assert_int_equal(servers_start(&server, 1), 0);
        /* Nothing of ours runs meanwhile, so that the watch comes back only when its place is gone. */
        for (unsigned i = 0; i < 2; i++)
                assert_int_equal(server_post(&server, "/v3/kv/put", "{\"key\":\"AA==\",\"value\":\"AA==\"}", NULL,
                                                 NULL),
                                200);
        (void) snprintf(body, sizeof(body), "{\"revision\":\"%" PRIu64 "\"}", revision + 2);
        assert_int_equal(server_post(&server, "/v3/kv/compaction", body, NULL, NULL), 200);
        (void) bench_put(b, "beats/a", "two", PATIENCE);
        assert_true(world_wait_seen(b->event, &seen, "beats/a", "two"));
        (void) bench_put(b, "beats/a", "three", PATIENCE);
        assert_true(world_wait_seen(b->event, &seen, "beats/a", "three"));
        assert_true(seen.lists > 1);
        assert_null(seen.broken);
        seen_clear(&seen);
}

/* ---- housekeeping ---- */

static bool compaction_is_over(void *userdata) {
        return !((Etcd *) userdata)->compaction.call;
}

static void history_older_than_an_hour_is_forgotten(void **state) {
        Bench *b = *state;
        uint64_t first, second;
        char body[128];
        Etcd *e;

        bench_open(b, server.url, NULL);
        e = etcd_state_of(b->r);
        first = bench_put(b, "beats/a", "one", PATIENCE);
        second = bench_put(b, "beats/a", "two", PATIENCE);
        assert_int_equal(registry_etcd.compact(b->r), 0);
        assert_null(e->compaction.call); /* nothing is an hour old */
        assert_true(e->history.n > 0);
        e->history.samples[0].revision = first;
        assert_int_equal(etcd_history_target(e, e->history.samples[0].at + USEC_PER_HOUR - 1), 0);
        assert_int_equal(etcd_history_target(e, e->history.samples[0].at + USEC_PER_HOUR), first);
        assert_int_equal(etcd_compact_to(e, first), 0);
        assert_non_null(e->compaction.call);
        assert_true(bench_until(b, compaction_is_over, e));
        assert_false(e->compaction.denied);
        (void) snprintf(body, sizeof(body), "{\"key\":\"AA==\",\"revision\":\"%" PRIu64 "\"}", first - 1);
        assert_int_equal(server_post(&server, "/v3/kv/range", body, NULL, NULL), 400);
        (void) snprintf(body, sizeof(body), "{\"key\":\"AA==\",\"revision\":\"%" PRIu64 "\"}", second);
        assert_int_equal(server_post(&server, "/v3/kv/range", body, NULL, NULL), 200);
        /* 500 000 revisions are kept, at most. */
        e->history.revision = 1500000;
        assert_int_equal(etcd_history_target(e, e->history.samples[0].at), 1000000);
        assert_true(is_there(b, "beats/a", "two"));
}

static void a_list_whose_revision_is_compacted_begins_anew(void **state) {
        Bench *b = *state;
        _cleanup_reply_ Reply reply = { .ops = &registry_etcd };
        enum { ROUNDS = 5 };
        char keys[REGISTRY_TXN_MAX][32], body[64];
        RegistryRecord puts[REGISTRY_TXN_MAX];
        uint64_t revision = 0;
        long seen, passed;
        usec_t end;

        (void) open_through_proxy(b);
        for (unsigned round = 0; round < ROUNDS; round++) {
                RegistryTxn txn = { .puts = puts, .n_puts = REGISTRY_TXN_MAX };
                _cleanup_reply_ Reply put = {};

                for (unsigned i = 0; i < REGISTRY_TXN_MAX; i++) {
                        (void) snprintf(keys[i], sizeof(keys[i]), "leases/%u-%u", round, i);
                        puts[i] = (RegistryRecord){ .key = keys[i], .value = "x", .size = 1 };
                }
                assert_int_equal(ask_txn(b->event, b->r, &txn, &put), 0);
                assert_int_equal(put.outcome, REGISTRY_COMMITTED);
                revision = put.revision;
        }
        seen = proxy_tell(&proxy, "count /v3/kv/range");
        passed = proxy_tell(&proxy, "forwarded /v3/kv/range");
        assert_int_equal(proxy_tell(&proxy, "mode wait-after-first /v3/kv/range 60"), 0);
        assert_int_equal(registry_etcd.list(b->r, "leases/", PATIENCE, reply_take, &reply, &reply.request), 0);
        end = usec_add(now_boottime(), PATIENCE);
        while (proxy_tell(&proxy, "count /v3/kv/range") - seen < 2) { /* until the second page is asked for */
                assert_true(now_boottime() < end);
                assert_true(sd_event_run(b->event, 10 * USEC_PER_MSEC) >= 0);
        }
        assert_int_equal(server_post(&server, "/v3/kv/put", "{\"key\":\"AA==\",\"value\":\"AA==\"}", NULL, NULL), 200);
        (void) snprintf(body, sizeof(body), "{\"revision\":\"%" PRIu64 "\"}", revision + 1);
        assert_int_equal(server_post(&server, "/v3/kv/compaction", body, NULL, NULL), 200);
        assert_int_equal(proxy_tell(&proxy, "mode pass"), 0);
        assert_true(world_wait(b->event, &reply.calls, 1));
        assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
        assert_int_equal(reply.n_records, ROUNDS * REGISTRY_TXN_MAX);
        assert_true(proxy_tell(&proxy, "forwarded /v3/kv/range") - passed >= 4);
}

static void a_page_that_is_too_large_is_asked_for_in_parts(void **state) {
        Bench *b = *state;
        enum { N = 80 };
        _cleanup_free_ char *value = malloc(REGISTRY_VALUE_MAX);
        Reply reply = {};

        assert_non_null(value);
        memset(value, 'x', REGISTRY_VALUE_MAX);
        bench_open_config(b, &(RegistryConfig){ .endpoints = (const char *[]){ server.url, NULL },
                                             .attempt = 5 * USEC_PER_SEC });
        for (unsigned i = 0; i < N; i++) { /* 20 MiB: more than one answer may hold */
                char key[32];
                RegistryRecord put = { .key = key, .value = value, .size = REGISTRY_VALUE_MAX };

                (void) snprintf(key, sizeof(key), "leases/%03u", i);
                assert_int_equal(ask_txn(b->event, b->r, &(RegistryTxn){ .puts = &put, .n_puts = 1 }, &reply), 0);
                assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
        }
        assert_int_equal(ask_list(b->event, b->r, "leases/", &reply), 0);
        assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
        assert_int_equal(reply.n_records, N);
        assert_int_equal(reply.records[N - 1].size, REGISTRY_VALUE_MAX);
        reply_clear(&reply);
}

static int run(void) {
        static const struct CMUnitTest tests[] = {
                BENCH(a_request_that_is_cut_is_unknown_and_not_sent_again),
                BENCH(an_answer_that_is_cut_is_unknown),
                BENCH(half_a_request_is_unknown),
                BENCH(half_an_answer_is_unknown),
                BENCH(an_answer_that_comes_too_late_is_unknown),
                BENCH(a_request_that_nobody_answers_is_unknown),
                BENCH(a_request_that_lands_late_was_unknown_and_lands),
                BENCH(a_request_that_was_overtaken_lands_nowhere),
                BENCH(a_refusal_by_our_own_write_shows_it),
                BENCH(a_read_is_repeated_until_it_is_answered),
                BENCH(a_refused_connection_costs_nothing),
                BENCH(a_black_hole_leaves_time_for_another_endpoint),
                BENCH(a_black_hole_alone_ends_in_time),
                BENCH(a_name_that_cannot_be_looked_up_blocks_nothing),
                BENCH(what_is_not_etcd_is_named_and_does_no_harm),
                BENCH(a_member_that_does_not_say_who_it_is_says_so_in_its_answers),
                BENCH(https_to_a_plain_server_is_named),
                BENCH(records_of_others_are_passed_on),
                BENCH(a_stalled_watch_is_noticed),
                BENCH(a_watch_that_is_cut_lists_again),
                BENCH(a_server_that_sends_nonsense_loses_its_turn),
                BENCH(a_doubt_of_one_endpoint_leaves_the_watch_at_another_alone),
                BENCH(a_watch_outlasts_restart_and_compaction),
                BENCH(history_older_than_an_hour_is_forgotten),
                BENCH(a_list_whose_revision_is_compacted_begins_anew),
                BENCH(a_page_that_is_too_large_is_asked_for_in_parts),
        };
        int r = servers_create(&server, 1, "faults", NULL, NULL);

        if (r == 0)
                r = servers_start(&server, 1);
        if (r == 0)
                r = proxy_start(&proxy, server.url);
        if (r < 0)
                printf("etcd or the proxy does not start: %s\n", strerror(-r));
        else
                r = cmocka_run_group_tests(tests, NULL, NULL);
        proxy_stop(&proxy);
        servers_destroy(&server, 1);
        return r != 0;
}

int main(void) {
        return bench_main(run);
}
