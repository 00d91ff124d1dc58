/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The loop around the core: an event goes in, and the actions with which the core answers are carried out in order.
 *
 * The core is never called from within itself: an event that arises while actions are being carried out waits until
 * all of them are. The core's next deadline is a timer of this loop, which goes before all I/O. So after a suspend of
 * the machine the core learns the time before it believes stale data from a socket.
 */

#include <systemd/sd-event.h>

#include "core/core.h"

typedef struct Loop Loop;

/* Carries out one action, which is borrowed. now: both clocks, read before the step of the core that asked for the
 * action. May call loop_event(). */
typedef void (*loop_perform_t)(const Action *action, Now now, void *userdata);

/* core must outlive the loop; userdata is perform()'s, and borrowed. The first deadline is due at once. -ENOMEM, or an
 * error of sd-event. */
int loop_new(sd_event *event, Core *core, loop_perform_t perform, void *userdata, Loop **ret);
/* Frees l, which may be NULL, and drops events that wait. Must not be called from inside a step. Returns NULL. */
Loop *loop_free(Loop *l);

/* Hands an event, which is borrowed, to the core, and carries out the actions that the core answers with. While a step
 * is under way, the event is copied instead, and its turn comes after the step. Then it must have no records in its
 * answer. */
void loop_event(Loop *l, const Event *event);
/* loop_event() as an event_sink_t (sink.h): userdata is the loop. */
void loop_deliver(const Event *event, void *userdata);

/* Runs until sd_event_exit() is called, and measures each turn. Returns the exit code, or a negative errno. */
int loop_run(Loop *l);
/* How long the longest turn of loop_run() has taken (us). For so long nothing else was done: not even a beat was sent.
 */
usec_t loop_longest_turn(const Loop *l);
/* The most processor time that a turn of loop_run() has taken (us): a turn may also be long because others have the
 * processors. */
usec_t loop_longest_work(const Loop *l);

/* Both clocks, read now. */
Now loop_now(void);
