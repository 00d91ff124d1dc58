/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>

#include "util/macros.h"
#include "util/time-util.h"

/* How long a function may wait for the others: until the deadline (CLOCK_BOOTTIME), or until *abandoned is set. */
typedef struct LocalPatience {
        usec_t deadline;
        const atomic_bool *abandoned; /* may be NULL */
} LocalPatience;

bool local_patience_is_over(const LocalPatience *patience);
/* Sleeps for a moment: the shorter, the fewer tries there were. */
void local_patience_pause(int tries);
