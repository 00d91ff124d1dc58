/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* How this machine hears of the beats of other machines. */

#include "core/state.h"

/* Asks for what is due: the READ of a round, a READ of single beats that are in doubt, or a new watch that tells of
 * other sessions' beats. Does nothing unless our session beats. */
void beats_advance(Core *c);
/* When beats_advance() is due by the time alone (CLOCK_BOOTTIME); USEC_INFINITY: on an event or with our round. */
usec_t beats_deadline(const Core *c);
/* Takes the answer to one of these READs. The records in it must have been taken into the mirror before (intake.h).
 * Returns false if the id is that of another request. */
bool beats_answer(Core *c, uint64_t id, const Answer *answer);
