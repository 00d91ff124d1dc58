/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the tests of the etcd backend share: one loop, one registry, requests with their own time limits. All of it
 * asserts. Replies and watches are the conformance suite's.
 */

#include <netinet/in.h>

#include "conformance-util.h"

#include "etcd-proxy.h"
#include "etcd-server.h"

#define ATTEMPT (300 * USEC_PER_MSEC)

typedef struct Bench {
        sd_event *event;
        Registry *r;
        char store[64]; /* what is remembered at the next opening; "": nothing */
} Bench;

/* cmocka's setup and teardown: a Bench without a registry. */
int bench_setup(void **state);
int bench_teardown(void **state);
#define BENCH(f) cmocka_unit_test_setup_teardown(f, bench_setup, bench_teardown)

/* Opens with ATTEMPT, endpoints up to a NULL, and a prefix that nobody used before. */
void bench_open(Bench *b, ...) __attribute__((sentinel));
/* The same with everything else from config. */
void bench_open_config(Bench *b, const RegistryConfig *config);
/* A listener on loopback that accepts nothing, to be closed by the caller; asserts that there is one. */
int bench_listen(int backlog, struct sockaddr_in *ret_address, char url[static 64]);
void bench_close(Bench *b);
/* The path of a file in a folder, good until eight more are asked for. */
const char *bench_file(const char *folder, const char *name);
/* Remembers the store that the server at this URL is of. */
void bench_remember(Bench *b, const char *url);

/* One request with a time limit, waited for. */
void bench_swap(Bench *b, const char *key, uint64_t mod_revision, const char *text, usec_t timeout, Reply *reply);
void bench_get(Bench *b, const char *key, usec_t timeout, Reply *reply);
/* Swaps until it is committed, reading what is there when it is refused; false after limit. Returns the revision. */
uint64_t bench_put(Bench *b, const char *key, const char *text, usec_t limit);
/* Runs the loop until f says so; false after PATIENCE. */
bool bench_until(Bench *b, bool (*f)(void *userdata), void *userdata);
RegistryStatus bench_status(Bench *b);
/* Until the status has the state and the text in its error (or, with REGISTRY_OK, in its warning). */
bool bench_until_status(Bench *b, RegistryState state, const char *text);

/* main() of such a test: 77 if there is no etcd. With $TEST only the test of that name is run (* and ? are patterns).
 */
int bench_main(int (*run)(void));
