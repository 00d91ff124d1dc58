/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The guard as a whole. */

#include "core/state.h"

/* Takes an event of the guard: that it came, went, or said something of a unit. */
void guard_side_event(Core *c, const Event *e);
/* Looks whether the guard has been away for too long. */
void guard_side_advance(Core *c);
/* When guard_side_advance() is due by the time alone. */
usec_t guard_side_deadline(const Core *c);
/* Tells the guard of a beat that was committed in this step. To be called when every unit that is lost has been
 * declared so: what was found lost is never covered by a later beat (law 4). */
void guard_side_tell(Core *c);
