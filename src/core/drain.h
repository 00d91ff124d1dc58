/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Draining, here and elsewhere. */

#include "core/state.h"

/* An operator wants that machine ("" or NULL: this one) to take no leases from now on (on), or to take them again.
 * brief: only until that machine boots. by says who, for the history; NULL: not known. Does nothing for a machine that
 * is not known. */
void drain_set(Core *c, const char *machine, bool on, bool brief, const char *by);
/* What was remembered before this daemon: whether this machine drains, and during which boot only; or that it was
 * undrained, which its record may not show yet. */
void drain_remember(Core *c, bool on, const char *boot, bool undrained);
/* Reads in our record what operators on other machines have written, and writes what our operators said into the
 * records of other machines. Our session must be settled. */
void drain_advance(Core *c);
/* Takes the answer to the Txn of another machine's record. Returns false if the id is not that Txn's. */
bool drain_answer(Core *c, uint64_t id);
/* When drain_advance() is due by the time alone. */
usec_t drain_deadline(const Core *c);
