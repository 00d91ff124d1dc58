/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The facts of one open etcd registry, and the news of them.
 *
 * Each member of Etcd is written by one file, and read by all. A file that changes a fact on which others act only
 * notes the news (etcd_state_note()). etcd.c settles all news in one place, from the loop, before anything else of the
 * registry is dispatched: it restarts watches, wakes calls and tells the registry's owner of a changed status. So no
 * file calls back into a file that called it; each includes only what lies below it:
 *
 *   etcd        opening, closing, settling
 *   get txn watch list                        the contract's requests
 *   request compact                           what these are made of
 *   call        one POST, carried from endpoint to endpoint until it is answered or out of time
 *   auth leader probe warning                 the token, the leader, the endpoints' own word, what people should know
 *   identity history                          which cluster is ours, which revision is how old
 *   endpoint address send                     the endpoints, their names' addresses, one HTTP request to one of them
 *   state
 *   encode decode judge version url http      the wire
 */

#include <sys/queue.h>

#include "registry/etcd/decode.h"
#include "registry/etcd/http.h"
#include "registry/registry.h"

typedef struct Etcd Etcd;

enum {
        ETCD_ADDRESS_SIZE = 64,
        ETCD_ADDRESSES = 8, /* of one name, that are remembered */
        ETCD_TEXT_SIZE = 512,
        ETCD_STORE_SIZE = 17,              /* a cluster id in hexadecimal digits */
        ETCD_ANSWER_MAX = 4 * 1024 * 1024, /* each answer is decoded in one turn of the loop */
        ETCD_SAMPLES = 64,
};

typedef enum EtcdNews {
        ETCD_NEWS_STATUS = 1 << 0,   /* what registry_etcd.status shows has changed */
        ETCD_NEWS_WARNINGS = 1 << 1, /* a fact that a warning may tell of has changed */
        ETCD_NEWS_DOUBT = 1 << 2,    /* an endpoint is in doubt: watches leave it */
        ETCD_NEWS_WAKE = 1 << 3,     /* calls that wait for the identity or a token look again */
        ETCD_NEWS_REIGN = 1 << 4,    /* there is a new leader: calls that were sent to the one before look again */
        ETCD_NEWS_PROBE = 1 << 5,    /* all endpoints are to be asked who they are */
} EtcdNews;

/* An address of an endpoint's name. */
typedef struct EtcdAddress {
        char text[ETCD_ADDRESS_SIZE];
        uint64_t told_id; /* the cluster, as it last said there */
        usec_t told_at;
} EtcdAddress;

/* address.c */
typedef struct EtcdAddresses {
        EtcdAddress items[ETCD_ADDRESSES];
        size_t n; /* 0: of an endpoint whose host is an address, too */
} EtcdAddresses;

typedef struct EtcdEndpoint {
        Etcd *etcd;
        char *url;  /* scheme://host:port */
        bool named; /* the host is a name, which may have several addresses */
        EtcdAddresses addresses;

        /* endpoint.c */
        char address[ETCD_ADDRESS_SIZE]; /* where the endpoint last answered */
        usec_t by_address_until;         /* names could not be looked up: connect to .address until then */
        usec_t by_name_until;            /* .address failed: any address of the name that is not odd, until then */
        usec_t absent_until;             /* nobody took a connection: other endpoints are tried first until then */
        uint64_t cluster_id;             /* as the endpoint last said; 0: it has not said, or no longer answers */
        uint64_t told_id;                /* the same, but kept while the endpoint is silent; 0: it never said */
        bool in_doubt;                   /* watches are to leave it; until the news is settled */
        usec_t served_at;                /* the last time; 0: not since it came into use, or not since it failed */
        char nonsense[64];               /* what it sends on its watch that etcd does not; "": nothing */
        usec_t nonsense_at;
        uint64_t member_id;      /* as the last answer said; 0: none has come */
        unsigned member_changes; /* since .changes_since */
        usec_t changes_since, several_at;

        /* leader.c */
        HttpRequest *question; /* whether the member follows a leader */
        usec_t asked_at;
        uint64_t asked_in; /* the reign in which it was asked */

        /* probe.c */
        HttpRequest *probe; /* under way */
        size_t place;       /* of the odd address that is asked whether it still is */
        unsigned turns;     /* addresses of the name that turned out to be odd in this round of probes */
        bool answers;       /* something, when it was probed last */
        bool probed;        /* this round of probes is over for it */
        bool has_status;
        EtcdMemberStatus status;
        char version[ETCD_VERSION_SIZE];
} EtcdEndpoint;

/* endpoint.c */
typedef struct EtcdEndpoints {
        EtcdEndpoint *items;
        size_t n, current; /* current: the one in use */
        char *text;        /* all URLs, separated by spaces */
} EtcdEndpoints;

/* probe.c */
typedef struct EtcdProbes {
        sd_event_source *timer;
        usec_t began_at;
} EtcdProbes;

/* identity.c. Nothing is asked before the identity is known, or while there is a conflict. */
typedef struct EtcdIdentity {
        bool known, conflict;
        uint64_t wanted;             /* the cluster that this machine remembers; 0: none */
        uint64_t cluster_id;         /* the one that is asked; 0: not known yet */
        char store[ETCD_STORE_SIZE]; /* .cluster_id as text */
        char conflict_text[ETCD_TEXT_SIZE];
} EtcdIdentity;

/* leader.c */
typedef struct EtcdLeader {
        uint64_t cluster_id; /* whose terms these are; 0: no answer has come yet */
        uint64_t term;       /* the highest raft term that an answer bore */
        uint64_t reign;      /* grows when there is a new leader */
} EtcdLeader;

/* auth.c */
typedef struct EtcdAuth {
        char *user, *password_file; /* NULL: there is no user */
        char *token;                /* as a header line; NULL: none */
        uint64_t serial;            /* of the token; grows with each that is dropped */
        bool off;                   /* the server says that it has no users */
        HttpRequest *request;       /* for a token, under way */
        size_t endpoint;            /* of .request */
        unsigned failures;          /* attempts in a row that brought no answer to the password */
        usec_t again_at;            /* no further attempt before */
        bool refused;               /* the last attempt brought a no: calls fail until .again_at */
        char error[ETCD_TEXT_SIZE]; /* of the last attempt; "": none failed */
} EtcdAuth;

typedef struct EtcdSample {
        usec_t at;
        uint64_t revision;
} EtcdSample;

/* history.c */
typedef struct EtcdHistory {
        EtcdSample samples[ETCD_SAMPLES]; /* oldest first */
        size_t n;
        uint64_t revision; /* of the last answer */
} EtcdHistory;

/* compact.c */
typedef struct EtcdCompaction {
        struct EtcdCall *call; /* under way */
        uint64_t revision;     /* up to which history was given up */
        bool denied;
} EtcdCompaction;

/* state.c, but for .warning and .note (warning.c) and .f (etcd.c) */
typedef struct EtcdStatus {
        RegistryState state;
        char error[ETCD_TEXT_SIZE];
        usec_t error_at;
        char warning[ETCD_TEXT_SIZE], note[ETCD_TEXT_SIZE];
        void (*f)(void *userdata);
        void *userdata;
} EtcdStatus;

struct Etcd {
        Registry registry;
        sd_event *event;
        HttpClient *http;
        char *prefix;
        usec_t attempt; /* the longest that one attempt at one endpoint may take */

        EtcdNews news;            /* not settled yet */
        sd_event_source *settler; /* etcd.c; armed while there is news */

        EtcdEndpoints endpoints;
        EtcdProbes probes;
        EtcdIdentity identity;
        EtcdLeader leader;
        EtcdAuth auth;
        EtcdHistory history;
        EtcdCompaction compaction;
        EtcdStatus status;

        LIST_HEAD(, EtcdCall) calls;           /* call.c */
        LIST_HEAD(, RegistryRequest) requests; /* request.c */
        LIST_HEAD(, RegistryWatch) watches;    /* watch.c */
};

static inline Etcd *etcd_state_of(Registry *r) {
        return (Etcd *) r;
}

/* Notes news, to be settled from the loop. Never calls back. */
void etcd_state_note(Etcd *e, EtcdNews news);

/* An answer came: the registry is well. */
void etcd_state_note_ok(Etcd *e);

/* A request ended without an answer, or none can be asked; text, one line for people, says why. */
void etcd_state_note_trouble(Etcd *e, const char *text);
