/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A call that writes is never carried out twice: were a Txn evaluated a second time after its first evaluation had
 * landed, the second would be refused, and "refused" promises that nothing was changed. So such a call goes to a
 * further endpoint only if the body never left, or if the answer proves that the call was not carried out (judge.h).
 * Otherwise the call ends as unclear, at once: its owner knows best what to do next.
 *
 * A call waits, without anything under way, for the endpoints' identity, for a token, and for a moment after each
 * round of failures: the call's timer ends the waiting. An attempt under way is bounded by the time limit of its HTTP
 * request; during the attempt of a call that writes, the timer goes off when the attempt takes long (leader.h).
 */

#include "registry/etcd/call.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

#include "registry/etcd/auth.h"
#include "registry/etcd/endpoint.h"
#include "registry/etcd/history.h"
#include "registry/etcd/identity.h"
#include "registry/etcd/judge.h"
#include "registry/etcd/leader.h"
#include "registry/etcd/send.h"
#include "util/must.h"

#define PAUSE_FIRST (50 * USEC_PER_MSEC)
#define PAUSE_MAX (500 * USEC_PER_MSEC)
#define LONG (100 * USEC_PER_MSEC) /* for a write: a healthy etcd takes a few milliseconds */
enum { TOKENS_MAX = 3 };           /* a token that is refused so often in one call will not get better */

struct EtcdCall {
        Etcd *etcd;
        LIST_ENTRY(EtcdCall) all;
        char *path, *body;
        usec_t deadline;
        EtcdCallFlags flags;
        etcd_reply_t f; /* NULL: it has been called */
        void *userdata;

        HttpRequest *http;            /* the attempt under way */
        size_t endpoint;              /* of .http */
        uint64_t token_serial, reign; /* as they were when .http was sent */
        usec_t sent_at;
        sd_event_source *timer;
        bool waiting, shortened; /* shortened: the attempt under way has less time than others */
        unsigned attempts, tokens;
        char text[ETCD_TEXT_SIZE];
};

/* Ends the call with this reply. The call may be gone afterwards. */
static void call_finish(EtcdCall *c, EtcdReply *reply) {
        char text[ETCD_TEXT_SIZE], store[ETCD_STORE_SIZE];
        etcd_reply_t f = TAKE_PTR(c->f);

        must(f);
        must(!reply->answered || (reply->root && reply->header.cluster_id == c->etcd->identity.cluster_id));
        c->http = http_request_free(c->http);
        c->waiting = false;
        (void) sd_event_source_set_enabled(c->timer, SD_EVENT_OFF);
        str_copy(text, sizeof(text), reply->answered ? "" : c->text);
        str_copy(store, sizeof(store), c->etcd->identity.store);
        reply->text = text;
        reply->store = store;
        f(reply, c->userdata);
}

static void call_fail(EtcdCall *c) {
        call_finish(c, &(EtcdReply){});
}

static void call_arm(EtcdCall *c, usec_t at) {
        (void) sd_event_source_set_time(c->timer, at);
        (void) sd_event_source_set_enabled(c->timer, SD_EVENT_ONESHOT);
}

/* Looks at an attempt that takes long: whether there is a new leader since it was sent. */
static void call_look(EtcdCall *c) {
        if (c->reign == c->etcd->leader.reign) {
                etcd_leader_ask(c->etcd, c->endpoint);
                return;
        }
        (void) snprintf(c->text, sizeof(c->text), "%s: the leader has changed",
                        c->etcd->endpoints.items[c->endpoint].url);
        call_fail(c);
}

static void call_wait(EtcdCall *c, usec_t until) {
        assert(c->f && !c->http);
        c->waiting = true;
        call_arm(c, MIN(until, c->deadline));
}

/* Tries the next endpoint; after a round of all endpoints, with a pause that grows. */
static void call_again(EtcdCall *c) {
        unsigned round = MIN(c->attempts / (unsigned) c->etcd->endpoints.n, 5u);
        usec_t pause = MIN(PAUSE_FIRST << round, PAUSE_MAX);
        uint16_t random = 0;

        c->http = http_request_free(c->http);
        if (c->attempts % c->etcd->endpoints.n != 0) {
                call_wait(c, now_boottime());
                return;
        }
        if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
                random = 0;
        call_wait(c, usec_add(now_boottime(), pause / 2 + pause * random / UINT16_MAX));
}

/* The endpoint did not serve the call. */
static void call_unserved(EtcdCall *c, EtcdVerdict verdict) {
        etcd_endpoint_failed(c->etcd, c->endpoint, c->text);
        if ((c->flags & ETCD_CALL_ONCE) && verdict == ETCD_VERDICT_UNCLEAR) { /* law 6: it may land later */
                call_fail(c);
                return;
        }
        call_again(c);
}

static void call_refused(EtcdCall *c, const EtcdError *error) {
        Etcd *e = c->etcd;

        if (error->code == ETCD_CODE_EXHAUSTED) {
                etcd_state_note(e, ETCD_NEWS_PROBE); /* most likely a NOSPACE alarm: the status says so at once then */
                call_finish(c, &(EtcdReply){ .error = *error }); /* and no other endpoint has more room */
                return;
        }

        if (etcd_judge_leader_change(error)) {
                etcd_leader_changed(e);
                if (c->flags & ETCD_CALL_ONCE)
                        call_fail(c);
                else
                        call_again(c); /* at the same endpoint: it has a leader now */
                return;
        }
        if (etcd_judge_leaderless(error))
                etcd_leader_ask(e, c->endpoint);

        switch (etcd_judge(error)) {
        case ETCD_VERDICT_TOKEN:
                if (e->auth.user && c->tokens++ < TOKENS_MAX) {
                        etcd_auth_lost(e, c->token_serial);
                        c->http = http_request_free(c->http);
                        call_wait(c, now_boottime());
                        return;
                }
                if (!e->auth.user)
                        str_copy(c->text, sizeof(c->text), "etcd asks for a user: set User= and PasswordFile=");
                call_finish(c, &(EtcdReply){ .error = *error });
                return;
        case ETCD_VERDICT_FINAL:
                call_finish(c, &(EtcdReply){ .error = *error });
                return;
        case ETCD_VERDICT_ELSEWHERE:
                call_unserved(c, ETCD_VERDICT_ELSEWHERE);
                return;
        case ETCD_VERDICT_UNCLEAR:
                call_unserved(c, ETCD_VERDICT_UNCLEAR);
                return;
        }
}

static void call_answered(EtcdCall *c, const HttpAnswer *a) {
        json_t *root = etcd_decode_object(a->body, a->size);
        EtcdReply reply = { .answered = true, .root = root };
        EtcdError error = {};
        EtcdVerdict verdict;

        if (root && a->status == 200 && etcd_decode_header(root, &reply.header) == 0) {
                if (etcd_identity_check(c->etcd, c->endpoint, a->address, &reply.header)) {
                        etcd_history_note(c->etcd, reply.header.revision);
                        etcd_leader_term(c->etcd, reply.header.raft_term);
                        etcd_endpoint_served(c->etcd, c->endpoint);
                        etcd_state_note_ok(c->etcd);
                        call_finish(c, &reply);
                } else {
                        etcd_endpoint_tell_odd(c->etcd, c->endpoint, a->address, c->text, sizeof(c->text));
                        call_unserved(c, ETCD_VERDICT_UNCLEAR);
                }
        } else if (root && a->status != 200 && etcd_decode_error(root, &error)) {
                (void) snprintf(c->text, sizeof(c->text), "%s: %s", c->etcd->endpoints.items[c->endpoint].url,
                                error.message);
                call_refused(c, &error);
        } else {
                verdict = etcd_endpoint_explain(c->etcd, c->endpoint, a, c->text, sizeof(c->text));
                call_unserved(c, verdict);
        }
        json_decref(root);
}

static void on_answer(const HttpAnswer *a, void *userdata) {
        EtcdCall *c = userdata;

        assert(c->f && c->http && !c->waiting);
        etcd_endpoint_seen(c->etcd, c->endpoint, a);
        if (a->outcome == HTTP_ANSWERED) {
                call_answered(c, a);
                return;
        }
        /* If the deadline cut the last attempt off, the text of the attempt before says more. */
        if (!c->text[0] || !c->shortened || !a->timed_out)
                (void) etcd_endpoint_explain(c->etcd, c->endpoint, a, c->text, sizeof(c->text));
        if (a->too_large && (c->flags & ETCD_CALL_SHRINKS)) {
                etcd_endpoint_failed(c->etcd, c->endpoint, c->text); /* it may be a true one's, but who knows */
                call_finish(c, &(EtcdReply){ .too_large = true });
                return;
        }
        call_unserved(c, a->outcome == HTTP_NOT_SENT ? ETCD_VERDICT_ELSEWHERE : ETCD_VERDICT_UNCLEAR);
}

static int call_send(EtcdCall *c, usec_t now) {
        Etcd *e = c->etcd;
        HttpParameters p = {
                .body = c->body,
                .timeout = MIN(e->attempt, c->deadline - now),
                .body_max = ETCD_ANSWER_MAX,
                .once = c->flags & ETCD_CALL_ONCE,
        };

        assert(now < c->deadline); /* law 1: a request has the time that its sender has left, and no more */
        assert(e->identity.known && !e->identity.conflict && etcd_auth_is_ready(e));
        c->endpoint = e->endpoints.current;
        c->token_serial = e->auth.serial;
        c->attempts++;
        c->shortened = p.timeout < e->attempt;
        c->reign = e->leader.reign;
        c->sent_at = now;
        if (c->flags & ETCD_CALL_ONCE)
                call_arm(c, usec_add(now, LONG));
        return etcd_send(e, c->endpoint, c->path, &p, 0, on_answer, c, &c->http);
}

/* Gives the text for a call whose time was over before anything was tried. */
static const char *reason_to_wait(const Etcd *e) {
        if (!e->identity.known)
                return "the endpoints have not answered yet";
        if (etcd_auth_is_ready(e))
                return "no answer in time";
        return e->auth.error[0] ? e->auth.error : "no token in time";
}

static void call_give_up(EtcdCall *c, const char *text) {
        str_copy(c->text, sizeof(c->text), text);
        call_fail(c);
}

/* Sends, waits or gives up. Called from the loop only. */
static void call_go(EtcdCall *c) {
        Etcd *e = c->etcd;
        usec_t now = now_boottime(), again_at;

        assert(c->f && !c->http && !c->waiting);
        if (now >= c->deadline) {
                call_give_up(c, c->text[0] ? c->text : reason_to_wait(e));
        } else if (e->identity.conflict) {
                call_give_up(c, e->identity.conflict_text);
        } else if (!e->identity.known) {
                call_wait(c, USEC_INFINITY);
        } else if (etcd_auth_get(e, &again_at) == ETCD_AUTH_WAIT) {
                call_wait(c, again_at);
        } else if (!etcd_auth_is_ready(e)) {
                call_give_up(c, e->auth.error);
        } else if (call_send(c, now) < 0) {
                call_give_up(c, "out of memory");
        }
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        EtcdCall *c = userdata;

        if (c->http) {
                call_look(c);
        } else {
                c->waiting = false;
                call_go(c);
        }
        return 0;
}

void etcd_call_wake(Etcd *e) {
        EtcdCall *c;

        LIST_FOREACH(c, &e->calls, all)
                if (c->waiting)
                        call_wait(c, now_boottime());
}

void etcd_call_look(Etcd *e) {
        EtcdCall *c;

        LIST_FOREACH(c, &e->calls, all)
                if (c->http && (c->flags & ETCD_CALL_ONCE) && c->reign != e->leader.reign)
                        call_arm(c, MAX(usec_add(c->sent_at, LONG), now_boottime()));
}

int etcd_call_new(Etcd *e, const char *path, char *body, usec_t deadline, EtcdCallFlags flags, etcd_reply_t f,
                void *userdata, EtcdCall **ret) {
        _cleanup_(etcd_call_freep) EtcdCall *c = calloc(1, sizeof(*c));
        usec_t now = now_boottime();
        int r;

        if (!c) {
                free(body);
                return -ENOMEM;
        }
        *c = (EtcdCall){
                .etcd = e,
                .body = body,
                .deadline = deadline,
                .flags = flags,
                .f = f,
                .userdata = userdata,
        };
        LIST_INSERT_HEAD(&e->calls, c, all);
        c->path = strdup(path);
        if (!c->path || !c->body)
                return -ENOMEM;
        r = sd_event_add_time(e->event, &c->timer, CLOCK_BOOTTIME, 0, 1, on_timer, c);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(c->timer, "etcd-call");
        /* If nothing is in the way, the call is sent now. All that might call back waits for the loop. */
        if (e->identity.known && !e->identity.conflict && etcd_auth_is_ready(e) && now < deadline) {
                (void) sd_event_source_set_enabled(c->timer, SD_EVENT_OFF);
                r = call_send(c, now);
                if (r < 0)
                        return r;
        } else {
                call_wait(c, now);
        }
        *ret = TAKE_PTR(c);
        return 0;
}

EtcdCall *etcd_call_free(EtcdCall *c) {
        if (!c)
                return NULL;
        LIST_REMOVE(c, all);
        (void) http_request_free(c->http);
        (void) sd_event_source_disable_unref(c->timer);
        free(c->body);
        free(c->path);
        free(c);
        return NULL;
}
