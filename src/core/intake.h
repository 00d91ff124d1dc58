/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What answers and the watch show is taken into the mirror. */

#include "core/state.h"

/* The first part of this list is about to be taken. If the rest of another one is missing, all lists are asked for. */
void intake_begin_list(Core *c, uint32_t list);
/* Asks for all lists again. */
void intake_ask_anew(Core *c);
/* Takes all records of an answer, and with its last part the absence of the records that its complete lists do not
 * name. A part must be of the list that has begun last. Returns false if a record in it is older than we have seen it.
 */
bool intake_take(Core *c, const Answer *answer);
/* Takes the record that a Txn of ours has just written, at its revision. value is of the kind's type; NULL if the
 * record was deleted. */
void intake_apply(Core *c, RecordKind kind, const char *name, const void *value, uint64_t revision);
