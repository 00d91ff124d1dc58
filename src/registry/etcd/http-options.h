/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a request is to be like, and how libcurl is told so: no redirects, no proxies (also none from the environment),
 * HTTP/1.1 only.
 */

#include <curl/curl.h>

#include "util/macros.h"
#include "util/time-util.h"

/* The files are read again for each new connection, and a connection is used for at most a few minutes, so that a
 * renewed file takes effect by itself. NULL ca_file: the system's authorities. */
typedef struct HttpTls {
        const char *ca_file, *cert_file, *key_file;
} HttpTls;

/* One line of a stream, without its end; borrowed until the function returns. */
typedef void (*http_line_t)(const char *line, size_t size, void *userdata);

typedef struct HttpParameters {
        const char *url;
        const char *method;         /* NULL: POST with a body, GET without */
        const char *body;           /* NULL: there is none */
        const char *type;           /* the header line that names the type of the body; NULL: JSON */
        const char *const *headers; /* "Name: value", NULL-terminated; may be NULL */
        const char *address;        /* connect there instead of looking the name up; NULL or "": look it up */
        const char *avoid;          /* do not connect there: addresses, a blank after each; NULL or "": none */
        usec_t connect_timeout;
        usec_t timeout;   /* of the whole request, on CLOCK_BOOTTIME; USEC_INFINITY: none (a stream) */
        size_t body_max;  /* bytes of the answer; of a stream: of one line */
        bool once;        /* the request is never sent twice, not even where libcurl would repeat it because a
                           * connection died before any answer; without a body this costs a connection of its own */
        http_line_t line; /* the answer is a stream of lines; NULL: the answer is kept whole */
} HttpParameters;

/* The lists of one transfer, which libcurl only borrows. To be zeroed before use. */
typedef struct HttpLists {
        struct curl_slist *headers, *connect_to;
} HttpLists;

/* Sets all options of a transfer but its callbacks. lists must live as long as easy, and be released with
 * http_options_done() also after a failure. Returns 0, -ENOMEM, or -EINVAL for what libcurl does not take. */
int http_options_set(CURL *easy, const HttpTls *tls, const HttpParameters *p, HttpLists *lists);

/* Frees the lists. */
void http_options_done(HttpLists *lists);
