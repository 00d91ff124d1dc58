/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Draining, here and elsewhere. */

#include "core/state.h"

/* The operator's word: no leases on that machine ("" or NULL: this one) from now on, or again. */
void drain_set(Core *c, const char *machine, bool on);
/* Takes what operators at other machines have written into our record; writes what ours said into others'. Our session
 * must be settled. */
void drain_advance(Core *c);
/* Takes the answer to the Txn of another machine's record. false: the id was not that Txn's. */
bool drain_answer(Core *c, uint64_t id);
/* When drain_advance() is due by the time alone. */
usec_t drain_deadline(const Core *c);
