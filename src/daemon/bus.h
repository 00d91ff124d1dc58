/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * org.leased1 on the system bus. The interfaces are described in dbus/, which is the source of truth.
 *
 * READY=1 goes out when the name is ours for the first time; from then on there is a second connection, for PID 1 and
 * logind (bus-link.h).
 */

#include "daemon/internal.h"

/* Opens the connection, without waiting for it. Logs. */
int bus_new(Daemon *d);
void bus_free(Daemon *d);
