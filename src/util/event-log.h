/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What leased and its guard do, as lines of a file, for a checker of the laws (tests/laws/README.md has the words).
 * Off unless the environment variable LEASED_EVENT_LOG names a file. The guests of one machine share CLOCK_BOOTTIME,
 * so their lines can be compared:
 *
 *   TIME MACHINE PROGRAM PID WORD...        TIME: CLOCK_BOOTTIME in microseconds, MACHINE: the host name
 *
 * A line that cannot be written at once is lost, and nobody is told. A line about a gate that is closed, a stop or a
 * kill is written after these.
 */

#include "util/macros.h"
#include "util/time-util.h"

/* To be called once, at start. Opens the file that LEASED_EVENT_LOG names, and makes it if it is not there. */
void event_log_open(void);

/* Whether lines are written. What is only made for a line need not be made otherwise. */
bool event_log_is_on(void);

/* Writes one line, if lines are written. at: the time of what it speaks of, or 0 for now. */
void event_log(usec_t at, const char *format, ...) _printf_(2, 3);
