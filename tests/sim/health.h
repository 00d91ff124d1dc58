/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Checks of units (Check=), and what they say of a unit on a machine (health.c). Included by sim.h only. */

#include "sim.h"

/* What the check of a unit said last to the machine's present daemon. */
typedef struct Health {
        bool known, passes;
        usec_t since; /* true time at which it said so first */
} Health;

/* Gives some units a check. */
void health_init(World *w);
/* A daemon has begun: it knows nothing of any unit's health, and has each checked. */
void health_begin(World *w, Machine *m);
/* A check has ended: the daemon is told, and the next one is begun. */
void health_event(World *w, Machine *m, const SimEvent *e);
/* Fails the world if the Txn takes a lease of a unit whose check does not pass. */
void health_check_txn(World *w, const Machine *m, const Txn *t);
/* Fails the world if the start is that of a unit whose check has failed for long. */
void health_check_start(World *w, const Machine *m, size_t unit);
