/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Settings of systemd.unit(5) by which PID 1 starts or stops a unit by itself, or forbids what leased does: those for
 * which a unit is refused, and those that weaken it. What becomes of all the others is decided while it runs; the
 * table of all is in leased.unit(5).
 *
 * Pure: what PID 1 said goes in, findings (ctl/finding.h) come out.
 */

#include <jansson.h>

#include "util/macros.h"

/* with: "", or "brings foo.service, which " of what goes by the unit's lease. unit: its properties. CTL_OK, or
 * CTL_FAILED if there was anything. */
int settings_refuse(const char *with, const json_t *unit, json_t *findings);

/* is_gated: whether a unit starts only with a lease, its own or another's. gated: the drop-in of this one is in force.
 */
void settings_weaken(const char *with, const json_t *unit, bool gated, bool (*is_gated)(const char *unit),
                json_t *findings);
