/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A timer of the kernel that kills this process, for a guard that hangs while PID 1's watchdog would end it too late:
 * PID 1 lets the watchdog of a service be some 250 ms late. The kernel's SIGKILL comes in time, and also ends a
 * process that was stopped with SIGSTOP. */

#include <stdbool.h>
#include <time.h>

#include "util/time-util.h"

typedef struct Alarm {
        timer_t timer;
        bool made; /* the timer is there */
        usec_t at; /* the time to which the timer is set (CLOCK_BOOTTIME); 0: it is off */
} Alarm;

/* Makes the timer, which is off at first. Returns 0, or a negative errno: alarm_set() then does nothing. Does not log.
 */
int alarm_make(Alarm *a);
/* Has the process killed at this time (CLOCK_BOOTTIME), unless the alarm is set anew before; USEC_INFINITY: off. An
 * alarm that would be moved to a time less than 5 ms later stays where it is. */
void alarm_set(Alarm *a, usec_t at);
/* Frees the timer. */
void alarm_done(Alarm *a);
