/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Who waits for an answer, and whether he is still there.
 *
 * The operator's words (release, transfer, steal, rearm, drain of another machine) are answered when they have begun,
 * or cannot be (core/word.c). Whoever leaves the bus before that takes his word with him, be it that he was
 * interrupted or killed: nothing acts later than somebody waits for it.
 */

#include "daemon/internal.h"
#include "daemon/run-unit.h"

/* Gives the core the word, which is answered by words_done(). For a verb_t to return. */
int words_begin(Daemon *d, sd_bus_message *m, const Event *word);

/* Sends the reply for what has become of a call, or sets error, or returns a negative errno. */
typedef int (*words_reply_t)(Daemon *d, sd_bus_message *m, CallKind kind, const Action *a, sd_bus_error *error);
/* Gives the core a scheduler's call (calls.h), at once. */
int words_begin_call(Daemon *d, sd_bus_message *m, const Call *call, words_reply_t reply);
/* The same for a command of "leasectl run", which begins when its lease can be had (or, without wait, at once or not
 * at all). Takes run. */
int words_begin_run(Daemon *d, sd_bus_message *m, const char *unit, RunUnit *run, bool wait);

/* ACTION_WORD_DONE and ACTION_CALL_DONE. */
void words_done(Daemon *d, const Action *action);
/* The connection is lost: nobody waits any more. */
void words_cancel(Daemon *d);
