/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/*
 * The outlook of a unit: what leased is going to do with a unit that was just enabled, in a few words for people ("it
 * starts here now", "it is held by beta, and this machine stands by"). leased decides this within moments, as soon as
 * PID 1 and the registry have answered.
 */

enum {
        OUTLOOK_SIZE = 512,
};

/* Gives the time until which outlook_read() should wait for the decision of leased: with --no-wait that is now.
 * Times are of CLOCK_BOOTTIME, in microseconds. */
usec_t outlook_deadline(const Ctl *ctl, usec_t now);
/* Waits until leased has decided what becomes of the unit, or until the deadline, and writes the outlook into text.
 * Writes "" if leased does not know the unit, or if the unit is global. The argument before says that the unit was
 * enabled before this command. The caller has called bus_watch_leased() before. */
void outlook_read(Ctl *ctl, const char *unit, bool before, usec_t deadline, char text[static OUTLOOK_SIZE]);
