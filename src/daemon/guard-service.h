/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * leased-guard.service as PID 1 shows it, for as long as no guard is connected. PID 1 is asked to start the service.
 * If PID 1 says that it is down and no gate is left, the core hears EVENT_GUARD_GONE: while a machine shuts down, when
 * the guard ends before the daemon does, nothing else would tell that no unit can start any more.
 *
 * A guard that runs and cannot be reached for a TTL (its socket was removed and it stands still, or it speaks another
 * version of the protocol) is ended, and killed 5 s later. Where even that does not help, no gate is left, and no
 * request has reached the guard for longer than an entry lives (61.2 s), the guard counts as gone: it opens no gate
 * any more.
 */

#include "daemon/internal.h"

/* Begins to watch the service. Non-logging; a negative errno. */
int guard_service_new(Daemon *d);
void guard_service_free(Daemon *d);
/* A guard has been reached, in both directions. */
void guard_service_found(Daemon *d);
/* No guard can be reached. To be called at each failed attempt, at least once a second (guard-port.h). */
void guard_service_missing(Daemon *d);
