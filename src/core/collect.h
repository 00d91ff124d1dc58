/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Deletion of the sessions of the dead. */

#include "core/state.h"

/* Takes the answer to the Txn of the deletion under way. */
void collect_txn(Core *c, const Answer *answer);
/* Deletes the records of sessions that are long dead. */
void collect_advance(Core *c);
