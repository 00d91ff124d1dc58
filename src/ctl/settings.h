/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Settings of systemd.unit(5) by which PID 1 starts or stops a unit by itself, or forbids what leased does: those for
 * which a unit is refused, and those that weaken it. The table of all of them is in leased.unit(5).
 *
 * Pure: properties as PID 1 said them go in, findings (ctl/finding.h) come out. with: "", or for a member of a unit
 * "brings foo.service, which ".
 */

#include <jansson.h>

#include "util/macros.h"

/* Adds a finding for each setting that is refused. CTL_FAILED if there are any, or CTL_OK. */
int settings_refuse(const char *with, const json_t *unit, json_t *findings);

/* Adds a finding for each setting that weakens the unit. gated: the drop-in of this unit is in force. is_gated():
 * whether another unit starts only with a lease, its own or another's. */
void settings_weaken(const char *with, const json_t *unit, bool gated, bool (*is_gated)(const char *unit),
                json_t *findings);
