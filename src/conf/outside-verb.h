/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Programs whose words begin with a verb: "docker run". Only for the files outside*.c. */

#include "util/macros.h"

/* A program whose first words are verbs. In a list, verbs are separated by spaces; a verb of two words is joined by
 * a colon: "container:run". */
typedef struct OutsideProgram {
        const char *name;
        const char *checked; /* verbs with an option that says where the work goes */
        const char *unseen;  /* verbs that start work without such an option */
        const char *entered; /* verbs that run something inside of a container that runs already */
        const char *valued;  /* options before the verb that take the next word as their value */
        const char *option;  /* the option of the checked verbs that names the slice; NULL: there is none */
} OutsideProgram;

/* Whether the verb is one that counts for the program. */
bool outside_verb_is_known(const OutsideProgram *p, const char *verb);

/* Finds the verb among the words of the program, and gives the place behind it. The verb is "" if there is none. */
char *const *outside_verb_find(const OutsideProgram *p, char *const *argv, char *verb, size_t size);

/* Whether the program is only to tell of itself. Behind its options such a word is another program's. */
bool outside_asks_for_help(char *const *argv);
