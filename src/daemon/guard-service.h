/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * leased-guard.service as PID 1 shows it, for as long as no guard can be reached. PID 1 is asked to start the service.
 * If PID 1 says that the service is down, and no gate is left, the core hears EVENT_GUARD_GONE. When a machine shuts
 * down, and the guard ends before the daemon, nothing else would tell the core that no unit can start any more.
 *
 * A guard that runs and cannot be reached for a TTL is sent SIGTERM, and 5 s later SIGKILL: perhaps its socket was
 * removed and it stands still, or it speaks another version of the protocol. Where even SIGKILL does not help, the
 * guard counts as gone when no gate is left, and no request has reached the guard for longer than one of its entries
 * can live (61.2 s): from then on it opens no gate.
 */

#include "daemon/internal.h"

/* Makes d->guard_service, and begins to watch the service. Non-logging; a negative errno. */
int guard_service_new(Daemon *d);
/* The service goes on as it is. */
void guard_service_free(Daemon *d);
/* A guard has been reached in both directions: it has reported its entries. */
void guard_service_found(Daemon *d);
/* No guard can be reached. Asks PID 1 about the service, has it started, and logs once when that has lasted for a TTL.
 * Must be called at each failed attempt, at least once a second (guard-port.h). */
void guard_service_missing(Daemon *d);
