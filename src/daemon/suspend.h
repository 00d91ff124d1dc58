/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Before the machine sleeps, its leased units are stopped and their leases released. A sleeping machine could not do
 * that, and a machine that wakes up believes for a moment that it is still the holder. logind delays a sleep for
 * whoever asks for a delay, by at most its InhibitDelayMaxSec=. One second before the delay is over, what is left of
 * the units is killed.
 *
 * Without logind there is no delay. But the guard's clock goes on while the machine sleeps (law 1): when the machine
 * wakes up, the guard first kills the units whose time is over.
 */

#include "daemon/internal.h"

/* Makes d->suspend, if there is none, and asks logind for a delay. Must be called with each new connection to the bus,
 * before the connection is attached to the loop. Non-logging; a negative errno. */
int suspend_attach(Daemon *d);
/* The connection goes. A delay that logind has granted stays until suspend_ready() or suspend_free() gives it back. */
void suspend_detach(Daemon *d);
/* ACTION_SLEEP_READY: no leased unit runs here any more, so the machine may sleep. */
void suspend_ready(Daemon *d);
/* Frees d->suspend, if there is one, and gives the delay back. */
void suspend_free(Daemon *d);
