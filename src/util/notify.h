/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Messages to PID 1 as sd_notify() sends them, but never waiting: sd_notify() blocks while PID 1's queue is full,
 * which it is when PID 1 is stuck: no time to stand still, neither for the guard nor for the daemon's next beat.
 */

#include "util/macros.h"

/* Where $NOTIFY_SOCKET points, looked at once at start. -1 if nobody wants to hear. */
int notify_open(void);
/* 0, or a negative errno (-EAGAIN: the queue is full). A negative fd is fine. */
int notify_send(int fd, const char *text);
