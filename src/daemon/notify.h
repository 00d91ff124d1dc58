/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What PID 1 is told through its notification socket: READY=1, STATUS=, WATCHDOG=1, EXTEND_TIMEOUT_USEC=.
 *
 * sd_notify() is not used, nor sd_event_set_watchdog(), which calls it: both block while PID 1 does not read, and a
 * PID 1 that is busy for some seconds (a slow generator is enough) must not delay the next beat. A text that does not
 * fit into the socket is sent a little later, in order. A status that a newer one has overtaken is not sent, nor an
 * old WATCHDOG=1.
 */

#include <systemd/sd-event.h>

#include "util/macros.h"

typedef struct Notifier Notifier;

/* Where there is no $NOTIFY_SOCKET, nothing is ever sent. If PID 1 wants WATCHDOG=1, it is sent from now on from the
 * event loop: it shows that the loop turns. -ENOMEM, or an error of sd-event. */
int notifier_new(sd_event *event, Notifier **ret);
/* Drops what could not be sent yet. */
Notifier *notifier_free(Notifier *n);

/* Sends one or more assignments, a line each: "READY=1", "STOPPING=1". */
void notify_state(Notifier *n, const char *text);
/* Sends STATUS=, as one line that can be shown (util/text.h). */
void notify_status(Notifier *n, const char *text);
