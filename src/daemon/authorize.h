/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Who may call a method that changes something. The bus is asked for the caller's user id. uid 0 may call any method.
 * About any other user polkit is asked (actions org.leased1.manage-leases, manage-units and reload); without polkit
 * nobody but uid 0 may.
 *
 * The daemon goes on while it waits for the bus or for polkit. So sd-bus's own check (of methods without
 * SD_BUS_VTABLE_UNPRIVILEGED) and sd_bus_query_sender_privilege() are not used: both ask synchronously.
 */

#include "daemon/internal.h"

/* The work of one method. Reads the arguments of m, does what they ask for, and replies, now or later: then the result
 * is 0 or more. Or returns a negative errno and may set error; the caller of the verb then replies with error, or else
 * with the errno. */
typedef int (*verb_t)(Daemon *d, sd_bus_message *m, sd_bus_error *error);

/* Calls verb later, when the caller is known to be allowed; otherwise replies that he is not. Keeps m until then.
 * Returns what a method handler has to return: 1, or a negative errno, with error set where a text says more (the
 * caller has no name on the bus, an argument is too long, too many callers wait). */
int authorize(Daemon *d, sd_bus_message *m, verb_t verb, sd_bus_error *error);
/* Drops all questions that are under way, and replies to none of their callers: the connection is lost. */
void authorize_cancel(Daemon *d);

/* The flag of every method: sd-bus lets every caller pass, for authorize() does the check. */
#define BUS_ANYBODY SD_BUS_VTABLE_UNPRIVILEGED

/* Defines method_NAME(), the handler of a method that goes through authorize(). */
#define DEFINE_VERB(name, verb)                                                                                       \
        static int method_##name(sd_bus_message *m, void *userdata, sd_bus_error *error) {                            \
                return authorize(userdata, m, verb, error);                                                           \
        }
