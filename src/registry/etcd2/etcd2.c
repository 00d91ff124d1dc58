/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/etcd2/etcd2.h"

#include <errno.h>
#include <stdio.h>

#include "registry/etcd/http.h"
#include "registry/etcd2/wire.h"
#include "util/strv.h"
#include "util/text.h"

enum { ANSWER_MAX = 64 * 1024 };

struct Etcd2 {
        HttpClient *http;
        char **endpoints;
        size_t current;
        char *prefix;
        usec_t attempt;
};

struct Etcd2Request {
        Etcd2 *etcd2;
        HttpRequest *http;
        Etcd2Kind kind;
        size_t endpoint;
        etcd2_answer_t f;
        void *userdata;
};

int etcd2_new(sd_event *event, const Etcd2Config *config, Etcd2 **ret) {
        const HttpTls tls = {
                .ca_file = config->ca_file, .cert_file = config->cert_file, .key_file = config->key_file
        };
        _cleanup_(etcd2_freep) Etcd2 *e = calloc(1, sizeof(Etcd2));
        int r = e ? http_client_new(event, &tls, &e->http) : -ENOMEM;

        for (const char *const *u = config->endpoints; r >= 0 && *u; u++)
                r = strv_add(&e->endpoints, *u);
        if (r < 0)
                return r;
        e->attempt = config->attempt;
        e->prefix = strdup(config->prefix);
        if (!e->prefix)
                return -ENOMEM;
        *ret = TAKE_PTR(e);
        return 0;
}

Etcd2 *etcd2_free(Etcd2 *e) {
        if (!e)
                return NULL;
        http_client_free(e->http);
        strv_free(e->endpoints);
        free(e->prefix);
        free(e);
        return NULL;
}

/* What an HTTP answer that tells nothing of the key is called. */
static void explain(const Etcd2Request *q, const HttpAnswer *http, Etcd2Answer *a) {
        const char *endpoint = q->etcd2->endpoints[q->endpoint];
        char text[ETCD2_TEXT_SIZE];

        if (http->outcome != HTTP_ANSWERED)
                (void) snprintf(text, sizeof(text), "%s: %s", endpoint, http->error);
        else if (http->status == 404)
                (void) snprintf(text, sizeof(text), "%s: has no v2 API (etcd --enable-v2)", endpoint);
        else
                (void) snprintf(text, sizeof(text), "%s: HTTP status %u", endpoint, http->status);
        (void) text_clean(a->text, sizeof(a->text), text);
}

static void on_done(const HttpAnswer *http, void *userdata) {
        Etcd2Request *q = userdata;
        Etcd2Answer a = { .outcome = ETCD2_UNKNOWN };

        if (http->outcome == HTTP_ANSWERED)
                etcd2_decode(q->kind, http->status, http->body, http->size, &a);
        if (a.outcome == ETCD2_DENIED || a.outcome == ETCD2_UNKNOWN)
                explain(q, http, &a);
        if (a.outcome == ETCD2_UNKNOWN && q->etcd2->current == q->endpoint)
                q->etcd2->current = (q->endpoint + 1) % strv_length(q->etcd2->endpoints);
        q->f(&a, q->userdata);
}

static int send_ask(Etcd2 *e, const Etcd2Ask *ask, usec_t timeout, Etcd2Request *q) {
        static const char *const methods[] = {
                [ETCD2_READ] = "GET", [ETCD2_CREATE] = "PUT", [ETCD2_SWAP] = "PUT", [ETCD2_DELETE] = "DELETE"
        };
        bool puts = ask->kind == ETCD2_CREATE || ask->kind == ETCD2_SWAP;
        _cleanup_free_ char *path = etcd2_path(e->prefix, ask), *form = puts ? etcd2_form(ask) : NULL;
        _cleanup_free_ char *url = path ? text_format("%s%s", e->endpoints[e->current], path) : NULL;
        HttpParameters p = {
                .url = url,
                .method = methods[ask->kind],
                .body = form,
                .type = "Content-Type: application/x-www-form-urlencoded",
                .timeout = MIN(timeout, e->attempt),
                .connect_timeout = MIN(timeout, e->attempt) * 2 / 3,
                .body_max = ANSWER_MAX,
                .once = ask->kind != ETCD2_READ,
        };

        if (!url || (puts && !form))
                return -ENOMEM;
        return http_request_new(e->http, &p, on_done, q, &q->http);
}

int etcd2_ask(Etcd2 *e, const Etcd2Ask *ask, usec_t timeout, etcd2_answer_t f, void *userdata, Etcd2Request **ret) {
        _cleanup_(etcd2_request_freep) Etcd2Request *q = calloc(1, sizeof(Etcd2Request));
        int r;

        if (!q)
                return -ENOMEM;
        *q = (Etcd2Request){ .etcd2 = e, .kind = ask->kind, .endpoint = e->current, .f = f, .userdata = userdata };
        r = send_ask(e, ask, timeout, q);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(q);
        return 0;
}

Etcd2Request *etcd2_request_free(Etcd2Request *q) {
        if (!q)
                return NULL;
        http_request_free(q->http);
        free(q);
        return NULL;
}
