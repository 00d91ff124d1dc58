/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Several cores around one registry that answers at once: for what comes of many machines that follow the same rules,
 * with nothing failing but what a test makes fail. Guards and PID 1s do at once what they are asked.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/core.h"
#include "core/mirror.h"
#include "core/unit.h"

#define CLUSTER_TTL (10 * USEC_PER_SEC)

enum { CLUSTER_MACHINES = 5 };

typedef struct ClusterEntry {
        RecordKind kind;
        char name[RECORD_NAME_SIZE];
        char key[RECORD_NAME_SIZE + 2];
        uint64_t revision; /* 0: deleted */
        void *value;
        UT_hash_handle hh;
} ClusterEntry;

/* One unit on one machine. */
typedef struct ClusterUnit {
        GuardReport guard;
        UnitReport report;
        unsigned starts;
        bool slow;        /* a stop begins, and its end is the test's to say */
        const char *file; /* the lease that its environment file names after a restart; NULL: the file says nothing */
} ClusterUnit;

typedef struct ClusterMachine {
        char id[MACHINE_SIZE], hostname[24];
        Core *core; /* NULL: it is down */
        ClusterUnit *units;
        bool deaf_guard;    /* it hears nothing, and says nothing */
        CoreWork most;      /* work of one step, since the test has cleared it */
        unsigned most_txns; /* Txns that one step asked for, likewise */
        usec_t slowness;    /* its Txns that put leases take so long, one after the other */
        Action late[16];    /* those that are under way ... */
        size_t n_late;
        usec_t late_at; /* ... and when the first of them is carried out */
} ClusterMachine;

typedef struct ClusterAction {
        size_t machine;
        Action action;
} ClusterAction;

typedef struct Cluster {
        ClusterMachine machines[CLUSTER_MACHINES];
        size_t n_machines, n_units;
        char (*names)[32];
        UnitConfig *configs;
        Placement *placements;
        usec_t now;
        uint64_t revision;
        uint32_t lists; /* that have come in parts */
        ClusterEntry *entries;
        ClusterAction *queue;
        size_t n_queue, room;
        bool busy;
        unsigned refused;     /* Txns that put a lease and were too late */
        const char *poisoned; /* no Txn that puts the lease of this name is carried out or answered; NULL: none */
        unsigned lease_txns;  /* Txns that put a lease */
        unsigned offer_txns;  /* ... and an offer */
        unsigned most_leases; /* that one Txn ever put */
        unsigned most_moving; /* stops under way at once that were ever seen */
        WordResult word;      /* how the last word ended, ... */
        Why why;              /* ... why not, ... */
        unsigned words;       /* ... and how many have */
} Cluster;

/* Units unit000.service ...; machines m0 ...; nothing is started yet: a test may change placements and configs first.
 */
Cluster *cluster_new(size_t n_machines, size_t n_units);
void cluster_free(Cluster *c);
/* A machine's daemon starts, with these metadata; its guard and PID 1 answer. */
void cluster_start(Cluster *c, size_t machine, const char *metadata);
void cluster_start_all(Cluster *c);
/* Without a guard: it looks and says, and acquires nothing. */
void cluster_start_idle(Cluster *c, size_t machine);
/* Its daemon is started again; all else there goes on. */
void cluster_restart(Cluster *c, size_t machine);
void cluster_power_cut(Cluster *c, size_t machine);
/* The unit's options have changed on that machine. */
void cluster_configure(Cluster *c, size_t machine, size_t unit);
/* Somebody writes this record by hand. */
void cluster_put(Cluster *c, RecordKind kind, const char *name, const void *value);
void cluster_event(Cluster *c, size_t machine, Event e);
/* PID 1 tells anew how the unit is. */
void cluster_say_unit(Cluster *c, size_t machine, size_t unit);
void cluster_pass(Cluster *c, usec_t span);

/* The machine on which it runs, behind an open gate; -1: nowhere. Fails the test if it is more than one. */
int cluster_runs_on(Cluster *c, size_t unit);
/* The value of a record; fails the test if there is none. */
void *cluster_record(Cluster *c, RecordKind kind, const char *name);
LeaseRecord *cluster_lease(Cluster *c, size_t unit);
/* The registry's record of its lease is written anew, as it is, and no machine is told. */
void cluster_touch_lease(Cluster *c, size_t unit);
size_t cluster_count(Cluster *c, size_t machine);
/* Why that machine does not hold it, as another (or it itself) sees it. */
const char *cluster_why_not(Cluster *c, size_t observer, size_t unit, size_t machine);
/* The same with all that is told of it; valid until the next question. */
const WhyNotView *cluster_standing(Cluster *c, size_t observer, size_t unit, size_t machine);
bool cluster_is_stuck(Cluster *c, size_t observer, size_t unit);
