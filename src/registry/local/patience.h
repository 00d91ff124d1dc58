/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>

#include "util/macros.h"
#include "util/time-util.h"

/* How long a function may wait for a lock that others hold: until the deadline (CLOCK_BOOTTIME), or until *abandoned
 * is set, which happens when nobody waits for the result any more. */
typedef struct LocalPatience {
        usec_t deadline;
        const atomic_bool *abandoned; /* may be NULL */
} LocalPatience;

/* Whether the waiting is to end. */
bool local_patience_is_over(const LocalPatience *patience);
/* Sleeps for a moment; the more tries there were, the longer. */
void local_patience_pause(int tries);
