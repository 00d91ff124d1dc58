/* SPDX-License-Identifier: Apache-2.0 */

/* The conformance suite against one real etcd. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "conformance-util.h"
#include "etcd-server.h"
#include "util/log.h"

static Server server;

/* A prefix of its own for each test. */
typedef struct Store {
        char prefix[64];
        bool frozen;
} Store;

static int store_create(void **ret) {
        static unsigned n;
        Store *s = calloc(1, sizeof(*s));

        if (!s)
                return -ENOMEM;
        (void) snprintf(s->prefix, sizeof(s->prefix), "/conformance-%u/", n++);
        *ret = s;
        return 0;
}

static void store_thaw(void *store) {
        server_signal(&server, SIGCONT);
        (void) server_wait(&server);
}

static void store_freeze(void *store) {
        server_signal(&server, SIGSTOP);
}

static void store_destroy(void *store) {
        store_thaw(store);
        free(store);
}

static int store_open(void *store, sd_event *event, Registry **ret, char **ret_error) {
        const char *endpoints[] = { server.url, NULL };
        const Store *s = store;

        RegistryConfig config = { .endpoints = endpoints, .prefix = s->prefix };

        return registry_etcd.open(event, &config, ret, ret_error);
}

int main(void) {
        static const RegistryFixture fixture = {
                .ops = &registry_etcd,
                .create = store_create,
                .destroy = store_destroy,
                .open = store_open,
                .freeze = store_freeze,
                .thaw = store_thaw,
        };
        int r;

        log_open();
        if (!server_is_installed()) {
                puts("skipped: etcd is not installed (Debian: etcd-server)");
                return 77;
        }
        cmocka_set_test_filter(getenv("TEST"));
        r = servers_create(&server, 1, "conformance", NULL, NULL);
        if (r == 0)
                r = servers_start(&server, 1);
        if (r < 0)
                printf("etcd does not start: %s\n", strerror(-r));
        else
                r = conformance_run(&fixture);
        servers_destroy(&server, 1);
        return r != 0;
}
