/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* One HTTP request to one endpoint, with the header lines that etcd wants. */

#include "registry/etcd/state.h"

typedef enum EtcdSendFlags {
        ETCD_SEND_LEADERLESS = 1 << 0, /* a member without a leader keeps the request until there is one */
        ETCD_SEND_NO_TOKEN = 1 << 1,   /* the request is how one gets a token */
} EtcdSendFlags;

/* Sends p to endpoint i; url, headers, address and connect_timeout of p are filled in here. What else p points to
 * stays the caller's; *ret is owned by the caller. Returns 0, or a negative errno as http_request_new() does. */
int etcd_send(Etcd *e, size_t i, const char *path, HttpParameters *p, EtcdSendFlags flags, http_done_t done,
                void *userdata, HttpRequest **ret);
