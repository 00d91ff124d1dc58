/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How a guard hands over to the program that is installed now, after an upgrade, without a stop of any unit: it hands
 * on its entries (entries.h) and the socket on which it listens, and executes that program in its own place. So for
 * PID 1 the guard's process is the same, and the units that are bound to it stay up.
 *
 * First a child executes the program with --check, which must read the entries. Then the guard waits for a moment in
 * which nothing is under way for any entry and no deadline is near. If there is none in time, or anything is wrong,
 * the guard goes on as it is. docs/safety.md says why this is safe.
 */

#include "guard/guard-internal.h"

/* Begins a hand-over, unless the guard ends or a hand-over is under way. Failures are logged. */
void hand_over_begin(Guard *g);
/* To be called at the end of each turn: hands over if the moment has come, and then does not return. */
void hand_over_settle(Guard *g, usec_t now);
/* Frees what a hand-over owns. */
void hand_over_done(HandOver *h);

/* Makes the entries that a guard has handed on: text of any size. Gives the socket that goes with them. Returns the
 * number of entries, -EBADMSG or -ENOMEM; after these the guard is of no use. */
int hand_over_take(Guard *g, const char *text, size_t size, ClientSocket *ret);
/* The guard that took over has had its first turn, in which it has set its own alarm: ends that of the hand-over. */
void hand_over_end(void);
