/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What PID 1 is told through its notification socket: READY=1, STOPPING=1, STATUS=, WATCHDOG=1, EXTEND_TIMEOUT_USEC=.
 *
 * sd_notify() blocks while PID 1 does not read, and sd_event_set_watchdog() calls it. Neither is used: a PID 1 that is
 * busy for some seconds, as with a slow generator, must not delay the next beat. A text that does not fit into the
 * socket is sent a little later; assignments stay in order. Of several statuses that wait only the newest is sent, and
 * of several WATCHDOG=1 one.
 */

#include <systemd/sd-event.h>

#include "util/macros.h"

typedef struct Notifier Notifier;

/* Makes a notifier. Without $NOTIFY_SOCKET it never sends anything. If PID 1 wants WATCHDOG=1, it is sent from now on,
 * from the event loop: so it shows that the loop turns. -ENOMEM, or an error of sd-event. */
int notifier_new(sd_event *event, Notifier **ret);
/* Frees n, which may be NULL, and drops what could not be sent yet. Returns NULL. */
Notifier *notifier_free(Notifier *n);

/* Sends one or more assignments, a line each: "READY=1", "STOPPING=1". Copies text. */
void notify_state(Notifier *n, const char *text);
/* Sends text as STATUS=, made into one line that can be shown (util/text.h). Copies text. */
void notify_status(Notifier *n, const char *text);
