/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Time in microseconds. Deadlines are on CLOCK_BOOTTIME, which goes on counting while the machine is suspended: a
 * lease runs out in real time, whether the machine was awake or not. CLOCK_REALTIME is for people only.
 */

#include <stddef.h>
#include <stdint.h>

typedef uint64_t usec_t;

#define USEC_PER_SEC ((usec_t) 1000000)
#define USEC_PER_MSEC ((usec_t) 1000)
#define USEC_PER_MINUTE (60 * USEC_PER_SEC)
#define USEC_PER_HOUR (60 * USEC_PER_MINUTE)
#define USEC_INFINITY UINT64_MAX

/* The time on CLOCK_BOOTTIME, and on CLOCK_REALTIME; read now, unlike the cached time of an event loop. */
usec_t now_boottime(void);
usec_t now_realtime(void);

/* a + b; USEC_INFINITY on overflow or if either is infinite. */
usec_t usec_add(usec_t a, usec_t b);
/* a - b, at least 0; infinity minus anything stays infinite. */
usec_t usec_sub(usec_t a, usec_t b);

/* Reads a time span as systemd writes it: "10s", "1min 30s", "500ms", "infinity"; a bare number is seconds. 0, or
 * -EINVAL: *ret is untouched. */
int parse_sec(const char *s, usec_t *ret);

/* Writes a span for people ("4.2s", "1min 3s", "infinity") into buf and returns it. */
char *format_span(char *buf, size_t size, usec_t t);
