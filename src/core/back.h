/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Standing back: for a while this machine does not take a unit. Its offer says so to the other machines. */

#include "core/state.h"

/* The unit has failed for good: this machine stands back, twice as long after each failure in a row. Reports this. */
void back_after_failure(Core *c, Unit *u);
/* The unit was let go for the reason u->life.leave: this machine stands back if the reason calls for that. */
void back_after(Core *c, Unit *u);
/* The unit has run well for a while: its next failure counts as the first. */
void back_forget_failures(Unit *u);
/* An operator wants the unit here: this machine does not stand back any more. */
void back_no_more(Core *c, Unit *u);
/* The unit's wishes or the machine's metadata may have changed: this machine does not stand back any more because
 * the unit did not fit. */
void back_look_anew(Core *c, Unit *u);
