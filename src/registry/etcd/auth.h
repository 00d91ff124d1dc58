/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The token that every request bears: etcd gives it for a user and a password. */

#include "registry/etcd/state.h"

typedef enum EtcdAuthState {
        ETCD_AUTH_READY,  /* there is a token, or none is needed */
        ETCD_AUTH_WAIT,   /* a token was asked for, or will be asked for soon */
        ETCD_AUTH_FAILED, /* there is no token to be had now: e->auth.error says why */
} EtcdAuthState;

/* Takes User= and PasswordFile= of the configuration, and looks whether the file can be used. Returns 0, or a negative
 * errno with *ret_error one line for people, owned by the caller. */
int etcd_auth_open(Etcd *e, const RegistryConfig *config, char **ret_error);

/* Cancels what is under way, and wipes the token. */
void etcd_auth_done(Etcd *e);

/* Whether a request can be sent now. */
bool etcd_auth_is_ready(const Etcd *e);

/* Asks for a token, unless there is one, one was asked for, or the last attempt was a moment ago. If ETCD_AUTH_WAIT is
 * returned, the caller is to look again when woken (ETCD_NEWS_WAKE), and at *ret_again_at (CLOCK_BOOTTIME;
 * USEC_INFINITY: only when woken). */
EtcdAuthState etcd_auth_get(Etcd *e, usec_t *ret_again_at);

/* To be told when the server did not accept the token with that serial: the token is dropped if it is still in use. */
void etcd_auth_lost(Etcd *e, uint64_t serial);
