/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The contract of a registry: a linearizable map from keys to values, with a revision that grows with every change.
 *
 * There are two backends, local (a directory) and etcd. Each is one const table of functions, and tests/registry runs
 * the same tests against both. A registry decides nothing: it stores what it is given, compares what it is told to
 * compare, and reports. It keeps no time and lets nothing expire (law 2 of docs/safety.md).
 *
 * Keys are relative ("leases/foo.service"); the etcd backend adds its own prefix. Values are bytes.
 *
 * Nothing waits: all answers come from the sd-event loop with which the registry was opened. A request is an object
 * owned by the caller. Its callback is called exactly once, never from inside the call that made the request, and at
 * the latest when the timeout is over (in microseconds of CLOCK_BOOTTIME, from that call). The callback may free the
 * request; to free a request earlier cancels it, and then there is no callback. What a callback is given is borrowed
 * until the callback returns. What a request needs of its arguments is copied. Requests and watches are freed by their
 * owner even if the registry was freed first; after that no callback is called.
 *
 * An outcome is a value and not an error. REGISTRY_UNKNOWN means that there is no answer: a Txn may have been applied,
 * may be applied later, or never (laws 6 and 8). Functions return 0, or a negative errno if nothing was asked
 * (-EINVAL: a malformed request; -ENOMEM).
 */

#include <systemd/sd-event.h>

#include "util/macros.h"
#include "util/time-util.h"

typedef struct Registry Registry;
typedef struct RegistryRequest RegistryRequest;
typedef struct RegistryWatch RegistryWatch;

enum {
        REGISTRY_TXN_MAX = 128,          /* of compares; of puts and deletes together; of reads: more are -EINVAL */
        REGISTRY_VALUE_MAX = 256 * 1024, /* a larger value is -EINVAL */
        REGISTRY_KEY_MAX = 512,          /* bytes without the NUL; an empty key is -EINVAL */
};

typedef struct RegistryRecord {
        const char *key;
        const void *value;
        size_t size;           /* of value, in bytes */
        uint64_t mod_revision; /* the revision of the record's last change; 0: there is no such record, value is NULL
                                */
        bool damaged; /* the record exists and cannot be read (law 11). value is NULL, or as much as could be read;
                         mod_revision is right */
} RegistryRecord;

/* Holds if the record with this key was last changed at this revision. */
typedef struct RegistryCompare {
        const char *key;
        uint64_t mod_revision; /* 0: holds if there is no such record */
} RegistryCompare;

/* A transaction. Each key may appear only once among puts and deletes (else -EINVAL). To delete a record that does not
 * exist is no error. */
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
        REGISTRY_COMMITTED, /* the Txn was applied as a whole, at .revision; or the read was answered */
        REGISTRY_REFUSED,   /* a compare of the Txn failed and nothing was changed; .records has its reads, in order */
        REGISTRY_UNKNOWN,   /* there is no answer; .error says why */
} RegistryOutcome;

typedef struct RegistryAnswer {
        RegistryOutcome outcome;
        uint64_t revision; /* of a committed Txn: the revision that the Txn made. Else the store's revision when it
                            * answered, which is not below any that somebody knew when the request was made; if several
                            * keys were read one by one, the lowest of these */
        const char *store; /* the store's identity (etcd: the cluster id, local: the database's uuid); NULL if UNKNOWN
                            */
        const RegistryRecord *records;
        size_t n_records;
        uint64_t total;    /* of list and older: how many keys begin with the prefix, as of .revision */
        const char *error; /* one line for people, without secrets; NULL unless UNKNOWN */
} RegistryAnswer;

typedef void (*registry_answer_t)(const RegistryAnswer *answer, void *userdata);

/*
 * What a watch reports. First, and again after every gap (a new connection, compaction, lost events), comes the whole
 * list. In between come single changes, in the order of their revisions. A state of a record that was soon replaced
 * may be left out; its last state never is. All that one Txn changed comes in one report. A watch never ends by
 * itself: it begins anew as often as needed.
 *
 * A watch that was narrowed tells only of some keys between the lists. The single key beside its range is reported
 * separately, perhaps earlier or later than other changes of the same revision.
 */
typedef struct RegistryChange {
        bool listed; /* true: .records are all that begin with the prefix, as of .revision; false: those that changed
                      */
        uint64_t revision;
        const char *store;
        const RegistryRecord *records;
        const bool *deleted; /* for each record, whether it was deleted at its mod_revision (> 0; value is NULL then);
                              * NULL: none was */
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
        const char *warning;   /* something an operator should mend although it works (NOSPACE near), or "" */
        const char *note;      /* something to know that only a newer server mends (known server bug), or "" */
} RegistryStatus;

/* The settings of all backends. open copies the strings. Those that are not used are NULL. */
typedef struct RegistryConfig {
        const char *directory;        /* local */
        const char *const *endpoints; /* etcd: URLs, NULL-terminated */
        const char *prefix;           /* etcd: "/leased/" */
        const char *ca_file, *cert_file, *key_file;
        const char *user, *password_file;
        const char *store; /* the store's identity as this machine remembers it; "" or NULL: it remembers none */
        bool in_use; /* units are enabled here: a directory that others can write to is warned of, not refused, since a
                        refusal would stop them */
        usec_t attempt; /* how long one attempt at one endpoint may take at most */
} RegistryConfig;

typedef struct RegistryOps {
        const char *name;
        /* Opens a registry, owned by the caller, without waiting for anything remote. On failure a negative errno is
         * returned, and *ret_error is one line for people, owned by the caller: what is wrong, where, and what would
         * be right; NULL: out of memory. */
        int (*open)(sd_event *event, const RegistryConfig *config, Registry **ret, char **ret_error);
        Registry *(*free)(Registry *r); /* cancels what is under way, without callbacks; accepts NULL, returns NULL */
        /* Reads single keys. The answer has a record for each key, in the order of keys; mod_revision 0: there is no
         * such record. */
        int (*get)(Registry *r, const char *const *keys, size_t n, usec_t timeout, registry_answer_t f, void *userdata,
                        RegistryRequest **ret);
        /* Reads all keys that start with prefix, sorted by key. */
        int (*list)(Registry *r, const char *prefix, usec_t timeout, registry_answer_t f, void *userdata,
                        RegistryRequest **ret);
        /* Reads which keys that start with prefix have not been put after that revision (> 0, else -EINVAL;
         * UINT64_MAX: all keys), sorted by key and as of one moment. The records have no values, and it may not be
         * known whether they are damaged. */
        int (*older)(Registry *r, const char *prefix, uint64_t revision, usec_t timeout, registry_answer_t f,
                        void *userdata, RegistryRequest **ret);
        /* Compares, and if all compares hold, puts and deletes, all as one step. */
        int (*txn)(Registry *r, const RegistryTxn *txn, usec_t timeout, registry_answer_t f, void *userdata,
                        RegistryRequest **ret);
        RegistryRequest *(*request_free)(RegistryRequest *q); /* cancels; accepts NULL, returns NULL */
        /* Watches all keys that start with prefix; see RegistryChange. The watch is owned by the caller. */
        int (*watch)(Registry *r, const char *prefix, registry_change_t f, void *userdata, RegistryWatch **ret);
        RegistryWatch *(*watch_free)(RegistryWatch *w); /* ends the watch; accepts NULL, returns NULL */
        /* Narrows the watch: it begins anew with a whole list, and from then on tells only of changes of the keys from
         * `from` on and of the key `also`. Both NULL: of all keys again. 0; after -EINVAL and -ENOMEM the watch goes
         * on as it was. */
        int (*narrow)(RegistryWatch *w, const char *from, const char *also);
        /* Has the watch begin anew with a whole list, since reports of it were dropped. May be called from its
         * callback, and again and again: it pauses before it lists. */
        void (*relist)(RegistryWatch *w);
        /* Gives the whole present state, borrowed until the next call into the registry. */
        void (*status)(Registry *r, RegistryStatus *ret);
        /* Has f called when the status has changed in a way worth showing or logging. There is one f at most; NULL
         * removes it. */
        void (*on_status)(Registry *r, void (*f)(void *userdata), void *userdata);
        /* Forgets history older than an hour or 500 000 revisions, to save room. A backend without history has NULL
         * here. */
        int (*compact)(Registry *r);
        /* Tells the registry that the machine remembers another store from now on; "": none. The remembered store is
         * asked wherever it can be found; the caller decides whether to believe an answer of another store. A backend
         * that has only one store to ask has NULL here. */
        void (*remember)(Registry *r, const char *store);
} RegistryOps;

/* What the registry of every backend begins with, so that a caller finds the backend's functions. */
struct Registry {
        const RegistryOps *ops;
};

extern const RegistryOps registry_local;
extern const RegistryOps registry_etcd;
