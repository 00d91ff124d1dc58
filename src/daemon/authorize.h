/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Who may use a method that changes something. The bus is asked for the caller's user id. uid 0 may do anything; about
 * any other user polkit is asked (actions org.leased1.manage-leases, manage-units and reload); where there is no
 * polkit, nobody but uid 0 may.
 *
 * Neither answer is waited for. sd-bus's own check, of methods without SD_BUS_VTABLE_UNPRIVILEGED, is not used because
 * it asks synchronously, and so does sd_bus_query_sender_privilege().
 */

#include "daemon/internal.h"

/* Reads the message, does what the message asks for and replies, now or later; or returns a negative errno, and may
 * set error: one of the two is then replied. */
typedef int (*verb_t)(Daemon *d, sd_bus_message *m, sd_bus_error *error);

/* Calls verb later if the caller may use it; otherwise the refusal is replied. Returns what a method handler is to
 * return. */
int authorize(Daemon *d, sd_bus_message *m, verb_t verb, sd_bus_error *error);
/* Drops the questions that are under way, without an answer: the connection is lost. */
void authorize_cancel(Daemon *d);

/* The flag of every method: sd-bus does not check the caller. */
#define BUS_ANYBODY SD_BUS_VTABLE_UNPRIVILEGED

/* Defines method_NAME(), the handler of a method that goes through authorize(). */
#define DEFINE_VERB(name, verb)                                                                                       \
        static int method_##name(sd_bus_message *m, void *userdata, sd_bus_error *error) {                            \
                return authorize(userdata, m, verb, error);                                                           \
        }
