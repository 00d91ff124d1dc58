/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * HTTP requests on an sd-event loop, as objects whose freeing cancels them.
 *
 * All callbacks run from the loop, never from inside libcurl and never from inside a call of this file, one for each
 * dispatch: a callback may free its own request, any other one, and the client. Connections are kept and used again;
 * the size of an answer is bounded.
 */

#include <systemd/sd-event.h>

#include "registry/etcd/http-options.h"
#include "util/macros.h"

typedef struct HttpClient HttpClient;
typedef struct HttpRequest HttpRequest;

typedef enum HttpOutcome {
        HTTP_ANSWERED, /* .status and .body are there */
        HTTP_NOT_SENT, /* not one byte of the body was handed over: no server can have acted on the request */
        HTTP_FAILED,   /* a server may have acted on the request */
} HttpOutcome;

typedef struct HttpAnswer {
        HttpOutcome outcome;
        bool timed_out;
        bool too_large;   /* the answer was longer than body_max */
        bool no_name;     /* the request failed while the host's name was looked up */
        bool all_avoided; /* the request failed because each address of the name was to be avoided */
        unsigned status;  /* HTTP status; 0: none came */
        const char *body; /* NUL-terminated; of a stream: what came after the last line */
        size_t size;
        const char *address; /* the peer's IP address, "" if there was no connection */
        const char *error;   /* one line for people; "" if answered */
} HttpAnswer;

/* The end of a request. The answer is borrowed until the function returns. */
typedef void (*http_done_t)(const HttpAnswer *answer, void *userdata);

/* Makes a client, owned by the caller. Copies what tls points to. Returns 0, -ENOMEM, or what http_loop_new() fails
 * with (-EOPNOTSUPP: this libcurl looks names up synchronously). */
int http_client_new(sd_event *event, const HttpTls *tls, HttpClient **ret);

/* Cancels what is under way, without callbacks. The requests still belong to their owners, who free them before or
 * afterwards. Accepts NULL, returns NULL. */
HttpClient *http_client_free(HttpClient *c);

/* Sends a request, owned by the caller. Copies what p points to. done is called exactly once, unless the request is
 * freed before; p->line before that, for each line. Returns 0, -ENOMEM, or -EINVAL for what libcurl does not take. */
int http_request_new(HttpClient *c, const HttpParameters *p, http_done_t done, void *userdata, HttpRequest **ret);

/* Cancels the request and wipes its body, which may hold a password. Accepts NULL, returns NULL. */
HttpRequest *http_request_free(HttpRequest *q);

/* The peer's IP address, "" while there is no connection; borrowed until the request is freed or ends. */
const char *http_request_address(const HttpRequest *q);

DEFINE_TRIVIAL_CLEANUP(HttpClient *, http_client_free)
DEFINE_TRIVIAL_CLEANUP(HttpRequest *, http_request_free)
