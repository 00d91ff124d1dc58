/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What etcd v3 answers, as the JSON of its gateway: pure, no I/O, no loop.
 *
 * What the gateway of etcd 3.4 to 3.7 sends: bytes are standard base64 with padding; 64-bit integers are strings;
 * members that are zero or empty are absent; unknown members are to be ignored. Errors come in three shapes, see
 * EtcdError.
 *
 * The functions survive any input. They return 0, -EBADMSG for anything that etcd would not say, or -ENOMEM; what they
 * fill in is untouched on failure.
 */

#include <jansson.h>

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
        uint64_t mod_revision; /* 0: there is no such record */
        bool deleted;
} EtcdKeyValue;

typedef struct EtcdKeyValues {
        EtcdKeyValue *items;
        size_t n;
        bool more;      /* a range was cut at its limit */
        uint64_t count; /* keys in the range, also those that were not asked for */
} EtcdKeyValues;

/* Frees what k points to, and leaves it empty. */
void etcd_decode_done(EtcdKeyValues *k);

/* The JSON object that the text is, as a new reference; NULL if the text is none, or has more values than any answer
 * of etcd's. */
json_t *etcd_decode_object(const char *text, size_t size);

/* The header, which every answer but an error bears. One without a cluster id is -EBADMSG. */
int etcd_decode_header(const json_t *root, EtcdHeader *ret);
/* Whether the answer is one of the shapes of an error; *ret is filled in then. */
bool etcd_decode_error(const json_t *root, EtcdError *ret);
/* The answer to a read; etcd_decode_done() releases it. No record is newer than the header says. */
int etcd_decode_range(const json_t *root, EtcdKeyValues *ret);

/* The answer to a transaction; etcd_decode_done() releases *ret_kvs. *ret_kvs: if the Txn was refused, for each of its
 * n_reads reads the record, with mod_revision 0 and no key if there is none. */
int etcd_decode_txn(const json_t *root, size_t n_reads, bool *ret_succeeded, EtcdKeyValues *ret_kvs);
/* The token in the answer to a password, fit to be part of a header line. *ret is owned by the caller, who wipes it.
 */
int etcd_decode_token(const json_t *root, char **ret);

typedef struct EtcdMemberStatus {
        uint64_t size, quota; /* bytes; quota 0: not told (before 3.6) */
        bool has_leader;
        bool no_space, corrupt; /* alarms */
        char version[ETCD_VERSION_SIZE];
} EtcdMemberStatus;

/* The answer to /v3/maintenance/status. */
int etcd_decode_status(const json_t *root, EtcdMemberStatus *ret);

/* The answer to GET /version: printable, cut to fit. */
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
        uint64_t id;       /* which watch of the stream */
        EtcdKeyValues changes;
        EtcdError error; /* of CANCELED (code 0) and ERROR */
} EtcdWatchLine;

/* One line of a watch. etcd_decode_done() releases ret->changes. */
int etcd_decode_watch(const char *line, size_t size, EtcdWatchLine *ret);
