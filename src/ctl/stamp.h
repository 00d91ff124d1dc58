/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/* Writes a time of CLOCK_REALTIME in local time into buf: "03:12:46" if that is today, "2026-03-01 03:12" if not,
 * "-" for 0. Returns buf. */
char *stamp_format(char *buf, size_t size, usec_t realtime);
/* Does the same for a JSON value, as Column.format of ctl/output.h; a text stays as it is. */
void stamp_format_json(const json_t *value, char *buf, size_t size);
