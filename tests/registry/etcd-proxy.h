/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* fault-proxy.py as a child process: between a registry and etcd, or in etcd's place. */

#include <stdio.h>
#include <sys/types.h>

#include "util/macros.h"

typedef struct Proxy {
        pid_t pid;
        FILE *to, *from;
        char url[64];
} Proxy;

/* upstream: etcd's URL, or NULL; after a comma each the hosts and ports of others, which take turns. 0 or a negative
 * errno. */
int proxy_start(Proxy *p, const char *upstream);
/* One of its commands; returns its answer, a number, or 0 for "ok"; -1 if there was none. */
long proxy_tell(Proxy *p, const char *format, ...) _printf_(2, 3);
void proxy_stop(Proxy *p);
