/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Messages to PID 1 as sd_notify() sends them, but without waiting. sd_notify() waits while the queue of PID 1 is
 * full, which is so when PID 1 is stuck; neither the guard's deadlines nor the daemon's next beat can wait for that.
 */

#include "util/macros.h"

/* Connects to the socket that the environment variable NOTIFY_SOCKET names; to be called once, at start. Returns the
 * descriptor, owned by the caller; -1: no socket is named, or it cannot be connected to. */
int notify_open(void);
/* Sends a text such as "READY=1". 0, also for a negative fd, of which nothing is sent; or a negative errno (-EAGAIN:
 * the queue is full). */
int notify_send(int fd, const char *text);
