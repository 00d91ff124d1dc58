/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/core.h"

/* What people call the machine with that id: "alpha (1f2e3d4c)", or "machine 1f2e3d4c" if the registry does not say
 * its host name, or "nobody" for "" and NULL. Written into buf, which is also returned. */
const char *machine_name(Core *core, const char *machine_id, char *buf, size_t size);
