/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* An operator confirms that a machine is off: its sessions are over at once, and nobody waits for their TTL (law 12).
 */

#include "core/state.h"

typedef enum Confirmation {
        CONFIRM_DONE,  /* no session of the machine is left that is not over */
        CONFIRM_DUE,   /* some are silent, and not over yet */
        CONFIRM_BEATS, /* one was heard a moment ago, and no other one is silent */
} Confirmation;

/* Gives what there is to be confirmed of the machine now. */
Confirmation confirm_look(const Core *c, const Machine *m);
/* Has the sessions of the machine that are silent now be marked as over, until they are or confirm_end() is called.
 * The records say who asked for it ("": nobody did). */
void confirm_begin(Core *c, const Machine *m, const char *by);
/* The same for one session, if its beat is still the one that was put at this revision. */
void confirm_session(Core *c, Session *s, const Machine *m, uint64_t beat, const char *by);
/* Nobody asks for that any more. A Txn that is under way may still be carried out. */
void confirm_end(Core *c, const Machine *m);
/* Gives what has become of it: CONFIRM_BEATS if one of these sessions has beaten since. */
Confirmation confirm_outcome(const Core *c, const Machine *m);
/* Whether a Txn of this file is under way. */
bool confirm_is_under_way(const Core *c);
/* Sends the Txn, if it is due. */
void confirm_advance(Core *c);
/* Takes the answer of the Txn with this id. Returns false if the Txn is not one of this file's. */
bool confirm_answer(Core *c, uint64_t id, const Answer *answer);
/* When confirm_advance() is due by the time alone. */
usec_t confirm_deadline(const Core *c);
