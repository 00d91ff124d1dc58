/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The other units that may make PID 1 stop one of ours, by their names. A Relations is empty when zeroed. */

#include "pid1/ending.h"

typedef struct RelatedName {
        unsigned relations; /* mask of Relation */
        char *name;         /* owned */
} RelatedName;

typedef struct Relations {
        RelatedName *list;
        size_t n;
} Relations;

/* Adds these relations to those that the unit called name has already; copies name. 0, or -ENOMEM: r is unchanged. */
int relations_add(Relations *r, const char *name, unsigned relations);
/* Frees what r holds, and leaves it empty. */
void relations_done(Relations *r);
