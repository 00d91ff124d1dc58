/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/why-not.h"

#include <stdio.h>
#include <time.h>

static void format_until(usec_t until, usec_t now, char *buf, size_t size) {
        time_t t = (time_t) (until / USEC_PER_SEC), today = (time_t) (now / USEC_PER_SEC);
        struct tm then, at;

        buf[0] = '\0';
        if (until <= now || !localtime_r(&t, &then) || !localtime_r(&today, &at))
                return;
        if (strftime(buf, size,
                            then.tm_year == at.tm_year && then.tm_yday == at.tm_yday ? " until %H:%M:%S"
                                                                                     : " until %Y-%m-%d %H:%M:%S",
                            &then) == 0)
                buf[0] = '\0';
}

const char *why_not_line(const WhyNotView *v, usec_t now, char *buf, size_t size) {
        char until[64], rank[32] = "";

        format_until(v->until, now, until, sizeof(until));
        if (v->rank > 0)
                (void) snprintf(rank, sizeof(rank), ", after %u other%s", v->rank, v->rank == 1 ? "" : "s");
        (void) snprintf(buf, size, "%s%s%s", WHY_TEXT(v->reason), rank, until);
        return buf;
}

const char *why_not_machine(const SessionView *v, usec_t now, char *buf, size_t size) {
        WhyNotView line = { .reason = reason(v->why_not), .until = v->why_not_until };

        return v->competing ? "" : why_not_line(&line, now, buf, size);
}
