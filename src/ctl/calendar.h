/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "util/macros.h"
#include "util/time-util.h"

/* Spans of time as they are written in a timer's unit file. Pure. */

enum {
        CALENDAR_SIZE = 32,
};

/* Writes a calendar event for OnCalendar= (systemd.time(7)) into buf and returns it. It elapses as often as the span
 * says or, where no calendar event does, a little more often; at least once a second and at most once a month. */
const char *calendar_of_span(usec_t span, char buf[static CALENDAR_SIZE]);
/* Writes a span in the longest unit that needs no fraction ("90min") into buf and returns it. */
const char *calendar_span(usec_t span, char buf[static CALENDAR_SIZE]);
