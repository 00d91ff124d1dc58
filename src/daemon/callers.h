/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Callers who wait for something, followed until they leave the bus. However many things one caller waits for, the
 * daemon has one match rule for him. For a bus allows a connection only so many rules (dbus-daemon: 512), and closes a
 * connection that asks for more.
 */

#include "daemon/internal.h"

/* One thing that a caller waits for. */
typedef struct CallerWait CallerWait;

typedef struct CallerCallbacks {
        /* The caller is on the bus, and this daemon will hear if he leaves. May be called from inside
         * callers_follow(). NULL: nobody wants to know. */
        void (*there)(void *userdata);
        /* The caller has left the bus. Not called from inside callers_follow(). */
        void (*left)(void *userdata);
} CallerCallbacks;

/* Begins to follow the caller whose unique name on the bus is sender. *ret is written before there() is called; give
 * it to callers_unfollow() at last, also from inside a callback. callbacks and userdata are borrowed until then. A
 * negative errno: nothing is followed. */
int callers_follow(Daemon *d, const char *sender, const CallerCallbacks *callbacks, void *userdata, CallerWait **ret);
/* Ends the wait, so that no callback of it is called any more, and frees w, which may be NULL. Returns NULL. */
CallerWait *callers_unfollow(CallerWait *w);
/* The connection to the bus is lost: forgets the callers who wait for nothing any more, of whom a few are followed
 * until they leave. All waits must have ended. */
void callers_forget(Daemon *d);
