/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Forgetting: an operator has the records deleted of a machine that will not come back, or of a lease that nobody
 * wants; or an Index put back that cannot grow any more. */

#include "core/state.h"

/* Begins to forget what the call names (CALL_FORGET_MACHINE, CALL_FORGET_LEASE, CALL_LOWER_INDEX). Ends in one
 * ACTION_CALL_DONE with this id, maybe in this very step. */
void forget_begin(Core *c, uint64_t id, const Call *call);
/* Takes the answer to a Txn of these. Returns false if the id is no such Txn's. */
bool forget_answer(Core *c, uint64_t id);
/* Sends what is due, and ends what is done, refused or late; ends all with an unknown outcome if this is not the
 * registry any more, because a request to one registry must not be repeated at another. */
void forget_advance(Core *c);
/* When forget_advance() is due by the time alone. */
usec_t forget_deadline(const Core *c);
/* Nobody waits for this any more: nothing more is sent. A Txn that is under way may still be carried out. */
void forget_withdraw(Core *c, uint64_t id);
/* Frees all of these without an ACTION_CALL_DONE, at the end of the Core. */
void forget_free_all(Core *c);
