/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What our operators ask of other machines; and all requests of this machine and to it. */

#include "core/state.h"

/* Takes an EVENT_REQUEST; what it points to is copied. It ends in one ACTION_WORD_DONE. */
void request_begin(Core *c, const Event *e);
/* The request with this id is to end without having begun. If it can, it ends in WORD_WITHDRAWN; if the other machine
 * was faster, as without this call. Does nothing if there is none. */
void request_withdraw(Core *c, uint64_t id);
/* Asks for what is due of the requests of this machine and to it. */
void request_advance(Core *c);
/* Takes the answer to a Txn of a request. Returns false if the id is not that of such a Txn. */
bool request_answer(Core *c, uint64_t id, const Answer *answer);
/* When request_advance() is due by the time alone. */
usec_t request_deadline(const Core *c);
/* Frees what is not in the registry yet, at the end of the Core. */
void request_free_all(Core *c);
