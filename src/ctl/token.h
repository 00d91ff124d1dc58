/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

/* Adds a finding "weak" if a service of the leased unit, the unit itself or a member of it, does not get its
 * environment (LEASE_INDEX and so on), although its gate is in force: a drop-in may set EnvironmentFile= back, or
 * unset a variable. The argument service holds the properties of the service called name; with is "", or says which
 * member is meant. */
void token_examine(const char *with, const char *name, const char *leased, const json_t *service, json_t *findings);
