/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What ExecStop= of leased-frozen@.service does. PID 1 thaws a unit before it stops the unit. A unit that is frozen
 * beyond its kill_at must not execute any more (law 15), so it is to be killed before PID 1 stops it, whatever makes
 * PID 1 stop it: an operator, a shutdown, a unit that it is bound to, or the end of the guard.
 *
 * For this the guard has PID 1 start leased-frozen@UNIT.service when it freezes a unit. This service does nothing
 * while it is up. It is stopped along with the unit (PartOf=), and before the unit (After=).
 */

#include "guard/gate.h"
#include "util/groups.h"

/* Kills all processes of each unit with OnOutage=freeze whose mark says that its kill_at has passed, and of its
 * members. Goes on after a failure, and returns the first one: a negative errno. Returns 0 also if there was no such
 * unit. */
int finish_frozen(Gates *gates, Groups *groups);
