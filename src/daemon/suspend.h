/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Before the machine sleeps, its leased units are stopped and their leases released: a machine that sleeps cannot do
 * it, and one that wakes believes for a moment that it is still the holder. logind delays a sleep for whoever asks for
 * that, by its InhibitDelayMaxSec= at most; one second before that is over, what is left of the units is killed.
 *
 * Where there is no logind, there is no delay. The guard's clock goes on while the machine sleeps (law 1): when it
 * wakes, units whose time is over are killed first.
 */

#include "daemon/internal.h"

/* To be called with each new connection to the bus, before it is attached to the loop. Non-logging; a negative errno.
 */
int suspend_attach(Daemon *d);
/* The connection goes. A delay that was granted stays until suspend_ready() or suspend_free() gives it back. */
void suspend_detach(Daemon *d);
/* ACTION_SLEEP_READY: no leased unit runs here any more, so the machine may sleep. */
void suspend_ready(Daemon *d);
void suspend_free(Daemon *d);
