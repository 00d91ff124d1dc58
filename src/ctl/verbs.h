/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/* What the arguments of a verb are. Patterns (ctl/globs.h) are replaced by the names that fit only where this says so,
 * and the completion of shells reads the same from the words of Verb.arguments. */
typedef enum ArgumentKind {
        ARGUMENTS_WORDS,    /* anything else: names of machines, settings, a command */
        ARGUMENTS_UNITS,    /* units that are enabled here; patterns stand for those that fit */
        ARGUMENTS_ANYWHERE, /* the same of any machine */
        ARGUMENTS_LEASES,   /* units that are enabled here, or leases; patterns stand for the units and leases that fit
                             */
} ArgumentKind;

typedef struct Verb {
        const char *name;
        const char *arguments; /* for people */
        int min, max;          /* how many; max -1: any number */
        bool here;             /* works on files or processes of this machine, so that -H makes no sense */
        ArgumentKind kind;
        verb_t run; /* NULL: main.c does it, and needs no bus */
        const char *help;
        bool alone; /* need not ask anybody, and connects to the bus by itself if it does */
} Verb;

/* Gives the verb in the row i of the table, in the order in which people read them; NULL behind the last. */
const Verb *verbs_at(size_t i);
/* Gives the verb with this name, NULL if there is none. The name "" is what leasectl does without a verb. */
const Verb *verbs_find(const char *name);
/* Gives the verb that somebody may have meant who typed this name; NULL if none is near. */
const Verb *verbs_near(const char *typed);
