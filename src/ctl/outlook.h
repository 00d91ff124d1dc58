/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/*
 * The outlook of a unit: what leased makes of that which it was just asked for, in a few words for people ("it starts
 * here now", "it is held by beta, and this machine stands by"). leased decides within moments, when PID 1 and the
 * registry have answered.
 */

enum {
        OUTLOOK_SIZE = 512,
};

/* Until when outlook_read() should wait for leased's decision; with --no-wait, now. now: CLOCK_BOOTTIME. */
usec_t outlook_deadline(const Ctl *ctl, usec_t now);
/* Waits until leased knows what becomes of the unit, or for the deadline, and writes that into text; "" if leased does
 * not know the unit. before: the unit was enabled already. bus_watch_leased() must have been called. */
void outlook_read(Ctl *ctl, const char *unit, bool before, usec_t deadline, char text[static OUTLOOK_SIZE]);

/* Prints a note if the unit runs here and disable is about to stop it. state: of org.leased1.Unit; "": not known. */
void outlook_note_stop(const char *unit, const char *state, bool leased);
