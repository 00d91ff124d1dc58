/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The core's reports as log lines: one each, for somebody who is woken by them. What has happened comes first, then
 * what the daemon does about it, then what a person could do. What went wrong with a unit is also its LastError on
 * D-Bus.
 */

#include "daemon/internal.h"

/* ACTION_REPORT. */
void report_log(Daemon *d, const Report *report);
