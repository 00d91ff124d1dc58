/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Whether the registry that answers is the one that we know (identity.c). */

#include "core/state.h"

/* Judges the report of a watch. Returns false if the report is not to be believed; everything is then asked for
 * again. */
bool identity_watch(Core *c, const Answer *answer);
/* Judges an answer to a Txn or READ. known is the highest revision that we had seen when the question was asked: an
 * answer of a lower revision shows that the registry fell back. */
void identity_answer(Core *c, uint64_t known, const Answer *answer);
/* An answer shows a record at a lower revision than we have seen it: the registry fell back. */
void identity_contradicted(Core *c, const Answer *answer);
/* Takes the answer to our Txn of the meta record. */
void identity_txn(Core *c, const Answer *answer);
/* Whether an operator can accept the registry with this uuid: another one than ours, which was asked last, and
 * answered.
 */
bool identity_may_accept(const Core *c, const char *uuid);
/* An operator accepts the registry with this uuid. It is ours from here on; or, where identity_may_accept() says no,
 * nothing happens, now or later. */
void identity_accept(Core *c, const char *uuid);
/* Takes the end of the READ of everything. */
void identity_list_answer(Core *c, const Answer *answer);
/* Asks for what is not known yet of the registry, judges what is known, and writes what is missing. */
void identity_advance(Core *c);
/* When identity_advance() is due by the time alone. */
usec_t identity_deadline(const Core *c);
