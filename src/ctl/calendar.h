/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "util/macros.h"
#include "util/time-util.h"

/*
 * What to write into OnCalendar= in place of a span between two runs. Pure.
 */

enum {
        CALENDAR_SIZE = 32,
};

/* A calendar event (systemd.time(7)) that elapses as often as the span says or, where no calendar event does, a little
 * more often; at least once a second and at most once a month. Written into buf and returned. */
const char *calendar_of_span(usec_t span, char buf[static CALENDAR_SIZE]);
/* A span in the longest unit that needs no fraction, as unit files mostly have it: "90min". Written into buf and
 * returned. */
const char *span_as_written(usec_t span, char buf[static CALENDAR_SIZE]);
