/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Check=: a command that says whether a unit is well where it runs, and whether it would run elsewhere. It runs as the
 * unit's user, in a transient unit of its own with a time limit, and not in this daemon. The core is told what it says
 * (EVENT_CHECK) when it has said so as often as the options want.
 */

#include "daemon/internal.h"

/* Takes the options of a unit, which are borrowed until the next call for the same unit, or checks_forget(). */
int checks_configure(Daemon *d, const UnitOptions *options);
/* Ends the checks of the unit. What a check that is under way says counts no more. */
void checks_forget(Daemon *d, const char *unit);
/* Frees all. To be called when no answer of PID 1 can come any more. */
void checks_free(Daemon *d);
