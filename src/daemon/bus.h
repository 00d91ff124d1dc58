/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * org.leased1 on the system bus. The interfaces are described in dbus/: the files there are the source of truth.
 *
 * The daemon tells PID 1 that it is ready (READY=1) when it owns the bus name for the first time. Only then is the
 * second connection opened, which is for PID 1 and logind (bus-link.h).
 */

#include "daemon/internal.h"

/* Begins to open the first connection, without waiting for the bus. Logs; a negative errno. */
int bus_new(Daemon *d);
/* Closes both connections. Callers who wait for an answer get none. */
void bus_free(Daemon *d);
