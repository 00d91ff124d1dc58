/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The files in which PID 1 remembers when timers with Persistent= last elapsed (systemd.timer(5)): when PID 1 starts
 * such a timer, it takes the modification time of the timer's file for that. So before the gate of a timer is opened,
 * the file is set to when the timer elapsed last on any machine.
 *
 * A hung disk may delay that for a minute. So the files are set by a thread of its own, and the loop never waits for
 * it.
 */

#include <systemd/sd-event.h>

#include "core/core.h"

typedef struct TimerStamps TimerStamps;

/* The file of the timer is set, and that action may be carried out now; or with an error, a negative errno, the file
 * could not be set (-ETIMEDOUT: the disk has not answered yet). The action is borrowed, and has only what it needs for
 * the guard (.kind .unit .index .id). */
typedef void (*timer_stamps_set_t)(const Action *action, int error, void *userdata);

/* Starts the thread, which does nothing yet. -ENOMEM, or an error of sd-event or of the thread. */
int timer_stamps_new(sd_event *event, timer_stamps_set_t set, void *userdata, TimerStamps **ret);
/* Frees t, which may be NULL, after it has waited for the file that is being set, at most 2 s. Nobody is told of its
 * end. Returns NULL. */
TimerStamps *timer_stamps_free(TimerStamps *t);

/* Whether the file must be set before the gate is opened by that action. */
bool timer_stamps_needs(const Action *a);
/* Has the file of the unit set, which is only ever set forward, since this machine may know of a later run than the
 * lease's record; but never beyond now. Then set is called, unless the unit is asked for again or given up first.
 * -ENOMEM. */
int timer_stamps_ask(TimerStamps *t, const Action *a);
/* The unit's gate is no longer to be opened: set is not called any more for what was asked so far. */
void timer_stamps_give_up(TimerStamps *t, const char *unit);
