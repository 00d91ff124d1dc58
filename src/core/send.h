/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The Txns on the leases' records: one at a time for each lease. Whether it is time for one is claim.c's to know. */

#include "core/txn.h"

/* A change of a lease's record that can share its Txn with others. */
typedef struct Change {
        LeaseOp op;            /* OP_ACQUIRE, OP_RELEASE, OP_TRANSFER; OP_NONE: nothing is to be changed */
        LeaseState state;      /* of OP_RELEASE: free or done */
        Why why;               /* of OP_RELEASE */
        const Session *target; /* of OP_TRANSFER: the session that is to have the lease; borrowed */
        const char *machine;   /* of OP_TRANSFER: the id of the machine of that session; borrowed */
} Change;

/* Adds a change to a Txn that was begun with txn_begin(). A lease of ours is released or transferred only when its
 * unit is down and empty (law 7). Returns false, and adds nothing, if the Txn already hands leases to as many sessions
 * as it may. */
bool send_add(TxnBuilder *b, Lease *l, const Change *change);
/* Sends the Txn to which send_add() has added the changes of these n leases: 1 to 50. */
void send_changes(TxnBuilder *b, Lease *const *leases, size_t n);
/* Takes all leases that we want from a silent session, up to 50. The Txn compares the beat and puts the fence (law
 * 3). most: no more leases than that. Returns the id of the Txn. */
uint64_t send_expire(Core *c, const Session *s, size_t most);
/* Whether we want the lease from this silent session, and can ask for it now. May put our turn off (plan_put_off()).
 */
bool send_is_expired(Core *c, Lease *l, const Session *s);
/* Takes a lease from a session that may live, and leaves a debt (law 5). Does nothing if the record has no room for
 * the debt. */
void send_steal(Core *c, Lease *l, const Session *s);
/* Takes a lease whose record is lost, as if stolen from every session that beats (law 11). Does nothing if there are
 * more sessions than one Txn can fence. */
void send_retake(Core *c, Lease *l);
/* Writes the lost record of a lease of ours again, as it was. */
void send_restore(Core *c, Lease *l);
/* Gives a lease of ours an Index above all that were handed out. */
void send_renumber(Core *c, Lease *l);
/* Writes the last trigger of its timer into a lease of ours. */
void send_trigger(Core *c, Lease *l);
/* Makes a lease free whose job is done. */
void send_rearm(Core *c, Lease *l);
/* Moves a lease from the session that is being left to the one that we go to, at the same Index. */
void send_move(Core *c, Lease *l);
/* Strikes those debts of a lease that may be struck. Returns false if there are none; then nothing is sent. */
bool send_strikes(Core *c, Lease *l);
/* Deletes the record of a lease that nobody holds, or only a session that is silent for good, and that has no debt.
 * Returns the Txn's id. Unlike the other Txns this one is not the lease's: the caller gets the answer. */
uint64_t send_forget(Core *c, const Lease *l);
/* Gives a lease that nobody holds, or only a session that is silent for good, and whose Index cannot grow any more,
 * this Index, and makes it free if it was held. The caller gets the answer. */
uint64_t send_lower(Core *c, const Lease *l, uint64_t index);
