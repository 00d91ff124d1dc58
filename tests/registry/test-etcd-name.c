/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A host name with several addresses as endpoint, one of which is a member that was wiped and began a cluster of its
 * own: that address, and not the name, is left out. The name is in an /etc/hosts that only this process sees.
 */

#include "etcd-bench.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

#include "registry/etcd/state.h"
#include "util/file-util.h"

#define NAME "etcd.example"
#define ODD "127.0.0.2"
#define FIRST "127.0.0.3"
#define SECOND "127.0.0.4"
#define THIRD "127.0.1.1" /* seldom of the name: that the others have a majority */
#define NOBODY "127.0.0.6"

static Server cluster[3], odd; /* on one port, each on its own address */
static Server secure, secure_odd;
static unsigned port;
static char folder[] = "/tmp/leased-name.XXXXXX";
static char url[64], secure_url[64];

/* ---- the name ---- */

static void write_hosts(const char *text) {
        FILE *f = fopen("/etc/hosts", "we"); /* it is mounted: to be written, not replaced */

        assert_non_null(f);
        assert_true(fputs(text, f) >= 0);
        assert_int_equal(fclose(f), 0);
}

/* The addresses of the name from now on, in the order in which they are tried. */
static void name_is(const char *first, const char *second, const char *third) {
        char text[256];

        (void) snprintf(text, sizeof(text), "127.0.0.1 localhost\n%s " NAME "\n%s %s\n%s %s\n", first,
                        second ? second : "#", second ? NAME : "", third ? third : "#", third ? NAME : "");
        write_hosts(text);
}

static int see_hosts_of_our_own(void) {
        char path[64];

        (void) snprintf(path, sizeof(path), "%s/hosts", folder);
        if (write_file_atomic(path, "", 0, 0644, 0) < 0 || unshare(CLONE_NEWNS) < 0 ||
                        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
                        mount(path, "/etc/hosts", NULL, MS_BIND, NULL) < 0)
                return -errno;
        return 0;
}

/* ---- the members ---- */

static void argument_is(Server *s, const char *name, const char *value) {
        for (size_t i = 0; i + 1 < s->n_arguments; i++)
                if (streq(s->arguments[i], name)) {
                        free(s->arguments[i + 1]);
                        s->arguments[i + 1] = strdup(value);
                }
}

/* The member listens at this address from its next start on, and at also, too, unless that is NULL. */
static void listens_at(Server *s, const char *scheme, const char *address, unsigned at, const char *also) {
        char urls[2 * sizeof(s->url)];

        (void) snprintf(s->url, sizeof(s->url), "%s://%s:%u", scheme, address, at);
        argument_is(s, "--advertise-client-urls", s->url);
        (void) snprintf(urls, sizeof(urls), "%s%s%s%s", s->url, also ? "," : "", also ? scheme : "",
                        also ? "://" : "");
        if (also)
                (void) snprintf(urls + strlen(urls), sizeof(urls) - strlen(urls), "%s:%u", also, at);
        argument_is(s, "--listen-client-urls", urls);
}

static void open_name(Bench *b, const char *prefix) {
        bench_open_config(b, &(RegistryConfig){ .endpoints = (const char *[]){ url, NULL }, .prefix = prefix });
}

/* Nothing was written below the prefix to the cluster of the odd member. */
static void odd_has_nothing(Bench *b, const char *prefix) {
        _cleanup_reply_ Reply reply = {};

        bench_close(b);
        b->store[0] = '\0';
        bench_open_config(b, &(RegistryConfig){ .endpoints = (const char *[]){ odd.url, NULL }, .prefix = prefix });
        bench_get(b, "beats/a", PATIENCE, &reply);
        assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
        assert_int_equal(reply.records[0].mod_revision, 0);
}

/* ---- the promises ---- */

static void an_odd_address_of_a_name_is_left_out_and_another_one_asked(void **state) {
        Bench *b = *state;
        _cleanup_reply_ Reply reply = {};

        name_is(ODD, FIRST, SECOND);
        bench_remember(b, cluster[0].url);
        for (unsigned i = 0; i < 4; i++) {
                char text[16];

                open_name(b, "/name/");
                bench_get(b, "beats/a", PATIENCE, &reply);
                assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
                assert_string_equal(reply.store, b->store);
                /* From when it is known on; a member too slow to say who it is may get a write before. */
                assert_true(bench_until_status(b, REGISTRY_OK, ODD " is of another etcd cluster"));
                (void) snprintf(text, sizeof(text), "%u", i);
                (void) bench_put(b, "beats/a", text, PATIENCE);
                bench_get(b, "beats/a", PATIENCE, &reply);
                assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
                assert_string_equal(reply.store, b->store);
                assert_true(kept_is(&reply.records[0], text));
                assert_null(strstr(bench_status(b).warning, FIRST));
                assert_null(strstr(bench_status(b).warning, "more than one member"));
                bench_close(b);
        }
        odd_has_nothing(b, "/name/");
}

/* A dozen that refuse use up the time of each attempt if each of them costs a part of it. */
static void where_an_address_of_a_name_refuses_the_next_one_is_tried_at_once(void **state) {
        char text[512] = "127.0.0.1 localhost\n";
        Bench *b = *state;
        _cleanup_reply_ Reply reply = {};

        /* They are nearer to 127.0.0.1 than the third member: else the resolver would put that one first. */
        for (unsigned i = 0; i < 12; i++)
                (void) snprintf(text + strlen(text), sizeof(text) - strlen(text), "127.0.0.%u " NAME "\n", i + 16);
        (void) snprintf(text + strlen(text), sizeof(text) - strlen(text), THIRD " " NAME "\n");
        write_hosts(text);
        bench_remember(b, cluster[0].url);
        open_name(b, "/next/");
        (void) bench_put(b, "beats/a", "x", PATIENCE);
        bench_get(b, "beats/a", PATIENCE, &reply);
        assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
        assert_string_equal(reply.store, b->store);
}

/* It answers while nothing was amiss before: as unknown, never as committed or refused. */
static void an_odd_address_that_comes_into_use_says_nothing_that_counts(void **state) {
        Bench *b = *state;
        Seen seen = { .ops = &registry_etcd };
        _cleanup_reply_ Reply reply = {};
        uint64_t known;

        name_is(ODD, FIRST, SECOND);
        bench_remember(b, cluster[0].url);
        server_stop(&odd, SIGKILL);
        open_name(b, "/use/");
        known = bench_put(b, "beats/a", "before", PATIENCE);
        assert_int_equal(registry_etcd.watch(b->r, "", seen_take, &seen, &seen.watch), 0);
        assert_true(world_wait_seen(b->event, &seen, "beats/a", "before"));
        assert_int_equal(servers_start(&odd, 1), 0);
        server_stop(&cluster[0], SIGKILL);
        for (unsigned i = 0; i < 20; i++) {
                usec_t end = usec_add(now_boottime(), PATIENCE);
                char text[16];

                (void) snprintf(text, sizeof(text), "%u", i);
                do { /* one that was unknown may have been carried out, but only by this cluster */
                        bench_swap(b, "beats/a", known, text, PATIENCE, &reply);
                        assert_true(now_boottime() < end);
                        if (reply.outcome == REGISTRY_UNKNOWN)
                                continue;
                        assert_string_equal(reply.store, b->store);
                        assert_true(reply.outcome == REGISTRY_COMMITTED || reply.records[0].mod_revision > known);
                        known = reply.outcome == REGISTRY_COMMITTED ? reply.revision : reply.records[0].mod_revision;
                } while (reply.outcome != REGISTRY_COMMITTED);
                bench_get(b, "beats/a", PATIENCE, &reply);
                assert_string_equal(reply.store, b->store);
                assert_true(kept_is(&reply.records[0], text));
                assert_true(world_wait_seen(b->event, &seen, "beats/a", text));
        }
        assert_null(seen.broken);
        assert_true(bench_until_status(b, REGISTRY_OK, ODD " is of another etcd cluster"));
        seen_clear(&seen);
        assert_int_equal(servers_start(cluster, 3), 0);
        odd_has_nothing(b, "/use/");
}

/* A dozen of them are open when the first answer says what it is. A write that went out on one would land there. */
static void a_connection_to_an_odd_address_is_never_used_again(void **state) {
        Bench *b = *state;
        Reply replies[12] = {};
        const char *key = "beats/a";
        _cleanup_reply_ Reply reply = {};

        name_is(ODD, FIRST, SECOND);
        bench_remember(b, cluster[0].url);
        server_stop(&odd, SIGKILL);
        open_name(b, "/again/");
        (void) bench_put(b, key, "x", PATIENCE);
        assert_int_equal(servers_start(&odd, 1), 0);
        server_stop(&cluster[0], SIGKILL);
        for (size_t i = 0; i < ELEMENTSOF(replies); i++) {
                replies[i].ops = &registry_etcd;
                assert_int_equal(registry_etcd.get(b->r, &key, 1, PATIENCE, reply_take, &replies[i],
                                                 &replies[i].request),
                                0);
        }
        for (size_t i = 0; i < ELEMENTSOF(replies); i++) {
                assert_true(world_wait(b->event, &replies[i].calls, 1));
                assert_int_equal(replies[i].outcome, REGISTRY_COMMITTED);
                assert_string_equal(replies[i].store, b->store);
                reply_clear(&replies[i]);
        }
        assert_int_equal(servers_start(cluster, 3), 0);
        server_stop(&cluster[1], SIGKILL);
        for (unsigned i = 0; i < 12; i++) {
                char name[32];

                (void) snprintf(name, sizeof(name), "beats/%u", i);
                (void) bench_put(b, name, "x", PATIENCE);
        }
        assert_int_equal(servers_start(cluster, 3), 0);
        bench_close(b);
        b->store[0] = '\0';
        bench_open_config(b, &(RegistryConfig){ .endpoints = (const char *[]){ odd.url, NULL }, .prefix = "/again/" });
        assert_int_equal(ask_list(b->event, b->r, "", &reply), 0);
        assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
        assert_int_equal(reply.n_records, 0);
}

static void where_no_address_of_the_name_is_of_the_remembered_cluster_nothing_counts(void **state) {
        Bench *b = *state;
        _cleanup_reply_ Reply reply = {};

        bench_remember(b, cluster[0].url);
        /* The others are silent: what one member says proves nothing. */
        name_is(ODD, NOBODY, NULL);
        open_name(b, NULL);
        for (unsigned i = 0; i < 4; i++) {
                bench_swap(b, "beats/a", 0, "x", 4 * ATTEMPT, &reply);
                assert_int_equal(reply.outcome, REGISTRY_UNKNOWN);
        }
        assert_non_null(strstr(reply.error, ODD));
        assert_non_null(strstr(reply.error, "another etcd cluster"));
        assert_int_equal(bench_status(b).state, REGISTRY_TROUBLE);
        bench_close(b);
        /* All of them say so: the caller sees the other name. */
        name_is(ODD, NULL, NULL);
        open_name(b, NULL);
        bench_get(b, "beats/a", PATIENCE, &reply);
        assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
        assert_string_not_equal(reply.store, b->store);
}

static bool warns_of_none(void *userdata) {
        return !strstr(bench_status(userdata).warning, "another etcd cluster");
}

static void a_repaired_address_is_asked_again(void **state) {
        Bench *b = *state;
        _cleanup_reply_ Reply reply = {};

        name_is(ODD, FIRST, NULL);
        bench_remember(b, cluster[0].url);
        open_name(b, NULL);
        (void) bench_put(b, "beats/a", "one", PATIENCE);
        assert_true(bench_until_status(b, REGISTRY_OK, ODD " is of another etcd cluster"));
        server_stop(&odd, SIGKILL);
        server_stop(&cluster[2], SIGTERM);
        listens_at(&cluster[2], "http", THIRD, port, ODD);
        assert_int_equal(servers_start(cluster, 3), 0);
        etcd_state_note(etcd_state_of(b->r), ETCD_NEWS_PROBE); /* as every minute */
        assert_true(bench_until(b, warns_of_none, b));
        server_stop(&cluster[0], SIGKILL); /* the name's only other address */
        (void) bench_put(b, "beats/a", "two", PATIENCE);
        assert_int_equal(servers_start(cluster, 3), 0);
        server_stop(&cluster[2], SIGTERM);
        listens_at(&cluster[2], "http", THIRD, port, NULL);
        assert_int_equal(servers_start(cluster, 3), 0);
        assert_int_equal(servers_start(&odd, 1), 0);
}

/* ---- TLS ---- */

static const char make_certificates[] =
                "set -e; cd \"$0\"; exec 2>openssl.log\n"
                "new='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'\n"
                "openssl req -x509 $new -keyout ca.key -out ca.pem -subj /CN=ca -days 2\n"
                "for name in " NAME " other.example; do\n"
                "  echo subjectAltName=DNS:$name,IP:" ODD ",IP:" FIRST " >san\n"
                "  openssl req -new $new -keyout $name.key -out $name.csr -subj /CN=etcd\n"
                "  openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile san -out "
                "$name.pem\n"
                "done\n";

#define file(name) bench_file(folder, name)

/* Whoever is asked by address still has to prove the name. */
static void the_certificate_of_an_address_must_be_the_names(void **state) {
        Bench *b = *state;
        const char *ca = file("ca.pem");
        ServerTls tls = { .cert_file = file(NAME ".pem"), .key_file = file(NAME ".key") };
        RegistryConfig config = { .endpoints = (const char *[]){ secure_url, NULL }, .ca_file = ca };
        unsigned secure_port = free_port();
        char command[128];
        _cleanup_reply_ Reply reply = {};

        (void) snprintf(command, sizeof(command), "sh -c \"$MAKE\" %s", folder);
        assert_int_equal(setenv("MAKE", make_certificates, 1), 0);
        assert_int_equal(system(command), 0);
        (void) snprintf(secure_url, sizeof(secure_url), "https://" NAME ":%u", secure_port);
        assert_int_equal(servers_create(&secure, 1, "secure", &tls, NULL), 0);
        assert_int_equal(servers_create(&secure_odd, 1, "secure-odd", &tls, NULL), 0);
        listens_at(&secure, "https", FIRST, secure_port, NULL);
        listens_at(&secure_odd, "https", ODD, secure_port, NULL);
        assert_int_equal(servers_start(&secure, 1), 0);
        assert_int_equal(servers_start(&secure_odd, 1), 0);
        name_is(FIRST, NULL, NULL);
        bench_open_config(b, &config);
        bench_get(b, "meta", PATIENCE, &reply);
        assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
        str_copy(b->store, sizeof(b->store), reply.store);
        bench_close(b);
        name_is(ODD, FIRST, NULL);
        bench_open_config(b, &config);
        (void) bench_put(b, "beats/a", "one", PATIENCE);
        assert_true(bench_until_status(b, REGISTRY_OK, ODD " is of another etcd cluster"));
        /* The same address, now with the certificate of another name. */
        server_stop(&secure, SIGTERM);
        argument_is(&secure, "--cert-file", file("other.example.pem"));
        argument_is(&secure, "--key-file", file("other.example.key"));
        assert_int_equal(servers_start(&secure, 1), 0);
        bench_get(b, "meta", 2 * USEC_PER_SEC, &reply);
        assert_int_equal(reply.outcome, REGISTRY_UNKNOWN);
        assert_non_null(strstr(reply.error, NAME));
}

/* ---- */

static int create(void) {
        static const char *const addresses[] = { FIRST, SECOND, THIRD };
        int r = servers_create(cluster, 3, "three", NULL, NULL);

        if (r == 0)
                r = servers_create(&odd, 1, "odd", NULL, NULL);
        if (r < 0)
                return r;
        port = free_port();
        (void) snprintf(url, sizeof(url), "http://" NAME ":%u", port);
        for (size_t i = 0; i < ELEMENTSOF(addresses); i++)
                listens_at(&cluster[i], "http", addresses[i], port, NULL);
        listens_at(&odd, "http", ODD, port, NULL);
        r = servers_start(cluster, 3);
        return r < 0 ? r : servers_start(&odd, 1);
}

static int run(void) {
        static const struct CMUnitTest tests[] = {
                BENCH(an_odd_address_of_a_name_is_left_out_and_another_one_asked),
                BENCH(where_an_address_of_a_name_refuses_the_next_one_is_tried_at_once),
                BENCH(an_odd_address_that_comes_into_use_says_nothing_that_counts),
                BENCH(a_connection_to_an_odd_address_is_never_used_again),
                BENCH(where_no_address_of_the_name_is_of_the_remembered_cluster_nothing_counts),
                BENCH(a_repaired_address_is_asked_again),
                BENCH(the_certificate_of_an_address_must_be_the_names),
        };
        int r = mkdtemp(folder) ? see_hosts_of_our_own() : -errno;

        if (r < 0) {
                printf("skipped: no mount namespace: %s\n", strerror(-r));
                remove_tree(folder);
                return 77;
        }
        r = create();
        if (r < 0)
                printf("etcd does not start: %s\n", strerror(-r));
        else
                r = cmocka_run_group_tests(tests, NULL, NULL);
        servers_destroy(cluster, 3);
        servers_destroy(&odd, 1);
        servers_destroy(&secure, 1);
        servers_destroy(&secure_odd, 1);
        remove_tree(folder);
        return r != 0;
}

int main(void) {
        return bench_main(run);
}
