/* SPDX-License-Identifier: Apache-2.0 */
#include "util/time-util.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "util/macros.h"

static usec_t now_on(clockid_t clock) {
        struct timespec ts;

        if (clock_gettime(clock, &ts) < 0)
                return 0; /* cannot happen for the clocks below */
        return (usec_t) ts.tv_sec * USEC_PER_SEC + (usec_t) ts.tv_nsec / 1000;
}

usec_t now_boottime(void) {
        return now_on(CLOCK_BOOTTIME);
}

usec_t now_realtime(void) {
        return now_on(CLOCK_REALTIME);
}

usec_t now_cputime(void) {
        return now_on(CLOCK_THREAD_CPUTIME_ID);
}

usec_t usec_add(usec_t a, usec_t b) {
        usec_t r;

        return __builtin_add_overflow(a, b, &r) ? USEC_INFINITY : r;
}

usec_t usec_sub(usec_t a, usec_t b) {
        if (a == USEC_INFINITY)
                return a;
        return a > b ? a - b : 0;
}

static const struct {
        const char *suffix;
        usec_t usec;
} units[] = {
        { "seconds", USEC_PER_SEC },
        { "second", USEC_PER_SEC },
        { "sec", USEC_PER_SEC },
        { "s", USEC_PER_SEC },
        { "minutes", USEC_PER_MINUTE },
        { "minute", USEC_PER_MINUTE },
        { "min", USEC_PER_MINUTE },
        { "months", 2629800 * USEC_PER_SEC },
        { "month", 2629800 * USEC_PER_SEC },
        { "msec", USEC_PER_MSEC },
        { "ms", USEC_PER_MSEC },
        { "m", USEC_PER_MINUTE },
        { "hours", USEC_PER_HOUR },
        { "hour", USEC_PER_HOUR },
        { "hr", USEC_PER_HOUR },
        { "h", USEC_PER_HOUR },
        { "days", 24 * USEC_PER_HOUR },
        { "day", 24 * USEC_PER_HOUR },
        { "d", 24 * USEC_PER_HOUR },
        { "weeks", 168 * USEC_PER_HOUR },
        { "week", 168 * USEC_PER_HOUR },
        { "w", 168 * USEC_PER_HOUR },
        { "usec", 1 },
        { "us", 1 },
        { "µs", 1 },
        { "", USEC_PER_SEC },
};

static const char *skip_space(const char *s) {
        while (isspace((unsigned char) *s))
                s++;
        return s;
}

/* Reads one part such as "12.5 ms" at *s, and moves *s behind it. */
static int parse_part(const char **s, usec_t *ret) {
        const char *p = *s;
        usec_t whole = 0, fraction = 0, scale = 1;
        size_t digits = 0;

        for (; isdigit((unsigned char) *p); p++, digits++)
                if (__builtin_mul_overflow(whole, (usec_t) 10, &whole) ||
                                __builtin_add_overflow(whole, (usec_t) (*p - '0'), &whole))
                        return -EINVAL;
        if (*p == '.')
                for (p++; isdigit((unsigned char) *p); p++, digits++)
                        if (scale < 1000000) {
                                fraction = fraction * 10 + (usec_t) (*p - '0');
                                scale *= 10;
                        }
        if (digits == 0)
                return -EINVAL;
        p = skip_space(p);

        size_t n = 0;
        while (p[n] && !isspace((unsigned char) p[n]) && !isdigit((unsigned char) p[n]))
                n++;
        for (size_t i = 0; i < ELEMENTSOF(units); i++) {
                usec_t t;

                if (strlen(units[i].suffix) != n || memcmp(units[i].suffix, p, n) != 0)
                        continue;
                if (__builtin_mul_overflow(whole, units[i].usec, &t))
                        return -EINVAL;
                *ret = usec_add(t, fraction * units[i].usec / scale);
                *s = skip_space(p + n);
                return 0;
        }
        return -EINVAL;
}

int parse_sec(const char *s, usec_t *ret) {
        usec_t total = 0;

        s = skip_space(s);
        if (startswith(s, "infinity") && !*skip_space(s + strlen("infinity"))) {
                *ret = USEC_INFINITY;
                return 0;
        }
        if (!*s)
                return -EINVAL;
        while (*s) {
                usec_t part;
                int r = parse_part(&s, &part);

                if (r < 0)
                        return r;
                total = usec_add(total, part);
        }
        if (total == USEC_INFINITY)
                return -EINVAL;
        *ret = total;
        return 0;
}

char *format_span(char *buf, size_t size, usec_t t) {
        if (t == USEC_INFINITY)
                snprintf(buf, size, "infinity");
        else if (t < USEC_PER_SEC)
                snprintf(buf, size, "%" PRIu64 "ms", t / USEC_PER_MSEC);
        else if (t < USEC_PER_MINUTE)
                snprintf(buf, size, "%" PRIu64 ".%" PRIu64 "s", t / USEC_PER_SEC, t % USEC_PER_SEC / 100000);
        else if (t < USEC_PER_HOUR)
                snprintf(buf, size, "%" PRIu64 "min %" PRIu64 "s", t / USEC_PER_MINUTE,
                                t % USEC_PER_MINUTE / USEC_PER_SEC);
        else if (t < 48 * USEC_PER_HOUR)
                snprintf(buf, size, "%" PRIu64 "h %" PRIu64 "min", t / USEC_PER_HOUR,
                                t % USEC_PER_HOUR / USEC_PER_MINUTE);
        else
                snprintf(buf, size, "%" PRIu64 " days", t / (24 * USEC_PER_HOUR));
        return buf;
}
