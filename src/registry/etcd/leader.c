/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Noticing a new leader the moment it is there.
 *
 * When a leader dies, a member first takes writes on, hands them to the dead one and waits for seven seconds; later,
 * when it knows that it has none, it refuses them at once. A write of the first kind is lost whole, however soon there
 * is a new leader; one of the second kind would have to be repeated very often to hit the moment. A lease of five
 * seconds has no time for either.
 *
 * So a member is asked for a linearizable read, without the header that wants a leader. etcd answers that when the
 * member follows a leader whom a majority confirms: at once where all is well, and with "leader changed" at the end of
 * an election (3.4 to 3.6). Then writes that went to the leader of before are given up, as unclear: they may be
 * carried out yet, as any that was not answered. And whoever waits tries again, at the member that has just answered.
 *
 * It is asked only while a write takes much longer than it does when all is well, or when it says that it has no
 * leader.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "registry/etcd/etcd.h"
#include "util/log.h"

#define PATIENCE (5 * USEC_PER_SEC) /* an election or two */
#define ASK_EVERY (100 * USEC_PER_MSEC)
enum { ANSWER_MAX = 64 * 1024 };

static void use_endpoint(Etcd *e, size_t i) {
        if (e->current != i) {
                etcd_watches_leave(e, e->current); /* calls and watches keep together */
                e->current = i;
                etcd_status_changed(e);
        }
        etcd_calls_wake(e);
}

static void on_answer(const HttpAnswer *a, void *userdata) {
        EtcdEndpoint *p = userdata;
        Etcd *e = p->etcd;
        size_t i = (size_t) (p - e->endpoints);
        json_t *root = a->outcome == HTTP_ANSWERED ? etcd_decode_object(a->body, a->size) : NULL;
        EtcdHeader header;
        EtcdError error;

        etcd_endpoint_seen(e, i, a);
        if (root && a->status == 200 && etcd_decode_header(root, &header) == 0) {
                if (etcd_endpoint_check(e, i, &header)) {
                        etcd_leader_term(e, header.raft_term);
                        use_endpoint(e, i);
                }
        } else if (root && etcd_decode_error(root, &error) && etcd_judge_leader_change(&error)) {
                etcd_leader_changed(e);
                use_endpoint(e, i);
        }
        json_decref(root);
        p->question = http_request_free(p->question);
}

void etcd_leader_ask(Etcd *e, size_t i) {
        EtcdEndpoint *p = &e->endpoints[i];
        _cleanup_free_ char *url = NULL, *key = NULL, *body = NULL;
        const char *headers[4];
        HttpParameters q = { .headers = headers, .timeout = PATIENCE, .body_max = ANSWER_MAX };
        usec_t now = now_boottime();

        if (p->question || now < usec_add(p->asked_at, ASK_EVERY))
                return;
        p->asked_at = now;
        if (asprintf(&key, "%smeta", e->prefix) < 0) {
                key = NULL;
                return;
        }
        body = etcd_encode_range(&(EtcdRange){ .key = key, .key_size = strlen(key) });
        if (!body || etcd_endpoint_address(e, i, "/v3/kv/range", &q, &url) < 0)
                return;
        q.body = body;
        etcd_headers(e, ETCD_CALL_LEADERLESS, headers);
        (void) http_request_new(e->http, &q, on_answer, p, &p->question); /* if not, nothing is noticed */
}

void etcd_leader_term(Etcd *e, uint64_t term) {
        bool first = e->term == 0;

        if (term <= e->term)
                return;
        e->term = term;
        if (!first)
                etcd_leader_changed(e);
}

void etcd_leader_changed(Etcd *e) {
        log_debug("registry: a new leader, term %" PRIu64 " or later", e->term);
        e->reign++;
        etcd_calls_look(e);
}
