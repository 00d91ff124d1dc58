/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The guard of a machine (guard.c). Included by sim.h only. */

#include "sim.h"

/* What a guard leaves on disk of an entry, for whoever comes after it. */
typedef struct Mark {
        uint64_t index; /* 0: none */
        usec_t kill_at, kill_offset;
        bool ended;
} Mark;

typedef enum GuardState {
        GUARD_DOWN,
        GUARD_UP,
        GUARD_ENDING, /* it has said STOPPING=1 */
        GUARD_POST,   /* dead; its ExecStopPost= is running, or about to */
} GuardState;

/* Of the parts of an entry: how many have not answered yet, and what the others said. */
typedef struct GuardSum {
        size_t stops, asks;
        StopAnswer stopped;
        UnitAnswer reported;
} GuardSum;

typedef struct Guard {
        GuardState state;
        bool connected, start_asked;
        bool cut_off; /* it lives, and nobody can reach it: its socket was removed */
        unsigned generation, connection;
        usec_t paused_until;
        usec_t last_told, last_says; /* sockets keep their order */
        uint64_t serial;             /* of the last request received on this connection */
        usec_t timer;                /* when SIM_GUARD_TIMER is due; USEC_INFINITY: it is not scheduled */
        usec_t watchdog, alarm, heard_pid1;
        bool clock_due; /* the machine was paused, and the guard has not looked at the host's clock since */
        GuardEntry entries[LEASES_MAX];
        bool tell[LEASES_MAX];
        GuardSum sums[LEASES_MAX];
        PartEnd ends[UNITS_MAX];
        /* under /run */
        bool open[LEASES_MAX]; /* the gates */
        Mark marks[LEASES_MAX];
        usec_t beat;
        PauseWatch pause;
} Guard;

typedef struct Parcel {
        struct Parcel *next_free;
        ActionKind kind;
        uint64_t index, serial;
        unsigned connection; /* a new connection takes the place of the old one, with all that was under way on it */
        usec_t t0, stop, kill, kill_at;
        bool on;
} Parcel;

void guard_tell(World *w, Machine *m, size_t unit, const Action *a);
void guard_event(World *w, SimEvent *e);
void guard_connect(World *w, Machine *m);
void guard_start_asked(World *w, Machine *m); /* by a unit that is bound to it, or by the daemon */
void guard_crash(World *w, Machine *m);
void guard_end(World *w, Machine *m); /* as at shutdown: it is asked to */
void guard_cut_off(World *w, Machine *m);
void guard_pause(World *w, Machine *m, usec_t span);
void guard_hand_over(World *w, Machine *m); /* to another program in the same process, if the moment is calm */
/* The guard looks at the host's clock after delay, or before, if a gate is to open. */
void guard_look_at_clock(World *w, Machine *m, usec_t delay);
void guard_gone(World *w, Machine *m); /* with the machine's power */
/* The kernel has told that a frozen group has changed. */
void guard_told_of_frost(World *w, Machine *m, size_t unit);
bool gate_is_open(const Machine *m, size_t unit);
bool guard_spares(const World *w, const Machine *m,
                size_t unit); /* it has been killed; its ExecStopPost= has until kill_at */
bool guard_is_killing(const World *w, const Machine *m, size_t unit); /* kill_at has passed */
