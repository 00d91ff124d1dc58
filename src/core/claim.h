/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What we want of the leases' records. */

#include "core/state.h"

/* Takes the answer to a Txn that wrote these leases (Pending.leases). */
void claim_txn(Core *c, uint64_t id, Lease *leases, const Answer *answer);
/* Leases' records can be written at all. */
bool claim_is_possible(const Core *c);
/* Asks for what is due on this lease. */
void claim_advance(Core *c, Lease *l);
/* When claim_advance() is due by the time alone. When the plan may find the lease to be had is the plan's affair. */
usec_t claim_deadline(const Core *c, const Lease *l);
