/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Pauses, and what an operator does about machines that keep their leases (pausing.c). Included by sim.h only. */

#include "sim.h"

/* Whether there are pauses in this run. */
bool pausing_is_on(const World *w);
void pausing_init(World *w);
void pausing_event(World *w, SimEvent *e);
/* The record of a pause, whole or damaged; NULL: there is none. */
const Value *pausing_record(const World *w);
/* Somebody on the machine pauses the cluster, and after span operators on all machines see to it that the pause ends.
 */
void pausing_for(World *w, Machine *m, usec_t span);
/* Everything has healed: the pause is ended, and machines that will not beat any more are confirmed dead. */
void pausing_help(World *w);
/* Fails the world if the Txn, which is being committed, breaks P1 or P2 (check.c). */
void pausing_commit(World *w, const Message *q);
/* Fails the world if the Txn takes a lease without comparing that there is no pause. */
void pausing_check(World *w, const Machine *m, const Txn *t);
