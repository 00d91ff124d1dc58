/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/*
 * Looks at what the schedule of a leased timer counts from. A calendar is the same on every machine, and with
 * Persistent=yes the time of the last run is handed on with the lease. A span since the boot or since the last run, in
 * contrast, is known only to the PID 1 of one machine: after a move the job would run at once, or never. A finding
 * about such a span names the lines to write in its place.
 */

/* Adds findings (ctl/finding.h) on the schedules of the unit called name and of its members. The argument unit
 * holds the properties of the unit. Returns an exit code; a failure to ask PID 1 has been printed, and findings of
 * severity "refused" do not make it fail. */
int schedule_examine(Ctl *ctl, const char *name, const json_t *unit, char *const *members, json_t *findings);
