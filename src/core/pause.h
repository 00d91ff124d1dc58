/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The pause: while its record is there, nobody takes a lease, and holders keep theirs without beats (law 13). */

#include "core/txn.h"

/* Whether the record is there, be it damaged: nobody takes a lease. */
bool pause_is_seen(const Core *c);
/* Whether the record says that holders may keep their leases without beats. */
bool pause_is_on(const Core *c);
/* Whether the pause ends only when each session that holds leases has beaten, or is confirmed dead: the registry fell
 * back during it. Otherwise it ends a TTL after the resume at the latest. */
bool pause_waits_for_all(const Core *c);
/* Has the Txn, which takes a lease or hands one on, compare that there is no pause. */
void pause_compare(TxnBuilder *b);
/* Has the Txn compare that the pause is the one that was read. */
void pause_compare_read(TxnBuilder *b);
/* Whether each session that beats and holds leases keeps them. */
bool pause_is_read(const Core *c);
/* Gives the host name of a machine that beats with a version of leased which knows no pause; NULL: there is none. */
const char *pause_find_stranger(const Core *c);

/* An operator asks for a pause, or for its end; by: who, for people. pause_not_asked(): nobody asks any more. */
void pause_ask(Core *c, bool on, const char *by);
void pause_not_asked(Core *c);
/* Whether a Txn of this file is under way. */
bool pause_is_under_way(const Core *c);
/* The registry is not what it was: what is remembered of a pause must be written into it again. */
void pause_lose(Core *c);

/* Sends what is due. */
void pause_advance(Core *c);
/* Takes the answer to a Txn of this file. Returns false if it is none. */
bool pause_answer(Core *c, uint64_t id, const Answer *answer);
usec_t pause_deadline(const Core *c);
