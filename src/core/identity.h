/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Whether this is our registry. */

#include "core/state.h"

/* Judges what a watch says. false: it is not to be believed, and everything is asked for anew. */
bool identity_watch(Core *c, const Answer *answer);
/* Judges an answer. known: the revision that we had seen when the question was asked. */
void identity_answer(Core *c, uint64_t known, const Answer *answer);
/* An answer shows a record at a lower revision than we have seen it: the registry fell back. */
void identity_contradicted(Core *c, const Answer *answer);
/* Takes the answer to our Txn of the meta record. */
void identity_txn(Core *c, const Answer *answer);
/* The operator's word: the registry with this uuid is the right one. */
void identity_accept(Core *c, const char *uuid);
/* Asks for what is not known yet, judges what is, writes what is missing. */
void identity_advance(Core *c);
/* When identity_advance() is due by the time alone. */
usec_t identity_deadline(const Core *c);
