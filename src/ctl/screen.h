/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/* Writes a time of CLOCK_REALTIME in local time into buf: "03:12:46" if that is today, "2026-03-01 03:12" if not,
 * "-" for 0. Returns buf. */
char *screen_stamp(char *buf, size_t size, usec_t realtime);
