/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/stamp.h"

#include <time.h>

char *stamp_format(char *buf, size_t size, usec_t realtime) {
        time_t seconds = (time_t) (realtime / USEC_PER_SEC), now = time(NULL);
        struct tm tm, today;

        str_copy(buf, size, "-");
        if (realtime == 0 || !localtime_r(&seconds, &tm) || !localtime_r(&now, &today))
                return buf;
        if (tm.tm_year == today.tm_year && tm.tm_yday == today.tm_yday)
                (void) strftime(buf, size, "%H:%M:%S", &tm);
        else
                (void) strftime(buf, size, "%Y-%m-%d %H:%M", &tm);
        return buf;
}

void stamp_format_json(const json_t *value, char *buf, size_t size) {
        if (json_is_string(value))
                str_copy(buf, size, json_string_value(value));
        else
                (void) stamp_format(buf, size, (usec_t) json_integer_value(value));
}
