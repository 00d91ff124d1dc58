/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the suite's tests are made of: answers that are kept, watches that are replayed into a model, and a loop that
 * runs until something is so or PATIENCE is over. Nothing here asserts unless its comment says so, so that it can be
 * used in forked processes too.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "conformance.h"
#include "util/time-util.h"

#define PATIENCE (20 * USEC_PER_SEC)

/* One test's surroundings; cmocka's state. */
typedef struct World {
        const RegistryFixture *fixture;
        const RegistryOps *ops;
        void *store;
        sd_event *event;
        Registry *handles[16];
        size_t n_handles;
} World;

typedef struct Kept {
        char *key;
        void *value;
        size_t size;
        uint64_t mod_revision;
        bool damaged;
} Kept;

/* An answer, copied. */
typedef struct Reply {
        const RegistryOps *ops;
        RegistryRequest *request;
        unsigned calls; /* of the callback */
        RegistryOutcome outcome;
        uint64_t revision, total;
        char *store, *error;
        Kept *records;
        size_t n_records;
        bool free_inside; /* the callback frees the request */
} Reply;

void reply_clear(Reply *reply);
#define _cleanup_reply_ _cleanup_(reply_clear)

void reply_take(const RegistryAnswer *answer, void *userdata);

/* What a watch has said so far, and the map that follows from it. */
typedef struct Seen {
        const RegistryOps *ops;
        RegistryWatch *watch;
        unsigned lists, changes, deletions;
        uint64_t revision;     /* of the last report */
        uint64_t mod_revision; /* of the last single change */
        const char *broken;    /* the first promise that it broke, or NULL */
        Kept *records;
        size_t n_records;
        bool free_inside;
} Seen;

void seen_clear(Seen *seen);
#define _cleanup_seen_ _cleanup_(seen_clear)

void seen_take(const RegistryChange *change, void *userdata);

/* The record under the key, or NULL. */
const Kept *kept_find(const Kept *records, size_t n, const char *key);
bool kept_is(const Kept *record, const char *text);

/* One more handle; asserts. All are closed when the test is over. */
Registry *world_open(World *world);
void world_close(World *world, Registry *r);

/* Runs the loop until *counter is at least n; false if that has not come within PATIENCE. */
bool world_wait(sd_event *event, const unsigned *counter, unsigned n);
/* Runs the loop until the watch's model holds text under key (NULL: no such record); false after PATIENCE. */
bool world_wait_seen(sd_event *event, const Seen *seen, const char *key, const char *text);

/* Asks and waits. 0, or a negative errno (-ETIME: the callback has not fired in time). */
int ask_txn(sd_event *event, Registry *r, const RegistryTxn *txn, Reply *reply);
int ask_get(sd_event *event, Registry *r, const char *const *keys, size_t n, Reply *reply);
int ask_list(sd_event *event, Registry *r, const char *prefix, Reply *reply);
int ask_older(sd_event *event, Registry *r, const char *prefix, uint64_t revision, Reply *reply);
/* One compare, one put (text NULL: one delete), the key read back if refused. */
int ask_swap(sd_event *event, Registry *r, const char *key, uint64_t mod_revision, const char *text, Reply *reply);

/* Unconditional put; asserts that it is committed and returns its revision. */
uint64_t must_put(World *world, Registry *r, const char *key, const char *text);
uint64_t must_delete(World *world, Registry *r, const char *key);
/* Asserts that the record is there and is the text, or (NULL) is absent; returns its mod revision. */
uint64_t must_be(World *world, Registry *r, const char *key, const char *text);

extern const struct CMUnitTest conformance_map_tests[], conformance_request_tests[], conformance_watch_tests[],
                conformance_many_tests[];
extern const size_t conformance_n_map_tests, conformance_n_request_tests, conformance_n_watch_tests,
                conformance_n_many_tests;

int world_setup(void **state);
int world_teardown(void **state);

#define PROMISE(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
