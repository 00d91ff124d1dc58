/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* When which revision of the registry reached us, for the dates of beats. */

#include "core/state.h"

/* An answer of this revision reaches us now. 0: it has none, and says nothing. */
void sample_note(Core *c, uint64_t revision);

/* When the first answer reached us whose revision was that of the record or above: no earlier than the record was
 * written, and no later than now. */
usec_t sample_date(const Core *c, uint64_t revision);
