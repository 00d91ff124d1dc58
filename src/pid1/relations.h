/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The other units that may make PID 1 stop one of ours, by their names. */

#include "pid1/ending.h"

typedef struct RelatedName {
        unsigned relations; /* mask of Relation */
        char *name;
} RelatedName;

typedef struct Relations {
        RelatedName *list;
        size_t n;
} Relations;

/* Adds relations to those that the unit of that name has already. -ENOMEM. */
int relations_add(Relations *r, const char *name, unsigned relations);
/* Whether both are the same, in the same order. */
bool relations_equal(const Relations *a, const Relations *b);
/* Frees the names; r has none then. */
void relations_done(Relations *r);
