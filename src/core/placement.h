/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where a unit should run: the order of the machines for one unit, as a pure function of what the registry says of
 * them.
 *
 * There is no scheduler. Every machine works out the order for itself, and all come to the same order, since all see
 * the same records. The first machine acquires the lease at once; each later one only if those before it have let some
 * time pass (plan.c).
 *
 *   fits      the unit's hard wishes: this machine id, these metadata, beside that unit, away from those
 *   comes     first whoever has more of the preferred metadata, then whoever is where fewest units of the same group
 *   before    are (Spread=), then whoever holds fewest leases, then whoever has the higher hash of machine and unit
 * together: rendezvous hashing. A machine that goes moves only its own units, and the same unit comes to the same
 * machine again
 */

#include "core/record.h"
#include "core/why.h"

enum {
        PLACEMENT_TEXT_SIZE = 512,
        PLACEMENT_KEY_SIZE = 64,
};

/* What a unit wishes of its machine. Lists are words parted by single spaces. Owns nothing. */
typedef struct Placement {
        char machine_id[MACHINE_SIZE];        /* the machine's id, or how it begins (at least 8 digits); "": any */
        char machine_of[PLACEMENT_TEXT_SIZE]; /* units that it must run beside */
        char require[PLACEMENT_TEXT_SIZE];    /* "key=value": of several with one key one must hold, of each key one */
        char prefer[PLACEMENT_TEXT_SIZE];     /* "key=value": the more the better */
        char prefer_not[PLACEMENT_TEXT_SIZE]; /* "key=value": the fewer the better */
        char spread[PLACEMENT_KEY_SIZE];      /* a key: the units of its group share the values of this key evenly */
        char spread_group[CONFLICTS_SIZE];    /* patterns of the units of its group, itself among them */
        char conflicts[CONFLICTS_SIZE];       /* patterns (fnmatch) of units that it must not run beside */
        char replaces[CONFLICTS_SIZE];        /* patterns of units that must leave the machine that it comes to */
        bool failback;                        /* goes back to a machine that it prefers, or left for a drain */
        usec_t failback_hold;                 /* ... when that one could have held it so long */
} Placement;

/* A machine as a unit sees it. Borrows everything. */
typedef struct PlacementMachine {
        const char *id;
        const char *metadata;     /* "key=value key=value" */
        bool enabled;             /* it has such a unit */
        Reason word;              /* its own word: why it does not take part; WHY_NONE: it does */
        const char *conflict;     /* the unit there that stands against it, or NULL */
        const char *missing_peer; /* the first unit of machine_of that is not there, or NULL */
        const char *copy;         /* the lease of the copy that it has of the unit, or NULL */
        bool draining;
        size_t held;  /* leases that it holds, or is about to */
        size_t alike; /* other units of the group (Spread=) on machines with the same value of the key */
} PlacementMachine;

/* Why the machine does not fit; WHY_NONE if it does. The name in the reason is borrowed from p and m. */
Reason placement_why_not(const Placement *p, const PlacementMachine *m);
/* The same, by the wishes that depend on the machine alone (machine id, metadata). A unit without a lease goes by
 * these. */
Reason placement_unfit(const Placement *p, const char *machine_id, const char *metadata);
/* How many of the preferred metadata the machine has, less those that the unit rather avoids. */
int placement_preference(const Placement *p, const char *metadata);
/* Whether a comes before b; both must fit. Of two different machines exactly one comes before the other. */
bool placement_before(const Placement *p, const char *unit, const PlacementMachine *a, const PlacementMachine *b);

/* The value of a key in the metadata, which is *ret_n bytes long; NULL: there is no such key. */
const char *placement_value(const char *metadata, const char *key, size_t *ret_n);

/* The next word of a list, which is *ret_n bytes long; NULL at the end. */
const char *placement_next_word(const char *list, size_t *ret_n);
/* Whether the list has exactly this word. */
bool placement_names(const char *list, const char *word);
/* Whether one of these patterns (fnmatch) matches the unit. */
bool placement_matches(const char *patterns, const char *unit);
