/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The Txns on the leases' records: one at a time for each lease. Whether it is time for one is claim.c's to know. */

#include "core/state.h"

/* A lease that can be had -> ours. */
void send_acquire(Core *c, Lease *l);
/* All leases that we want of a silent session, up to 50 -> ours. The beat is compared, the fence put (law 3). */
void send_expire(Core *c, const Session *s);
/* A lease of a session that may live -> ours, with a debt (law 5). Does nothing where there is no room for the debt.
 */
void send_steal(Core *c, Lease *l, const Session *s);
/* A lease whose record is lost -> ours, as if stolen from every session that beats (law 11). Does nothing where there
 * are more of them than one Txn can fence. */
void send_retake(Core *c, Lease *l);
/* The lost record of a lease of ours -> as it was. */
void send_restore(Core *c, Lease *l);
/* A lease of ours -> with an Index above all that were handed out. */
void send_renumber(Core *c, Lease *l);
/* A lease of ours -> free or done. Only when its unit is down and empty (law 7). */
void send_release(Core *c, Lease *l, LeaseState state, Why why);
/* A lease of ours -> held by that session of that machine. Only when its unit is down and empty (law 7). */
void send_transfer(Core *c, Lease *l, const Session *target, const char *machine);
/* A lease of ours -> with the last trigger of its timer. */
void send_trigger(Core *c, Lease *l);
/* A lease whose job is done -> free. */
void send_rearm(Core *c, Lease *l);
/* A lease of the session that is being left -> of the one to which we go, at the same Index. */
void send_move(Core *c, Lease *l);
/* A lease -> without the debts that may be struck. false: there are none, and nothing was sent. */
bool send_strikes(Core *c, Lease *l);
