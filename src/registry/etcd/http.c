/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What libcurl has finished, and the lines of streams, go into one queue. A defer source hands them to their owners
 * one at a time, each as the last thing that a dispatch does. So a callback may free anything.
 *
 * The time limit of a request is a timer of the loop: libcurl counts on CLOCK_MONOTONIC, which stands still while the
 * machine is suspended.
 *
 * The body is given to libcurl through a read function, not as a string. So it is known for certain whether a failed
 * request can have been acted on: if nothing was ever read, nothing was sent. And when libcurl wants to send the body
 * again, because a reused connection died before any answer, libcurl has to rewind first, which can be refused.
 */

#include "registry/etcd/http.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <sys/queue.h>

#include "registry/etcd/http-loop.h"
#include "registry/etcd/lines.h"

enum { BACKLOG_MAX = 256 * 1024 }; /* bytes of lines that wait for their owner */

struct HttpClient {
        sd_event *event;
        HttpLoop *loop;
        sd_event_source *work;
        char *ca_file, *cert_file, *key_file;
        TAILQ_HEAD(, HttpRequest) ready; /* with something for their owners */
        LIST_HEAD(, HttpRequest) requests;
};

/* What is sent. libcurl takes it in pieces, and may rewind. */
typedef struct Body {
        char *data; /* NULL: there is none */
        size_t size, read;
        bool once;  /* must not be sent twice */
        bool taken; /* libcurl has had some of it */
} Body;

typedef enum Stage {
        STAGE_RUNNING,
        STAGE_FINISHED,
        STAGE_TIMED_OUT,
} Stage;

struct HttpRequest {
        HttpClient *client;
        LIST_ENTRY(HttpRequest) all;
        TAILQ_ENTRY(HttpRequest) ready;

        CURL *easy;
        HttpLists lists;
        sd_event_source *timer;
        char error[CURL_ERROR_SIZE];

        char *avoid; /* NULL: no address */
        unsigned n_avoided, n_tried;

        Body body;

        http_done_t done; /* NULL: it has been called */
        http_line_t line;
        void *userdata;

        Lines answer; /* of a stream, what has not been handed on yet */
        size_t max;

        Stage stage;
        CURLcode code; /* how the transfer ended, at STAGE_FINISHED */
        bool queued;   /* in client->ready */
        bool attached; /* to client->loop */
        bool nudged;   /* libcurl is to look at it again */
        bool paused;   /* a stream: enough lines wait, libcurl is to read no more */
        bool too_large;
};

static void client_wake(HttpClient *c) {
        (void) sd_event_source_set_enabled(c->work, SD_EVENT_ONESHOT);
}

static void request_ready(HttpRequest *q) {
        if (!q->queued) {
                TAILQ_INSERT_TAIL(&q->client->ready, q, ready);
                q->queued = true;
        }
        client_wake(q->client);
}

static void request_detach(HttpRequest *q) {
        if (q->attached) {
                q->attached = false; /* on_left is called from within */
                http_loop_remove(q->client->loop, q->easy);
        }
        q->timer = sd_event_source_disable_unref(q->timer);
}

static void on_finished(CURL *easy, CURLcode code, void *userdata) {
        HttpRequest *q = NULL;

        (void) curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **) &q);
        assert(q && q->easy == easy && q->attached && q->stage == STAGE_RUNNING);
        q->code = code;
        q->stage = STAGE_FINISHED;
        request_detach(q);
        request_ready(q);
}

/* From a callback of libcurl: has libcurl look again from the loop whether there is a next address to connect to. */
static void request_nudge(HttpRequest *q) {
        q->nudged = true;
        request_ready(q);
}

static void on_left(CURL *easy, void *userdata) {
        HttpRequest *q = NULL;

        (void) curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **) &q);
        if (q && q->attached) /* libcurl's own transfers bear nothing */
                request_nudge(q);
}

/* Ends a stream as if its connection had ended: if a line is lost, no further line must be handed on. */
static void request_fail(HttpRequest *q, CURLcode code) {
        q->code = code;
        q->stage = STAGE_FINISHED;
        request_detach(q);
}

/* Lets libcurl read on. From within this call libcurl hands over what it kept while it was paused. */
static void request_resume(HttpRequest *q) {
        CURLcode code;

        q->paused = false;
        if (!q->attached)
                return;
        code = curl_easy_pause(q->easy, CURLPAUSE_CONT);
        if (code != CURLE_OK)
                request_fail(q, code);
}

/* Hands the next line of a stream to its owner, as a copy: the owner may free the request. Returns false if there was
 * none. */
static bool deliver_line(HttpRequest *q) {
        _cleanup_free_ char *line = NULL;
        size_t n, waiting;

        if (!q->line)
                return false;
        assert(q->done);
        line = lines_next(&q->answer, &n);
        if (!line) {
                if (n != SIZE_MAX)
                        request_fail(q, CURLE_OUT_OF_MEMORY);
                return false;
        }
        (void) lines_rest(&q->answer, &waiting);
        if (q->paused && waiting < BACKLOG_MAX / 2)
                request_resume(q);
        request_ready(q); /* there may be more, or the end */
        q->line(line, n, q->userdata);
        return true;
}

static bool is_all_avoided(const HttpRequest *q) {
        return q->code == CURLE_COULDNT_CONNECT && q->n_avoided > 0 && q->n_tried == 0;
}

/* Why the request failed, for people. libcurl's own texts name no secret: no URL holds one (endpoints with one are
 * refused), and libcurl's texts never show headers and bodies. */
static const char *request_error(HttpRequest *q) {
        if (q->stage == STAGE_TIMED_OUT)
                return q->body.taken || !q->body.data ? "no answer in time" : "no connection in time";
        if (q->too_large)
                return "the answer is too large";
        if (is_all_avoided(q))
                return "no address is left to connect to";
        if (q->code == CURLE_SEND_FAIL_REWIND)
                return "the connection was lost before an answer came";
        return q->error[0] ? q->error : curl_easy_strerror(q->code);
}

static void deliver_end(HttpRequest *q) {
        http_done_t done = TAKE_PTR(q->done);
        HttpAnswer a = { .address = "", .error = "" };
        curl_off_t looked_up = 0;
        long status = 0;

        assert(done && !q->attached);
        a.body = lines_rest(&q->answer, &a.size);
        (void) curl_easy_getinfo(q->easy, CURLINFO_RESPONSE_CODE, &status);
        (void) curl_easy_getinfo(q->easy, CURLINFO_NAMELOOKUP_TIME_T, &looked_up);
        a.status = status > 0 ? (unsigned) status : 0;
        a.address = http_request_address(q);
        a.timed_out = q->stage == STAGE_TIMED_OUT || q->code == CURLE_OPERATION_TIMEDOUT;
        a.too_large = q->too_large;
        if (q->code == CURLE_OK && q->stage != STAGE_TIMED_OUT && !q->too_large) {
                a.outcome = HTTP_ANSWERED;
        } else {
                a.outcome = q->body.taken || !q->body.data ? HTTP_FAILED : HTTP_NOT_SENT;
                a.error = request_error(q);
                a.all_avoided = is_all_avoided(q);
                a.no_name = q->code == CURLE_COULDNT_RESOLVE_HOST || (a.timed_out && !q->body.taken && looked_up == 0);
        }
        done(&a, q->userdata);
}

static int on_work(sd_event_source *s, void *userdata) {
        HttpClient *c = userdata;
        HttpRequest *q = TAILQ_FIRST(&c->ready);

        if (!q)
                return 0;
        TAILQ_REMOVE(&c->ready, q, ready);
        q->queued = false;
        if (!TAILQ_EMPTY(&c->ready))
                client_wake(c);
        if (q->nudged && q->attached && !q->paused)
                http_loop_nudge(c->loop, q->easy);
        q->nudged = false;
        if (!deliver_line(q) && q->stage != STAGE_RUNNING)
                deliver_end(q);
        return 0; /* c and q may be gone */
}

static int on_timeout(sd_event_source *s, uint64_t usec, void *userdata) {
        HttpRequest *q = userdata;

        assert(q->stage == STAGE_RUNNING);
        q->stage = STAGE_TIMED_OUT;
        request_detach(q);
        request_ready(q);
        return 0;
}

static size_t on_data(char *data, size_t one, size_t n, void *userdata) {
        HttpRequest *q = userdata;
        size_t waiting;

        (void) lines_rest(&q->answer, &waiting);
        /* The peer waits while lines come faster than they are handed on. */
        if (q->line && waiting >= BACKLOG_MAX && lines_ready(&q->answer)) {
                q->paused = true;
                request_ready(q);
                return CURL_WRITEFUNC_PAUSE;
        }
        if (n > q->max || waiting > q->max - n) {
                q->too_large = true;
                return 0;
        }
        if (lines_append(&q->answer, data, n) < 0)
                return 0;
        if (q->line)
                request_ready(q);
        return n;
}

static size_t on_read(char *buffer, size_t one, size_t n, void *userdata) {
        HttpRequest *q = userdata;

        assert(q->body.read <= q->body.size);
        n = MIN(n * one, q->body.size - q->body.read);
        memcpy(buffer, q->body.data + q->body.read, n);
        q->body.read += n;
        q->body.taken = true;
        return n;
}

static int on_seek(void *userdata, curl_off_t offset, int origin) {
        HttpRequest *q = userdata;

        if (q->body.once && q->body.taken)
                return CURL_SEEKFUNC_FAIL;
        if (origin != SEEK_SET || offset < 0 || (size_t) offset > q->body.size)
                return CURL_SEEKFUNC_FAIL;
        q->body.read = (size_t) offset;
        return CURL_SEEKFUNC_OK;
}

/* Whether the addresses in the text, a blank after each, hold this one. */
static bool holds(const char *text, const char *address) {
        size_t n = strlen(address);

        for (const char *p = text; (p = strstr(p, address)); p += n)
                if ((p == text || p[-1] == ' ') && p[n] == ' ')
                        return true;
        return false;
}

/* No socket for an address that is to be avoided: libcurl goes on with the next address of the name. */
static curl_socket_t on_open(void *userdata, curlsocktype purpose, struct curl_sockaddr *a) {
        HttpRequest *q = userdata;
        const void *ip = a->family == AF_INET6 ? (const void *) &((struct sockaddr_in6 *) &a->addr)->sin6_addr
                                               : (const void *) &((struct sockaddr_in *) &a->addr)->sin_addr;
        char text[INET6_ADDRSTRLEN];

        request_nudge(q);
        if (q->avoid && inet_ntop(a->family, ip, text, sizeof(text)) && holds(q->avoid, text)) {
                q->n_avoided++;
                return CURL_SOCKET_BAD;
        }
        q->n_tried++;
        return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static int copy_string(const char *s, char **ret) {
        if (s) {
                *ret = strdup(s);
                if (!*ret)
                        return -ENOMEM;
        }
        return 0;
}

int http_client_new(sd_event *event, const HttpTls *tls, HttpClient **ret) {
        _cleanup_(http_client_freep) HttpClient *c = calloc(1, sizeof(*c));
        int r;

        if (!c)
                return -ENOMEM;
        TAILQ_INIT(&c->ready);
        LIST_INIT(&c->requests);
        c->event = sd_event_ref(event);
        if (copy_string(tls->ca_file, &c->ca_file) < 0 || copy_string(tls->cert_file, &c->cert_file) < 0 ||
                        copy_string(tls->key_file, &c->key_file) < 0)
                return -ENOMEM;

        r = http_loop_new(event, on_finished, on_left, c, &c->loop);
        if (r < 0)
                return r;
        r = sd_event_add_defer(event, &c->work, on_work, c);
        if (r < 0)
                return r;
        (void) sd_event_source_set_enabled(c->work, SD_EVENT_OFF);
        (void) sd_event_source_set_description(c->work, "http-work");
        *ret = TAKE_PTR(c);
        return 0;
}

HttpClient *http_client_free(HttpClient *c) {
        HttpRequest *q;

        if (!c)
                return NULL;
        while ((q = LIST_FIRST(&c->requests))) {
                request_detach(q);
                LIST_REMOVE(q, all);
                q->client = NULL;
        }
        c->loop = http_loop_free(c->loop);
        c->work = sd_event_source_disable_unref(c->work);
        sd_event_unref(c->event);
        free(c->ca_file);
        free(c->cert_file);
        free(c->key_file);
        free(c);
        return NULL;
}

#define SET(q, option, value)                                                                                         \
        do {                                                                                                          \
                if (curl_easy_setopt((q)->easy, option, value) != CURLE_OK)                                           \
                        return -EINVAL;                                                                               \
        } while (false)

static int request_set_up(HttpRequest *q, const HttpParameters *p) {
        const HttpClient *c = q->client;
        const HttpTls tls = { .ca_file = c->ca_file, .cert_file = c->cert_file, .key_file = c->key_file };

        q->easy = curl_easy_init();
        if (!q->easy)
                return -ENOMEM;
        SET(q, CURLOPT_PRIVATE, (char *) q);
        SET(q, CURLOPT_ERRORBUFFER, q->error);
        SET(q, CURLOPT_WRITEFUNCTION, on_data);
        SET(q, CURLOPT_WRITEDATA, q);
        SET(q, CURLOPT_READFUNCTION, on_read);
        SET(q, CURLOPT_READDATA, q);
        SET(q, CURLOPT_SEEKFUNCTION, on_seek);
        SET(q, CURLOPT_SEEKDATA, q);
        SET(q, CURLOPT_OPENSOCKETFUNCTION, on_open);
        SET(q, CURLOPT_OPENSOCKETDATA, q);
        return http_options_set(q->easy, &tls, p, &q->lists);
}

int http_request_new(HttpClient *c, const HttpParameters *p, http_done_t done, void *userdata, HttpRequest **ret) {
        _cleanup_(http_request_freep) HttpRequest *q = calloc(1, sizeof(*q));
        int r;

        if (!q)
                return -ENOMEM;
        q->client = c;
        q->done = done;
        q->line = p->line;
        q->userdata = userdata;
        q->max = p->body_max;
        q->body.once = p->once;
        LIST_INSERT_HEAD(&c->requests, q, all);
        r = copy_string(p->body, &q->body.data);
        if (r == 0 && !isempty(p->avoid))
                r = copy_string(p->avoid, &q->avoid);
        if (r < 0)
                return r;
        q->body.size = q->body.data ? strlen(q->body.data) : 0;
        r = request_set_up(q, p);
        if (r < 0)
                return r;
        if (p->timeout != USEC_INFINITY) {
                r = sd_event_add_time(c->event, &q->timer, CLOCK_BOOTTIME, usec_add(now_boottime(), p->timeout), 1,
                                on_timeout, q);
                if (r < 0)
                        return r;
                (void) sd_event_source_set_description(q->timer, "http-timeout");
        }
        r = http_loop_add(c->loop, q->easy);
        if (r < 0)
                return r;
        q->attached = true;
        *ret = TAKE_PTR(q);
        return 0;
}

const char *http_request_address(const HttpRequest *q) {
        char *address = NULL;

        (void) curl_easy_getinfo(q->easy, CURLINFO_PRIMARY_IP, &address);
        return strempty(address);
}

HttpRequest *http_request_free(HttpRequest *q) {
        if (!q)
                return NULL;
        if (q->client) {
                request_detach(q);
                LIST_REMOVE(q, all);
                if (q->queued)
                        TAILQ_REMOVE(&q->client->ready, q, ready);
        }
        if (q->easy)
                curl_easy_cleanup(q->easy);
        http_options_done(&q->lists);
        if (q->body.data)
                explicit_bzero(q->body.data, q->body.size);
        free(q->body.data);
        free(q->avoid);
        lines_done(&q->answer);
        free(q);
        return NULL;
}
