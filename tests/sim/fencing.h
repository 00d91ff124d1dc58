/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Commands that switch silent machines off (fencing.c). Included by sim.h only. */

#include "sim.h"

enum { FENCED_MAX = 64 };

/* The silences in which a command was begun: the beats that were the last before them. */
typedef struct Fenced {
        uint64_t beats[FENCED_MAX];
        size_t n;
} Fenced;

/* CoreConfig.beats_every and .fence_after of the machine's daemon. */
usec_t fencing_beats_every(const World *w, const Machine *m);
usec_t fencing_after(const World *w, const Machine *m);
/* The Txn is about to put this fence. Fails the world if that begins a command before two of the periods have passed
 * that the session's machine tells (law 12). */
void fencing_check(World *w, const Message *q, const MapKey *fence, const FenceRecord *value);
/* ACTION_FENCE: the command begins. Fails the world if one was begun in this silence before. */
void fencing_begin(World *w, Machine *m, const Action *a);
void fencing_event(World *w, SimEvent *e);
/* The command of which the event tells fails, instead of what it was to do. */
void fencing_spoil(SimEvent *e);
