/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/*
 * What follows for a unit from what has just been asked of leased, in a few words for people: "it starts here now",
 * "it is held by beta, and this machine stands by". leased decides that within moments, when PID 1 and the registry
 * have answered.
 */

enum {
        OUTLOOK_SIZE = 512,
};

/* When the waiting for leased's decision ends. now: CLOCK_BOOTTIME. */
usec_t outlook_deadline(const Ctl *ctl, usec_t now);
/* Waits until leased knows what becomes of the unit, or the deadline. "": it says nothing of it. before: it was
 * enabled already. bus_watch_leased() must have been called. */
void outlook_read(Ctl *ctl, const char *unit, bool before, usec_t deadline, char text[static OUTLOOK_SIZE]);

/* A note that a unit which runs here is about to be stopped by disable. Silent where leased cannot tell. */
void outlook_note_stop(Ctl *ctl, const char *unit);
