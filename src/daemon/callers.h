/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Callers who wait for something, followed until they leave the bus. However much a caller waits for, there is one
 * match rule for it: a bus allows a connection only so many (dbus-daemon: 512), and closes the one that wants more.
 */

#include "daemon/internal.h"

/* One thing that a caller waits for. */
typedef struct CallerWait CallerWait;

typedef struct CallerCallbacks {
        /* The caller is there, and will be heard to leave. May be called from inside callers_follow(). NULL: nobody
         * wants to know. */
        void (*there)(void *userdata);
        /* The caller has left the bus. Not called from inside callers_follow(). */
        void (*left)(void *userdata);
} CallerCallbacks;

/* *ret is to be given to callers_unfollow(), which each callback may call; it is written before there() is called.
 * callbacks and userdata are borrowed. A negative errno. */
int callers_follow(Daemon *d, const char *sender, const CallerCallbacks *callbacks, void *userdata, CallerWait **ret);
/* Takes w, which may be NULL. Returns NULL. */
CallerWait *callers_unfollow(CallerWait *w);
