/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A machine that falls silent with leases is switched off by a command (FenceCommand=), and is then known to be off,
 * as if an operator had said so (law 12). */

#include "core/state.h"

/* Looks for a session that has been silent for so long that its machine is to be switched off, if it is time to look.
 */
void fencing_advance(Core *c);
/* Takes the answer of the Txn with this id. Returns false if the Txn is not one of this file's. */
bool fencing_answer(Core *c, uint64_t id, const Answer *answer);
/* The command has ended: on says that the machine is off. */
void fencing_done(Core *c, bool off);
/* When fencing_advance() is due by the time alone. */
usec_t fencing_deadline(const Core *c);
