/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What operators at other machines ask of this one. */

#include "core/plan.h"
#include "core/state.h"

/* Asks for what is due of a request that is addressed to us and of which no Txn is under way: takes it, has it carried
 * out as a word, answers it, or deletes it. Our session must beat. Returns whether a Txn is under way now. May free
 * the request. */
bool errand_advance(Core *c, Request *r);
/* Why the unit, which is held here, cannot be handed to that machine; WHY_NONE: it can. A unit that was handed to a
 * machine on which it must not run would leave that machine again. */
Reason errand_why_no_transfer(Core *c, const Unit *u, const char *id);
/* Why the machine, which beats, could not take the unit if it were handed to it; WHY_NONE: it could. The name in the
 * reason is borrowed until the step ends. */
Reason errand_why_not_handed(Plan *p, const Unit *u, const Machine *m);
/* Asks for the deletion of the request's record, as it was seen. One that was not seen must be absent. */
void errand_drop(Core *c, Request *r);
/* Asks for the request's record to be written anew, with this stage and reason, unless it has changed since it was
 * seen. */
void errand_answer(Core *c, Request *r, RequestStage stage, Reason why);
/* The event for the word by which the verb is carried out. */
EventKind errand_word(RequestVerb verb);
/* When errand_advance() is due by the time alone. */
usec_t errand_deadline(const Core *c, const Request *r);
