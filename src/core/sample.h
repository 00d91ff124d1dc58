/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* At what time which revision of the registry reached us. This dates the beats of other machines (law 2). */

#include "core/state.h"

/* Notes that an answer of this revision reaches us now. 0: the answer bears no revision, and is not noted. */
void sample_note(Core *c, uint64_t revision);

/* Gives the date of a record that was put at this revision: when the first noted answer of this revision or above
 * reached us (CLOCK_BOOTTIME). The date is never earlier than the put, and never later than now. If no such answer is
 * remembered, the date is now. */
usec_t sample_date(const Core *c, uint64_t revision);
