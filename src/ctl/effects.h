/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "util/macros.h"

/* Adds a finding (ctl/finding.h) for what a service sets up that is no process, as far as its lines tell: "weak", or
 * "note" where fenced says that the machine is rebooted for it. with: "", or which member of the unit is meant ("NAME
 * has
 * "). service: the properties of the service. */
void effects_examine(const char *with, bool fenced, const json_t *service, json_t *findings);
