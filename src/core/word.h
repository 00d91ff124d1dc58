/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The operator's words, until they have begun. */

#include "core/state.h"

/* Takes an operator's word. The word ends in one ACTION_WORD_DONE if anybody waits for it. */
void word_begin(Core *c, const Event *e);
/* Nobody waits for that word any more: if it has not begun, it never will. */
void word_withdraw(Core *c, uint64_t id);
/* Ends the words that have begun, or cannot be carried out any more. */
void word_advance(Core *c);
/* When word_advance() is due by the time alone. */
usec_t word_deadline(const Core *c);
/* Frees all words, without an answer; the Core's end. */
void word_free_all(Core *c);
