/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The endpoints: which one is in use, which cluster each is of, what a request to one has shown. */

#include "registry/etcd/judge.h"
#include "registry/etcd/state.h"

/* Takes the endpoints of the configuration. Returns 0, -ENOMEM, or -EINVAL with *ret_error one line for people, owned
 * by the caller. */
int etcd_endpoint_open(Etcd *e, const RegistryConfig *config, char **ret_error);

/* Frees the endpoints. Nothing may be under way to one of them. */
void etcd_endpoint_done(Etcd *e);

/* Endpoint i is in use from now on; watches leave the one before, for calls and watches keep together. */
void etcd_endpoint_use(Etcd *e, size_t i);

/* Endpoint i did not serve us: text, one line, says how. The next endpoint is used from now on if i was in use, and
 * watches leave i. */
void etcd_endpoint_failed(Etcd *e, size_t i, const char *text);

/* Watches leave endpoint i. */
void etcd_endpoint_doubt(Etcd *e, size_t i);

/* The watches have left: no endpoint is in doubt any more. */
void etcd_endpoint_trust(Etcd *e);

/* Endpoint i has sent, on its watch, what no etcd sends: a warning says so for a while. */
void etcd_endpoint_nonsense(Etcd *e, size_t i, const char *what);

/* What a request to endpoint i has shown of the way there, answered or not. */
void etcd_endpoint_seen(Etcd *e, size_t i, const HttpAnswer *a);

/* Endpoint i says that it is of that cluster; 0: it says nothing any more. */
void etcd_endpoint_told(Etcd *e, size_t i, uint64_t cluster_id);

/* Whether the last word of endpoint i was that it is of our cluster, or of another. Neither is so while our cluster is
 * not known, or where the endpoint never said anything. */
bool etcd_endpoint_is_ours(const Etcd *e, size_t i);
bool etcd_endpoint_is_odd(const Etcd *e, size_t i);

/* Writes, for people, why an answer of endpoint i is not one of etcd's. Returns whether the request, whose body was
 * sent, may have been carried out: ELSEWHERE if not, else UNCLEAR. */
EtcdVerdict etcd_endpoint_explain(const Etcd *e, size_t i, const HttpAnswer *a, char *ret, size_t size);
