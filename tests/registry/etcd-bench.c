/* SPDX-License-Identifier: Apache-2.0 */
#include "etcd-bench.h"

#include <stdio.h>
#include <sys/socket.h>

#include "util/log.h"

int bench_setup(void **state) {
        Bench *b = calloc(1, sizeof(*b));

        *state = b;
        return b && sd_event_new(&b->event) >= 0 ? 0 : -1;
}

int bench_teardown(void **state) {
        Bench *b = *state;

        bench_close(b);
        sd_event_unref(b->event);
        free(b);
        return 0;
}

void bench_open_config(Bench *b, const RegistryConfig *config) {
        _cleanup_free_ char *error = NULL;
        RegistryConfig c = *config;
        static unsigned n;
        char prefix[64];

        (void) snprintf(prefix, sizeof(prefix), "/bench-%u/", n++);
        c.attempt = c.attempt ?: ATTEMPT;
        c.prefix = c.prefix ?: prefix;
        c.store = c.store ?: b->store;
        if (registry_etcd.open(b->event, &c, &b->r, &error) < 0)
                fail_msg("open: %s", strempty(error));
}

int bench_listen(int backlog, struct sockaddr_in *ret_address, char url[static 64]) {
        struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof(a);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_true(fd >= 0);
        assert_int_equal(bind(fd, (struct sockaddr *) &a, size), 0);
        assert_int_equal(listen(fd, backlog), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *) &a, &size), 0);
        (void) snprintf(url, 64, "http://127.0.0.1:%u", ntohs(a.sin_port));
        *ret_address = a;
        return fd;
}

void bench_open(Bench *b, ...) {
        const char *endpoints[8] = {};
        size_t n = 0;
        va_list ap;

        va_start(ap, b);
        do
                endpoints[n] = va_arg(ap, const char *);
        while (endpoints[n++] && n < ELEMENTSOF(endpoints));
        va_end(ap);
        bench_open_config(b, &(RegistryConfig){ .endpoints = endpoints });
}

void bench_close(Bench *b) {
        b->r = registry_etcd.free(b->r);
}

void bench_remember(Bench *b, const char *url) {
        _cleanup_reply_ Reply reply = {};

        bench_open(b, url, NULL);
        bench_get(b, "meta", PATIENCE, &reply);
        assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
        str_copy(b->store, sizeof(b->store), reply.store);
        bench_close(b);
}

void bench_swap(Bench *b, const char *key, uint64_t mod_revision, const char *text, usec_t timeout, Reply *reply) {
        RegistryCompare compare = { key, mod_revision };
        RegistryRecord put = { .key = key, .value = text, .size = strlen(text) };
        RegistryTxn txn = {
                .compares = &compare,
                .n_compares = 1,
                .puts = &put,
                .n_puts = 1,
                .reads = &key,
                .n_reads = 1,
        };

        reply_clear(reply);
        reply->ops = &registry_etcd;
        assert_int_equal(registry_etcd.txn(b->r, &txn, timeout, reply_take, reply, &reply->request), 0);
        assert_true(world_wait(b->event, &reply->calls, 1));
}

void bench_get(Bench *b, const char *key, usec_t timeout, Reply *reply) {
        reply_clear(reply);
        reply->ops = &registry_etcd;
        assert_int_equal(registry_etcd.get(b->r, &key, 1, timeout, reply_take, reply, &reply->request), 0);
        assert_true(world_wait(b->event, &reply->calls, 1));
}

uint64_t bench_put(Bench *b, const char *key, const char *text, usec_t limit) {
        usec_t end = usec_add(now_boottime(), limit);
        _cleanup_reply_ Reply reply = {};
        uint64_t known = 0;

        while (now_boottime() < end) {
                bench_swap(b, key, known, text, 4 * ATTEMPT, &reply);
                if (reply.outcome == REGISTRY_COMMITTED)
                        return reply.revision;
                if (reply.outcome == REGISTRY_REFUSED)
                        known = reply.records[0].mod_revision;
        }
        fail_msg("%s could not be put: %s", key, strempty(reply.error));
        return 0;
}

bool bench_until(Bench *b, bool (*f)(void *userdata), void *userdata) {
        usec_t end = usec_add(now_boottime(), PATIENCE);

        while (!f(userdata)) {
                if (now_boottime() >= end)
                        return false;
                assert_true(sd_event_run(b->event, 50 * USEC_PER_MSEC) >= 0);
        }
        return true;
}

RegistryStatus bench_status(Bench *b) {
        RegistryStatus s;

        registry_etcd.status(b->r, &s);
        return s;
}

typedef struct Wanted {
        Bench *b;
        RegistryState state;
        const char *text;
} Wanted;

static bool has_status(void *userdata) {
        const Wanted *w = userdata;
        RegistryStatus s = bench_status(w->b);

        return s.state == w->state && strstr(w->state == REGISTRY_OK ? s.warning : s.error, w->text);
}

bool bench_until_status(Bench *b, RegistryState state, const char *text) {
        return bench_until(b, has_status, &(Wanted){ b, state, text });
}

const char *bench_file(const char *folder, const char *name) {
        static char paths[8][128];
        static unsigned next;
        char *path = paths[next++ % ELEMENTSOF(paths)];

        (void) snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
        return path;
}

int bench_main(int (*run)(void)) {
        log_open();
        if (!server_is_installed()) {
                puts("skipped: etcd is not installed (Debian: etcd-server)");
                return 77;
        }
        cmocka_set_test_filter(getenv("TEST"));
        return run();
}
