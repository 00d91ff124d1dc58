/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "util/macros.h"
#include "util/time-util.h"

/* Adds what weakens the guard among the settings of its service: a drop-in, also one for all services (service.d),
 * may have changed any of them. The argument service holds the properties of leased-guard.service, and ttl is that of
 * this machine. */
void guard_settings_examine(const json_t *service, usec_t ttl, json_t *findings);
