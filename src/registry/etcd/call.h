/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* One call to etcd: a POST that is tried at one endpoint after another until it is answered or its time is over. */

#include "registry/etcd/state.h"

typedef struct EtcdCall EtcdCall;

typedef enum EtcdCallFlags {
        ETCD_CALL_ONCE = 1 << 0,    /* sent again only if it certainly was not carried out */
        ETCD_CALL_SHRINKS = 1 << 1, /* an answer that is too large ends the call: its owner can ask for less */
} EtcdCallFlags;

typedef struct EtcdReply {
        bool answered;      /* the next three are set only then */
        const json_t *root; /* the answer */
        EtcdHeader header;
        const char *store; /* the identity of the store that has answered */
        bool too_large;    /* only with ETCD_CALL_SHRINKS */
        EtcdError error;   /* the error with which etcd refused the call; code 0: etcd sent none */
        const char *text;  /* why there is no answer, with the endpoint; "" if answered */
} EtcdReply;

/* The end of a call. The reply is borrowed until the function returns, and outlives the call. */
typedef void (*etcd_reply_t)(const EtcdReply *reply, void *userdata);

/* Begins a call, owned by the caller. Takes body over, also on failure; NULL: there was no memory for it. deadline is
 * on CLOCK_BOOTTIME. f is called exactly once, from the loop, unless the call is freed before. Returns 0 or a negative
 * errno. */
int etcd_call_new(Etcd *e, const char *path, char *body, usec_t deadline, EtcdCallFlags flags, etcd_reply_t f,
                void *userdata, EtcdCall **ret);

/* Cancels the call, without a callback. Accepts NULL, returns NULL. */
EtcdCall *etcd_call_free(EtcdCall *c);

/* Has the calls that wait for the identity or a token look again soon. Never calls back. */
void etcd_call_wake(Etcd *e);

/* Has the calls under way that write check soon whether there is a new leader since they were sent. Never calls back.
 */
void etcd_call_look(Etcd *e);

DEFINE_TRIVIAL_CLEANUP(EtcdCall *, etcd_call_free)
