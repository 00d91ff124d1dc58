/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/verbs.h"

/*
 * The options of the command line. Each row of the table says which verbs know the option; an option that a verb does
 * not know is refused. An option that means something else to another verb has a row for each meaning, of which the
 * first says what it sets.
 */

typedef struct Flag {
        const char *name;  /* the long name without "--"; NULL if there is only a letter */
        char letter;       /* 0 if there is none */
        const char *value; /* how people call its value; NULL if it takes none; in brackets if that can be left out */
        const char *verbs; /* who knows it, in words separated by spaces; NULL: every verb; "": leasectl without a verb
                            */
        const char *help;  /* NULL: no longer shown, for it is refused */
        size_t place;      /* of the boolean in Ctl that the option sets ... */
        bool to;           /* ... and to what; if there is a function set() it is called instead */
        int (*set)(Ctl *ctl, const char *value); /* value is NULL if none was given; returns an exit code */
} Flag;

/* Gives the row i of the table, NULL behind the last. */
const Flag *flags_at(size_t i);
/* Whether the option may be given with a value or without one. */
bool flags_value_is_optional(const Flag *flag);
/* Whether the verb knows the option of this row. */
bool flags_known(const Flag *flag, const Verb *verb);
/* Whether the verb is to change something with so many arguments, and to tell of that as JSON. */
bool flags_tell_of_acts(const Ctl *ctl, const Verb *verb, int argc);

/* Takes the options of a command line into ctl; the words that are none stand behind index optind then. With in_order
 * only the options up to the first such word are taken. Prints what is wrong and returns an exit code. */
int flags_parse(int argc, char **argv, bool in_order, Ctl *ctl);
/* Returns CTL_OK if the verb knows all options that flags_parse() has taken. Otherwise names one that it does not
 * know, and returns CTL_USAGE. */
int flags_check(const Ctl *ctl, const Verb *verb);
