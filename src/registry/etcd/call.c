/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One call to etcd: a POST that is tried at one endpoint after another until it is answered or its time is over.
 *
 * A call that writes is never carried out twice: were a Txn evaluated a second time after its first evaluation had
 * landed, the second would be refused, and "refused" promises that nothing was changed. So it goes to a further
 * endpoint only if the body never left, or if the answer proves that it was not carried out (etcd_judge). Otherwise it
 * ends as unclear, at once: its owner knows best what to do next.
 *
 * A call waits, without anything under way, for the endpoints' identity, for a token, and for a moment after each
 * round of failures. Its own timer is for that; an attempt under way is bounded by that of the HTTP request, and the
 * timer tells of one that writes when it takes long (etcd-leader.c).
 */

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

#include "registry/etcd/etcd.h"
#include "util/log.h"

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
        etcd_reply_t f;
        void *userdata;

        HttpRequest *http;
        size_t endpoint;              /* of .http */
        uint64_t token_serial, reign; /* as they were when .http was sent */
        usec_t sent_at;
        sd_event_source *timer;
        bool waiting, shortened; /* shortened: the attempt under way has less time than others */
        unsigned attempts, tokens;
        char text[ETCD_TEXT_SIZE];
};

static void call_go(EtcdCall *c);

/* The last thing that is done with a call: it may be gone afterwards. */
static void call_finish(EtcdCall *c, EtcdReply *reply) {
        char text[ETCD_TEXT_SIZE], store[sizeof(c->etcd->store)];

        c->http = http_request_free(c->http);
        c->waiting = false;
        (void) sd_event_source_set_enabled(c->timer, SD_EVENT_OFF);
        str_copy(text, sizeof(text), reply->answered ? "" : c->text);
        str_copy(store, sizeof(store), c->etcd->store);
        reply->text = text;
        reply->store = store;
        c->f(reply, c->userdata);
}

static void call_fail(EtcdCall *c) {
        call_finish(c, &(EtcdReply){});
}

static void call_arm(EtcdCall *c, usec_t at) {
        (void) sd_event_source_set_time(c->timer, at);
        (void) sd_event_source_set_enabled(c->timer, SD_EVENT_ONESHOT);
}

/* It is under way, and takes long. */
static void call_look(EtcdCall *c) {
        if (c->reign == c->etcd->reign) {
                etcd_leader_ask(c->etcd, c->endpoint);
                return;
        }
        (void) snprintf(c->text, sizeof(c->text), "%s: the leader has changed", c->etcd->endpoints[c->endpoint].url);
        call_fail(c);
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

static void call_wait(EtcdCall *c, usec_t until) {
        c->waiting = true;
        call_arm(c, MIN(until, c->deadline));
}

/* At the next endpoint, and after a round of all of them with a pause that grows. */
static void call_again(EtcdCall *c) {
        unsigned round = MIN(c->attempts / (unsigned) c->etcd->n_endpoints, 5u);
        usec_t pause = MIN(PAUSE_FIRST << round, PAUSE_MAX);
        uint16_t random = 0;

        c->http = http_request_free(c->http);
        if (c->attempts % c->etcd->n_endpoints != 0) {
                call_wait(c, now_boottime());
                return;
        }
        (void) getrandom(&random, sizeof(random), GRND_NONBLOCK);
        call_wait(c, usec_add(now_boottime(), pause / 2 + pause * random / UINT16_MAX));
}

/* The endpoint did not do it. */
static void call_unserved(EtcdCall *c, EtcdVerdict verdict) {
        etcd_endpoint_failed(c->etcd, c->endpoint, c->text);
        if ((c->flags & ETCD_CALL_ONCE) && verdict == ETCD_VERDICT_UNCLEAR) {
                call_fail(c);
                return;
        }
        call_again(c);
}

static void call_refused(EtcdCall *c, const EtcdError *error) {
        Etcd *e = c->etcd;

        if (error->code == ETCD_CODE_EXHAUSTED) {
                etcd_probe(e); /* most likely a NOSPACE alarm: say so in the status at once */
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
                if (e->user && !(c->flags & ETCD_CALL_NO_TOKEN) && c->tokens++ < TOKENS_MAX) {
                        etcd_auth_lost(e, c->token_serial);
                        c->http = http_request_free(c->http);
                        call_wait(c, now_boottime());
                        return;
                }
                if (!e->user)
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
                if (etcd_endpoint_check(c->etcd, c->endpoint, &reply.header)) {
                        etcd_note_revision(c->etcd, reply.header.revision);
                        etcd_leader_term(c->etcd, reply.header.raft_term);
                        etcd_note_ok(c->etcd);
                        call_finish(c, &reply);
                } else {
                        (void) snprintf(c->text, sizeof(c->text), "%s is not of the cluster that was asked before",
                                        c->etcd->endpoints[c->endpoint].url);
                        call_unserved(c, ETCD_VERDICT_UNCLEAR);
                }
        } else if (root && a->status != 200 && etcd_decode_error(root, &error)) {
                (void) snprintf(c->text, sizeof(c->text), "%s: %s", c->etcd->endpoints[c->endpoint].url,
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

        etcd_endpoint_seen(c->etcd, c->endpoint, a);
        if (a->outcome == HTTP_ANSWERED) {
                call_answered(c, a);
                return;
        }
        /* That the last attempt was cut off by the deadline says less than what the one before it met. */
        if (!c->text[0] || !c->shortened || !a->timed_out)
                (void) etcd_endpoint_explain(c->etcd, c->endpoint, a, c->text, sizeof(c->text));
        if (a->too_large && (c->flags & ETCD_CALL_SHRINKS)) {
                etcd_endpoint_failed(c->etcd, c->endpoint, c->text); /* it may be a true one's, but who knows */
                call_finish(c, &(EtcdReply){ .too_large = true });
                return;
        }
        call_unserved(c, a->outcome == HTTP_NOT_SENT ? ETCD_VERDICT_ELSEWHERE : ETCD_VERDICT_UNCLEAR);
}

void etcd_headers(Etcd *e, EtcdCallFlags flags, const char *ret[static 4]) {
        size_t n = 0;

        /* A member that has lost its leader says so at once instead of after seven seconds, or never on a watch. */
        if (!(flags & ETCD_CALL_LEADERLESS))
                ret[n++] = "Grpc-Metadata-hasleader: true";
        if (e->token && !(flags & ETCD_CALL_NO_TOKEN))
                ret[n++] = e->token;
        ret[n] = NULL;
}

static int call_send(EtcdCall *c, usec_t now) {
        Etcd *e = c->etcd;
        _cleanup_free_ char *url = NULL;
        const char *headers[4];
        /* Checking a password costs the server a tenth of a second of its processor, and a busy one much more. */
        usec_t attempt = c->flags & ETCD_CALL_NO_TOKEN ? MAX(e->attempt, USEC_PER_SEC) : e->attempt;
        HttpParameters p = {
                .body = c->body,
                .headers = headers,
                .timeout = MIN(attempt, c->deadline - now),
                .body_max = ETCD_ANSWER_MAX,
                .once = c->flags & ETCD_CALL_ONCE,
        };
        int r;

        c->endpoint = e->current;
        c->token_serial = e->token_serial;
        c->attempts++;
        c->shortened = p.timeout < e->attempt;
        r = etcd_endpoint_address(e, c->endpoint, c->path, &p, &url);
        if (r < 0)
                return r;
        etcd_headers(e, c->flags, headers);
        c->reign = e->reign;
        c->sent_at = now;
        if (c->flags & ETCD_CALL_ONCE)
                call_arm(c, usec_add(now, LONG));
        return http_request_new(e->http, &p, on_answer, c, &c->http);
}

/* Sends, waits or gives up. Called from the loop only. */
static void call_go(EtcdCall *c) {
        Etcd *e = c->etcd;
        usec_t now = now_boottime();

        if (now >= c->deadline) {
                if (!c->text[0])
                        str_copy(c->text, sizeof(c->text),
                                        !e->identified    ? "the endpoints have not answered yet"
                                        : e->authenticate ? etcd_call_trouble(e->authenticate)
                                                          : "no answer in time");
                call_fail(c);
        } else if (e->conflict) {
                str_copy(c->text, sizeof(c->text), e->conflict_text);
                call_fail(c);
        } else if (!e->identified) {
                call_wait(c, USEC_INFINITY);
        } else if (e->user && !e->token && !e->auth_off && !(c->flags & ETCD_CALL_NO_TOKEN)) {
                etcd_auth_start(e);
                if (e->authenticate) {
                        call_wait(c, USEC_INFINITY);
                        return;
                }
                str_copy(c->text, sizeof(c->text), e->auth_error);
                call_fail(c);
        } else if (call_send(c, now) < 0) {
                str_copy(c->text, sizeof(c->text), "out of memory");
                call_fail(c);
        }
}

void etcd_calls_wake(Etcd *e) {
        EtcdCall *c;

        LIST_FOREACH(c, &e->calls, all)
                if (c->waiting)
                        call_wait(c, now_boottime());
}

void etcd_calls_look(Etcd *e) {
        EtcdCall *c;

        LIST_FOREACH(c, &e->calls, all)
                if (c->http && (c->flags & ETCD_CALL_ONCE) && c->reign != e->reign)
                        call_arm(c, MAX(usec_add(c->sent_at, LONG), now_boottime()));
}

const char *etcd_call_trouble(const EtcdCall *c) {
        return c->text[0] ? c->text : "no token in time";
}

DEFINE_TRIVIAL_CLEANUP(EtcdCall *, etcd_call_free)

int etcd_call_new(Etcd *e, const char *path, char *body, usec_t deadline, EtcdCallFlags flags, etcd_reply_t f,
                void *userdata, EtcdCall **ret) {
        _cleanup_(etcd_call_freep) EtcdCall *c = calloc(1, sizeof(*c));
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
        /* With nothing in the way it is sent now; whatever might call back waits for the loop. */
        if (e->identified && !e->conflict && (e->token || !e->user || e->auth_off || (flags & ETCD_CALL_NO_TOKEN)) &&
                        now_boottime() < deadline) {
                (void) sd_event_source_set_enabled(c->timer, SD_EVENT_OFF);
                r = call_send(c, now_boottime());
                if (r < 0)
                        return r;
        } else {
                call_wait(c, now_boottime());
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
        if (c->body)
                explicit_bzero(c->body, strlen(c->body)); /* one of them holds a password */
        free(c->body);
        free(c->path);
        free(c);
        return NULL;
}
