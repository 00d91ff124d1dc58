/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A timer of the kernel that kills this process: for a guard that hangs, where PID 1's watchdog would be late. PID 1
 * lets timers of services be up to 250 ms late; the kernel's SIGKILL is in time, and also ends a process that was
 * stopped with SIGSTOP. */

#include <stdbool.h>
#include <time.h>

#include "util/time-util.h"

typedef struct Alarm {
        timer_t timer;
        bool made; /* the timer is there */
        usec_t at; /* when it is set to; 0: never */
} Alarm;

/* Makes the timer, which is off. 0, or a negative errno value: the alarm stays off for ever. */
int alarm_make(Alarm *a);
/* The process is killed at this time (CLOCK_BOOTTIME) unless the alarm is set anew before; USEC_INFINITY: off. A time
 * that differs little from the one that is set is left as it is, if it is later. */
void alarm_set(Alarm *a, usec_t at);
/* Frees the timer. */
void alarm_done(Alarm *a);
