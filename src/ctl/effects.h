/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "util/macros.h"

/* What a service sets up that is no process, as far as its lines tell: a finding for each, "weak", or "note" if the
 * machine is rebooted for it (fenced). with: "", or which member of the unit is meant ("NAME has "). service: its
 * properties. */
void effects_examine(const char *with, bool fenced, const json_t *service, json_t *findings);
