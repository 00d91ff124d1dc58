/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How a guard hands over to the program that is installed now, after an upgrade, without a stop of any unit: it hands
 * on its entries (entries.h) and the socket on which it listens, and executes that program in its own place. So for
 * PID 1 the guard's process is the same, and the units that are bound to it stay up.
 *
 * First a child executes the program with --check, which must read the entries. Then the guard waits for a moment in
 * which nothing is under way for any entry and no deadline is near. A program that was replaced by then is checked
 * first. If there is no such moment in time, or anything is wrong,
 * the guard goes on as it is. docs/laws.md says why this is safe.
 */

#include "guard/guard-internal.h"

/* Begins a hand-over, unless the guard ends or a hand-over is under way. Failures are logged. */
void hand_over_begin(Guard *g);
/* To be called at the end of each turn, at now (CLOCK_BOOTTIME). Hands over if the moment has come, and then does not
 * return. If the exec fails or the time is up, gives the hand-over up and logs this. */
void hand_over_settle(Guard *g, usec_t now);
/* Kills the child that checks the program, if there is one, and frees what the hand-over owns. */
void hand_over_done(HandOver *h);

/* Makes the entries that a guard has handed on as a text of size bytes, and logs this. Gives the identity of the
 * socket that was handed on with them. Returns the number of entries. -EBADMSG: the text is wrong; -ENOMEM: no memory,
 * or a unit comes twice. After an error the guard may have some of the entries, and must not go on. */
int hand_over_take(Guard *g, const char *text, size_t size, ClientSocket *ret);
/* Switches off the timer that stood for the alarm during the exec. To be called when the guard that took over has had
 * its first turn, in which it has set its own alarm. */
void hand_over_end(void);
