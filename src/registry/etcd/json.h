/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What etcd v3 and its JSON gateway say to each other, as text: pure, no I/O, no loop.
 *
 * The gateway's ways (3.4 to 3.7): bytes are standard base64 with padding; 64-bit integers are strings; members that
 * are zero or empty are absent; unknown members are to be ignored. Errors come in three shapes, see EtcdError.
 *
 * Encoders return a string owned by the caller, or NULL when out of memory. Decoders return 0, or -EBADMSG for
 * anything that etcd would not say, -ENOMEM; what they fill is untouched on failure. They survive any input.
 */

#include <jansson.h>

#include "registry/registry.h"
#include "util/macros.h"

enum {
        ETCD_ERROR_TEXT = 200,
        ETCD_VERSION_SIZE = 32,
};

/* gRPC codes that mean something to us. */
enum {
        ETCD_CODE_UNKNOWN = 2,
        ETCD_CODE_INVALID = 3,
        ETCD_CODE_DENIED = 7,
        ETCD_CODE_EXHAUSTED = 8,
        ETCD_CODE_PRECONDITION = 9,
        ETCD_CODE_OUT_OF_RANGE = 11,
        ETCD_CODE_UNAVAILABLE = 14,
        ETCD_CODE_UNAUTHENTICATED = 16,
};

typedef struct EtcdHeader {
        uint64_t cluster_id, member_id, raft_term;
        uint64_t revision; /* 0 where etcd leaves it out */
} EtcdHeader;

/* {"error","message","code"} up to 3.5, {"message","code"} from 3.6, and on streams {"error":{…}}. */
typedef struct EtcdError {
        int code;
        char message[ETCD_ERROR_TEXT]; /* printable, one line */
} EtcdError;

typedef struct EtcdKeyValue {
        char *key; /* NUL-terminated; the key itself may hold NULs, too: such a key cannot be ours */
        size_t key_size;
        char *value;
        size_t size;
        uint64_t mod_revision;
        bool deleted;
} EtcdKeyValue;

typedef struct EtcdKeyValues {
        EtcdKeyValue *items;
        size_t n;
        bool more; /* a range was cut at its limit */
} EtcdKeyValues;

void etcd_key_values_done(EtcdKeyValues *k);

/* Requests */
typedef struct EtcdRange {
        const char *key;
        size_t key_size;
        const char *end; /* NULL: the one key */
        size_t end_size;
        uint64_t revision; /* 0: now, linearizable */
        uint32_t limit;    /* 0: none */
} EtcdRange;

char *etcd_encode_range(const EtcdRange *r);
/* Keys in txn are relative to prefix. */
char *etcd_encode_txn(const RegistryTxn *txn, const char *prefix);
char *etcd_encode_watch(const char *key, const char *end, uint64_t start_revision);
char *etcd_encode_authenticate(const char *user, const char *password);
char *etcd_encode_compaction(uint64_t revision);

/* The end of the range of all keys that start with prefix: its last byte plus one. "\0" (size 1) if there is none. */
char *etcd_range_end(const char *prefix);

/* Answers */

/* One JSON object; NULL if it is none. */
json_t *etcd_parse(const char *text, size_t size);
int etcd_decode_header(const json_t *root, EtcdHeader *ret);
/* true and *ret filled if it is one of the shapes of an error. */
bool etcd_decode_error(const json_t *root, EtcdError *ret);
int etcd_decode_range(const json_t *root, EtcdKeyValues *ret);
/* *ret_kvs: if the Txn was refused, for each of its n_reads reads the record, with mod_revision 0 and no key if there
 * is none. */
int etcd_decode_txn(const json_t *root, size_t n_reads, bool *ret_succeeded, EtcdKeyValues *ret_kvs);
/* *ret is owned by the caller. */
int etcd_decode_token(const json_t *root, char **ret);

typedef struct EtcdMemberStatus {
        uint64_t size, quota; /* bytes; quota 0: not told (before 3.6) */
        bool has_leader;
        bool no_space, corrupt; /* alarms */
        char version[ETCD_VERSION_SIZE];
} EtcdMemberStatus;

int etcd_decode_status(const json_t *root, EtcdMemberStatus *ret);
/* GET /version. */
int etcd_decode_version(const json_t *root, char ret[static ETCD_VERSION_SIZE]);

typedef enum EtcdWatchEvent {
        ETCD_WATCH_CREATED,
        ETCD_WATCH_CHANGES,
        ETCD_WATCH_PROGRESS,
        ETCD_WATCH_CANCELED, /* the stream stays open and silent: it must be closed */
        ETCD_WATCH_ERROR,
} EtcdWatchEvent;

typedef struct EtcdWatchLine {
        EtcdWatchEvent event;
        EtcdHeader header; /* of all but ETCD_WATCH_ERROR */
        EtcdKeyValues changes;
        EtcdError error; /* of CANCELED (code 0) and ERROR */
} EtcdWatchLine;

/* One line of the stream. Release ret->changes afterwards. */
int etcd_decode_watch(const char *line, size_t size, EtcdWatchLine *ret);

/* What an error says about the request, whose body etcd has had. */
typedef enum EtcdVerdict {
        ETCD_VERDICT_UNCLEAR,   /* it may have been carried out, or may be yet */
        ETCD_VERDICT_ELSEWHERE, /* not carried out; another member may do it */
        ETCD_VERDICT_TOKEN,     /* not carried out: the token is missing, old or lost */
        ETCD_VERDICT_FINAL,     /* not carried out, and no member will */
} EtcdVerdict;

EtcdVerdict etcd_judge(const EtcdError *e);
/* The member has no leader; it has got one since the request came in. */
bool etcd_is_leaderless(const EtcdError *e);
bool etcd_is_leader_change(const EtcdError *e);

/* Something an operator should know about that version, or NULL: static text. */
const char *etcd_version_warning(const char *version);
/* 3.4 and later. An unreadable version passes. */
bool etcd_version_is_supported(const char *version);
