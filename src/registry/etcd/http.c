/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The loop's side of libcurl. libcurl says which sockets and which time it waits for (on_socket, on_curl_timer, which
 * only note that down: libcurl must not be called from its own callbacks); the loop tells it what happened (on_io,
 * on_time). What libcurl has finished, and the lines of streams, go into one queue, and a defer source hands them to
 * their owners one at a time, each as the last thing a dispatch does. So a callback may free anything.
 *
 * The time limit of a request is a timer of our own: libcurl counts on CLOCK_MONOTONIC, which stands still while the
 * machine is suspended.
 *
 * The body is given to libcurl through a read function, not as a string. That is how we know for certain whether a
 * failed request can have been acted on: if nothing was ever read, it was never sent. And when libcurl wants to send
 * it again on its own, because a reused connection died before any answer, it has to rewind first, and that can be
 * refused.
 */

#include "registry/etcd/http.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/queue.h>

#include <curl/curl.h>

#include "registry/etcd/lines.h"

enum {
        CONNECTIONS_KEPT = 16,
        CONNECTION_LIFE = 300, /* seconds; bounds how long a replaced certificate or authority is still in use */
        KEEPALIVE_IDLE = 4,    /* seconds */
        KEEPALIVE_INTERVAL = 2,
        BACKLOG_MAX = 256 * 1024, /* bytes of lines that wait for their owner */
        SILENCE_MAX = 10, /* seconds without an acknowledgement, after which the kernel gives a connection up */
};

struct HttpClient {
        sd_event *event;
        CURLM *multi;
        sd_event_source *timer, *work;
        char *ca_file, *cert_file, *key_file;
        TAILQ_HEAD(, HttpRequest) ready; /* with something for their owners */
        LIST_HEAD(, HttpRequest) requests;
};

struct HttpRequest {
        HttpClient *client;
        LIST_ENTRY(HttpRequest) all;
        TAILQ_ENTRY(HttpRequest) ready;
        bool queued;

        CURL *easy;
        bool attached; /* to client->multi */
        struct curl_slist *headers, *resolve;
        sd_event_source *timer;
        char error[CURL_ERROR_SIZE];

        char *body;
        size_t body_size, body_read;
        bool once, taken; /* taken: libcurl has had some of the body */

        http_done_t done;
        http_line_t line;
        void *userdata;

        Lines answer; /* of a stream, what has not been handed on yet */
        size_t max;
        bool paused; /* a stream: enough lines wait, libcurl is to read no more */
        bool too_large;

        bool finished, timed_out;
        CURLcode code;
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
        if (q->attached)
                (void) curl_multi_remove_handle(q->client->multi, q->easy);
        q->attached = false;
        q->timer = sd_event_source_disable_unref(q->timer);
}

/* Moves what libcurl has finished into our queue. */
static void client_collect(HttpClient *c) {
        CURLMsg *m;
        int left;

        while ((m = curl_multi_info_read(c->multi, &left))) {
                HttpRequest *q = NULL;
                CURLcode code = m->data.result; /* m is void after the handle is removed */

                if (m->msg != CURLMSG_DONE)
                        continue;
                (void) curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **) &q);
                if (!q)
                        continue;
                q->code = code;
                q->finished = true;
                request_detach(q);
                request_ready(q);
        }
}

static int on_io(sd_event_source *s, int fd, uint32_t events, void *userdata) {
        HttpClient *c = userdata;
        int running, flags = 0;

        if (events & EPOLLIN)
                flags |= CURL_CSELECT_IN;
        if (events & EPOLLOUT)
                flags |= CURL_CSELECT_OUT;
        /* With neither (EPOLLHUP, EPOLLERR) libcurl looks for itself. */
        (void) curl_multi_socket_action(c->multi, fd, flags, &running);
        client_collect(c);
        return 0;
}

static int on_time(sd_event_source *s, uint64_t usec, void *userdata) {
        HttpClient *c = userdata;
        int running;

        (void) curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &running);
        client_collect(c);
        return 0;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *userdata, void *socketp) {
        HttpClient *c = userdata;
        sd_event_source *s = socketp;
        uint32_t events = 0;

        if (what == CURL_POLL_REMOVE) {
                if (s)
                        (void) sd_event_source_disable_unref(s);
                (void) curl_multi_assign(c->multi, fd, NULL);
                return 0;
        }
        if (what & CURL_POLL_IN)
                events |= EPOLLIN;
        if (what & CURL_POLL_OUT)
                events |= EPOLLOUT;
        if (s) {
                (void) sd_event_source_set_io_events(s, events);
                (void) sd_event_source_set_enabled(s, SD_EVENT_ON);
                return 0;
        }
        if (sd_event_add_io(c->event, &s, fd, events, on_io, c) < 0)
                return -1;
        (void) sd_event_source_set_description(s, "http-socket");
        (void) curl_multi_assign(c->multi, fd, s);
        return 0;
}

static int on_curl_timer(CURLM *multi, long ms, void *userdata) {
        HttpClient *c = userdata;

        if (ms < 0)
                return sd_event_source_set_enabled(c->timer, SD_EVENT_OFF) < 0 ? -1 : 0;
        if (sd_event_source_set_time(c->timer, usec_add(now_boottime(), (usec_t) ms * USEC_PER_MSEC)) < 0)
                return -1;
        return sd_event_source_set_enabled(c->timer, SD_EVENT_ONESHOT) < 0 ? -1 : 0;
}

/* The request ends here, as if the connection had: a line that is lost is a gap. */
static void request_fail(HttpRequest *q, CURLcode code) {
        q->code = code;
        q->finished = true;
        request_detach(q);
}

/* libcurl hands over at once what it kept when it was paused, from within this call. */
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

/* Why it failed, for people. libcurl's own texts name no secret: there is none in a URL (endpoints with one are
 * refused), and headers and bodies are never in them. */
static const char *request_error(HttpRequest *q) {
        if (q->timed_out)
                return q->taken || !q->body ? "no answer in time" : "no connection in time";
        if (q->too_large)
                return "the answer is too large";
        if (q->code == CURLE_SEND_FAIL_REWIND)
                return "the connection was lost before an answer came";
        return q->error[0] ? q->error : curl_easy_strerror(q->code);
}

static void deliver_end(HttpRequest *q) {
        HttpAnswer a = { .address = "", .error = "" };
        char *address = NULL;
        curl_off_t looked_up = 0;
        long status = 0;

        a.body = lines_rest(&q->answer, &a.size);
        (void) curl_easy_getinfo(q->easy, CURLINFO_RESPONSE_CODE, &status);
        (void) curl_easy_getinfo(q->easy, CURLINFO_PRIMARY_IP, &address);
        (void) curl_easy_getinfo(q->easy, CURLINFO_NAMELOOKUP_TIME_T, &looked_up);
        a.status = status > 0 ? (unsigned) status : 0;
        if (address)
                a.address = address;
        a.timed_out = q->timed_out || q->code == CURLE_OPERATION_TIMEDOUT;
        a.too_large = q->too_large;
        if (q->code == CURLE_OK && !q->timed_out && !q->too_large) {
                a.outcome = HTTP_ANSWERED;
        } else {
                a.outcome = q->taken || !q->body ? HTTP_FAILED : HTTP_NOT_SENT;
                a.error = request_error(q);
                a.no_name = q->code == CURLE_COULDNT_RESOLVE_HOST || (a.timed_out && !q->taken && looked_up == 0);
        }
        q->done(&a, q->userdata);
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
        if (!deliver_line(q) && q->finished)
                deliver_end(q);
        return 0; /* c and q may be gone */
}

static int on_timeout(sd_event_source *s, uint64_t usec, void *userdata) {
        HttpRequest *q = userdata;

        q->timed_out = true;
        q->finished = true;
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

        n = MIN(n * one, q->body_size - q->body_read);
        memcpy(buffer, q->body + q->body_read, n);
        q->body_read += n;
        q->taken = true;
        return n;
}

static int on_seek(void *userdata, curl_off_t offset, int origin) {
        HttpRequest *q = userdata;

        if (q->once && q->taken)
                return CURL_SEEKFUNC_FAIL;
        if (origin != SEEK_SET || offset < 0 || (size_t) offset > q->body_size)
                return CURL_SEEKFUNC_FAIL;
        q->body_read = (size_t) offset;
        return CURL_SEEKFUNC_OK;
}

/* A peer that has silently gone must not keep a stream for ever. Failures here only make that less sharp. */
static int on_new_socket(void *userdata, curl_socket_t fd, curlsocktype purpose) {
        static const struct {
                int level, name, value;
        } options[] = {
                { SOL_SOCKET, SO_KEEPALIVE, 1 },
                { IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE },
                { IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL },
                { IPPROTO_TCP, TCP_KEEPCNT, 3 },
                { IPPROTO_TCP, TCP_USER_TIMEOUT, SILENCE_MAX * 1000 },
        };

        for (size_t i = 0; i < ELEMENTSOF(options); i++)
                (void) setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(int));
        (void) fcntl(fd, F_SETFD, FD_CLOEXEC);
        return CURL_SOCKOPT_OK;
}

static int copy_string(const char *s, char **ret) {
        if (s) {
                *ret = strdup(s);
                if (!*ret)
                        return -ENOMEM;
        }
        return 0;
}

/* With CURLOPT_NOSIGNAL libcurl leaves SIGPIPE to us, and OpenSSL writes without MSG_NOSIGNAL. */
static void ignore_sigpipe(void) {
        struct sigaction a;

        if (sigaction(SIGPIPE, NULL, &a) == 0 && a.sa_handler == SIG_DFL)
                (void) signal(SIGPIPE, SIG_IGN);
}

int http_client_new(sd_event *event, const HttpTls *tls, HttpClient **ret) {
        _cleanup_(http_client_freep) HttpClient *c = calloc(1, sizeof(*c));
        int r;

        if (!c)
                return -ENOMEM;
        TAILQ_INIT(&c->ready);
        LIST_INIT(&c->requests);
        c->event = sd_event_ref(event);
        ignore_sigpipe();
        if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
                return -ENOMEM;
        if (!(curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_ASYNCHDNS))
                return -EOPNOTSUPP; /* a name server that does not answer would stop the loop */
        if (copy_string(tls->ca_file, &c->ca_file) < 0 || copy_string(tls->cert_file, &c->cert_file) < 0 ||
                        copy_string(tls->key_file, &c->key_file) < 0)
                return -ENOMEM;

        r = sd_event_add_time(event, &c->timer, CLOCK_BOOTTIME, USEC_INFINITY, 1, on_time, c);
        if (r < 0)
                return r;
        r = sd_event_add_defer(event, &c->work, on_work, c);
        if (r < 0)
                return r;
        (void) sd_event_source_set_enabled(c->work, SD_EVENT_OFF);
        (void) sd_event_source_set_description(c->timer, "http-timer");
        (void) sd_event_source_set_description(c->work, "http-work");

        c->multi = curl_multi_init();
        if (!c->multi)
                return -ENOMEM;
        (void) curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
        (void) curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
        (void) curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
        (void) curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
        (void) curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, (long) CONNECTIONS_KEPT);
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
        if (c->multi)
                (void) curl_multi_cleanup(c->multi); /* closes connections: calls on_socket once more */
        c->timer = sd_event_source_disable_unref(c->timer);
        c->work = sd_event_source_disable_unref(c->work);
        sd_event_unref(c->event);
        free(c->ca_file);
        free(c->cert_file);
        free(c->key_file);
        free(c);
        return NULL;
}

/* "+host:port:address" for CURLOPT_RESOLVE; with "+" it ages as any looked-up name does. */
static int request_set_address(HttpRequest *q, const char *url, const char *address) {
        _cleanup_free_ char *entry = NULL;
        char *host = NULL, *port = NULL;
        CURLU *u = curl_url();
        int r = -EINVAL;

        if (!u)
                return -ENOMEM;
        if (curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
                        curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
                        curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK)
                r = asprintf(&entry, "+%s:%s:%s", host, port, address) < 0 ? -ENOMEM : 0;
        curl_free(host);
        curl_free(port);
        curl_url_cleanup(u);
        if (r < 0) {
                entry = r == -ENOMEM ? NULL : entry;
                return r;
        }
        q->resolve = curl_slist_append(NULL, entry);
        return q->resolve ? 0 : -ENOMEM;
}

static int request_add_header(HttpRequest *q, const char *header) {
        struct curl_slist *l = curl_slist_append(q->headers, header);

        if (!l)
                return -ENOMEM;
        q->headers = l;
        return 0;
}

static int request_set_headers(HttpRequest *q, const char *const *headers) {
        int r = request_add_header(q, "Expect:"); /* no waiting for a 100 Continue */

        if (r == 0 && q->body)
                r = request_add_header(q, "Content-Type: application/json");
        for (size_t i = 0; r == 0 && headers && headers[i]; i++)
                r = request_add_header(q, headers[i]);
        return r;
}

#define SET(q, option, value)                                                                                         \
        do {                                                                                                          \
                if (curl_easy_setopt((q)->easy, option, value) != CURLE_OK)                                           \
                        return -EINVAL;                                                                               \
        } while (false)

static int request_set_tls(HttpRequest *q) {
        HttpClient *c = q->client;

        if (c->ca_file) {
                SET(q, CURLOPT_CAINFO, c->ca_file);
                SET(q, CURLOPT_CAPATH, NULL);         /* else the distribution's authorities stay trusted, too */
                SET(q, CURLOPT_CA_CACHE_TIMEOUT, 0L); /* else a replaced file is not looked at for a day */
        }
        if (c->cert_file)
                SET(q, CURLOPT_SSLCERT, c->cert_file);
        if (c->key_file)
                SET(q, CURLOPT_SSLKEY, c->key_file);
        SET(q, CURLOPT_SSL_SESSIONID_CACHE, 0L); /* a resumed session is not checked against the authority again */
        SET(q, CURLOPT_MAXLIFETIME_CONN, (long) CONNECTION_LIFE);
        return 0;
}

static int request_set_body(HttpRequest *q) {
        if (!q->body) {
                SET(q, CURLOPT_HTTPGET, 1L);
                return 0;
        }
        SET(q, CURLOPT_POST, 1L);
        SET(q, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) q->body_size);
        SET(q, CURLOPT_READFUNCTION, on_read);
        SET(q, CURLOPT_READDATA, q);
        SET(q, CURLOPT_SEEKFUNCTION, on_seek);
        SET(q, CURLOPT_SEEKDATA, q);
        return 0;
}

static int request_set_up(HttpRequest *q, const HttpParameters *p) {
        int r;

        q->easy = curl_easy_init();
        if (!q->easy)
                return -ENOMEM;
        SET(q, CURLOPT_PRIVATE, (char *) q);
        SET(q, CURLOPT_ERRORBUFFER, q->error);
        SET(q, CURLOPT_URL, p->url);
        SET(q, CURLOPT_PROTOCOLS_STR, "http,https");
        SET(q, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1); /* with 2, watch and calls share a connection */
        SET(q, CURLOPT_PROXY, "");
        SET(q, CURLOPT_FOLLOWLOCATION, 0L);
        SET(q, CURLOPT_NOSIGNAL, 1L);
        SET(q, CURLOPT_QUICK_EXIT, 1L); /* do not wait for the thread that looks a name up */
        SET(q, CURLOPT_CONNECTTIMEOUT_MS, (long) MAX(p->connect_timeout / USEC_PER_MSEC, (usec_t) 1));
        SET(q, CURLOPT_SOCKOPTFUNCTION, on_new_socket);
        SET(q, CURLOPT_WRITEFUNCTION, on_data);
        SET(q, CURLOPT_WRITEDATA, q);
        r = request_set_headers(q, p->headers);
        if (r < 0)
                return r;
        SET(q, CURLOPT_HTTPHEADER, q->headers);
        if (!isempty(p->address)) {
                r = request_set_address(q, p->url, p->address);
                if (r < 0)
                        return r;
                SET(q, CURLOPT_RESOLVE, q->resolve);
        }
        r = request_set_body(q);
        return r < 0 ? r : request_set_tls(q);
}

DEFINE_TRIVIAL_CLEANUP(HttpRequest *, http_request_free)

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
        q->once = p->once;
        LIST_INSERT_HEAD(&c->requests, q, all);
        r = copy_string(p->body, &q->body);
        if (r < 0)
                return r;
        q->body_size = q->body ? strlen(q->body) : 0;
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
        if (curl_multi_add_handle(c->multi, q->easy) != CURLM_OK)
                return -ENOMEM;
        q->attached = true;
        *ret = TAKE_PTR(q);
        return 0;
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
        curl_slist_free_all(q->headers);
        curl_slist_free_all(q->resolve);
        if (q->body)
                explicit_bzero(q->body, q->body_size);
        free(q->body);
        lines_done(&q->answer);
        free(q);
        return NULL;
}
