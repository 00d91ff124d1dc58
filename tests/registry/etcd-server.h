/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Real etcd members for tests: on loopback, on free ports, in a temporary folder, dead with the test process.
 * Everything here asserts nothing and blocks; a test checks what it gets back.
 */

#include <sys/types.h>

#include "util/macros.h"

typedef struct Server {
        char name[32];
        char *dir; /* with the data in data/, the output in log */
        pid_t pid; /* 0: not running */
        unsigned client_port, peer_port;
        char url[64], peer_url[64];
        char *arguments[64];
        size_t n_arguments;
} Server;

typedef struct ServerTls {
        const char *ca_file, *cert_file, *key_file; /* of the server; clients must show a certificate if client_auth */
        bool client_auth;
} ServerTls;

/* false: etcd is not installed. */
bool server_is_installed(void);

/* A cluster of n members, none of them started. extra: further arguments up to a NULL, or NULL; tls may be NULL. */
int servers_create(Server *s, size_t n, const char *token, const ServerTls *tls, const char *const *extra);
/* Starts all that do not run and waits until all answer. 0 or a negative errno (-ETIME). */
int servers_start(Server *s, size_t n);
void servers_destroy(Server *s, size_t n);

/* Starts one and does not wait. */
int server_spawn(Server *s);
/* SIGTERM or SIGKILL, and waits for its end. A stopped (SIGSTOP) one is continued first for SIGTERM. */
void server_stop(Server *s, int signal);
void server_signal(const Server *s, int signal);
/* Forgets all it had stored. */
void server_wipe(Server *s);
/* Until it answers requests that need a quorum; 0 or -ETIME. */
int server_wait(const Server *s);

/* POST of JSON to one of its paths ("/v3/…"), for what only an administrator does. token may be NULL. *ret (may be
 * NULL) is the body, owned by the caller. Returns the HTTP status, 0 if there was no answer. */
long server_post(const Server *s, const char *path, const char *json, const char *token, char **ret);
/* The member's id if it leads, else 0: who leads a cluster. */
bool server_leads(const Server *s);
/* Bytes of base64, in a buffer that the next but three calls use again. */
const char *base64_of(const char *text);

/* A port on 127.0.0.1 on which nobody listens. */
unsigned free_port(void);
/* rm -r */
void remove_tree(const char *path);
