/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Our machine record. */

#include "core/state.h"

/* Takes the answer to the Txn of our machine record. */
void presence_txn(Core *c, const Answer *answer);
/* Writes our machine record if it is not as it should be and no other machine goes by our id. */
void presence_advance(Core *c);
/* When presence_advance() is due by the time alone. */
usec_t presence_deadline(const Core *c);
