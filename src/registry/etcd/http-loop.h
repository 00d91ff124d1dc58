/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * libcurl's multi interface on an sd-event loop: transfers go in, finished ones come out.
 *
 * libcurl says for which sockets and which time it waits, and the loop tells libcurl what happened. Requests, bodies
 * and answers are the business of http.h.
 */

#include <curl/curl.h>
#include <systemd/sd-event.h>

#include "util/macros.h"

typedef struct HttpLoop HttpLoop;

/* A transfer has come to its end. Called from the loop, never from inside libcurl; it may remove that transfer and any
 * other one, and must not free the HttpLoop. */
typedef void (*http_finished_t)(CURL *easy, CURLcode code, void *userdata);

/* libcurl no longer waits for a socket of this transfer, which may be libcurl's own. Called from inside libcurl, which
 * must not be called from it. */
typedef void (*http_left_t)(CURL *easy, void *userdata);

/* Makes an HttpLoop, owned by the caller, which holds a reference to event. SIGPIPE is ignored from now on if nobody
 * handles it. Returns 0 or a negative errno; -EOPNOTSUPP: this libcurl looks names up synchronously, and a name server
 * that does not answer would stop the loop. */
int http_loop_new(sd_event *event, http_finished_t finished, http_left_t left, void *userdata, HttpLoop **ret);

/* Closes all connections. Every transfer must have been removed before. Accepts NULL, returns NULL. */
HttpLoop *http_loop_free(HttpLoop *l);

/* Starts a transfer, which still belongs to the caller. Returns 0 or -ENOMEM. */
int http_loop_add(HttpLoop *l, CURL *easy);

/* Has libcurl look at a transfer soon. An address of a name that refused the connection, or for which there was no
 * socket, is left at once, but libcurl 7.88 connects to the next one only when something else happens: otherwise after
 * a good part of the time that it has to connect. Not to be called from inside libcurl. */
void http_loop_nudge(HttpLoop *l, CURL *easy);

/* Ends a transfer that was added, finished or not: finished is not called for it any more. */
void http_loop_remove(HttpLoop *l, CURL *easy);

DEFINE_TRIVIAL_CLEANUP(HttpLoop *, http_loop_free)
