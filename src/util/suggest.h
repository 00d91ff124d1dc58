/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "util/macros.h"

/*
 * Finds the name that somebody may have meant who has typed another one.
 *
 *      Suggestion near = suggest_begin(typed);
 *      for each name: suggest_consider(&near, name);
 *      if (near.best) complain("..., did you mean '%s'?", near.best);
 */

typedef struct Suggestion {
        const char *typed;
        const char *best; /* the nearest name so far, borrowed; NULL if none is near enough */
        size_t distance;  /* of best */
} Suggestion;

/* Begins the search for a name that is near to what was typed, which is borrowed. */
Suggestion suggest_begin(const char *typed);
/* Looks at one more name, which is borrowed. The name is near enough if it begins with what was typed (at least two
 * characters), or if it differs in few characters: one in three, but at least one and at most three. Two neighbours
 * that are exchanged count as one difference, and a type that both have, as ".service", counts as nothing. Of names
 * that are equally near the first one stays. */
void suggest_consider(Suggestion *s, const char *name);
