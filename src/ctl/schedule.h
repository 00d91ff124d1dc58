/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/*
 * What the schedule of a leased timer counts from. A calendar is the same on every machine, and with Persistent=yes
 * the last run travels with the lease. Spans since the boot or since the last run are known to one PID 1 only: after a
 * move the job would run at once, or never. A finding about such a span names the lines to write in its place.
 */

/* Adds findings (ctl/finding.h) on the schedules of the unit called name and of its members. unit: the properties of
 * the unit. Returns an exit code; a failure to ask PID 1 has been printed. */
int schedule_examine(Ctl *ctl, const char *name, const json_t *unit, char *const *members, json_t *findings);
