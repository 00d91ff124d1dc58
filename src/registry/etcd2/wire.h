/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The wire of leases in the v2 API of etcd, as fleet's package lease speaks it: pure. */

#include "util/macros.h"

enum {
        ETCD2_MACHINE_SIZE = 33,
        ETCD2_TEXT_SIZE = 256,
};

typedef enum Etcd2Kind {
        ETCD2_READ,   /* a linearizable read */
        ETCD2_CREATE, /* puts the key if it is absent */
        ETCD2_SWAP,   /* puts the key if it was last changed at .index */
        ETCD2_DELETE, /* deletes the key if it was last changed at .index */
} Etcd2Kind;

typedef struct Etcd2Ask {
        Etcd2Kind kind;
        const char *name; /* of the lease; its characters are those of lease_name_is_valid() */
        uint64_t index, ttl;
        const char *machine_id; /* of characters that are allowed in a lease's name */
        int64_t version;
} Etcd2Ask;

typedef struct Etcd2Node {
        bool damaged; /* it is there, but its value is not that of a lease */
        char machine_id[ETCD2_MACHINE_SIZE];
        int64_t version;
        uint64_t created, modified, ttl; /* ttl 0: it never expires */
} Etcd2Node;

typedef enum Etcd2Outcome {
        ETCD2_DONE,    /* .node, except for ETCD2_DELETE */
        ETCD2_FAILED,  /* a condition does not hold */
        ETCD2_ABSENT,  /* there is no such key */
        ETCD2_DENIED,  /* it was not carried out, and would not be a second time */
        ETCD2_UNKNOWN, /* there is no answer that says whether it was carried out */
} Etcd2Outcome;

typedef struct Etcd2Answer {
        Etcd2Outcome outcome;
        Etcd2Node node;
        char text[ETCD2_TEXT_SIZE]; /* of the last two: why, one line for people; else "" */
} Etcd2Answer;

/* Gives the path and query of a request: "/v2/keys" + prefix + "lease/" + name, and what the request compares. prefix
 * begins and ends with "/". Owned by the caller; NULL: out of memory. */
char *etcd2_path(const char *prefix, const Etcd2Ask *ask);

/* Gives the form that a request has as its body, "ttl=30&value=...", for ETCD2_CREATE and ETCD2_SWAP. Owned by the
 * caller; NULL: out of memory. */
char *etcd2_form(const Etcd2Ask *ask);

/* Reads an answer, which may be anything, to a request of that kind. Fills in *ret, all but .text. */
void etcd2_decode(Etcd2Kind kind, unsigned status, const char *body, size_t size, Etcd2Answer *ret);
