/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What we want of the leases' records. */

#include "core/state.h"

/* Takes the answer to a Txn on leases. */
void claim_txn(Core *c, uint64_t id, const Answer *answer);
/* Asks for what is due on this lease. */
void claim_advance(Core *c, Lease *l);
/* When claim_advance() is due by the time alone. */
usec_t claim_deadline(const Core *c, const Lease *l);
