/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/proof.h"

/* Why a move is not proven. */
typedef enum Unproven {
        UNPROVEN_NOT,     /* it is */
        UNPROVEN_INDEX,   /* of one of the two, no entry tells the Index */
        UNPROVEN_MISSING, /* an Index between the two is in no journal */
        UNPROVEN_BREAKS,  /* the journal of the first breaks off; the machine's next boot began too late */
        UNPROVEN_NO_END,  /* PID 1 has not said that the first has ended */
        UNPROVEN_LATER,   /* a process of the first wrote after that */
        UNPROVEN_EMPTY,   /* no entry says that no process was left */
        UNPROVEN_CLOCKS,  /* the end and the beginning are known, but by two clocks only */
        _UNPROVEN_MAX,
} Unproven;

/* Finds the reason by its word in JSON; UNPROVEN_NOT for any other word. */
Unproven verdict_reason(const char *word);
/* Sorts the tenures by their Indexes, and makes all moves from one machine to another: one for each Index that follows
 * another, one for each Index that is missing, and one for any two tenures that overlap. */
void verdict_judge(Proof *p);
