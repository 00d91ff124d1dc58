/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * leased-guard.service as PID 1 shows it, for as long as no guard is connected: PID 1 is asked to start one, and if it
 * says that none runs and no gate is left, that is an answer, too (EVENT_GUARD_GONE). It is the only one there is while a
 * machine shuts down, when the guard ends before the daemon does.
 */

#include "daemon/daemon.h"

int guard_service_new(Daemon *d);
void guard_service_free(Daemon *d);
/* Nobody listens at the guard's socket; called at each failed attempt. */
void guard_service_missing(Daemon *d);
