/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The search (search.c) through all that can follow from one root. */

#include "choices.h"
#include "seen.h"

/* How the unit is. */
typedef enum Temper {
        TEMPER_MEEK,     /* it stops at once */
        TEMPER_STUBBORN, /* it ignores SIGTERM, and what is killed takes its time to die */
        TEMPER_PARENT,   /* a child outlives it */
        TEMPER_POST,     /* it has an ExecStopPost= that takes long */
        TEMPER_COLD,     /* it has OnOutage=freeze */
        TEMPER_TIMER,    /* it is a timer that elapses every 1.5 TTLs, and makes up for what it has missed */
        TEMPER_CHECKED,  /* it has a Check= */
        TEMPER_KEPT,     /* it has OnShutdown=keep */
        /* None of these stops at once. */
        TEMPER_WATCHED, /* PID 1 is as late as can be with its watchdog over the guard */
        TEMPER_FENCED,  /* the machines have a FenceCommand= */
} Temper;

enum { TROUBLES_MAX = 3, FIRSTS_MAX = 1 << 18 };

typedef struct SearchOptions {
        size_t n_machines, n_leases;
        usec_t ttl;
        uint64_t rates[MACHINES_MAX]; /* of the machines' clocks; 1000000 is true time */
        Temper temper;
        bool promises_only;
        unsigned troubles, ttls;   /* how many troubles may come at most, and within how many TTLs */
        Kinds kinds[TROUBLES_MAX]; /* of the first trouble, the second and the third */
        ChoiceRules rules;
        unsigned n_processes;
        unsigned seconds; /* of each process's processor time, for all its searches together */
        bool whole;       /* what follows from a first trouble is searched to its end, whatever the time is */
} SearchOptions;

/* What one process has counted. */
typedef struct SearchCounts {
        uint64_t states, again, steps, merged, copies;
        uint64_t by_trouble[_TROUBLE_MAX];
        usec_t dry_max; /* the longest time from a trouble, or from a running unit, until the unit ran again */
        size_t depth_max, copy_max;
        double seconds; /* of processor time */
        double before;  /* as many of these were spent before the program began */
        bool timeout;   /* not all was searched: the time or the room for states is up */
} SearchCounts;

typedef enum SearchEnd {
        SEARCH_GOES_ON,
        SEARCH_BROKEN, /* a promise is broken */
        SEARCH_ENDED,  /* from outside, before all was searched */
} SearchEnd;

/* Shared by all processes of a search. */
typedef struct SearchShared {
        SearchEnd end;   /* a process that sets it ends the search of all */
        unsigned inside; /* so many processes search what follows from a first trouble */
} SearchShared;

/* What has become of a first trouble, in the order in which each process meets them. */
typedef enum SearchFirst {
        FIRST_FREE,
        FIRST_TAKEN, /* by a process, which searches what follows from it */
        FIRST_DONE,
} SearchFirst;

/* Searches this process's share of all that can follow from one root: from the first troubles that no other process
 * has taken. seen, *shared and firsts (FIRSTS_MAX, each a SearchFirst) are shared by all processes; *counts is of this
 * process alone. Returns false if a promise was broken (the first process to find one prints its story), or if the
 * units do not come to run at the root. */
bool search_run(const SearchOptions *options, Seen *seen, SearchCounts *counts, SearchShared *shared, uint8_t *firsts);
