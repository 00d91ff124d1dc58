/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * HTTP requests on an sd-event loop: libcurl's multi interface behind objects whose freeing cancels them.
 *
 * All callbacks run from the loop, never from inside libcurl and never from inside a call of this file, one for each
 * dispatch: a callback may free its own request, any other one, and the client. Connections are kept and used again.
 * No redirects, no proxies (also none from the environment), HTTP/1.1 only, bodies are capped.
 */

#include <systemd/sd-event.h>

#include "util/macros.h"
#include "util/time-util.h"

typedef struct HttpClient HttpClient;
typedef struct HttpRequest HttpRequest;

/* Files are read again for each new connection, and a connection is used for at most a few minutes, so that a renewed
 * file takes effect by itself. NULL ca_file: the system's authorities. */
typedef struct HttpTls {
        const char *ca_file, *cert_file, *key_file;
} HttpTls;

typedef enum HttpOutcome {
        HTTP_ANSWERED, /* .status and .body are there */
        HTTP_NOT_SENT, /* not one byte of the body was handed over: no server can have acted on it */
        HTTP_FAILED,   /* it may have been acted on */
} HttpOutcome;

typedef struct HttpAnswer {
        HttpOutcome outcome;
        bool timed_out;
        bool too_large;   /* the answer was longer than body_max */
        bool no_name;     /* it failed while the host's name was looked up */
        unsigned status;  /* HTTP status; 0: none came */
        const char *body; /* NUL-terminated; of a stream: what came after the last line */
        size_t size;
        const char *address; /* the peer's IP address, "" if there was no connection */
        const char *error;   /* one line for people; "" if answered */
} HttpAnswer;

/* All is borrowed until the callback returns. */
typedef void (*http_done_t)(const HttpAnswer *answer, void *userdata);
typedef void (*http_line_t)(const char *line, size_t size, void *userdata);

typedef struct HttpParameters {
        const char *url;
        const char *body;           /* POSTed as JSON; NULL: GET */
        const char *const *headers; /* "Name: value", NULL-terminated; may be NULL */
        const char *address;        /* connect there instead of looking the name up; NULL or "": look it up */
        usec_t connect_timeout;
        usec_t timeout;   /* of all of it, on CLOCK_BOOTTIME; USEC_INFINITY: none (a stream) */
        size_t body_max;  /* bytes of the answer; of a stream: of one line */
        bool once;        /* the body is never sent twice, not even where libcurl would on a connection that
                           * died before any answer */
        http_line_t line; /* the answer is a stream of lines; NULL: it is kept whole */
} HttpParameters;

/* Everything in tls is copied. SIGPIPE is ignored from now on if nobody handles it. Returns 0 or a negative errno;
 * -EOPNOTSUPP: this libcurl looks names up synchronously. */
int http_client_new(sd_event *event, const HttpTls *tls, HttpClient **ret);
/* Cancels what is under way, without callbacks; the requests themselves still belong to their owners, who must have
 * freed them before. Accepts NULL, returns NULL. */
HttpClient *http_client_free(HttpClient *c);

/* Sends. Everything in p is copied. done is called exactly once unless the request is freed before. */
int http_request_new(HttpClient *c, const HttpParameters *p, http_done_t done, void *userdata, HttpRequest **ret);
/* Cancels. Accepts NULL, returns NULL. The body is wiped, it may hold a password. */
HttpRequest *http_request_free(HttpRequest *q);

DEFINE_TRIVIAL_CLEANUP(HttpClient *, http_client_free)
