/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Calls of the D-Bus API: a scheduler's own leases. */

#include "core/state.h"

/* Begins a call of the D-Bus API; what it points to is copied. The call ends in one ACTION_CALL_DONE with this id,
 * maybe in this very step. */
void call_begin(Core *c, uint64_t id, const Call *call);
/* Takes the answer to a call's Txn. Returns false if the id belongs to no call. */
bool call_answer(Core *c, uint64_t id, const Answer *answer);
/* Sends what is due, and ends what is late. */
void call_advance(Core *c);
/* When call_advance() is due by the time alone. */
usec_t call_deadline(const Core *c);
/* Nobody waits for this call any more: its Txn is not sent again, and the call ends as CALL_UNKNOWN. A Txn that is
 * under way may still be carried out. */
void call_withdraw(Core *c, uint64_t id);
/* Ends all calls with an unknown outcome, because a request to one registry must not be repeated at another. */
void call_end_all(Core *c);
/* Frees all calls without an ACTION_CALL_DONE, at the end of the Core. */
void call_free_all(Core *c);
