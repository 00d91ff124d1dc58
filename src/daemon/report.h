/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The core's reports as log lines, one for each report, written for somebody who is woken by it. The line says first
 * what has happened, then what the daemon does about it, then what a person could do. What went wrong with a unit also
 * becomes the unit's LastError on D-Bus.
 */

#include "daemon/internal.h"

/* ACTION_REPORT: logs the report, which is borrowed, and notes or clears the unit's LastError. */
void report_log(Daemon *d, const Report *report);
