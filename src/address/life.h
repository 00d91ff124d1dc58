/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How long the kernel may keep an address: until the kill_at of the unit's lease, which is when no process of the unit
 * may live any more (law 1). kill_at is learnt from the files of the guard (guard/gate.h): its mark of the unit, and
 * the time of the last beat. The guard itself, or its successor, goes by no other number, and reading it needs neither
 * the bus nor a daemon that answers. A file that is read late, or that nobody writes any more, only shortens the life.
 */

#include <stdbool.h>

#include "util/time-util.h"

/* How long after the end of its lifetime (valid_lft) the kernel may still have an address: the kernel looks for such
 * addresses no more often than once in a second, and a busy machine may be some time late. */
#define LIFE_LATE (1250 * USEC_PER_MSEC)
/* How long the kernel may take, at least, to be told of a lifetime. */
#define LIFE_SEND (200 * USEC_PER_MSEC)

/* The lease of a unit, as the guard has written it. */
typedef struct Life {
        usec_t kill_at;     /* CLOCK_BOOTTIME; USEC_INFINITY: the unit is kept without beats */
        usec_t kill_offset; /* from the t0 of a beat to kill_at */
} Life;

/* Reads until when the unit may live under the lease with this Index. directory is "/run/leased". Returns 0, or a
 * negative errno if that is not known: no file, a damaged one, or the file of another Index (-ESTALE). Then *ret is
 * unchanged. Does not log. */
int life_read(const char *directory, const char *unit, uint64_t index, Life *ret);

/* Gives the lifetime in whole seconds that the kernel may be told of, at any time from now up to *ret_latest: whenever
 * in this time it begins, and if the kernel is LIFE_LATE late, the address is gone by kill_at. 0: there is no time
 * left, and *ret_latest is unchanged. */
unsigned life_seconds(usec_t kill_at, usec_t now, usec_t *ret_latest);

/* Whether a lease with this kill_offset leaves a lifetime of at least a second after each beat. */
bool life_suffices(usec_t kill_offset);
