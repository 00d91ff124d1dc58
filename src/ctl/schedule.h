/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/*
 * What a leased timer's schedule counts from. A calendar is the same on every machine, and with Persistent=yes the
 * last run travels with the lease. Spans since the boot or since the last run are known to one PID 1 only: after a
 * move the job would run at once, or never. What has to be written in their place is said with them.
 */

/* Adds to the findings (ctl/finding.h) what stands against the schedules of the unit and its members, or weakens them.
 * unit: its properties. An exit code. */
int schedule_examine(Ctl *ctl, const char *name, const json_t *unit, char *const *members, json_t *findings);
