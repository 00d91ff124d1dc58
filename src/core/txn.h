/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Txns and READs: put together, asked for, remembered until they are answered. */

#include "core/state.h"

/* A Txn being put together. Room for 128 of each. */
typedef struct TxnBuilder {
        Core *core;
        Key *compares;
        Record *puts;
        Key *deletes;
        size_t n_compares, n_puts, n_deletes;
        usec_t timeout; /* of one attempt, unless it is set to something else */
} TxnBuilder;

/* Begins an empty Txn, in the step's memory. It may be dropped without being sent. */
TxnBuilder txn_begin(Core *c);
/* The Txn is refused unless the record is at this revision; 0: absent. */
void txn_compare(TxnBuilder *b, RecordKind kind, const char *name, uint64_t revision);
/* Whether the Txn compares a record of that kind. */
bool txn_compares(const TxnBuilder *b, RecordKind kind);
/* Writes a record: value is of the kind's type, size bytes, and copied. */
void txn_put(TxnBuilder *b, RecordKind kind, const char *name, const void *value, size_t size);
/* Deletes a record. */
void txn_delete(TxnBuilder *b, RecordKind kind, const char *name);
/* Whether the Txn deletes that record already. */
bool txn_deletes(const TxnBuilder *b, RecordKind kind, const char *name);
/* Asks for the Txn. Returns its id, never 0; the answer bears it. */
uint64_t txn_send(TxnBuilder *b);
/* Asks for a READ of these n records, or of all records of these kinds (a mask). Returns its id, never 0. */
uint64_t txn_read_keys(Core *c, const Key *keys, size_t n);
uint64_t txn_read_kinds(Core *c, unsigned kinds);
/* Asks for a READ of the beats that were not put after the revision (UINT64_MAX: of all), without their values.
 * Returns its id, never 0. */
uint64_t txn_read_beats(Core *c, uint64_t since);
/* The Txn with this id, which was just sent, writes the record of the lease for us: claim_txn() gets the answer. */
void txn_writes(Core *c, uint64_t id, Lease *l);
/* Gives what was kept with the Txn or READ of this id. Returns false if no answer is awaited. */
bool txn_find(const Core *c, uint64_t id, Pending *ret);
/* The same for one that was answered: no answer is awaited any more. */
bool txn_end(Core *c, uint64_t id, Pending *ret);
