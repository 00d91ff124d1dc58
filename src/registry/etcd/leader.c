/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Noticing a new leader the moment it is there.
 *
 * When a leader dies, a member first accepts writes, hands them to the dead leader and waits for seven seconds. Later,
 * when the member knows that it has no leader, it refuses writes at once. A write of the first kind gets no answer,
 * however soon there is a new leader; a write of the second kind would have to be repeated very often to hit the
 * moment. A lease of five seconds has no time for either.
 *
 * So the member is asked for a linearizable read, without the header line that wants a leader. etcd answers such a
 * read when the member follows a leader that a majority confirms: at once where all is well, and with "leader changed"
 * at the end of an election (3.4 to 3.6). Then writes that went to the leader before are given up, as unclear: like
 * any write without an answer, they may be carried out later (law 6). And calls that wait try again, at the member
 * that has just answered.
 *
 * The answer may come seconds after the question, and the calls may have gone to another member long since. A member
 * that serves them is not left for it; nor is one in use left if there is no new leader, since then the member that
 * was asked is merely slow, and has been left for that.
 *
 * A member is asked only while a write takes much longer than it does when all is well, or when the member says that
 * it has no leader.
 */

#include "registry/etcd/leader.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "registry/etcd/encode.h"
#include "registry/etcd/endpoint.h"
#include "registry/etcd/identity.h"
#include "registry/etcd/judge.h"
#include "registry/etcd/send.h"
#include "util/log.h"

#define PATIENCE (5 * USEC_PER_SEC) /* an election or two */
#define ASK_EVERY (100 * USEC_PER_MSEC)
enum { ANSWER_MAX = 64 * 1024 };

/* The member at endpoint i follows a leader. */
static void answered(Etcd *e, size_t i) {
        bool new_leader = e->leader.reign != e->endpoints.items[i].asked_in;

        if (new_leader && !etcd_endpoint_serves(e))
                etcd_endpoint_use(e, i);
        etcd_endpoint_served(e, i);
        etcd_state_note(e, ETCD_NEWS_WAKE);
}

static void on_answer(const HttpAnswer *a, void *userdata) {
        EtcdEndpoint *p = userdata;
        Etcd *e = p->etcd;
        size_t i = (size_t) (p - e->endpoints.items);
        json_t *root = a->outcome == HTTP_ANSWERED ? etcd_decode_object(a->body, a->size) : NULL;
        EtcdHeader header;
        EtcdError error;

        assert(p->question && i < e->endpoints.n);
        etcd_endpoint_seen(e, i, a);
        if (root && a->status == 200 && etcd_decode_header(root, &header) == 0) {
                if (etcd_identity_check(e, i, a->address, &header)) {
                        etcd_leader_term(e, header.raft_term);
                        answered(e, i);
                }
        } else if (root && etcd_decode_error(root, &error) && etcd_judge_leader_change(&error)) {
                etcd_leader_changed(e);
                answered(e, i);
        }
        json_decref(root);
        p->question = http_request_free(p->question);
}

void etcd_leader_ask(Etcd *e, size_t i) {
        EtcdEndpoint *p = &e->endpoints.items[i];
        _cleanup_free_ char *key = NULL, *body = NULL;
        HttpParameters q = { .timeout = PATIENCE, .body_max = ANSWER_MAX };
        usec_t now = now_boottime();

        if (p->question || now < usec_add(p->asked_at, ASK_EVERY))
                return;
        p->asked_at = now;
        p->asked_in = e->leader.reign;
        if (asprintf(&key, "%smeta", e->prefix) < 0) {
                key = NULL;
                return;
        }
        body = etcd_encode_range(&(EtcdRange){ .key = key, .key_size = strlen(key) });
        if (!body)
                return;
        q.body = body;
        /* If this fails nothing is noticed, and the next write that takes long asks again. */
        (void) etcd_send(e, i, "/v3/kv/range", &q, ETCD_SEND_LEADERLESS, on_answer, p, &p->question);
}

void etcd_leader_term(Etcd *e, uint64_t term) {
        EtcdLeader *l = &e->leader;
        bool first = l->cluster_id != e->identity.cluster_id;

        if (term == 0 || (!first && term <= l->term))
                return;
        l->cluster_id = e->identity.cluster_id;
        l->term = term;
        if (!first)
                etcd_leader_changed(e);
}

void etcd_leader_changed(Etcd *e) {
        log_debug("registry: a new leader, term %" PRIu64 " or later", e->leader.term);
        e->leader.reign++;
        etcd_state_note(e, ETCD_NEWS_REIGN);
}

void etcd_leader_done(Etcd *e) {
        for (size_t i = 0; i < e->endpoints.n; i++)
                e->endpoints.items[i].question = http_request_free(e->endpoints.items[i].question);
}
