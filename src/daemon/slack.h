/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Memory that the heap has free in between goes back to the kernel. Much work, as a reload of thousands of units or a
 * takeover, takes memory for messages and answers, among which lies what stays. When the work is over, the C library
 * keeps that memory, although it is not needed at rest.
 *
 * To give memory back costs time, and memory that is given back costs time again when it is needed. So that is done
 * once, when the daemon is calm after much work, and not in between. It is one turn of the loop, and short: 3 ms of
 * CPU time or less with thousands of units (docs/performance.md).
 */

#include "util/macros.h"
#include "util/time-util.h"

typedef struct Slack {
        usec_t worked; /* CPU time by the last slack_is_due() */
        bool much;     /* much was done since memory was last given back */
} Slack;

/* Large blocks are given back as soon as they are freed, whatever was done before, and all threads share one heap. To
 * be called once, before there is another thread. */
void slack_begin(void);
/* Whether memory is to be given back now. To be called at even intervals, with the CPU time that the loop has used so
 * far: between two calls much was done, or the daemon was calm, or neither. */
bool slack_is_due(Slack *s, usec_t worked);
/* Gives the memory back. */
void slack_give_back(void);
