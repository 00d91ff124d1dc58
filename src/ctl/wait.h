/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/*
 * Waits for the outcome of what leased has begun (ctl/ask.h). Progress is shown on stderr meanwhile (ctl/progress.h).
 *
 * The caller has called bus_watch_leased() before. Functions print what is wrong and return an exit code, unless their
 * comment says otherwise. No wait has a time limit.
 */

/* Says whether the outcome is reached: returns 1, or 0 to go on waiting. The argument props holds the properties of
 * org.leased1.Unit. */
typedef int (*wait_test_t)(const json_t *props, void *userdata);

/* With --no-wait, says what has begun: "foo.service: beta has begun: release". The argument host is "" for this
 * machine. */
void wait_say_begun(const Ctl *ctl, const char *unit, const char *host, const char *verb);

/* Waits until test() returns 1 for the properties of the unit, or until leased no longer knows the unit, which
 * counts as success, too. */
int wait_for(Ctl *ctl, const char *unit, wait_test_t test, void *userdata);

/* Asks who holds the unit's lease, and prints it: "foo.service: released: beta has it (Index 5), and starts
 * it", or "foo.service: released, nobody holds it yet". The argument done is the word that says what was done
 * ("released"). */
int wait_print_holder(Ctl *ctl, const char *unit, const char *done);

/* Prints the same line from what has been read already. The argument props holds the properties of
 * org.leased1.Unit, and is NULL if leased has forgotten the unit. The argument host is the name of the holder, "" if
 * it is not known. */
void wait_say_holder(const char *unit, const char *done, const json_t *props, const char *host);

/* Prints the line for a holder that is known. The argument state is that of the unit here, "" if it is not known: of a
 * unit that another machine has, "elsewhere". */
void wait_say_has(const char *unit, const char *done, const char *host, json_int_t index, const char *state);
