/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One call of the D-Bus API about a lease that lives in fleet's registry (LeaseRegistry=etcd2:), where fleet's engine
 * and leased exclude each other. The registry is a map with the v2 API of etcd: it creates, compares, replaces and
 * deletes one key, and deletes a key whose time is over. What is asked of it and what its answers mean is decided
 * here, as a function of values and time: fleet_call_next() gives what is to be asked, fleet_call_answer() takes what
 * came back, until the call has ended.
 *
 * The machine that holds a lease counts its period by its own clock, from before the request was sent. The registry
 * is given as many seconds as an observer of a lease of leased would wait (period_take_after()), rounded up, so a
 * holder is done before the key can be gone.
 */

#include "core/event.h"

/* The period of the lease of a command ("leasectl run"). */
#define FLEET_RUN_PERIOD (20 * USEC_PER_SEC)

typedef enum FleetAskKind {
        FLEET_READ,
        FLEET_CREATE, /* puts the key if it is absent: .ttl .machine_id .version */
        FLEET_SWAP,   /* puts the key if it was last changed at .index: the same */
        FLEET_DELETE, /* deletes the key if it was last changed at .index */
} FleetAskKind;

typedef struct FleetAsk {
        FleetAskKind kind;
        uint64_t index, ttl; /* ttl: in seconds */
        const char *machine_id;
        int64_t version;
        usec_t timeout;
} FleetAsk;

typedef struct FleetNode {
        bool damaged;                  /* the key is there, and its value is no lease of fleet's form */
        char machine_id[MACHINE_SIZE]; /* cut, if it is longer: then it is damaged, too */
        int64_t version;
        uint64_t created, modified; /* modified: the lease's Index; 0: there is no such key */
        uint64_t ttl;               /* seconds that are left, rounded up; 0: the key never expires */
} FleetNode;

typedef enum FleetOutcome {
        FLEET_DONE,    /* .node, but of a deleted key */
        FLEET_FAILED,  /* the condition does not hold: the key exists, or was changed at another index */
        FLEET_ABSENT,  /* there is no such key */
        FLEET_DENIED,  /* it was certainly not carried out, and would not be a second time */
        FLEET_UNKNOWN, /* there is no answer: it may have been carried out, or may be yet */
} FleetOutcome;

typedef struct FleetAnswer {
        FleetOutcome outcome;
        FleetNode node;
} FleetAnswer;

/* What this machine knows of a lease that was taken here, and that no answer of the registry tells. */
typedef struct FleetMemory {
        FleetNode node;     /* as it was last written here; modified 0: nothing is held that was taken here */
        usec_t until;       /* the holder's period ends, by its own clock */
        usec_t quiet_until; /* somebody who was robbed here may act until then */
        bool doubt;         /* the node may have been renewed from here since */
} FleetMemory;

typedef enum FleetStep {
        FLEET_STEP_LOOK, /* reads before anything is written */
        FLEET_STEP_WRITE,
        FLEET_STEP_AFTER, /* reads why nothing was written, or whether it was */
        FLEET_STEP_ENDED,
} FleetStep;

typedef struct FleetCall {
        CallKind kind;
        FleetStep step;
        char machine_id[MACHINE_SIZE]; /* what is written */
        int64_t version;
        usec_t period;
        uint64_t named, index; /* the Index that the caller names; the one that is compared */
        uint64_t created;      /* RENEW: of the key that is renewed; 0: not known */
        usec_t sent_at;        /* when the first attempt of this write was sent; 0: none was */
        bool asking;           /* a question is under way */
        bool doubt;            /* an attempt of the write has no answer */
        usec_t retry_at, deadline;
        usec_t known_until, quiet_until; /* of FleetMemory */
        FleetNode node;                  /* as it was read or written last */
        CallResult result;               /* when it has ended */
        usec_t span;                     /* STEAL: as in ACTION_CALL_DONE */
} FleetCall;

/* Begins a call, whose strings are copied. here is this machine's id, for a call that names none. m is what is known
 * of the lease. The call may have ended at once (step). */
void fleet_call_begin(FleetCall *g, const Call *call, const char *here, const FleetMemory *m, usec_t now);

/* Gives what is to be asked now, with strings borrowed from the call. false: nothing, until fleet_call_due(), or until
 * there is an answer. May end the call, because its time is over. */
bool fleet_call_next(FleetCall *g, usec_t now, FleetAsk *ret);

/* Takes the answer to what fleet_call_next() gave last. */
void fleet_call_answer(FleetCall *g, usec_t now, const FleetAnswer *a);

/* When fleet_call_next() has something to give, by the time alone; USEC_INFINITY while a question is under way, and
 * after the end. */
usec_t fleet_call_due(const FleetCall *g);

/* Notes in the memory what a call that has ended tells of the lease. */
void fleet_call_remember(const FleetCall *g, FleetMemory *m);

/* Whether anything of the memory still counts. */
bool fleet_memory_counts(const FleetMemory *m, usec_t now);
