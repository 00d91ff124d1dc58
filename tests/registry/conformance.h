/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One suite for every registry: what registry.h promises, tested through RegistryOps alone.
 *
 * A backend brings a fixture and calls conformance_run() from its test's main(); it passes the suite unchanged or it
 * is not a registry. What only one backend can do (a damaged file, a member that is shutting down) is tested beside
 * it.
 */

#include "registry/registry.h"

typedef struct RegistryFixture {
        const RegistryOps *ops;

        /* Before each test: an empty store of its own (a directory; a prefix that nobody else uses). 0 or an errno. */
        int (*create)(void **ret_store);
        /* After each test, also after a failed one. All handles are closed by then; a frozen store is to be thawed. */
        void (*destroy)(void *store);

        /* Opens one more handle on the store. Called several times, also in processes forked from the test's. */
        int (*open)(void *store, sd_event *event, Registry **ret, char **ret_error);

        /* From now on no request is answered (a lock is held, the server is stopped), until thaw. */
        void (*freeze)(void *store);
        void (*thaw)(void *store);
} RegistryFixture;

/* Runs the suite. Returns what main() is to return: the number of failed tests. */
int conformance_run(const RegistryFixture *fixture);
