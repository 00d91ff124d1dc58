/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* PID 1 of a machine, and its units' processes (pid1.c). Included by sim.h only. */

#include "sim.h"

typedef enum JobKind {
        JOB_START,
        JOB_STOP,
} JobKind;

typedef enum Asker {
        BY_DAEMON,
        BY_GUARD,
        BY_BINDING, /* the guard's service is gone */
        BY_HAND,
        BY_RESTART,  /* Restart= of the unit */
        BY_UNIT,     /* a member, by the unit that brings it */
        BY_NEED,     /* PID 1 itself, along with what the unit needs */
        BY_CONFLICT, /* ... for what it conflicts with */
} Asker;

typedef enum Slot {
        SLOT_MAIN,
        SLOT_POST,  /* ExecStopPost= */
        SLOT_EXTRA, /* a child that outlives the main process */
        _SLOT_MAX,
} Slot;

typedef struct Process {
        bool slept;              /* it fell asleep with its machine, or what it belongs to did */
        bool stuck;              /* it cannot be killed for a while */
        bool alive, dying, late; /* late: PID 1 forked it when the gate had been closed, or the kill loop had begun */
        unsigned generation;
        usec_t born_at;
} Process;

typedef struct Environment {
        uint64_t index; /* LEASE_INDEX; 0: there is no file */
        size_t lease;   /* the number of the one that is LEASE_NAME */
} Environment;

typedef struct ModelUnit {
        ActiveState state;
        bool job, start_pending, stopping, failed, restarting, waiting;
        bool gate_loaded;
        EndedBy ended_by;      /* who had it stopped last */
        bool is_wanted_down;   /* the daemon has said that somebody has stopped it */
        bool looked;           /* ... and whether the daemon has found that out */
        usec_t need_until;     /* what it needs is down so long, or what it conflicts with is up; 0: neither */
        bool need_failed;      /* ... by itself */
        bool with_guard;       /* it went down with its guard */
        bool freezing, frozen; /* its control group is to be, or is (law 15): what is in it executes nothing */
        unsigned frost;        /* changes with the two */
        bool slept;            /* not all of it was gone when the machine fell asleep */
        unsigned generation;   /* of the present run */
        uint64_t run;          /* its invocation id */
        usec_t stamp; /* of a timer: when it last elapsed, by the wall clock; on the disk. Moved forward by the daemon
                       */
        Process processes[_SLOT_MAX];
        Environment environment, former;      /* the file; what it said before that, in a run with faults */
        uint64_t index;                       /* what the running processes were given */
        unsigned closings, closings_at_check; /* of the gate, to know a late fork */
        /* the daemon's question that is under way */
        bool asked, ask_again, unknown;
        unsigned ask_generation;
        usec_t asked_at;
} ModelUnit;

static inline size_t lead_of(size_t unit) {
        return unit % LEASES_MAX;
}

/* Of a lease: its unit, and its member if there is one. */
#define FOREACH_PART(w, lease, part)                                                                                  \
        for (size_t part = (lease); part < UNITS_MAX && unit_exists((w), part); part += LEASES_MAX)

bool unit_exists(const World *w, size_t unit);
bool lease_is_empty(const World *w, const Machine *m, size_t lease);
void pid1_request(World *w, Machine *m, size_t unit, JobKind kind, Asker by);
void pid1_event(World *w, SimEvent *e);
/* PID 1 stops the unit because of another one, and that lasts for span. */
void pid1_stops_for_another(World *w, Machine *m, size_t unit, EndedBy by, bool failed, usec_t span);
Obstacle unit_obstacle(const World *w, const Machine *m, const ModelUnit *u);
/* Its main process ends by itself, well or not. */
void unit_ends(World *w, Machine *m, size_t unit, bool well);
void pid1_guard_gone(World *w, Machine *m); /* stops all that is bound to it */
bool unit_is_empty(const ModelUnit *u);
bool unit_is_down(const ModelUnit *u);             /* as PID 1 sees it: inactive or failed, and no job */
void unit_kill(World *w, Machine *m, size_t unit); /* SIGKILL to the whole cgroup */
/* When PID 1 would act on something that reaches it in delay from now. */
usec_t pid1_time(const World *w, const Machine *m, usec_t delay);
