/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One endpoint is in use for everything, calls and watches alike, so that a watch cannot go stale unnoticed while
 * calls fare well elsewhere. When that endpoint does not serve us, the next one takes its place. An endpoint of
 * another cluster is never in use.
 */

#include "registry/etcd/endpoint.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

#include "registry/etcd/address.h"
#include "registry/etcd/url.h"
#include "util/log.h"

#define BY_NAME (5 * USEC_PER_SEC)
#define BY_ADDRESS (60 * USEC_PER_SEC)
#define ABSENT (5 * USEC_PER_SEC)
#define PROBE_AGAIN USEC_PER_SEC
#define CHANGES_WINDOW (5 * USEC_PER_MINUTE)
enum { CHANGES_MAX = 3 }; /* a member that is replaced, and replaced again, is no balancer */

static int join_endpoints(Etcd *e) {
        size_t size = 1;

        for (size_t i = 0; i < e->endpoints.n; i++)
                size += strlen(e->endpoints.items[i].url) + 1;
        e->endpoints.text = calloc(1, size);
        if (!e->endpoints.text)
                return -ENOMEM;
        for (size_t i = 0; i < e->endpoints.n; i++) {
                if (i > 0)
                        strcat(e->endpoints.text, " ");
                strcat(e->endpoints.text, e->endpoints.items[i].url);
        }
        return 0;
}

int etcd_endpoint_open(Etcd *e, const RegistryConfig *config, char **ret_error) {
        const char *why = NULL;
        uint32_t random = 0;
        size_t n = 0;
        int r;

        while (config->endpoints && config->endpoints[n])
                n++;
        if (n == 0) {
                *ret_error = strdup("Registry=etcd needs Endpoints=, such as Endpoints=http://10.0.0.1:2379");
                return -EINVAL;
        }
        e->endpoints.items = calloc(n, sizeof(EtcdEndpoint));
        if (!e->endpoints.items)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                e->endpoints.items[i].etcd = e;
                r = url_normalize(config->endpoints[i], &e->endpoints.items[i].url, &why);
                if (r < 0) {
                        /* If there is an "@" in the text, a password may stand before it, so the text is not shown. */
                        if (r == -EINVAL &&
                                        asprintf(ret_error, "Endpoints=%s: %s",
                                                        strchr(config->endpoints[i], '@') ? "…" : config->endpoints[i],
                                                        why) < 0)
                                *ret_error = NULL;
                        return r;
                }
                e->endpoints.items[i].named = url_is_named(e->endpoints.items[i].url);
                e->endpoints.n++;
        }
        if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
                random = 0;
        e->endpoints.current = random % n; /* not all machines begin with the same endpoint */
        return join_endpoints(e);
}

void etcd_endpoint_done(Etcd *e) {
        for (size_t i = 0; i < e->endpoints.n; i++) {
                assert(!e->endpoints.items[i].probe && !e->endpoints.items[i].question);
                free(e->endpoints.items[i].url);
        }
        free(e->endpoints.items);
        free(e->endpoints.text);
        e->endpoints = (EtcdEndpoints){};
}

/* ---- which one is in use ---- */

bool etcd_endpoint_is_odd(const Etcd *e, size_t i) {
        const EtcdEndpoint *p = &e->endpoints.items[i];

        return e->identity.cluster_id != 0 && p->told_id != 0 && p->told_id != e->identity.cluster_id;
}

bool etcd_endpoint_is_ours(const Etcd *e, size_t i) {
        return e->identity.cluster_id != 0 && e->endpoints.items[i].told_id == e->identity.cluster_id;
}

/* The endpoint to be used after i. Those where nobody took a connection come last: trying a machine that is off takes
 * a good part of an attempt, which an election does not leave. An endpoint of another cluster is never used; one that
 * has not said its cluster is used only if no endpoint of ours is left. */
static size_t next_endpoint(const Etcd *e, size_t i) {
        usec_t now = now_boottime();
        size_t ours = i, unknown = i;

        for (size_t n = e->endpoints.n - 1; n > 0; n--) {
                size_t next = (i + n) % e->endpoints.n;
                bool present = now >= e->endpoints.items[next].absent_until;

                if (etcd_endpoint_is_ours(e, next) &&
                                (present || ours == i || now < e->endpoints.items[ours].absent_until))
                        ours = next;
                else if (e->endpoints.items[next].told_id == 0 && (present || unknown == i))
                        unknown = next;
        }
        if (ours != i || etcd_endpoint_is_ours(e, i))
                return ours;
        return unknown;
}

void etcd_endpoint_doubt(Etcd *e, size_t i) {
        assert(i < e->endpoints.n);
        e->endpoints.items[i].in_doubt = true;
        etcd_state_note(e, ETCD_NEWS_DOUBT);
}

void etcd_endpoint_trust(Etcd *e) {
        for (size_t i = 0; i < e->endpoints.n; i++)
                e->endpoints.items[i].in_doubt = false;
}

void etcd_endpoint_use(Etcd *e, size_t i) {
        assert(i < e->endpoints.n);
        if (e->endpoints.current == i)
                return;
        etcd_endpoint_doubt(e, e->endpoints.current);
        e->endpoints.current = i;
        e->endpoints.items[i].served_at = 0;
        etcd_state_note(e, ETCD_NEWS_STATUS);
}

void etcd_endpoint_served(Etcd *e, size_t i) {
        assert(i < e->endpoints.n);
        e->endpoints.items[i].served_at = now_boottime();
}

bool etcd_endpoint_serves(const Etcd *e) {
        return e->endpoints.items[e->endpoints.current].served_at != 0;
}

void etcd_endpoint_failed(Etcd *e, size_t i, const char *text) {
        log_debug("registry: %s", text);
        etcd_endpoint_doubt(e, i);
        e->endpoints.items[i].served_at = 0;
        if (e->endpoints.current != i || e->endpoints.n == 1)
                return;
        etcd_endpoint_use(e, next_endpoint(e, i));
        /* There is no other endpoint to use. One that has been silent may be back, and may belong to our cluster. */
        if (e->endpoints.current == i && now_boottime() >= usec_add(e->probes.began_at, PROBE_AGAIN))
                etcd_state_note(e, ETCD_NEWS_PROBE);
}

/* ---- what is seen of one ---- */

void etcd_endpoint_nonsense(Etcd *e, size_t i, const char *what) {
        EtcdEndpoint *p = &e->endpoints.items[i];

        str_copy(p->nonsense, sizeof(p->nonsense), what);
        p->nonsense_at = now_boottime();
        etcd_state_note(e, ETCD_NEWS_WARNINGS);
}

void etcd_endpoint_member(Etcd *e, size_t i, uint64_t member_id) {
        EtcdEndpoint *p = &e->endpoints.items[i];
        uint64_t before = p->member_id;
        usec_t now;

        if (member_id == 0 || member_id == before)
                return;
        p->member_id = member_id;
        if (before == 0)
                return;
        now = now_boottime();
        if (usec_sub(now, p->changes_since) > CHANGES_WINDOW) {
                p->changes_since = now;
                p->member_changes = 0;
        }
        if (++p->member_changes <= CHANGES_MAX)
                return;
        p->several_at = now;
        if (p->member_changes == CHANGES_MAX + 1)
                etcd_state_note(e, ETCD_NEWS_WARNINGS);
}

void etcd_endpoint_seen(Etcd *e, size_t i, const HttpAnswer *a) {
        EtcdEndpoint *p = &e->endpoints.items[i];

        if (a->outcome == HTTP_ANSWERED) {
                p->absent_until = p->by_name_until = 0;
        } else {
                p->by_name_until = usec_add(now_boottime(), BY_NAME);
                if (a->outcome == HTTP_NOT_SENT && !a->no_name && !a->all_avoided)
                        p->absent_until = usec_add(now_boottime(), ABSENT);
        }
        if (a->all_avoided) { /* that is what the endpoint has to say */
                p->cluster_id = etcd_address_all_odd(e, i);
                p->told_id = p->cluster_id ?: p->told_id;
        }
        if (a->outcome == HTTP_ANSWERED && !isempty(a->address) && !etcd_address_is_left_out(e, i, a->address))
                str_copy(p->address, sizeof(p->address), a->address);
        else if (a->no_name && p->address[0])
                p->by_address_until = usec_add(now_boottime(), BY_ADDRESS);
}

void etcd_endpoint_told(Etcd *e, size_t i, const char *address, uint64_t cluster_id) {
        EtcdEndpoint *p = &e->endpoints.items[i];

        assert(cluster_id != 0);
        if (p->named) {
                etcd_address_told(e, i, address, cluster_id);
                if (etcd_address_is_odd(e, cluster_id)) { /* another address of the name may be ours */
                        if (streq(p->address, address))
                                p->address[0] = '\0';
                        return;
                }
        }
        p->cluster_id = p->told_id = cluster_id;
}

void etcd_endpoint_silent(Etcd *e, size_t i) {
        e->endpoints.items[i].cluster_id = 0;
}

void etcd_endpoint_tell_odd(const Etcd *e, size_t i, const char *address, char *ret, size_t size) {
        const EtcdEndpoint *p = &e->endpoints.items[i];

        (void) snprintf(ret, size, "%s%s%s is not of the cluster that was asked before", p->url,
                        p->named ? " at " : "", p->named ? address : "");
}

/* Adds which addresses of the name were not tried: one of them may be the one that people think of. */
static void add_odd(const Etcd *e, size_t i, char *ret, size_t size) {
        for (size_t k = 0; (k = etcd_address_next_odd(e, i, k)) != SIZE_MAX; k++) {
                size_t n = strlen(ret);

                (void) snprintf(ret + n, size - n, "; %s is of another etcd cluster",
                                e->endpoints.items[i].addresses.items[k].text);
        }
}

EtcdVerdict etcd_endpoint_explain(const Etcd *e, size_t i, const HttpAnswer *a, char *ret, size_t size) {
        const char *url = e->endpoints.items[i].url, *why;
        EtcdVerdict verdict = ETCD_VERDICT_ELSEWHERE; /* whoever says these did not understand the request */

        if (a->outcome != HTTP_ANSWERED) {
                bool cut = a->outcome == HTTP_FAILED && !a->timed_out && !a->too_large;
                /* How OpenSSL and libcurl say that the other side hung up on our greeting, or answered it in plain
                 * text. */
                bool plain = strstr(a->error, "SSL_ERROR_SYSCALL") || strstr(a->error, "wrong version number") ||
                             strstr(a->error, "reset by peer");

                (void) snprintf(ret, size, "%s: %s%s", url, a->error,
                                cut && startswith(url, "http://")      ? " (does it want https?)"
                                : plain && startswith(url, "https://") ? " (does it want http?)"
                                                                       : "");
                add_odd(e, i, ret, size);
                return ETCD_VERDICT_UNCLEAR;
        }
        if (a->status == 400 && strstr(a->body, "HTTPS server"))
                why = "it wants https";
        else if (a->status == 400 && strstr(a->body, "CommonName"))
                why = "its gateway refuses a client certificate with a CommonName while users are on: use one without";
        else if (a->status == 404 || a->status == 405)
                why = "it knows no /v3/: etcd's JSON gateway is off (enable-grpc-gateway: true), or it is not etcd";
        else if (a->status >= 300 && a->status < 400)
                why = "it redirects: that is not a client URL of etcd";
        else {
                why = a->status == 200 ? "its answer is not etcd's" : NULL;
                verdict = ETCD_VERDICT_UNCLEAR;
        }
        if (why)
                (void) snprintf(ret, size, "%s: %s", url, why);
        else
                (void) snprintf(ret, size, "%s: it answers with HTTP status %u, and not as etcd does", url, a->status);
        return verdict;
}
