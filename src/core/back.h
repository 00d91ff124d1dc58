/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Standing back: for a while this machine does not take a unit. */

#include "core/state.h"

/* It has failed for good: stands back, twice as long each time. Says so. */
void back_after_failure(Core *c, Unit *u);
/* It was let go for u->life.leave: stands back, where that is a reason to. */
void back_after(Core *c, Unit *u);
/* It has run well for a while: the next failure counts as the first. */
void back_forget_failures(Unit *u);
/* An operator wants it here: this machine does not stand back any more. */
void back_no_more(Unit *u);
/* What it asks for, or what the machine has, may be another thing now: that it did not fit is no reason any more. */
void back_look_anew(Core *c, Unit *u);
