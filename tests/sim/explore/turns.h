/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Takes the place of chance.c: nothing is drawn by lot, and the search decides which event is next (turns.c). */

#include "sim.h"

/* True time moves in steps of this: what is due within one step happens at one instant, in any order. */
#define TICK USEC_PER_MSEC

/* From this instant on the event can happen. */
static inline usec_t turns_instant(const SimEvent *e) {
        return (e->at + TICK - 1) / TICK * TICK;
}

/* Takes an event out of its slot in the queue. */
SimEvent turns_take(World *w, size_t slot);
/* In the next event PID 1 hangs for so long between the Assert and the fork; 0: it does not. */
void turns_stall_fork(usec_t span);
/* Processes take their longest to die of SIGKILL, instead of their shortest. */
void turns_slow_deaths(bool slow);
/* PID 1 notices as late as can be that the guard's watchdog has run out, instead of at once. */
void turns_late_watchdog(bool late);
