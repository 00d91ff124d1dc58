/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

/* Names of properties on D-Bus as names of members in JSON: "LastErrorUSec" is "last_error_usec", "RegistryUUID" is
 * "registry_uuid". */

/* Writes the name of the member into buf and returns buf. A name that does not fit is cut. */
char *snake_name(char *buf, size_t size, const char *property);
/* Gives a new object, owned by the caller, with the same values under these names. */
json_t *snake_members(const json_t *properties);
