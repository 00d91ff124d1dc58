/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Calls of the D-Bus API: a scheduler's own leases. */

#include "core/state.h"

/* Begins a call of the D-Bus API. The call ends in one ACTION_CALL_DONE with that id, maybe in this very step. */
void call_begin(Core *c, uint64_t id, const Call *call);
/* Takes the answer to a call's Txn. Returns false if the id belongs to no call. */
bool call_answer(Core *c, uint64_t id, const Answer *answer);
/* Sends what is due, and ends what is late. */
void call_advance(Core *c);
/* When call_advance() is due by the time alone. */
usec_t call_deadline(const Core *c);
/* Nobody waits for that call any more. */
void call_withdraw(Core *c, uint64_t id);
/* Ends all calls with an unknown outcome, because a request to one registry must not be repeated at another. */
void call_end_all(Core *c);
/* Frees all calls, without a word; the Core's end. */
void call_free_all(Core *c);
