/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Sees from the readings of a clock of the host that the machine was paused, and for how long: CLOCK_BOOTTIME stood
 * still meanwhile, and the clock of the host went on (law 14). Each reading bounds the difference of the two clocks;
 * as long as the machine runs, the difference stays within what the readings before have left, but for 2 % of the time
 * since. The functions take values, read no clock, and do not fail.
 */

#include "guard/guard-entry.h"
#include "util/host-clock.h"

/* Zeroed before its first use. */
typedef struct PauseWatch {
        bool known;        /* there was a reading */
        usec_t at;         /* CLOCK_BOOTTIME of the last one */
        int64_t low, high; /* the clock of the host less CLOCK_BOOTTIME is within these two */
        usec_t seen_at;    /* CLOCK_BOOTTIME when a pause was last seen; 0: never */
        usec_t jump;       /* how long this pause was at most, with those of the two minutes before */
} PauseWatch;

/* Takes a reading. Returns how long the machine was paused at most since the reading before; 0 if it is not certain
 * that it was paused at all. Where the clock of the host was set forward, this is taken for a pause; where it was set
 * back, the readings before it are forgotten. */
usec_t pause_take(PauseWatch *p, const HostReading *r);
/* Gives by how much a deadline must come earlier that counts from t on CLOCK_BOOTTIME: if t is not later than the
 * moment when a pause was seen, it may have been before the pause. */
usec_t pause_since(const PauseWatch *p, usec_t t);
/* Gives the entry's GUARD_FLAG_* (protocol.h). */
uint32_t pause_flags(const PauseWatch *p, const GuardEntry *e);
