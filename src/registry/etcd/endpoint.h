/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The endpoints: which one is in use, to which cluster each belongs, and what requests have shown of each. An endpoint
 * is named by its place i in the configuration, from 0 on. */

#include "registry/etcd/judge.h"
#include "registry/etcd/state.h"

/* Takes the endpoints of the configuration. Returns 0, -ENOMEM, or -EINVAL with *ret_error one line for people, owned
 * by the caller. */
int etcd_endpoint_open(Etcd *e, const RegistryConfig *config, char **ret_error);

/* Frees the endpoints. Nothing may be under way to one of them. */
void etcd_endpoint_done(Etcd *e);

/* Puts endpoint i in use. Watches leave the one before, since calls and watches always use the same endpoint. */
void etcd_endpoint_use(Etcd *e, size_t i);

/* To be told when endpoint i did not serve a request; text is one line that says how. Watches leave i, and if i was in
 * use, the next endpoint takes its place. */
void etcd_endpoint_failed(Etcd *e, size_t i, const char *text);

/* To be told when endpoint i has answered what only a member with a leader answers. */
void etcd_endpoint_served(Etcd *e, size_t i);

/* Whether the endpoint in use has served since it came into use, and has not failed since. */
bool etcd_endpoint_serves(const Etcd *e);

/* Has watches leave endpoint i. */
void etcd_endpoint_doubt(Etcd *e, size_t i);

/* To be told when the watches have left: no endpoint is in doubt any more. */
void etcd_endpoint_trust(Etcd *e);

/* To be told which member an answer of endpoint i names: if members come and go, the name stands for several of them,
 * and a warning says so for a while. */
void etcd_endpoint_member(Etcd *e, size_t i, uint64_t member_id);

/* To be told when endpoint i has sent, on a watch, something that no etcd sends: a warning says so for a while. */
void etcd_endpoint_nonsense(Etcd *e, size_t i, const char *what);

/* To be told of the end of each request to endpoint i, answered or not: it shows how the endpoint can be reached. */
void etcd_endpoint_seen(Etcd *e, size_t i, const HttpAnswer *a);

/* To be told when endpoint i says, at that address, that it belongs to that cluster. Of a name with several addresses
 * one that is of another cluster is left out, and the endpoint is not. */
void etcd_endpoint_told(Etcd *e, size_t i, const char *address, uint64_t cluster_id);

/* To be told when endpoint i no longer says anything. */
void etcd_endpoint_silent(Etcd *e, size_t i);

/* Writes, for people, that what answers at that address of endpoint i is not of our cluster. */
void etcd_endpoint_tell_odd(const Etcd *e, size_t i, const char *address, char *ret, size_t size);

/* Whether endpoint i last said that it belongs to our cluster; or to another one. Both are false while our cluster is
 * not known, or if the endpoint never said anything. */
bool etcd_endpoint_is_ours(const Etcd *e, size_t i);
bool etcd_endpoint_is_odd(const Etcd *e, size_t i);

/* Writes, for people, why an answer of endpoint i is not one of etcd's. Returns whether the request, whose body was
 * sent, may have been carried out: ELSEWHERE if not, else UNCLEAR. */
EtcdVerdict etcd_endpoint_explain(const Etcd *e, size_t i, const HttpAnswer *a, char *ret, size_t size);
