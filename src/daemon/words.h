/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Callers who wait for an answer, and whether they are still there.
 *
 * An operator's words (release, transfer, steal, rearm, drain of another machine) are answered when they have begun,
 * or cannot begin (core/word.c). A caller who leaves the bus before that, because he was interrupted or killed, takes
 * his word back with that: nothing begins for which nobody waits any more. A scheduler's calls (calls.h) and the
 * commands of "leasectl run" (runs.h) are answered here as well.
 */

#include "daemon/internal.h"
#include "daemon/run-unit.h"

/* Gives the core the word, as soon as the caller is known to be on the bus; words_done() replies. Keeps m, and copies
 * word with its unit and machine_id. For a verb_t to return: 1, or a negative errno. */
int words_begin(Daemon *d, sd_bus_message *m, const Event *word);

/* Sends the reply that says what has become of a call, and returns 0 or more; or sets error, or returns a negative
 * errno, with which words_done() then replies. */
typedef int (*words_reply_t)(Daemon *d, sd_bus_message *m, CallKind kind, const Action *a, sd_bus_error *error);
/* Gives the core a scheduler's call (calls.h), without waiting for anything; reply() is called when the core has
 * answered. Returns as words_begin(). */
int words_begin_call(Daemon *d, sd_bus_message *m, const Call *call, words_reply_t reply);
/* Gives the core a command of "leasectl run", once the caller is known to be on the bus. With wait, the command begins
 * when its lease can be had; without, at once or not at all. Takes run, also where it fails. Returns as words_begin().
 */
int words_begin_run(Daemon *d, sd_bus_message *m, const char *unit, RunUnit *run, bool wait);

/* ACTION_WORD_DONE and ACTION_CALL_DONE: sends the reply. */
void words_done(Daemon *d, const Action *action);
/* Takes back the words that the caller with this unique name has asked for and that have not begun. Each is answered:
 * by the error Withdrawn, or if it was too late, as without this call. */
void words_withdraw(Daemon *d, const char *sender);
/* Drops all words and calls, and tells the core so: the connection is lost, so nobody waits any more. */
void words_cancel(Daemon *d);
