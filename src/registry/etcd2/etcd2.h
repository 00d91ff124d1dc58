/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Fleet's registry: the v2 API of etcd 2 to 3.5 (there with --enable-v2), and in it the keys of fleet's package lease.
 * It is a map, and decides nothing: it reads, creates, replaces and deletes one key, and compares what it is told to.
 * Other than registry.h's registries, it lets keys expire, by the wall clocks of etcd's members; what that is worth is
 * for others to judge (core/fleet-call.h).
 *
 * Nothing waits. Requests are objects, as in registry.h: freeing one cancels it, and its callback is called once, from
 * the loop, at the latest when its timeout is over.
 */

#include <systemd/sd-event.h>

#include "registry/etcd2/wire.h"
#include "util/time-util.h"

typedef struct Etcd2 Etcd2;
typedef struct Etcd2Request Etcd2Request;

typedef struct Etcd2Config {
        const char *const *endpoints; /* URLs, NULL-terminated, at least one */
        const char *prefix;           /* begins and ends with "/" */
        const char *ca_file, *cert_file, *key_file;
        usec_t attempt; /* how long one attempt at one endpoint may take at most */
} Etcd2Config;

typedef void (*etcd2_answer_t)(const Etcd2Answer *answer, void *userdata);

/* Opens the registry, owned by the caller, without connecting. Copies the strings of config. -ENOMEM, or -EOPNOTSUPP:
 * this libcurl would wait for the resolver. */
int etcd2_new(sd_event *event, const Etcd2Config *config, Etcd2 **ret);
/* Cancels what is under way, without callbacks; requests are freed by their owners before. Accepts NULL, returns NULL.
 */
Etcd2 *etcd2_free(Etcd2 *e);
/* Asks one endpoint, the one in use. Copies what ask points to. After an attempt without an answer the next request
 * goes to the next endpoint. Returns 0 or a negative errno. */
int etcd2_ask(Etcd2 *e, const Etcd2Ask *ask, usec_t timeout, etcd2_answer_t f, void *userdata, Etcd2Request **ret);
/* Cancels. Accepts NULL, returns NULL. */
Etcd2Request *etcd2_request_free(Etcd2Request *q);

DEFINE_TRIVIAL_CLEANUP(Etcd2 *, etcd2_free)
DEFINE_TRIVIAL_CLEANUP(Etcd2Request *, etcd2_request_free)
