/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/etcd/send.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include "registry/etcd/address.h"

int etcd_send(Etcd *e, size_t i, const char *path, HttpParameters *p, EtcdSendFlags flags, http_done_t done,
                void *userdata, HttpRequest **ret) {
        const EtcdEndpoint *endpoint = &e->endpoints.items[i];
        _cleanup_free_ char *url = NULL;
        char avoid[ETCD_AVOID_SIZE] = "";
        const char *headers[3];
        bool odd = etcd_address_some_odd(e, i);
        usec_t now = now_boottime();
        size_t n = 0;

        assert(i < e->endpoints.n);
        assert(!*ret);
        if (asprintf(&url, "%s%s", endpoint->url, path) < 0) {
                url = NULL;
                return -ENOMEM;
        }
        /* With this line, a member that has lost its leader says so at once. Without it, a member would say so after
         * seven seconds, and on a watch never. */
        if (!(flags & ETCD_SEND_LEADERLESS))
                headers[n++] = "Grpc-Metadata-hasleader: true";
        if (e->auth.token && !(flags & ETCD_SEND_NO_TOKEN))
                headers[n++] = e->auth.token;
        headers[n] = NULL;
        p->url = url;
        p->headers = headers;
        if (!p->address && (now < endpoint->by_address_until || (odd && now >= endpoint->by_name_until)))
                p->address = endpoint->address;
        if (odd && isempty(p->address)) {
                etcd_address_avoid(e, i, avoid);
                p->avoid = avoid;
        }
        p->connect_timeout = e->attempt * 2 / 3; /* a black hole leaves time for another endpoint in one attempt */
        return http_request_new(e->http, p, done, userdata, ret);
}
