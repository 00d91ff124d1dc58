/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What did go wrong, counted where it happens and not where it is drawn (mishaps.c has the words). Included by sim.h
 * only. */

#include "sim.h"

typedef enum Mishap {
        /* daemons and machines */
        MISHAP_CRASH,
        MISHAP_CRASH_INSIDE,
        MISHAP_HANG,
        MISHAP_HANG_INSIDE,
        MISHAP_SERVICE_STOP,
        MISHAP_POWER_CUT,
        MISHAP_SHUT_DOWN,
        MISHAP_SLEEP,
        MISHAP_SLEEP_FORCED,
        MISHAP_SLEEP_CALLED_OFF,
        MISHAP_CLOCK_SLOW,
        MISHAP_CLOCK_FAST,
        MISHAP_CLOCK_STEP,
        MISHAP_CLONE,
        MISHAP_RUN_FULL,
        MISHAP_RUN_LOST,
        /* the way to the registry */
        MISHAP_CUT_REQUESTS,
        MISHAP_CUT_ANSWERS,
        MISHAP_CUT_BOTH,
        MISHAP_LOST_REQUEST,
        MISHAP_LOST_ANSWER,
        MISHAP_DELAY,
        MISHAP_SLOW_ANSWER,
        MISHAP_DUPLICATE,
        MISHAP_LATE_WRITE,
        MISHAP_LATE_COMMIT,
        MISHAP_GIVEN_UP,
        MISHAP_WATCH_STALL,
        MISHAP_WATCH_LAG,
        MISHAP_WATCH_GAP,
        MISHAP_LISTEN,
        /* the registry */
        MISHAP_OUTAGE,
        MISHAP_FREEZE,
        MISHAP_RESTORED,
        MISHAP_WIPED,
        MISHAP_RECORD_DELETED,
        MISHAP_RECORD_DAMAGED,
        MISHAP_RECORD_OVERWRITTEN,
        /* guard and PID 1 */
        MISHAP_GUARD_KILLED,
        MISHAP_GUARD_HUNG,
        MISHAP_GUARD_MISSED,
        MISHAP_PID1_STALL,
        MISHAP_PID1_STALL_BEFORE_FORK,
        /* units */
        MISHAP_UNIT_CRASH,
        MISHAP_UNIT_EXIT,
        MISHAP_START_BY_HAND,
        MISHAP_STOP_BY_HAND,
        MISHAP_NEED_STOPPED,
        MISHAP_NEED_FAILED,
        MISHAP_CONFLICT,
        MISHAP_SLOW_STOP,
        MISHAP_POST_SPARED,
        MISHAP_POST_ENDED,
        MISHAP_LEFT_OVER,
        MISHAP_MEMBER_LEFT,
        MISHAP_UNKILLABLE,
        /* the operator */
        MISHAP_RELEASE,
        MISHAP_TRANSFER,
        MISHAP_STEAL,
        MISHAP_REARM,
        MISHAP_DRAIN,
        MISHAP_CONFIRM,
        MISHAP_FENCED,
        MISHAP_FENCE_FAILED,
        MISHAP_ENABLE,
        MISHAP_DISABLE,
        MISHAP_TTL,
        MISHAP_METADATA,
        MISHAP_ACCEPT,
        MISHAP_CALL,
        MISHAP_REQUEST,
        MISHAP_TAKEN_BACK,
        MISHAP_FORGET_MACHINE,
        MISHAP_FORGET_LEASE,
        _MISHAP_MAX,
} Mishap;

const char *mishap_to_string(Mishap what);
