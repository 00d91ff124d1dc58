/* SPDX-License-Identifier: Apache-2.0 */

/*
 * libcurl must not be called from its own callbacks. So on_socket and on_curl_timer only arm sources of the loop; what
 * these report is passed to libcurl from on_io and on_time, which afterwards collect what libcurl has finished.
 */

#include "registry/etcd/http-loop.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>

#include "util/time-util.h"

enum { CONNECTIONS_KEPT = 16 };

struct HttpLoop {
        sd_event *event;
        CURLM *multi;
        sd_event_source *timer;
        http_finished_t finished;
        http_left_t left;
        void *userdata;
        size_t n_transfers;
        bool nudging;
};

static void collect(HttpLoop *l) {
        CURLMsg *m;
        int left;

        while ((m = curl_multi_info_read(l->multi, &left)))
                if (m->msg == CURLMSG_DONE) /* m is void when the handle is removed */
                        l->finished(m->easy_handle, m->data.result, l->userdata);
}

static int on_io(sd_event_source *s, int fd, uint32_t events, void *userdata) {
        HttpLoop *l = userdata;
        int running, flags = 0;

        if (events & EPOLLIN)
                flags |= CURL_CSELECT_IN;
        if (events & EPOLLOUT)
                flags |= CURL_CSELECT_OUT;
        /* If neither flag is set (EPOLLHUP, EPOLLERR), libcurl finds out by itself what happened. */
        (void) curl_multi_socket_action(l->multi, fd, flags, &running);
        collect(l);
        return 0;
}

static int on_time(sd_event_source *s, uint64_t usec, void *userdata) {
        HttpLoop *l = userdata;
        int running;

        (void) curl_multi_socket_action(l->multi, CURL_SOCKET_TIMEOUT, 0, &running);
        collect(l);
        return 0;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *userdata, void *socketp) {
        HttpLoop *l = userdata;
        sd_event_source *s = socketp;
        uint32_t events = 0;

        if (what == CURL_POLL_REMOVE) {
                if (s)
                        (void) sd_event_source_disable_unref(s);
                (void) curl_multi_assign(l->multi, fd, NULL);
                if (l->n_transfers > 0 && !l->nudging)
                        l->left(easy, l->userdata);
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
        if (sd_event_add_io(l->event, &s, fd, events, on_io, l) < 0)
                return -1;
        (void) sd_event_source_set_description(s, "http-socket");
        (void) curl_multi_assign(l->multi, fd, s);
        return 0;
}

static int on_curl_timer(CURLM *multi, long ms, void *userdata) {
        HttpLoop *l = userdata;

        if (ms < 0)
                return sd_event_source_set_enabled(l->timer, SD_EVENT_OFF) < 0 ? -1 : 0;
        if (sd_event_source_set_time(l->timer, usec_add(now_boottime(), (usec_t) ms * USEC_PER_MSEC)) < 0)
                return -1;
        return sd_event_source_set_enabled(l->timer, SD_EVENT_ONESHOT) < 0 ? -1 : 0;
}

/* With CURLOPT_NOSIGNAL libcurl leaves SIGPIPE to its caller, and OpenSSL writes without MSG_NOSIGNAL. */
static void ignore_sigpipe(void) {
        struct sigaction a;

        if (sigaction(SIGPIPE, NULL, &a) == 0 && a.sa_handler == SIG_DFL)
                (void) signal(SIGPIPE, SIG_IGN);
}

int http_loop_new(sd_event *event, http_finished_t finished, http_left_t left, void *userdata, HttpLoop **ret) {
        _cleanup_(http_loop_freep) HttpLoop *l = calloc(1, sizeof(*l));
        int r;

        if (!l)
                return -ENOMEM;
        *l = (HttpLoop){
                .event = sd_event_ref(event),
                .finished = finished,
                .left = left,
                .userdata = userdata,
        };
        ignore_sigpipe();
        if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
                return -ENOMEM;
        if (!(curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_ASYNCHDNS))
                return -EOPNOTSUPP;
        r = sd_event_add_time(event, &l->timer, CLOCK_BOOTTIME, USEC_INFINITY, 1, on_time, l);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(l->timer, "http-timer");
        l->multi = curl_multi_init();
        if (!l->multi)
                return -ENOMEM;
        (void) curl_multi_setopt(l->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
        (void) curl_multi_setopt(l->multi, CURLMOPT_SOCKETDATA, l);
        (void) curl_multi_setopt(l->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
        (void) curl_multi_setopt(l->multi, CURLMOPT_TIMERDATA, l);
        (void) curl_multi_setopt(l->multi, CURLMOPT_MAXCONNECTS, (long) CONNECTIONS_KEPT);
        *ret = TAKE_PTR(l);
        return 0;
}

HttpLoop *http_loop_free(HttpLoop *l) {
        if (!l)
                return NULL;
        assert(l->n_transfers == 0);
        if (l->multi)
                (void) curl_multi_cleanup(l->multi); /* calls on_socket once more for each connection */
        (void) sd_event_source_disable_unref(l->timer);
        sd_event_unref(l->event);
        free(l);
        return NULL;
}

int http_loop_add(HttpLoop *l, CURL *easy) {
        if (curl_multi_add_handle(l->multi, easy) != CURLM_OK)
                return -ENOMEM;
        l->n_transfers++;
        return 0;
}

void http_loop_nudge(HttpLoop *l, CURL *easy) {
        l->nudging = true;
        /* What is let go on is looked at. This fails without a connection: there is nothing to nudge then. */
        if (curl_easy_pause(easy, CURLPAUSE_RECV) == CURLE_OK)
                (void) curl_easy_pause(easy, CURLPAUSE_CONT);
        l->nudging = false;
}

void http_loop_remove(HttpLoop *l, CURL *easy) {
        assert(l->n_transfers > 0);
        l->n_transfers--;
        (void) curl_multi_remove_handle(l->multi, easy);
}
