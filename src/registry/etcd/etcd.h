/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The inside of the etcd backend (registry.h is its outside). One file for each chapter:
 *
 *   etcd.c           opening, closing, status
 *   etcd-endpoint.c  endpoints: which one is in use, what they tell of themselves (version, room), what is wrong with
 * them etcd-identity.c  which cluster is ours, and which endpoints are of it etcd-call.c      one call, carried from
 * endpoint to endpoint until it is answered or out of time etcd-leader.c    noticing that there is a new leader
 *   etcd-auth.c      user, password, token
 *   etcd-request.c   get, list and txn of the contract, made of calls
 *   etcd-watch.c     the watch: list, stream, list again
 *   etcd-compact.c   forgetting history
 *   etcd-json.h      what is said on the wire (pure)
 *
 * Whatever may call back to the registry's owner does so as the last thing before it returns to the loop.
 */

#include <sys/queue.h>

#include "registry/etcd/encode.h"
#include "registry/etcd/http.h"
#include "registry/etcd/judge.h"
#include "registry/etcd/version.h"
#include "registry/registry.h"

typedef struct Etcd Etcd;
typedef struct EtcdCall EtcdCall;

enum {
        ETCD_ADDRESS_SIZE = 64,
        ETCD_TEXT_SIZE = 512,
        ETCD_ANSWER_MAX = 4 * 1024 * 1024, /* each is decoded in one turn of the loop */
        ETCD_SAMPLES = 64,
};

typedef struct EtcdEndpoint {
        Etcd *etcd;
        char *url;                       /* scheme://host:port */
        char address[ETCD_ADDRESS_SIZE]; /* where it last answered */
        usec_t by_address_until;         /* names could not be looked up: connect to .address until then */
        uint64_t cluster_id;             /* as it last said; 0: it has not said, or no longer answers */
        uint64_t told_id;                /* as it last said, also while it is silent; 0: it never has */
        bool answers;                    /* something, when it was probed last */
        usec_t absent_until;             /* nobody took the connection: others are tried first until then */
        HttpRequest *probe;              /* under way */
        HttpRequest *question;           /* after its leader */
        usec_t asked_at;
        char nonsense[64]; /* what it sends on its watch that etcd does not; "": nothing */
        usec_t nonsense_at;
        bool probed; /* this round of probes is over for it */
        bool has_status;
        EtcdMemberStatus status;
        char version[ETCD_VERSION_SIZE];
} EtcdEndpoint;

typedef struct EtcdSample {
        usec_t at;
        uint64_t revision;
} EtcdSample;

struct Etcd {
        Registry registry;
        sd_event *event;
        HttpClient *http;
        char *prefix;
        usec_t attempt;
        EtcdEndpoint *endpoints;
        size_t n_endpoints, current;
        char *all_endpoints;
        LIST_HEAD(, EtcdCall) calls;
        LIST_HEAD(, RegistryRequest) requests;
        LIST_HEAD(, RegistryWatch) watches;

        /* Who they are: etcd-identity.c. Nothing is asked before that is known, or where there is a conflict. */
        bool identified, conflict;
        uint64_t wanted;     /* the cluster that this machine remembers; 0: none */
        uint64_t cluster_id; /* of what is asked; 0: not known yet */
        char store[17];
        char conflict_text[ETCD_TEXT_SIZE];
        sd_event_source *probe_timer;
        usec_t probed_at;

        uint64_t term;  /* the highest that an answer bore; 0: none yet */
        uint64_t reign; /* grows when there is a new leader */

        char *user, *password_file;
        char *token; /* as a header line; NULL: none */
        uint64_t token_serial;
        bool auth_off; /* the server says that it has no users */
        EtcdCall *authenticate;
        usec_t auth_not_before;
        char auth_error[ETCD_TEXT_SIZE];

        EtcdSample samples[ETCD_SAMPLES]; /* oldest first */
        size_t n_samples;
        uint64_t revision, compacted;
        EtcdCall *compaction;
        bool compaction_denied;

        RegistryState state;
        char error[ETCD_TEXT_SIZE];
        usec_t error_at;
        char warning[ETCD_TEXT_SIZE];
        void (*on_status)(void *userdata);
        void *on_status_userdata;
        sd_event_source *status_source;
};

/* etcd.c */
static inline Etcd *etcd_of(Registry *r) {
        return (Etcd *) r;
}

/* An answer came; a request ended without one. */
void etcd_note_ok(Etcd *e);
void etcd_note_trouble(Etcd *e, const char *text);
void etcd_status_changed(Etcd *e);

/* etcd-endpoint.c */
int etcd_endpoints_open(Etcd *e, const RegistryConfig *config, char **ret_error);
void etcd_endpoints_done(Etcd *e);
/* Fills in URL (owned by the caller, "" + path) and address for a request to endpoint i. */
int etcd_endpoint_address(Etcd *e, size_t i, const char *path, HttpParameters *p, char **ret_url);
/* It did not serve us: the next one is used from now on, and watches leave it. */
void etcd_endpoint_failed(Etcd *e, size_t i, const char *text);
/* It has sent what no etcd sends: a warning says so for a while. */
void etcd_endpoint_nonsense(Etcd *e, size_t i, const char *what);
/* What a request to it has shown; answered or not. */
void etcd_endpoint_seen(Etcd *e, size_t i, const HttpAnswer *a);
/* Its answer bore this header. false: it is of another cluster than ours, or than we thought: do not believe it. */
bool etcd_endpoint_check(Etcd *e, size_t i, const EtcdHeader *h);
/* Asks all endpoints who they are, now. */
void etcd_probe(Etcd *e);
void etcd_warnings_update(Etcd *e);
/* Why an answer is not one of etcd's, for people; the verdict for requests whose body was sent. */
EtcdVerdict etcd_endpoint_explain(Etcd *e, size_t i, const HttpAnswer *a, char *ret, size_t size);

/* etcd-identity.c */
/* A store's name as it is in RegistryAnswer.store. */
bool etcd_decode_store(const char *store, uint64_t *ret);
/* Before the first probe; NULL or "": this machine remembers none. */
void etcd_identity_open(Etcd *e, const char *store);
void etcd_remember(Registry *r, const char *store);
/* Something new is known of an endpoint. over: all have been probed in this round. */
void etcd_identity_judge(Etcd *e, bool over);
/* It has last said that it is of our cluster, or of another; neither is so of one that never said anything. */
bool etcd_endpoint_is_ours(const Etcd *e, size_t i);
bool etcd_endpoint_is_odd(const Etcd *e, size_t i);

/* etcd-leader.c */
/* Asks the member at endpoint i whether it follows a leader, unless that is under way. */
void etcd_leader_ask(Etcd *e, size_t i);
/* An answer bore that term. */
void etcd_leader_term(Etcd *e, uint64_t term);
/* Whatever was sent to the leader of before gets no answer. */
void etcd_leader_changed(Etcd *e);

/* etcd-call.c */
typedef enum EtcdCallFlags {
        ETCD_CALL_ONCE = 1 << 0,     /* never carried out twice: only sent again if it certainly was not carried out */
        ETCD_CALL_NO_TOKEN = 1 << 1, /* it is how one gets a token */
        ETCD_CALL_SHRINKS = 1 << 2,  /* its owner can ask for less: too large an answer ends it */
        ETCD_CALL_LEADERLESS = 1 << 3, /* a member without a leader keeps it until there is one */
} EtcdCallFlags;

typedef struct EtcdReply {
        bool answered;
        const json_t *root;
        EtcdHeader header;
        const char *store;
        bool too_large;   /* only with ETCD_CALL_SHRINKS */
        EtcdError error;  /* what etcd said no with; code 0: nothing so clear */
        const char *text; /* why there is no answer, with the endpoint; "" if answered */
} EtcdReply;

typedef void (*etcd_reply_t)(const EtcdReply *reply, void *userdata);

/* Takes body over, also on failure. deadline on CLOCK_BOOTTIME. f is called exactly once, from the loop, unless the
 * call is freed before; what it is given is borrowed and outlives the call. */
int etcd_call_new(Etcd *e, const char *path, char *body, usec_t deadline, EtcdCallFlags flags, etcd_reply_t f,
                void *userdata, EtcdCall **ret);
EtcdCall *etcd_call_free(EtcdCall *c);
/* What went wrong last; "" if nothing did. */
const char *etcd_call_trouble(const EtcdCall *c);
/* Calls that wait for the identity or a token look again. */
void etcd_calls_wake(Etcd *e);
/* Those that are under way look whether the leader is still the one of when they were sent. Never calls back. */
void etcd_calls_look(Etcd *e);
/* The headers of every request; ret must hold 4. */
void etcd_headers(Etcd *e, EtcdCallFlags flags, const char *ret[static 4]);

/* etcd-auth.c */
int etcd_auth_open(Etcd *e, const RegistryConfig *config, char **ret_error);
void etcd_auth_done(Etcd *e);
/* Begins to get a token unless that is under way. */
void etcd_auth_start(Etcd *e);
/* The server did not accept the token with that serial. */
void etcd_auth_lost(Etcd *e, uint64_t serial);

/* etcd-request.c */
int etcd_get(Registry *r, const char *const *keys, size_t n, usec_t timeout, registry_answer_t f, void *userdata,
                RegistryRequest **ret);
int etcd_list(Registry *r, const char *prefix, usec_t timeout, registry_answer_t f, void *userdata,
                RegistryRequest **ret);
int etcd_txn(Registry *r, const RegistryTxn *txn, usec_t timeout, registry_answer_t f, void *userdata,
                RegistryRequest **ret);
RegistryRequest *etcd_request_free(RegistryRequest *q);
void etcd_requests_detach(Etcd *e);

/* etcd-watch.c */
int etcd_watch(Registry *r, const char *prefix, registry_change_t f, void *userdata, RegistryWatch **ret);
RegistryWatch *etcd_watch_free(RegistryWatch *w);
void etcd_watches_detach(Etcd *e);
/* Endpoint i is in doubt, or all are (SIZE_MAX): streams from it begin anew. */
void etcd_watches_leave(Etcd *e, size_t i);
/* Our own Txn has put that key at that revision: a live stream must show it soon. */
void etcd_watches_expect(Etcd *e, const char *key, uint64_t revision);

/* etcd-compact.c */
int etcd_compact(Registry *r);
/* The revision up to which nobody needs history, 0: none. */
uint64_t etcd_compaction_target(const Etcd *e, usec_t now);
int etcd_compact_to(Etcd *e, uint64_t target);
void etcd_note_revision(Etcd *e, uint64_t revision);
