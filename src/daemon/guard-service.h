/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * leased-guard.service as PID 1 shows it, for as long as no guard is connected: PID 1 is asked to start one, and if it
 * says that none runs and no gate is left, that is an answer, too (EVENT_GUARD_GONE). It is the only one there is
 * while a machine shuts down, when the guard ends before the daemon does.
 *
 * A guard that runs and cannot be reached for a TTL (its socket was removed and it stands still, it speaks another
 * version of the protocol) is replaced. Where even that is of no avail, no gate is left and no word has reached it for
 * longer than an entry lives (61.2 s), it counts as gone: it opens no gate any more.
 */

#include "daemon/internal.h"

int guard_service_new(Daemon *d);
void guard_service_free(Daemon *d);
/* One can be reached, in both directions. */
void guard_service_found(Daemon *d);
/* Nobody listens at the guard's socket who answers; called at each failed attempt, at least once a second. One that
 * runs and cannot be reached for a TTL is replaced. */
void guard_service_missing(Daemon *d);
