/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* User and password become a token, which every request bears. */

#include "registry/etcd/state.h"

typedef enum EtcdAuthState {
        ETCD_AUTH_READY,  /* there is a token, or none is needed */
        ETCD_AUTH_WAIT,   /* a token is being got, or will be tried for */
        ETCD_AUTH_FAILED, /* there is none to be had now: e->auth.error */
} EtcdAuthState;

/* Takes User= and PasswordFile= of the configuration, and looks whether the file can be used. Returns 0, or a negative
 * errno with *ret_error one line for people, owned by the caller. */
int etcd_auth_open(Etcd *e, const RegistryConfig *config, char **ret_error);

/* Cancels what is under way, and wipes the token. */
void etcd_auth_done(Etcd *e);

/* Whether a request can be sent now. */
bool etcd_auth_is_ready(const Etcd *e);

/* Begins to get a token unless there is one, or that is under way, or was tried a moment ago. At ETCD_AUTH_WAIT the
 * caller is to look again when woken (ETCD_NEWS_WAKE), and at *ret_again_at (USEC_INFINITY: only when woken). */
EtcdAuthState etcd_auth_get(Etcd *e, usec_t *ret_again_at);

/* The server did not accept the token with that serial. */
void etcd_auth_lost(Etcd *e, uint64_t serial);
