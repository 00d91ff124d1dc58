/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What this machine says of the units that are enabled here. */

#include "core/state.h"

/* Writes our offers that the registry does not show as they should be. */
void offer_advance(Core *c);
/* Takes the answer to the Txn of our offers. */
void offer_txn(Core *c, const Answer *answer);
/* The unit was looked at: if our offer says that this machine stands back, and it does so no more, the offer is to be
 * looked at as well. */
void offer_note(Core *c, Unit *u);
/* When offer_advance() is due by the time alone. */
usec_t offer_deadline(const Core *c);
