/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What answers and the watch show is taken into the mirror. */

#include "core/state.h"

/* Takes all records of an answer, and the absence of what its whole lists do not name. false: it shows a record older
 * than it was seen already. */
bool intake_take(Core *c, const Answer *answer);
/* Takes what a Txn of ours has just written, at its revision. value is of the kind's type; NULL: deleted. */
void intake_apply(Core *c, RecordKind kind, const char *name, const void *value, uint64_t revision);
