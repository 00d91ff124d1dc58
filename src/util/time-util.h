/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Time in microseconds. Deadlines are on CLOCK_BOOTTIME, which goes on counting while the machine is suspended: a
 * lease runs out in true time, whether the machine is awake or not (law 1). CLOCK_REALTIME may be set, so no deadline
 * uses it.
 */

#include <stddef.h>
#include <stdint.h>

typedef uint64_t usec_t;

#define USEC_PER_SEC ((usec_t) 1000000)
#define USEC_PER_MSEC ((usec_t) 1000)
#define USEC_PER_MINUTE (60 * USEC_PER_SEC)
#define USEC_PER_HOUR (60 * USEC_PER_MINUTE)
#define USEC_INFINITY UINT64_MAX

/* The time on CLOCK_BOOTTIME, and on CLOCK_REALTIME, read at this moment; sd_event_now() gives the time when the loop
 * woke up instead. */
usec_t now_boottime(void);
usec_t now_realtime(void);
/* The processor time that this thread has taken so far. */
usec_t now_cputime(void);

/* Returns a + b; USEC_INFINITY on overflow or if either is infinite. */
usec_t usec_add(usec_t a, usec_t b);
/* Returns a - b, at least 0; USEC_INFINITY if a is infinite. */
usec_t usec_sub(usec_t a, usec_t b);

/* Reads a time span in the units of systemd.time(7), without years and "M": "10s", "1min 30s", "500ms", "infinity"; a
 * number without a unit is in seconds. 0, or -EINVAL: *ret is unchanged. */
int parse_sec(const char *s, usec_t *ret);

/* Writes a time span for people ("250ms", "4.2s", "1min 3s", "infinity"), rounded down, into buf, and returns buf. */
char *format_span(char *buf, size_t size, usec_t t);
