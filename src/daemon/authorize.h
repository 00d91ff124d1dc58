/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Who may change something. The bus is asked for the caller's user id, without blocking (sd-bus's own check, for
 * methods without SD_BUS_VTABLE_UNPRIVILEGED, asks synchronously, and so does sd_bus_query_sender_privilege()). uid 0
 * may; about others polkit is asked, likewise (actions org.leased1.manage-leases, manage-units and reload); without
 * polkit uid 0 only.
 */

#include "daemon/internal.h"

/* Reads the message, does what it asks and replies; or returns a negative errno or sets error, which is then replied.
 */
typedef int (*verb_t)(Daemon *d, sd_bus_message *m, sd_bus_error *error);

/* For a method handler to return: calls verb later if the caller may use it. */
int authorize(Daemon *d, sd_bus_message *m, verb_t verb, sd_bus_error *error);
/* Drops what is under way, unanswered: the connection is lost. */
void authorize_cancel(Daemon *d);

/* The flag of every method: no check by sd-bus. */
#define BUS_ANYBODY SD_BUS_VTABLE_UNPRIVILEGED

/* The handler of a method that only those may use who may change something. */
#define DEFINE_VERB(name, verb)                                                                                       \
        static int method_##name(sd_bus_message *m, void *userdata, sd_bus_error *error) {                            \
                return authorize(userdata, m, verb, error);                                                           \
        }
