/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the requests of the contract (get, list, txn) have in common: their object, their answer, their end.
 *
 * A request is made of calls, one for each of its slots at a time.
 */

#include "registry/etcd/call.h"

enum { ETCD_REQUEST_PARALLEL = 4 };

typedef struct EtcdSlot {
        RegistryRequest *request;
        EtcdCall *call; /* under way */
        size_t index;   /* get: of the key that is being read */
} EtcdSlot;

/* Records with all that they point to. */
typedef struct EtcdResult {
        RegistryRecord *records;
        size_t n, room, bytes;
        uint64_t revision, total;
        uint64_t cluster_id; /* of the answers so far; 0: none yet */
} EtcdResult;

struct RegistryRequest {
        Etcd *etcd; /* NULL: the registry was freed */
        LIST_ENTRY(RegistryRequest) all;
        registry_answer_t f; /* NULL: it has been called */
        void *userdata;
        usec_t deadline;
        EtcdResult result;
        EtcdSlot slots[ETCD_REQUEST_PARALLEL];
        char **keys; /* get: what is read; txn: its reads. Relative */
        size_t n_keys;
        size_t next, n_done;       /* get: the key to be read next; how many have been read */
        char *put_key;             /* txn: one that it puts */
        char *prefix, *from, *end; /* list: of the keys as etcd knows them; from is where the next page begins */
        size_t from_size, end_size;
        uint32_t page;   /* list: keys of one page */
        uint64_t newest; /* list: only what was not put after that, without values; 0: all */
};

/* Makes a request without calls, owned by the caller; timeout counts from now. NULL: out of memory. */
RegistryRequest *etcd_request_new(Etcd *e, usec_t timeout, registry_answer_t f, void *userdata);

/* registry_etcd.request_free: cancels the request. Accepts NULL, returns NULL. */
RegistryRequest *etcd_request_free(RegistryRequest *q);

/* The registry is being freed: cancels all requests, which still belong to their owners. */
void etcd_request_detach(Etcd *e);

/* Ends the request, which may be gone afterwards. error, for REGISTRY_UNKNOWN, is one line for people. */
void etcd_request_finish(RegistryRequest *q, RegistryOutcome outcome, const char *store, const char *error);

/* Ends the request as unknown: r, a negative errno, says what was wrong with the answer, or with us (-ENOMEM). */
void etcd_request_bad_answer(RegistryRequest *q, int r);

/* Notes that an answer with this header is a part of the request's answer. false: it comes from another store than the
 * parts before. */
bool etcd_request_note(RegistryRequest *q, const EtcdHeader *h);

/* Makes room for n records in all. Returns 0 or -ENOMEM. */
int etcd_request_reserve(RegistryRequest *q, size_t n);

/* Forgets the answers so far. */
void etcd_request_clear(RegistryRequest *q);

/* Copies the keys. Returns 0 or -ENOMEM. */
int etcd_request_copy_keys(RegistryRequest *q, const char *const *keys, size_t n);

/* Whether the contract allows a key. */
bool etcd_request_key_is_valid(const char *key);

/* Whether a record is about the key that was asked for: another one's record would pass for it. */
bool etcd_request_is_about(const RegistryRequest *q, const EtcdKeyValue *kv, const char *key);

DEFINE_TRIVIAL_CLEANUP(RegistryRequest *, etcd_request_free)
