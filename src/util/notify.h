/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Messages to PID 1 as sd_notify() sends them, but without waiting. sd_notify() waits while the queue of PID 1 is
 * full, as it is when PID 1 is stuck; neither the guard nor the next beat of the daemon can wait for that.
 */

#include "util/macros.h"

/* Connects to $NOTIFY_SOCKET; to be called once, at start. Returns the descriptor, owned by the caller; -1: nobody
 * wants to hear, or cannot be reached. */
int notify_open(void);
/* Sends "READY=1" and the like. 0 also for a negative fd; or a negative errno (-EAGAIN: the queue is full). */
int notify_send(int fd, const char *text);
