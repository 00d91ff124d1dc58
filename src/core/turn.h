/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "util/time-util.h"

/* For how long a copy has been waiting for its turn to move to a higher Version= (roll.c). */
typedef struct Turn {
        usec_t since;    /* since when as many copies have been in the way; 0: it waits for none */
        uint64_t index;  /* in which tenure */
        unsigned behind; /* how many copies are in the way */
} Turn;
