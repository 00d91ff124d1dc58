/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/calendar.h"

#include <inttypes.h>
#include <stdio.h>

#define USEC_PER_DAY (24 * USEC_PER_HOUR)

/* Gives the largest number that is not larger than n and divides the whole (60 minutes, 24 hours) without a rest,
 * but is not the whole itself. So the event has the same distance from one whole to the next as within a whole. */
static unsigned largest_part(usec_t n, unsigned whole) {
        unsigned part = 1;

        for (unsigned i = 2; i < whole; i++)
                if (i <= n && whole % i == 0)
                        part = i;
        return part;
}

const char *calendar_of_span(usec_t span, char buf[static CALENDAR_SIZE]) {
        static const struct {
                usec_t unit;
                unsigned whole;             /* this many units are the next longer unit */
                const char *one;            /* the event for every single unit */
                const char *before, *after; /* around a number of units; NULL: no event for several */
        } units[] = {
                { USEC_PER_SEC, 60, "*:*:*", "*:*:0/", "" },
                { USEC_PER_MINUTE, 60, "minutely", "*:0/", "" },
                { USEC_PER_HOUR, 24, "hourly", "0/", ":00" },
                { USEC_PER_DAY, 7, "daily", NULL, NULL },
                { 7 * USEC_PER_DAY, 4, "weekly", NULL, NULL },
        };
        size_t i = ELEMENTSOF(units) - 1;
        unsigned part;

        if (span >= 28 * USEC_PER_DAY) {
                (void) snprintf(buf, CALENDAR_SIZE, "monthly");
                return buf;
        }
        while (i > 0 && span < units[i].unit)
                i--;
        part = units[i].before ? largest_part(span / units[i].unit, units[i].whole) : 1;
        if (part == 1)
                (void) snprintf(buf, CALENDAR_SIZE, "%s", units[i].one);
        else
                (void) snprintf(buf, CALENDAR_SIZE, "%s%u%s", units[i].before, part, units[i].after);
        return buf;
}

const char *calendar_span(usec_t span, char buf[static CALENDAR_SIZE]) {
        static const struct {
                usec_t unit;
                const char *name;
        } units[] = {
                { USEC_PER_DAY, "d" },
                { USEC_PER_HOUR, "h" },
                { USEC_PER_MINUTE, "min" },
                { USEC_PER_SEC, "s" },
                { USEC_PER_MSEC, "ms" },
                { 1, "us" },
        };
        size_t i = 0;

        while (span % units[i].unit != 0)
                i++;
        (void) snprintf(buf, CALENDAR_SIZE, "%" PRIu64 "%s", span / units[i].unit, units[i].name);
        return buf;
}
