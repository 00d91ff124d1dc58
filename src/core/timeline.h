/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The holder's and the taker's times, all relative to t0, the moment before a committed beat was sent.
 *
 *     0 ........ stop ...... kill ... | taker
 *     t0         StopUnit    SIGKILL  | earliest: TTL·(1+2ε) after the beat reached him, hence after t0
 *
 * ε = 1 % bounds how far a clock's rate may be off true time. The holder's clock may run slow by ε and the taker's
 * fast by ε: killed by TTL·(1-2ε)/(1-ε) - 350 ms of true time, taken from TTL·(1+2ε)/(1+ε) on. The 350 ms are for
 * the last kill to do its work.
 */

#include "util/time-util.h"

#define TTL_MIN (2 * USEC_PER_SEC)
#define TTL_MAX (60 * USEC_PER_SEC)
#define KILL_SLACK (350 * USEC_PER_MSEC)

typedef struct Timeline {
        usec_t round;   /* between beats: TTL/5 */
        usec_t attempt; /* the longest that one attempt at a beat may take: min(1 s, TTL/6) */
        usec_t stop;    /* StopUnit at t0 + stop */
        usec_t kill;    /* SIGKILL from t0 + kill on */
        usec_t turn;    /* between machines that would take a lease: TTL/25 (at most 400 ms), longer than what they see
                           differs */
        usec_t take;    /* an observer may take the lease this long after the beat reached him */
        usec_t stop_grace; /* kill - stop */
} Timeline;

/*
 * Works out the timeline. stop_grace USEC_INFINITY: the default, min(timeout_stop, TTL/4).
 * Returns 0; -ERANGE if TTL is outside 2 to 60 s; -EDOM if no silence of the registry could be tolerated, i.e. stop
 * would come before one round and two attempts have passed. *ret is filled in all cases but -ERANGE, for the message.
 */
int timeline_compute(usec_t ttl, usec_t stop_grace, usec_t timeout_stop, Timeline *ret);

/* (1+ε)/(1-ε), rounded up: what an observer on a fast clock must wait for somebody who goes by all of his time on a
 * slow one, with no margin of his own (leases of the D-Bus API). Units' holders stop 2ε and 350 ms before. */
usec_t period_take_after(usec_t period);

/* TTL·(1+2ε) */
usec_t ttl_take_after(usec_t ttl);
