/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Certificates made by openssl, users and roles in a real etcd: what is trusted, what is not, what is renewed while
 * the registry is open, and that no secret is ever said.
 */

#include "etcd-bench.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "registry/etcd/auth.h"
#include "registry/etcd/encode.h"
#include "util/file-util.h"

#define PASSWORD "correct \"horse\" battery\\staple"

enum { TOKEN_LIFE = 2 }; /* seconds without use */

static Server secure, users;
static char folder[] = "/tmp/leased-tls.XXXXXX";

/* ---- certificates ---- */

/* A certificate for 0 days is over when the next second begins: before the first etcd has started. */
static const char make_certificates[] =
                "set -e; cd \"$0\"; exec 2>openssl.log\n"
                "new='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'\n"
                "authority() { openssl req -x509 $new -keyout $1.key -out $1.pem -subj /CN=$1 -days 2; }\n"
                "sign() { # name subject days authority\n"
                "  openssl req -new $new -keyout $1.key -out $1.csr -subj \"$2\"\n"
                "  openssl x509 -req -in $1.csr -CA $4.pem -CAkey $4.key -CAcreateserial -days $3 -extfile san -out "
                "$1.pem\n"
                "}\n"
                "echo subjectAltName=IP:127.0.0.1 >san\n"
                "authority ca; authority other\n"
                "sign server /CN=etcd 2 ca; sign server-expired /CN=etcd 0 ca; sign server-other /CN=etcd 2 other\n"
                "sign client / 2 ca; sign client-expired / 0 ca; sign client-other / 2 other\n";

#define file(name) bench_file(folder, name)

/* Puts other contents under a name, as a renewal does. */
static void install(const char *from, const char *to) {
        _cleanup_free_ char *data = NULL;
        size_t size;

        assert_int_equal(read_file(file(from), 65536, &data, &size), 0);
        assert_int_equal(write_file_atomic(file(to), data, size, 0600, 0), 0);
}

static void install_pair(const char *from, const char *to) {
        char a[64], b[64];

        (void) snprintf(a, sizeof(a), "%s.key", from);
        (void) snprintf(b, sizeof(b), "%s.key", to);
        install(a, b);
        (void) snprintf(a, sizeof(a), "%s.pem", from);
        (void) snprintf(b, sizeof(b), "%s.pem", to);
        install(a, b);
}

static void open_secure(Bench *b, const char *ca, const char *client) {
        char cert[64], key[64];

        (void) snprintf(cert, sizeof(cert), "%s.pem", strempty(client));
        (void) snprintf(key, sizeof(key), "%s.key", strempty(client));
        bench_open_config(
                        b, &(RegistryConfig){
                                           .endpoints = (const char *[]){ secure.url, NULL },
                                           .ca_file = ca ? file(ca) : NULL,
                                           .cert_file = client ? file(cert) : NULL,
                                           .key_file = client ? file(key) : NULL,
                                           .attempt = USEC_PER_SEC, /* a handshake takes its time on a busy machine */
                           });
}

static void expect_unknown(Bench *b, const char *text) {
        _cleanup_reply_ Reply reply = {};

        bench_get(b, "meta", 1500 * USEC_PER_MSEC, &reply);
        assert_int_equal(reply.outcome, REGISTRY_UNKNOWN);
        if (!strstr(reply.error, text))
                fail_msg("%s", reply.error);
        assert_null(strstr(reply.error, PASSWORD));
}

static void both_certificates_make_a_registry(void **state) {
        Bench *b = *state;
        Seen seen = { .ops = &registry_etcd };

        open_secure(b, "ca.pem", "client");
        (void) bench_put(b, "beats/a", "one", PATIENCE);
        assert_int_equal(registry_etcd.watch(b->r, "", seen_take, &seen, &seen.watch), 0);
        assert_true(world_wait(b->event, &seen.lists, 1));
        (void) bench_put(b, "beats/a", "two", PATIENCE);
        assert_true(world_wait_seen(b->event, &seen, "beats/a", "two"));
        assert_int_equal(seen.lists, 1);
        seen_clear(&seen);
}

static void a_server_of_another_authority_is_not_trusted(void **state) {
        open_secure(*state, "other.pem", "client");
        expect_unknown(*state, "certificate");
}

static void without_an_authority_only_the_systems_are_trusted(void **state) {
        open_secure(*state, NULL, "client");
        expect_unknown(*state, "certificate");
}

static void without_a_client_certificate_nothing_is_answered(void **state) {
        open_secure(*state, "ca.pem", NULL);
        expect_unknown(*state, secure.url);
}

static void plain_http_to_it_is_named(void **state) {
        Bench *b = *state;
        char url[96];

        (void) snprintf(url, sizeof(url), "http%.80s", secure.url + strlen("https"));
        bench_open(b, url, NULL);
        expect_unknown(b, "https");
}

static void an_expired_server_is_not_trusted_until_it_is_renewed(void **state) {
        Bench *b = *state;

        install_pair("server-expired", "etcd");
        open_secure(b, "ca.pem", "client");
        expect_unknown(b, "certificate has expired");
        install_pair("server", "etcd");
        (void) bench_put(b, "beats/a", "renewed", PATIENCE);
}

static void a_renewed_client_certificate_takes_effect_by_itself(void **state) {
        Bench *b = *state;

        install_pair("client-expired", "mine");
        open_secure(b, "ca.pem", "mine");
        expect_unknown(b, secure.url);
        install_pair("client-other", "mine");
        expect_unknown(b, secure.url);
        install_pair("client", "mine");
        (void) bench_put(b, "beats/a", "renewed", PATIENCE);
}

static void a_replaced_authority_takes_effect_by_itself(void **state) {
        Bench *b = *state;

        install("other.pem", "trusted.pem");
        open_secure(b, "trusted.pem", "client");
        expect_unknown(b, "certificate");
        install("ca.pem", "trusted.pem");
        (void) bench_put(b, "beats/a", "one", PATIENCE);
        /* And the other way round, for new connections: the server comes back as somebody we no longer trust. */
        install("other.pem", "trusted.pem");
        server_stop(&secure, SIGTERM);
        assert_int_equal(servers_start(&secure, 1), 0);
        expect_unknown(b, "certificate");
}

/* ---- what is refused when it is opened ---- */

static void expect_refused(RegistryConfig config, const char *text) {
        _cleanup_free_ char *error = NULL;
        sd_event *event = NULL;
        Registry *r = NULL;

        assert_true(sd_event_new(&event) >= 0);
        assert_true(registry_etcd.open(event, &config, &r, &error) < 0);
        assert_null(r);
        assert_non_null(error);
        if (!strstr(error, text))
                fail_msg("%s", error);
        assert_null(strstr(error, "s3cret"));
        sd_event_unref(event);
}

static void bad_settings_are_refused_by_name(void **state) {
        const char *good[] = { "http://127.0.0.1:1", NULL }, *none[] = { NULL };
        const char *bad[][2] = { { "10.0.0.1:2379:x", NULL }, { "ftp://a:1", NULL }, { "http://me:s3cret@a:1", NULL },
                { "http://a:1/v3", NULL }, { "", NULL }, { "http://a:1?x", NULL } };

        expect_refused((RegistryConfig){ .endpoints = none }, "Endpoints=");
        expect_refused((RegistryConfig){}, "Endpoints=");
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                expect_refused((RegistryConfig){ .endpoints = bad[i] }, "Endpoints=");
        expect_refused((RegistryConfig){ .endpoints = bad[2] }, "PasswordFile=");
        expect_refused((RegistryConfig){ .endpoints = good, .ca_file = "/nonexistent/ca" }, "CAFile=/nonexistent/ca");
        expect_refused((RegistryConfig){ .endpoints = good, .cert_file = file("client.pem") }, "KeyFile=");
        expect_refused((RegistryConfig){ .endpoints = good, .user = "me" }, "PasswordFile=");
        expect_refused((RegistryConfig){ .endpoints = good, .user = "me", .password_file = "/nonexistent/p" },
                        "PasswordFile=/nonexistent/p");
        expect_refused((RegistryConfig){ .endpoints = good, .user = "me", .password_file = "/dev/zero" },
                        "regular file");
}

static void set_password(const char *password, mode_t mode) {
        char line[128];
        int n = snprintf(line, sizeof(line), "%s\n", password);

        assert_int_equal(write_file_atomic(file("password"), line, (size_t) n, mode, 0), 0);
}

static void a_password_that_everybody_can_read_is_refused(void **state) {
        const char *good[] = { "http://127.0.0.1:1", NULL };
        RegistryConfig config = { .endpoints = good, .user = "me", .password_file = file("password") };

        set_password("s3cret", 0644);
        expect_refused(config, "everybody can read it");
        set_password("s3cret", 0602);
        expect_refused(config, "everybody can read it");
        set_password("", 0600);
        expect_refused(config, "one line");
}

/* ---- users ---- */

static char *root_token(void) {
        _cleanup_free_ char *body = NULL;
        static const char login[] = "{\"name\":\"root\",\"password\":\"r\"}";
        char *token = NULL;
        json_t *root;

        assert_int_equal(server_post(&users, "/v3/auth/authenticate", login, NULL, &body), 200);
        root = etcd_decode_object(body, strlen(body));
        assert_int_equal(etcd_decode_token(root, &token), 0);
        json_decref(root);
        return token;
}

static void administer(const char *path, const char *json) {
        _cleanup_free_ char *token = root_token();

        assert_int_equal(server_post(&users, path, json, token, NULL), 200);
}

static int enable_users(void) {
        char grant[256], add[256];
        const struct {
                const char *path, *json;
        } steps[] = {
                { "/v3/auth/user/add", "{\"name\":\"root\",\"password\":\"r\"}" },
                { "/v3/auth/user/grant", "{\"user\":\"root\",\"role\":\"root\"}" },
                { "/v3/auth/role/add", "{\"name\":\"leased\"}" },
                { "/v3/auth/role/grant", grant },
                { "/v3/auth/user/add", add },
                { "/v3/auth/user/grant", "{\"user\":\"leased\",\"role\":\"leased\"}" },
                { "/v3/auth/enable", "{}" },
        };
        _cleanup_free_ char *login = etcd_encode_authenticate("leased", PASSWORD);

        (void) server_post(&users, "/v3/auth/role/add", "{\"name\":\"root\"}", NULL, NULL);
        (void) snprintf(grant, sizeof(grant),
                        "{\"name\":\"leased\",\"perm\":{\"permType\":\"READWRITE\",\"key\":\"%s\",\"range_end\":\"%"
                        "s\"}}",
                        base64_of("/leased/"), base64_of("/leased0"));
        (void) snprintf(add, sizeof(add), "%s", login);
        for (size_t i = 0; i < ELEMENTSOF(steps); i++)
                if (server_post(&users, steps[i].path, steps[i].json, NULL, NULL) != 200)
                        return -EIO;
        return 0;
}

static void open_as_user(Bench *b, const char *prefix) {
        bench_open_config(b, &(RegistryConfig){
                                             .endpoints = (const char *[]){ users.url, NULL },
                                             .prefix = prefix,
                                             .user = "leased",
                                             .password_file = file("password"),
                                             .attempt = USEC_PER_SEC,
                             });
}

static void a_user_with_a_password_may_use_his_prefix(void **state) {
        Bench *b = *state;
        Seen seen = { .ops = &registry_etcd };
        RegistryStatus status;

        set_password(PASSWORD, 0600);
        open_as_user(b, "/leased/");
        assert_int_equal(registry_etcd.watch(b->r, "", seen_take, &seen, &seen.watch), 0);
        (void) bench_put(b, "beats/a", "one", PATIENCE);
        assert_true(world_wait_seen(b->event, &seen, "beats/a", "one"));
        (void) bench_put(b, "beats/a", "two", PATIENCE);
        assert_true(world_wait_seen(b->event, &seen, "beats/a", "two"));
        status = bench_status(b);
        assert_int_equal(status.state, REGISTRY_OK);
        assert_true(status.version[0]);
        seen_clear(&seen);
}

static void other_prefixes_are_denied_in_words(void **state) {
        open_as_user(*state, "/others/");
        expect_unknown(*state, "permission denied");
}

static void without_a_user_the_missing_setting_is_named(void **state) {
        bench_open(*state, users.url, NULL);
        expect_unknown(*state, "User=");
}

static void a_wrong_password_is_named_and_the_right_one_picked_up(void **state) {
        Bench *b = *state;

        set_password("s3cret", 0600);
        open_as_user(b, "/leased/");
        expect_unknown(b, "does not accept User=leased");
        assert_null(strstr(bench_status(b).error, "s3cret"));
        set_password(PASSWORD, 0644);
        (void) bench_until_status(b, REGISTRY_TROUBLE, "does not accept");
        set_password(PASSWORD, 0600);
        (void) bench_put(b, "beats/a", "three", PATIENCE);
}

static void a_lost_token_is_renewed_within_the_request(void **state) {
        Bench *b = *state;
        _cleanup_reply_ Reply reply = {};
        uint64_t revision;

        open_as_user(b, "/leased/");
        (void) bench_put(b, "beats/a", "one", PATIENCE);
        for (unsigned i = 0; i < 3; i++) {
                /* A change of users makes every token worthless. */
                administer("/v3/auth/user/revoke", "{\"name\":\"leased\",\"role\":\"leased\"}");
                administer("/v3/auth/user/grant", "{\"user\":\"leased\",\"role\":\"leased\"}");
                revision = bench_put(b, "beats/a", "before", PATIENCE);
                etcd_auth_lost(etcd_state_of(b->r), etcd_state_of(b->r)->auth.serial);
                bench_swap(b, "beats/a", revision, "after", 2 * USEC_PER_SEC, &reply);
                assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
                free(etcd_state_of(b->r)->auth.token);
                etcd_state_of(b->r)->auth.token = strdup("Authorization: no.1");
                bench_swap(b, "beats/a", reply.revision, "again", 2 * USEC_PER_SEC, &reply);
                assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
        }
}

static bool token_is_old(void *userdata) {
        return now_boottime() > *(usec_t *) userdata + (TOKEN_LIFE + 1) * USEC_PER_SEC;
}

static void an_expired_token_is_renewed_within_the_request(void **state) {
        Bench *b = *state;
        _cleanup_reply_ Reply reply = {};
        uint64_t revision, serial;
        usec_t last;

        open_as_user(b, "/leased/");
        revision = bench_put(b, "beats/a", "one", PATIENCE);
        serial = etcd_state_of(b->r)->auth.serial;
        last = now_boottime();
        assert_true(bench_until(b, token_is_old, &last));
        bench_swap(b, "beats/a", revision, "two", 2 * USEC_PER_SEC, &reply);
        assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
        assert_true(etcd_state_of(b->r)->auth.serial > serial);
}

static void a_restarted_member_has_forgotten_the_token(void **state) {
        Bench *b = *state;

        open_as_user(b, "/leased/");
        (void) bench_put(b, "beats/a", "one", PATIENCE);
        server_stop(&users, SIGTERM);
        assert_int_equal(servers_start(&users, 1), 0);
        (void) bench_put(b, "beats/a", "two", PATIENCE);
}

static void open_through(Bench *b, const char *first, const char *second, const char *third) {
        bench_open_config(b, &(RegistryConfig){
                                             .endpoints = (const char *[]){ first, second, third, NULL },
                                             .prefix = "/leased/",
                                             .user = "leased",
                                             .password_file = file("password"),
                                             .attempt = USEC_PER_SEC,
                             });
}

/* etcd 3.5.30 tells nobody without a token of which cluster it is, so two of three endpoints must give one (the
 * majority of docs/safety.md, "A registry that is not the one we knew"). */
static void a_token_is_got_from_another_endpoint_where_one_does_not_give_it(void **state) {
        static const char *const faults[] = { "cut-request", "black-hole", "garbage", "not-found", "redirect" };
        Bench *b = *state;
        Proxy proxy = {}, good = {};

        assert_int_equal(proxy_start(&proxy, users.url), 0);
        assert_int_equal(proxy_start(&good, users.url), 0);
        for (size_t i = 0; i < 3 * ELEMENTSOF(faults); i++) { /* whichever it begins with */
                assert_int_equal(
                                proxy_tell(&proxy, "mode %s /v3/auth/authenticate 10", faults[i % ELEMENTSOF(faults)]),
                                0);
                open_through(b, proxy.url, users.url, good.url);
                (void) bench_put(b, "beats/a", "x", 3 * USEC_PER_SEC);
                bench_close(b);
        }
        proxy_stop(&good);
        proxy_stop(&proxy);
}

static void a_password_without_an_answer_is_sent_again_after_a_pause(void **state) {
        _cleanup_reply_ Reply reply = {};
        Bench *b = *state;
        Proxy proxy = {};
        long sent;

        assert_int_equal(proxy_start(&proxy, users.url), 0);
        assert_int_equal(proxy_tell(&proxy, "mode cut-request /v3/auth/authenticate"), 0);
        open_through(b, proxy.url, NULL, NULL);
        bench_get(b, "beats/a", 3 * USEC_PER_SEC, &reply);
        assert_int_equal(reply.outcome, REGISTRY_UNKNOWN);
        assert_non_null(strstr(reply.error, proxy.url));
        sent = proxy_tell(&proxy, "count /v3/auth/authenticate");
        if (sent < 4 || sent > 15)
                fail_msg("%ld passwords in 3 s", sent);
        assert_int_equal(proxy_tell(&proxy, "mode cut-request /v3/auth/authenticate 0 2"), 0);
        (void) bench_put(b, "beats/a", "x", 3 * USEC_PER_SEC);
        proxy_stop(&proxy);
}

static void a_server_that_is_slow_with_passwords_gets_the_time_that_it_needs(void **state) {
        Bench *b = *state;
        Proxy proxy = {};

        assert_int_equal(proxy_start(&proxy, users.url), 0);
        assert_int_equal(proxy_tell(&proxy, "mode hold-answer /v3/auth/authenticate 1.5"), 0);
        open_through(b, proxy.url, NULL, NULL);
        (void) bench_put(b, "beats/a", "x", PATIENCE);
        proxy_stop(&proxy);
}

static void without_users_a_password_is_only_a_warning(void **state) {
        Bench *b = *state;

        administer("/v3/auth/disable", "{}");
        open_as_user(b, "/leased/");
        (void) bench_put(b, "beats/a", "one", PATIENCE);
        assert_true(bench_until_status(b, REGISTRY_OK, "authentication off"));
        /* They come back while it is open. */
        assert_int_equal(server_post(&users, "/v3/auth/enable", "{}", NULL, NULL), 200);
        (void) bench_put(b, "beats/a", "two", PATIENCE);
        assert_null(strstr(bench_status(b).warning, "authentication off"));
}

static int prepare(void) {
        char command[sizeof(make_certificates) + 128], life[32];
        /* With etcd's own cost a password takes a busy machine seconds, and these tests check many. */
        const char *extra[] = { life, "--bcrypt-cost=4", NULL };
        ServerTls tls;
        int r;

        (void) snprintf(life, sizeof(life), "--auth-token-ttl=%d", TOKEN_LIFE);
        if (!mkdtemp(folder))
                return -errno;
        (void) snprintf(command, sizeof(command), "%s/make", folder);
        r = write_file_atomic(command, make_certificates, strlen(make_certificates), 0700, 0);
        if (r < 0)
                return r;
        (void) snprintf(command, sizeof(command), "/bin/sh -c \"$(cat %s/make)\" %s", folder, folder);
        if (system(command) != 0)
                return -EIO;
        install_pair("server", "etcd");
        (void) setenv("TEST_CLIENT_CERT", file("client.pem"), 1);
        (void) setenv("TEST_CLIENT_KEY", file("client.key"), 1);
        tls = (ServerTls){ file("ca.pem"), file("etcd.pem"), file("etcd.key"), true };
        r = servers_create(&secure, 1, "secure", &tls, NULL);
        if (r == 0)
                r = servers_create(&users, 1, "users", NULL, extra);
        if (r == 0)
                r = servers_start(&secure, 1);
        if (r == 0)
                r = servers_start(&users, 1);
        return r < 0 ? r : enable_users();
}

static int run(void) {
        static const struct CMUnitTest tests[] = {
                BENCH(both_certificates_make_a_registry),
                BENCH(a_server_of_another_authority_is_not_trusted),
                BENCH(without_an_authority_only_the_systems_are_trusted),
                BENCH(without_a_client_certificate_nothing_is_answered),
                BENCH(plain_http_to_it_is_named),
                BENCH(an_expired_server_is_not_trusted_until_it_is_renewed),
                BENCH(a_renewed_client_certificate_takes_effect_by_itself),
                BENCH(a_replaced_authority_takes_effect_by_itself),
                BENCH(bad_settings_are_refused_by_name),
                BENCH(a_password_that_everybody_can_read_is_refused),
                BENCH(a_user_with_a_password_may_use_his_prefix),
                BENCH(other_prefixes_are_denied_in_words),
                BENCH(without_a_user_the_missing_setting_is_named),
                BENCH(a_wrong_password_is_named_and_the_right_one_picked_up),
                BENCH(a_lost_token_is_renewed_within_the_request),
                BENCH(an_expired_token_is_renewed_within_the_request),
                BENCH(a_restarted_member_has_forgotten_the_token),
                BENCH(a_token_is_got_from_another_endpoint_where_one_does_not_give_it),
                BENCH(a_password_without_an_answer_is_sent_again_after_a_pause),
                BENCH(a_server_that_is_slow_with_passwords_gets_the_time_that_it_needs),
                BENCH(without_users_a_password_is_only_a_warning),
        };
        int r = access("/usr/bin/openssl", X_OK) < 0 ? -ENOENT : prepare();

        if (r < 0)
                printf("etcd, openssl or the certificates fail: %s\n", strerror(-r));
        else
                r = cmocka_run_group_tests(tests, NULL, NULL);
        servers_destroy(&secure, 1);
        servers_destroy(&users, 1);
        remove_tree(folder);
        return r != 0;
}

int main(void) {
        return bench_main(run);
}
