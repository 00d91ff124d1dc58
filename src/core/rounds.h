/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The rounds of our session: beats, fence, a new session and the end of one. */

#include "core/state.h"

/* Begins a session: the one to adopt, or a new one. */
void rounds_begin(Core *c);
/* Our session is over: everything that it held is lost. */
void rounds_end(Core *c);
/* Whether a refused beat shows an older beat of ours than we have seen: then the registry fell back, and has grown
 * since. */
bool rounds_show_the_past(const Core *c, uint64_t id, const Answer *answer);
/* Whether that id is of a Txn or a READ of our session. */
bool rounds_own(const Core *c, uint64_t id);
/* Takes the answer to a Txn or a READ of which rounds_own() is true. */
void rounds_answer(Core *c, uint64_t id, const Answer *answer);
/* Sends what is due. */
void rounds_advance(Core *c);
/* When rounds_advance() is due by the time alone. */
usec_t rounds_deadline(const Core *c);
