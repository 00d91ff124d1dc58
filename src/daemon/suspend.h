/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Before the machine sleeps, what is leased is stopped and given back: afterwards nobody could, and a machine that
 * wakes believes for a moment that it is still the holder. logind delays the sleep for those who ask for that, for as
 * long as its InhibitDelayMaxSec= says; one second before that is over, what is left is killed.
 *
 * Where there is no logind, there is no delay, and the guard's clock, which goes on in the machine's sleep, must do.
 */

#include "daemon/internal.h"

/* With each new connection to the bus, before it is attached to the loop. Non-logging. */
int suspend_attach(Daemon *d);
/* The connection is gone. A delay that was granted stays until it is given back. */
void suspend_detach(Daemon *d);
/* ACTION_SLEEP_READY: nothing of ours runs any more, the machine may sleep. */
void suspend_ready(Daemon *d);
void suspend_free(Daemon *d);
