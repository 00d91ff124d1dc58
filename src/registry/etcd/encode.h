/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What etcd v3 is asked, as the JSON of its gateway: pure, no I/O, no loop.
 *
 * Bytes are standard base64 with padding, 64-bit integers are strings: every version from 3.4 to 3.7 reads that. Each
 * function returns a string owned by the caller, or NULL when out of memory.
 */

#include "registry/registry.h"
#include "util/macros.h"

typedef struct EtcdRange {
        const char *key;
        size_t key_size;
        const char *end; /* NULL: the one key */
        size_t end_size;
        uint64_t revision; /* 0: now, linearizable */
        uint32_t limit;    /* 0: none */
        uint64_t newest;   /* only keys that were not put after this revision, without values; 0: all, with values */
} EtcdRange;

/* The body of a read: one key, or the keys from .key up to but without .end. */
char *etcd_encode_range(const EtcdRange *r);

/* The body of a transaction, which must be a valid one (registry.h). Its keys are relative to prefix. */
char *etcd_encode_txn(const RegistryTxn *txn, const char *prefix);

/* The body that opens a watch on the keys from key up to but without end, and on the key also (NULL: none), for all
 * that comes from start_revision on. To etcd they are two watches on one stream, 0 and 1. */
char *etcd_encode_watch(const char *key, const char *end, const char *also, uint64_t start_revision);

/* The body that asks for a token. The caller wipes it before freeing it: it holds the password. */
char *etcd_encode_authenticate(const char *user, const char *password);

/* The body that makes etcd forget all revisions up to this one. */
char *etcd_encode_compaction(uint64_t revision);

/* The end of the range of all keys that start with prefix: the prefix with its last byte plus one. An empty string,
 * whose NUL is to be sent as the one byte that means "to the end", if there is no such key. */
char *etcd_encode_range_end(const char *prefix);
