/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One core in a world made by hand: a registry of a few records that answers at once (or not at all), a guard and a
 * PID 1 that say what the test lets them say.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "core/core.h"

#define TTL (10 * USEC_PER_SEC)
#define US "00000000000000000000000000000001"
#define THEM "00000000000000000000000000000002"
#define THEIR_SESSION "00000000000000aa-10000"

enum { RECORDS_MAX = 320 };

typedef union Value {
        MetaRecord meta;
        MachineRecord machine;
        BeatRecord beat;
        FenceRecord fence;
        LeaseRecord lease;
        OfferRecord offer;
        PauseRecord pause;
} Value;

typedef struct Entry {
        RecordKind kind;
        char name[RECORD_NAME_SIZE];
        uint64_t revision;
        bool damaged; /* it cannot be read */
        Value value;
} Entry;

typedef struct World {
        Core *core;
        Now now;
        Entry entries[RECORDS_MAX];
        size_t n_entries;
        usec_t behind; /* the wall clock, since somebody has set it */
        uint64_t revision;
        bool silent;       /* the registry does not answer */
        bool hang;         /* a Txn waits for the test to answer it */
        uint64_t hanging;  /* its id */
        usec_t list_takes; /* so long it takes to list whole kinds: a READ with less time is not answered */
        unsigned lose; /* kinds of records: a Txn that puts one is not answered, and the first of them may land later
                        */
        Action late;
        bool lose_replies;   /* it does what it is asked, and its answers are lost */
        bool twice;          /* it gets a Txn twice, and the answer is the second one's */
        unsigned done[32];   /* actions seen, by kind */
        uint64_t remembered; /* the Index of the last ACTION_REMEMBER that named a lease */
        unsigned reports[64];
        Why report_whys[64];   /* of the last report of each kind */
        unsigned starts_again; /* reports of a start at an Index at which the unit had run before */
        uint64_t armed, last_t0;
        usec_t armed_kill; /* the offset last armed */
        char session[SESSION_SIZE];
        GuardReport guard;
        UnitReport unit;
        bool keeps;                       /* the guard keeps its entry beyond its deadlines, if it has one */
        bool keeps_mute;                  /* it does not say so */
        unsigned order, lost_at, beat_at; /* the order in which LOSE and BEAT were last asked for */
        CallResult called;                /* how the last call of the D-Bus API ended */
        uint64_t called_index;
        usec_t called_span;
        Why called_why;
        WordResult word; /* how the operator's last word ended */
        usec_t word_span;
        const char *word_why;        /* only whether there was one */
        bool gate_fails;             /* the guard cannot make one */
        unsigned clean_starts;       /* that begin with a clean slate */
        bool gate_taken_away;        /* PID 1 starts the unit without its gate */
        bool start_refused;          /* by PID 1: nothing comes of it */
        bool start_waits;            /* for what the unit requires: there is a job, and no run yet */
        uint64_t guard_asked;        /* the id of the last request to the guard */
        bool guard_mute;             /* the guard does not answer */
        bool pid1_mute;              /* nor does PID 1 */
        char fenced[MACHINE_SIZE];   /* the machine that was last to be switched off */
        usec_t fence_after;          /* of the daemon that world_restart() starts */
        usec_t beats_every;          /* likewise */
        const char *boot;            /* likewise, the boot's id; NULL: US. In another boot it draws other names */
        bool newcomer;               /* likewise: it remembers no registry ... */
        FormerRegistry former;       /* ... but this one, on which nothing depended */
        CoreMemory remembered_drain; /* likewise, .draining, .draining_boot and .undrained */
        Action queue[4096];
        size_t queued;
        bool busy;
} World;

/* Gives the core one event, and carries out all that follows from it. */
void world_step(World *w, Event e);
/* Lets time pass, waking the core whenever it asks for it; fails the test if it never rests. */
void world_pass(World *w, usec_t span);
void world_pass_until(World *w, usec_t t);
World *world_new(void);
void world_free(World *w);
/* The daemon is started again, with the session that /run kept (NULL: none). */
void world_restart(World *w, const char *session);
/* a.service is configured, the guard and PID 1 are there. */
void world_connect(World *w);
/* The Txn that was lost reaches the registry after all. */
void world_land(World *w);
/* PID 1 says anew how a.service is. */
void world_say_unit(World *w);
Entry *world_find(World *w, RecordKind kind, const char *name);
Entry *world_put(World *w, RecordKind kind, const char *name, const void *value);
/* What somebody does to a record by hand, behind everybody's back. */
void world_delete(World *w, RecordKind kind, const char *name);
void world_damage(World *w, RecordKind kind, const char *name);
/* The record of a.service's lease; fails the test if there is none. */
LeaseRecord *world_lease(World *w);
/* A world in which a.service runs here, at Index 1. */
World *world_running(void);
/* Somebody else's session that holds a.service's lease at Index 7; and its next beat. */
void world_add_them(World *w);
void world_beat_them(World *w);
/* They take a.service's lease from us by force. */
void world_rob_us(World *w);
