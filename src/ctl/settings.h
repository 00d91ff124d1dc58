/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Settings of systemd.unit(5) by which PID 1 starts or stops a unit by itself, or forbids what leased has to do. Some
 * are refused, some weaken the unit; leased.unit(5) has the table of all.
 *
 * Pure functions: they get the properties of a unit as PID 1 said them, and add findings (ctl/finding.h). The argument
 * with is put before the text of a finding: "" for the unit itself, "brings foo.service, which " for a member.
 */

#include <jansson.h>

#include "util/macros.h"

/* Adds a "refused" finding for each setting that is refused. Returns CTL_FAILED if there is any, or CTL_OK. */
int settings_refuse(const char *with, const json_t *unit, json_t *findings);
/* The same for a name that is too long, so that leased could not stop the unit if it came to refuse to be stopped. */
int settings_refuse_name(const char *with, const char *unit, json_t *findings);

/* Adds a "weak" finding for each setting that weakens the unit. The argument gated says that the drop-in of this
 * unit is in force. is_gated() says whether another unit starts only with a lease, its own or that of a third unit. */
void settings_weaken(const char *with, const json_t *unit, bool gated, bool (*is_gated)(const char *unit),
                json_t *findings);
