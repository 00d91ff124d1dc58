/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The times of the holder and of a taker. All count from t0, the moment before a committed beat was sent (law 1).
 *
 *     0 ........ stop ...... kill ... | taker
 *     t0         StopUnit    SIGKILL  | TTL·(1+2ε) after the beat reached the taker, and so after t0
 *
 * A clock's rate may be off true time by ε = 1 %. If the holder's clock is slow by ε and the taker's fast by ε, then
 * in true time the kill begins at (TTL·(1-2ε) - slack)/(1-ε) after t0 and the lease is taken no earlier than
 * TTL·(1+2ε)/(1+ε) after it. The slack is for the killing to do its work. It is 350 ms, or 17.5 % of the TTL if the
 * TTL is below 2 s.
 */

#include "util/time-util.h"

#define TTL_MIN USEC_PER_SEC
#define TTL_MAX (60 * USEC_PER_SEC)
#define BEAT_MIN (200 * USEC_PER_MSEC)
#define KILL_SLACK_MOST (350 * USEC_PER_MSEC)

typedef struct Timeline {
        usec_t round;   /* TTL/5: between beats, unless BeatSec= is shorter; nothing here gets shorter with BeatSec= */
        usec_t attempt; /* the longest that one attempt at a beat may take: min(1 s, TTL/6) */
        usec_t stop;    /* StopUnit at t0 + stop */
        usec_t kill;    /* SIGKILL from t0 + kill on */
        usec_t turn; /* between the attempts of machines that would take a lease: TTL/25, at most 400 ms. Longer than
                        the differences in when they hear of something */
        usec_t take; /* an observer may take the lease so long after the beat reached it */
        usec_t stop_grace; /* kill - stop */
} Timeline;

/*
 * Works out the timeline for a TTL. stop_grace is the time between stop and kill; USEC_INFINITY: the default,
 * min(timeout_stop, TTL/4). Returns 0; -ERANGE if the TTL is outside 1 to 60 s; -EDOM if the registry could not be
 * silent for any time, that is if stop would come before one round and two attempts have passed. *ret is filled in
 * unless -ERANGE is returned, so that a message can name the times.
 */
int timeline_compute(usec_t ttl, usec_t stop_grace, usec_t timeout_stop, Timeline *ret);

/* Gives the time between two beats of a session with this TTL: what is wanted, if that is from BEAT_MIN to TTL/5,
 * otherwise TTL/5. */
usec_t ttl_beats_every(usec_t ttl, usec_t wanted);

/* Gives the longest that one attempt at a beat may take: min(1 s, TTL/6). */
usec_t ttl_attempt(usec_t ttl);

/* Gives period·(1+ε)/(1-ε), rounded up: how long an observer with a fast clock must wait for the holder of a lease of
 * the D-Bus API, who may have a slow clock and uses the whole period. A unit's holder stops 2ε and the slack before
 * the end. */
usec_t period_take_after(usec_t period);

/* Gives the slack: the time from kill to TTL·(1-2ε), in which the killing must do its work. */
usec_t ttl_kill_slack(usec_t ttl);

/* Gives how long a guard may be out of reach before it counts as missing: a TTL, and at least 2 s, since a guard whose
 * socket somebody has removed makes it again within a second. */
usec_t ttl_guard_patience(usec_t ttl);

/* Gives TTL·(1+2ε): how long an observer must wait for a silent session. */
usec_t ttl_take_after(usec_t ttl);

/* How long to wait after so many failures in a row: base, doubled for each failure, and at most most. */
static inline usec_t backoff(usec_t base, unsigned failures, usec_t most) {
        usec_t t = base << (failures < 10 ? failures : 10);

        return t < most ? t : most;
}
