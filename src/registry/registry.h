/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The contract of a registry: a linearizable map from keys to values, with a revision that grows with every change.
 *
 * Two backends, local (a directory) and etcd, each one const vtable; tests/registry runs one conformance suite against
 * both. A registry decides nothing: it stores what it is given, compares what it is told to compare, and reports.
 *
 * Keys are relative ("leases/foo.service"); the backend adds its own prefix. Values are bytes.
 *
 * Everything is asynchronous on the sd-event loop that the registry was opened with, and nothing blocks it. A request
 * is an object owned by the caller: freeing it cancels it, its callback is then never called. A callback fires exactly
 * once per request, never from inside the call that made it, and at the latest when the timeout is over
 * (CLOCK_BOOTTIME, from the call); the caller may free the request inside it. What a callback is given is borrowed
 * until it returns. Requests and watches are freed by their owner also when the registry was freed first; nothing
 * fires after that.
 *
 * Outcomes are values, not errors. UNKNOWN means that there is no answer: a Txn may have been applied, may be applied
 * later, or never (laws 6 and 8 of docs/safety.md). Functions return 0, or a negative errno if nothing was asked
 * (-EINVAL: a malformed request; -ENOMEM).
 *
 * A registry keeps no time and lets nothing expire (law 2).
 */

#include <systemd/sd-event.h>

#include "util/macros.h"
#include "util/time-util.h"

typedef struct Registry Registry;
typedef struct RegistryRequest RegistryRequest;
typedef struct RegistryWatch RegistryWatch;

enum {
        REGISTRY_TXN_MAX = 128,          /* compares; puts and deletes together; reads */
        REGISTRY_VALUE_MAX = 256 * 1024, /* a larger value is -EINVAL */
        REGISTRY_KEY_MAX = 512,          /* bytes without the NUL; an empty key is -EINVAL */
};

typedef struct RegistryRecord {
        const char *key;
        const void *value;
        size_t size;
        uint64_t mod_revision; /* 0: absent (value NULL) */
        bool damaged; /* it exists and cannot be read (law 11); value is NULL or what could be read; mod_revision
                         stands */
} RegistryRecord;

typedef struct RegistryCompare {
        const char *key;
        uint64_t mod_revision; /* 0: must be absent */
} RegistryCompare;

/* A key appears at most once among puts and deletes (-EINVAL). Deleting what is absent is fine. */
typedef struct RegistryTxn {
        const RegistryCompare *compares;
        size_t n_compares;
        const RegistryRecord *puts; /* mod_revision is not used */
        size_t n_puts;
        const char *const *deletes;
        size_t n_deletes;
        const char *const *reads; /* what to read back if a compare fails */
        size_t n_reads;
} RegistryTxn;

typedef enum RegistryOutcome {
        REGISTRY_COMMITTED, /* a Txn: applied, as one, at .revision. A read: answered */
        REGISTRY_REFUSED,   /* a Txn: a compare failed, nothing was changed; .records are its reads */
        REGISTRY_UNKNOWN,   /* .error says why */
} RegistryOutcome;

typedef struct RegistryAnswer {
        RegistryOutcome outcome;
        uint64_t revision; /* of a committed Txn: its own. Otherwise the store's when it answered: never below one that
                            * was known to anybody when the request was made. Several keys: the lowest of their
                            * answers' */
        const char *store; /* the store's identity (etcd: cluster id, local: the directory's uuid); NULL if UNKNOWN */
        const RegistryRecord *records;
        size_t n_records;
        uint64_t total;    /* a list: how many keys there are under its prefix, as of .revision */
        const char *error; /* one line for people, without secrets; NULL unless UNKNOWN */
} RegistryAnswer;

typedef void (*registry_answer_t)(const RegistryAnswer *answer, void *userdata);

/*
 * The watch: first, and again after every gap (reconnect, compaction, lost events), the whole list with .listed true;
 * between them single changes, in the order of their revisions, with a record of mod_revision > 0 and value NULL,
 * .deleted true for a deletion. A state that was soon replaced may be left out, the last one never is. What one Txn
 * changed comes in one report. It never ends by itself and repairs itself for ever.
 *
 * A narrowed watch tells only of some keys between the lists. The one key that it tells of beside its range is
 * reported for itself, and perhaps earlier or later than other changes of the same revision.
 */
typedef struct RegistryChange {
        bool listed; /* .records is everything under the prefix, as of .revision */
        uint64_t revision;
        const char *store;
        const RegistryRecord *records;
        const bool *deleted; /* one for each record; NULL: none */
        size_t n_records;
} RegistryChange;

typedef void (*registry_change_t)(const RegistryChange *change, void *userdata);

typedef enum RegistryState {
        REGISTRY_CONNECTING, /* nothing has been answered yet */
        REGISTRY_OK,
        REGISTRY_TROUBLE, /* the last request had no answer, or the configuration cannot work: .error */
} RegistryState;

typedef struct RegistryStatus {
        RegistryState state;
        const char *kind;      /* "local", "etcd" */
        const char *endpoint;  /* in use: a URL without user and password, or a directory */
        const char *endpoints; /* all of them, separated by spaces */
        const char *version;   /* of the server, "" if it has none */
        const char *error;     /* the last one, "" if there was none; kept after recovery */
        usec_t error_at;       /* CLOCK_REALTIME; 0: never */
        const char *warning;   /* something an operator should know although it works (known server bug, NOSPACE near),
                                  or "" */
} RegistryStatus;

/* Settings of all backends; strings are borrowed during open. Unused ones are NULL. */
typedef struct RegistryConfig {
        const char *directory;        /* local */
        const char *const *endpoints; /* etcd: URLs, NULL-terminated */
        const char *prefix;           /* etcd: "/leased/" */
        const char *ca_file, *cert_file, *key_file;
        const char *user, *password_file;
        const char *store; /* the store's identity as this machine remembers it; "" or NULL: it remembers none */
        bool in_use; /* units are enabled here: a directory that others can write to is warned of, not refused, since a
                        refusal would stop them */
        usec_t attempt; /* the longest one attempt at one endpoint may take: the timeline's */
} RegistryConfig;

typedef struct RegistryOps {
        const char *name;
        /* Opens without waiting for anything remote. On failure *ret_error is one line for people, owned by the caller
         * (what, where, what would be right), and a negative errno is returned. */
        int (*open)(sd_event *event, const RegistryConfig *config, Registry **ret, char **ret_error);
        Registry *(*free)(Registry *r); /* cancels what is under way, without callbacks; accepts NULL */
        /* Reads single keys: a record for each, in the order asked, of mod_revision 0 where there is none. */
        int (*get)(Registry *r, const char *const *keys, size_t n, usec_t timeout, registry_answer_t f, void *userdata,
                        RegistryRequest **ret);
        /* Reads all keys that start with prefix, sorted by key. */
        int (*list)(Registry *r, const char *prefix, usec_t timeout, registry_answer_t f, void *userdata,
                        RegistryRequest **ret);
        /* Reads which keys that start with prefix have not been put after that revision, sorted by key and as of one
         * moment: without their values, and whether these are damaged may not be known. UINT64_MAX: all keys. */
        int (*older)(Registry *r, const char *prefix, uint64_t revision, usec_t timeout, registry_answer_t f,
                        void *userdata, RegistryRequest **ret);
        /* Compares, and if all compares hold, puts and deletes, as one. */
        int (*txn)(Registry *r, const RegistryTxn *txn, usec_t timeout, registry_answer_t f, void *userdata,
                        RegistryRequest **ret);
        RegistryRequest *(*request_free)(RegistryRequest *q); /* cancels; accepts NULL, returns NULL */
        /* Watches all keys that start with prefix; see RegistryChange. */
        int (*watch)(Registry *r, const char *prefix, registry_change_t f, void *userdata, RegistryWatch **ret);
        RegistryWatch *(*watch_free)(RegistryWatch *w);
        /* The watch begins anew with a whole list, and from then on tells of changes only of the keys from `from` on
         * and of the key `also`; NULL: of all. 0; -EINVAL; -ENOMEM: it goes on as it was. */
        int (*narrow)(RegistryWatch *w, const char *from, const char *also);
        /* Whole present state; borrowed until the next call into the registry. */
        void (*status)(Registry *r, RegistryStatus *ret);
        /* Called when .status has changed in a way worth showing or logging. At most one; NULL removes it. */
        void (*on_status)(Registry *r, void (*f)(void *userdata), void *userdata);
        /* Housekeeping: forgets history older than an hour or 500 000 revisions. NULL: there is none to forget. */
        int (*compact)(Registry *r);
        /* The machine remembers another store from now on; "": none. What is asked is of the remembered one wherever
         * it can be found; whether an answer's store is to be believed is the caller's to decide. NULL: there is only
         * one store to ask. */
        void (*remember)(Registry *r, const char *store);
} RegistryOps;

/* Every backend begins with this, so that the functions below find its vtable. */
struct Registry {
        const RegistryOps *ops;
};

extern const RegistryOps registry_local;
extern const RegistryOps registry_etcd;
