/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The beats of other machines: how this one hears of them. */

#include "core/state.h"

/* Asks for what is due: the READ of a round, single beats that are in doubt, another choice of what the watch tells.
 */
void beats_advance(Core *c);
/* When beats_advance() has something to do by the time alone. */
usec_t beats_deadline(const Core *c);
/* The answer to one of these READs, which was taken in before; false: it is to something else. */
bool beats_answer(Core *c, uint64_t id, const Answer *answer);
