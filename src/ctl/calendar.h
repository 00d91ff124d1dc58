/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "util/macros.h"
#include "util/time-util.h"

/* Writes spans of time as a timer's unit file has them. Pure functions. */

enum {
        CALENDAR_SIZE = 32,
};

/* Writes a calendar event for OnCalendar= (systemd.time(7)) into buf and returns buf. The event elapses as often as
 * the span says, or more often if no calendar event fits: every 6 h for a span of 7 h, every day for one of 6 d. It
 * never elapses more often than once a second, and never less often than once a month. */
const char *calendar_of_span(usec_t span, char buf[static CALENDAR_SIZE]);
/* Writes a span, in the longest unit of time that needs no fraction ("90min"), into buf and returns buf. */
const char *calendar_span(usec_t span, char buf[static CALENDAR_SIZE]);
