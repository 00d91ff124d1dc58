/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/etcd/http-options.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>

enum {
        CONNECTION_LIFE = 300, /* seconds; bounds how long a replaced certificate or authority is still in use */
        KEEPALIVE_IDLE = 4,    /* seconds */
        KEEPALIVE_INTERVAL = 2,
        SILENCE_MAX = 10, /* seconds without an acknowledgement, after which the kernel gives a connection up */
};

#define SET(easy, option, value)                                                                                      \
        do {                                                                                                          \
                if (curl_easy_setopt(easy, option, value) != CURLE_OK)                                                \
                        return -EINVAL;                                                                               \
        } while (false)

/* A peer that is gone without a word must not keep a stream open for ever. A failure here only makes that slower. */
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

static int add(struct curl_slist **list, const char *s) {
        struct curl_slist *l = curl_slist_append(*list, s);

        if (!l)
                return -ENOMEM;
        *list = l;
        return 0;
}

/* "::address:" for CURLOPT_CONNECT_TO: whatever the URL names is at this address, at the URL's port. The certificate
 * must still be the name's, and a connection that was made for another address, or for the name, is not used. */
static int set_address(CURL *easy, const HttpParameters *p, HttpLists *lists) {
        bool six = strchr(p->address, ':');
        char entry[128];
        int r;

        (void) snprintf(entry, sizeof(entry), "::%s%s%s:", six ? "[" : "", p->address, six ? "]" : "");
        r = add(&lists->connect_to, entry);
        if (r < 0)
                return r;
        SET(easy, CURLOPT_CONNECT_TO, lists->connect_to);
        return 0;
}

static int set_headers(CURL *easy, const HttpParameters *p, HttpLists *lists) {
        int r = add(&lists->headers, "Expect:"); /* no waiting for a 100 Continue */

        if (r == 0 && p->body)
                r = add(&lists->headers, p->type ?: "Content-Type: application/json");
        for (size_t i = 0; r == 0 && p->headers && p->headers[i]; i++)
                r = add(&lists->headers, p->headers[i]);
        if (r < 0)
                return r;
        SET(easy, CURLOPT_HTTPHEADER, lists->headers);
        return 0;
}

static int set_tls(CURL *easy, const HttpTls *tls) {
        if (tls->ca_file) {
                SET(easy, CURLOPT_CAINFO, tls->ca_file);
                SET(easy, CURLOPT_CAPATH, NULL); /* else the distribution's authorities stay trusted, too */
                                                 /* Before 7.87 libcurl reads the file for each connection. */
#if LIBCURL_VERSION_NUM >= 0x075700
                SET(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L); /* else a replaced file is not looked at for a day */
#endif
        }
        if (tls->cert_file)
                SET(easy, CURLOPT_SSLCERT, tls->cert_file);
        if (tls->key_file)
                SET(easy, CURLOPT_SSLKEY, tls->key_file);
        SET(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L); /* a resumed session is not checked against the authority again */
        return 0;
}

/* A certificate or authority that was replaced is not in use for ever. Before libcurl 7.80 nothing bounds the age of a
 * connection that is in use: there, each request over TLS has a connection of its own. */
static int set_connection_life(CURL *easy, const HttpParameters *p) {
#if LIBCURL_VERSION_NUM >= 0x075000
        SET(easy, CURLOPT_MAXLIFETIME_CONN, (long) CONNECTION_LIFE);
#else
        if (startswith(p->url, "https:"))
                SET(easy, CURLOPT_FORBID_REUSE, 1L);
#endif
        return 0;
}

static int set_method(CURL *easy, const HttpParameters *p) {
        if (p->body) {
                SET(easy, CURLOPT_POST, 1L);
                SET(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) strlen(p->body));
        } else {
                SET(easy, CURLOPT_HTTPGET, 1L);
        }
        /* libcurl repeats a request only on a connection that was used before. One that leads to an address that is to
         * be avoided may be among them, too. */
        SET(easy, CURLOPT_FRESH_CONNECT, (p->once && !p->body) || !isempty(p->avoid) ? 1L : 0L);
        if (p->method)
                SET(easy, CURLOPT_CUSTOMREQUEST, p->method);
        return 0;
}

int http_options_set(CURL *easy, const HttpTls *tls, const HttpParameters *p, HttpLists *lists) {
        int r;

        SET(easy, CURLOPT_URL, p->url);
        /* Whoever answers at an endpoint must not make libcurl read a file or speak another protocol. */
#if LIBCURL_VERSION_NUM >= 0x075500
        SET(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
        SET(easy, CURLOPT_PROTOCOLS, (long) (CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
        SET(easy, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1); /* with 2, watch and calls share a connection */
        SET(easy, CURLOPT_PROXY, "");
        SET(easy, CURLOPT_FOLLOWLOCATION, 0L);
        SET(easy, CURLOPT_NOSIGNAL, 1L);
        /* A request that is given up must not hold up the loop, and with it the next beat, until the thread that looks
         * a name up has ended. Before 7.87 it does: there, endpoints are to be named by address (README.md). */
#if LIBCURL_VERSION_NUM >= 0x075700
        SET(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
        SET(easy, CURLOPT_CONNECTTIMEOUT_MS, (long) MAX(p->connect_timeout / USEC_PER_MSEC, (usec_t) 1));
        SET(easy, CURLOPT_SOCKOPTFUNCTION, on_new_socket);
        r = set_headers(easy, p, lists);
        if (r < 0)
                return r;
        if (!isempty(p->address)) {
                r = set_address(easy, p, lists);
                if (r < 0)
                        return r;
        }
        r = set_method(easy, p);
        if (r >= 0)
                r = set_tls(easy, tls);
        return r < 0 ? r : set_connection_life(easy, p);
}

void http_options_done(HttpLists *lists) {
        curl_slist_free_all(lists->headers);
        curl_slist_free_all(lists->connect_to);
        *lists = (HttpLists){};
}
