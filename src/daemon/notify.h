/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What PID 1 is told through its notification socket: READY=1, STATUS=, WATCHDOG=1, more time.
 *
 * Not by sd_notify(), nor by sd_event_set_watchdog(), which uses it: both block while PID 1 does not read, and a PID 1
 * that is busy for some seconds (a slow generator is enough) must not keep us from the next beat. What does not fit
 * into the socket now is sent a little later, in order; a status that a newer one has overtaken, and an old sign of
 * life, are not.
 */

#include <systemd/sd-event.h>

#include "util/macros.h"

typedef struct Notifier Notifier;

/* Nothing is sent where there is no $NOTIFY_SOCKET. Sends the watchdog's signs of life by itself from now on, if PID 1
 * asks for them, from the event loop: they show that it turns. */
int notifier_new(sd_event *event, Notifier **ret);
/* What could not be sent yet is dropped. */
Notifier *notifier_free(Notifier *n);

/* "READY=1", "STOPPING=1", …: one or more lines. */
void notify_state(Notifier *n, const char *text);
/* STATUS=: as one line that can be shown (util/text.h). */
void notify_status(Notifier *n, const char *text);
