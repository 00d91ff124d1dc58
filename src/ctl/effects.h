/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "util/macros.h"

/* Adds a finding (ctl/finding.h) if a service, or a socket, sets up something that is no process (an address, a mount,
 * a rule), as far as its lines tell. The severity is "weak"; if a line of the service may take the effect back at a
 * stop, and fenced says that the machine is rebooted when the unit is not down in time, the severity is "note". The
 * argument with is put before the text: "" for the unit itself, "NAME has " for a member of the unit. The argument
 * service holds the properties of the service or socket. */
void effects_examine(const char *with, bool fenced, const json_t *service, json_t *findings);
