/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The loop around the core: an event goes in, the actions that the core answers with are carried out in order.
 *
 * An event that arises while actions are being carried out waits until all of them are: the core is never called from
 * within itself. The deadline that the core names is a timer here, before all I/O: after a suspend it must run before
 * stale data from a socket is believed.
 */

#include <systemd/sd-event.h>

#include "core/core.h"

typedef struct Loop Loop;

/* Carries out one action. now: both clocks before the step that asked for it. May call loop_event(). */
typedef void (*loop_perform_t)(const Action *action, Now now, void *userdata);

/* core must outlive the loop. The first deadline is at once. -ENOMEM, or an error of sd-event. */
int loop_new(sd_event *event, Core *core, loop_perform_t perform, void *userdata, Loop **ret);
/* Events that wait are dropped. */
Loop *loop_free(Loop *l);

/* Hands an event to the core and carries out what the core answers. While a step is under way the event is copied, and
 * its turn comes afterwards. */
void loop_event(Loop *l, const Event *event);
/* The same as an event_sink_t: userdata is the loop. */
void loop_deliver(const Event *event, void *userdata);

/* Runs until sd_event_exit(), and takes the time of each turn. The exit code, or a negative errno. */
int loop_run(Loop *l);
/* How long the longest turn of loop_run() has taken: for so long nothing else was done, not even a beat sent. */
usec_t loop_longest_turn(const Loop *l);

/* Both clocks, read now. */
Now loop_now(void);
