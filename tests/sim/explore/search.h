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
} Temper;

typedef struct SearchOptions {
        size_t n_machines, n_leases;
        usec_t ttl;
        uint64_t rates[MACHINES_MAX]; /* of the machines' clocks, in a million */
        Temper temper;
        bool promises_only;
        unsigned troubles, ttls; /* so many at most, within so many TTLs */
        ChoiceRules rules;
        unsigned process, n_processes;
        unsigned seconds; /* of each process's own time, for all its searches together */
} SearchOptions;

/* Of one process; the others may set .stop. */
typedef struct SearchCounts {
        uint64_t states, again, steps, merged, copies;
        uint64_t by_trouble[_TROUBLE_MAX];
        usec_t dry_max; /* the longest in peace until the unit ran */
        size_t depth_max, copy_max;
        double seconds; /* of its own time, in the searches before this one */
        bool timeout;
} SearchCounts;

/* What is shared by all processes: *stop ends the search. False: a promise was broken; its story was printed. */
bool search_run(const SearchOptions *options, Seen *seen, SearchCounts *counts, int *stop);
