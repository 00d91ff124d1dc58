/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The operator's words (WordResult in event.h), until what they ask for has begun. */

#include "core/plan.h"

/* Takes an operator's word; what it points to is copied. A word with an id ends in one ACTION_WORD_DONE. */
void word_begin(Core *c, const Event *e);
/* The same for somebody in the core, who is told in *ret how the word ends, at once or later, and must live until
 * then or withdraw the word. */
void word_begin_for(Core *c, const Event *e, WordEnd *ret);
void word_withdraw_for(Core *c, const WordEnd *for_whom);
/* A Txn was not answered. Called while it still counts as under way: no word that it may carry out is then said not to
 * be done because the registry is silent. */
void word_not_answered(Core *c);

/* Nobody waits for this word any more: it ends as WORD_WITHDRAWN, and never begins. Does nothing if it has ended. */
void word_withdraw(Core *c, uint64_t id);
/* Why this machine cannot take the unit's lease by force, beside what the plan counts as here; WHY_NONE: it can. */
Reason word_why_no_steal(Plan *p, const Unit *u);
/* Ends the words that have begun, or cannot be carried out any more. */
void word_advance(Core *c);
/* When word_advance() is due by the time alone. */
usec_t word_deadline(const Core *c);
/* Frees all words without an ACTION_WORD_DONE, at the end of the Core. */
void word_free_all(Core *c);
