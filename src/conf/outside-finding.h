/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What is found in a command (conf/outside.h). */

#include "util/macros.h"

/* From the best to the worst. */
typedef enum Outside {
        OUTSIDE_NO,     /* no work lies outside, or an option keeps it in the unit's group or in its slice */
        OUTSIDE_UNSEEN, /* it starts something whose place is defined elsewhere, and these words do not say where */
        OUTSIDE_YES,    /* its work lies elsewhere */
} Outside;

typedef struct OutsideFinding {
        char what[64];  /* "docker run" */
        char mend[400]; /* what to write instead; goes on after a colon */
} OutsideFinding;
