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

/* Follows the sender of m: there() is called once, when the bus has said that he is still there (NULL: it does not
 * matter; a password may have been typed meanwhile); when he leaves the bus, the word or the call with that id is
 * withdrawn. NULL: out of memory, or the bus is away. Owned by the caller. */
Asker *asker_new(Daemon *d, sd_bus_message *m, uint64_t id, void (*there)(void *userdata), void *userdata);
Asker *asker_free(Asker *asker);

/* Gives the core the word, which is answered by words_done(). For a verb_t to return. */
int words_begin(Daemon *d, sd_bus_message *m, const Event *word);

/* Sends the reply for what has become of a call, or sets error, or returns a negative errno. */
typedef int (*words_reply_t)(Daemon *d, sd_bus_message *m, CallKind kind, const Action *a, sd_bus_error *error);
/* Gives the core a scheduler's call (calls.h), at once. */
int words_begin_call(Daemon *d, sd_bus_message *m, const Call *call, words_reply_t reply);

/* Nobody waits for the word or the call of that id any more: what has not begun will not. */
void words_withdraw(Daemon *d, uint64_t id);
/* ACTION_WORD_DONE and ACTION_CALL_DONE. */
void words_done(Daemon *d, const Action *action);
/* The connection is lost: nobody waits any more. */
void words_cancel(Daemon *d);
