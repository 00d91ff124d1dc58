/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Which change of a lease's record we want now: acquire, expire, steal, release, transfer and so on (send.h). */

#include "core/state.h"

/* Takes the answer to a Txn that wrote these leases (Pending.leases). */
void claim_txn(Core *c, uint64_t id, Lease *leases, const Answer *answer);
/* Whether leases' records can be written at all now. */
bool claim_is_possible(const Core *c);
/* Asks for what is due on this lease. A change that can share its Txn with others waits for claim_send(). */
void claim_advance(Core *c, Lease *l);
/* Sends one Txn of the changes that wait for claim_send(), if it is time for a Txn. Returns how many leases the Txn
 * writes, and gives these leases, borrowed. 0: no Txn was sent. */
size_t claim_send(Core *c, Lease *ret[static GROUP_MAX]);
/* When claim_send() is due by the time alone (CLOCK_BOOTTIME). */
usec_t claim_send_deadline(const Core *c);
/* When claim_advance() is due by the time alone (CLOCK_BOOTTIME). When the lease may be had by the plan is not
 * counted: see planning_deadline(). */
usec_t claim_deadline(const Core *c, const Lease *l);
