/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/core.h"

/* Writes into buf what people call the machine with that id, and returns buf: "alpha (1f2e3d4c)", or "machine
 * 1f2e3d4c" if the registry does not say its host name, or "nobody" if the id is "" or NULL. */
const char *machine_name(Core *core, const char *machine_id, char *buf, size_t size);
/* Does the same without the id, for whoever has named the machine. */
const char *machine_host(Core *core, const char *machine_id, char *buf, size_t size);
