/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * org.leased1 on the system bus. The interfaces are described in dbus/, which is the source of truth.
 *
 * READY=1 goes out when the name is ours for the first time; from then on there is a second connection, for PID 1 and
 * logind (bus-link.h).
 */

#include "daemon/internal.h"

/* Begins to open the first connection, without waiting for it. Logs; a negative errno. */
int bus_new(Daemon *d);
/* Closes both. Whoever waits for an answer gets none. */
void bus_free(Daemon *d);
