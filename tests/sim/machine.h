/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A machine (machine.c), its daemon (daemon.c), and the schedulers on it (calls.c). Included by sim.h only. */

#include "sim.h"

typedef struct SavedMemory {
        char uuid[UUID_SIZE], store[UUID_SIZE];
        uint64_t revision, floor;
        bool silence, newcomer, paused, draining, undrained;
        char draining_boot[BOOT_SIZE];
        char names[2 * LEASES_MAX][NAME_SIZE];
        RememberedIndex indexes[2 * LEASES_MAX];
        size_t n_indexes;
} SavedMemory;

/* A user of the D-Bus API's leases (calls.c). */
typedef struct Scheduler {
        uint64_t call; /* under way; 0: none */
        CallKind kind;
        uint64_t forget; /* likewise, of an operator who forgets a machine or a lease */
        CallKind forget_kind;
        usec_t asked_at, period; /* boottime before it was asked */
        uint64_t index;
        usec_t from, until; /* true time: it believes to lead */
} Scheduler;

struct Machine {
        uint8_t number;
        bool powered;
        char id[MACHINE_SIZE], hostname[HOSTNAME_SIZE], boot_id[BOOT_SIZE];
        unsigned boots;
        /* its clock: boottime = base + (true - boot_at) * rate */
        usec_t boot_at, boot_base;
        uint64_t rate_ppm;
        int64_t realtime_offset;
        usec_t clock_set; /* by how much the host's clock was set forward */

        /* the daemon */
        Core *core;
        Core *shadow; /* shadow.h */
        unsigned generation;
        bool paused, exiting, stay_down;
        usec_t ttl;
        usec_t deadline_at;    /* true time of the scheduled SIM_DEADLINE; USEC_INFINITY: none */
        const Action *actions; /* the rest of a step that a pause has cut in two */
        size_t n_actions, next_action;
        enum { CUT_NONE, CUT_PAUSE, CUT_CRASH } cut; /* a fault to come, between two actions */
        ActionKind cut_at;                           /* before or after one of this kind; _ACTION_ANY */
        uint64_t cut_after;                          /* not before so many of those have passed */
        usec_t cut_span;
        SimEvent *held; /* what arrived while paused */
        size_t n_held, held_size;
        usec_t pace_since; /* steps of the present second of model time */
        unsigned steps_since;
        usec_t guard_lost_at; /* when it was lost, on this machine's clock */
        unsigned guard_link;  /* the guard's connection that we listen to; 0: none */
        bool run_full;        /* /run is full: gates and environments cannot be written */
        /* for the checks: Index of the guard's entry as asked for or told, and whether the gate was said to be open */
        uint64_t armed[LEASES_MAX];
        bool gate_said[LEASES_MAX];
        UnitReport statuses[UNITS_MAX]; /* what PID 1 said last of each unit and member */

        Health health[LEASES_MAX];
        usec_t ill_of_unit_until; /* in a search: until when each check fails here */
        usec_t health_hindered;   /* until when the daemon stood still, or had a connection to the guard to make */

        char run_session[SESSION_SIZE];
        bool has_session;
        SavedMemory memory;
        const char *metadata;
        bool enabled[LEASES_MAX];
        /* of a run: the id by which somebody waits for its start; 0: nobody does */
        uint64_t waits[LEASES_MAX];
        bool started[LEASES_MAX]; /* ... which was asked of PID 1; in a file of /run */
        size_t slot[LEASES_MAX];  /* ... and by which of its leases it runs; in the same file */
        int64_t version[LEASES_MAX];
        unsigned copies; /* Copies= of the unit here, with BIAS_COPIES */

        /* the way to the registry */
        bool requests_blocked, replies_blocked;
        usec_t late_lease_write; /* the next Txn that puts a lease lands so much later; 0: none */
        unsigned link_generation;
        Watch watch;

        Scheduler scheduler;

        Sleep sleep;
        usec_t ill_until; /* its guard or its PID 1 could not do what they should, or the daemon was hung */
        usec_t pid1_stalled_until;
        ModelUnit units[UNITS_MAX];
        Guard guard;
};

void daemon_start(World *w, Machine *m);
void daemon_start_later(World *w, Machine *m, usec_t delay);
void daemon_gone(World *w, Machine *m); /* its process, with nothing said */
void daemon_crash(World *w, Machine *m, usec_t back_in);
void daemon_pause(World *w, Machine *m, usec_t span);
void daemon_resume(World *w, Machine *m);
void daemon_step(World *w, Machine *m, const Event *event);
/* True if the daemon is paused: the event is kept for when it goes on. */
bool daemon_holds(World *w, Machine *m, const SimEvent *e);
void daemon_verb(World *w, Machine *m, EventKind verb, size_t unit, uint64_t argument);
void daemon_event(World *w, SimEvent *e);
/* An event for the running daemon, or its process, after delay. */
void daemon_post(World *w, const Machine *m, size_t unit, SimKind kind, usec_t delay, uint64_t a, uint64_t b);
void daemon_input(World *w, Machine *m, SimEvent *e); /* inputs.c */
void daemon_read_unit(World *w, Machine *m, size_t unit);
void daemon_stop_unit(World *w, Machine *m, size_t unit); /* and what it has brought */
void daemon_hint(World *w, Machine *m, size_t unit);
int find_unit(const World *w, const char *name); /* -1: there is none */
int lease_find(const World *w, const char *name);
/* The unit that goes by that lease; with BIAS_COPIES there is one. */
size_t unit_of_lease(const World *w, size_t lease);

void machine_init(World *w, Machine *m, size_t number);
void machine_power_on(World *w, Machine *m);
void machine_power_cut(World *w, Machine *m, usec_t back_in);
void machine_shut_down(World *w, Machine *m, usec_t back_in);
void machine_cut_off(World *w, Machine *m, bool requests, bool replies, usec_t span);
void machine_event(World *w, SimEvent *e);
/* Guard, PID 1 or daemon are not well, for so long from now. */
void machine_ails(World *w, Machine *m, usec_t span);
/* From now on; its clock goes on from where it is. */
void machine_set_rate(World *w, Machine *m, uint64_t rate_ppm);
usec_t machine_boottime(const World *w, const Machine *m);
usec_t machine_true_time(const World *w, const Machine *m, usec_t boottime);
usec_t machine_realtime(const World *w, const Machine *m);

void calls_done(World *w, Machine *m, const Action *a);
void calls_ask(World *w, Machine *m);
/* Requests to other machines (requests.c): somebody asks m for something, and may take it back; m tells how it ended;
 * m begins with what was asked elsewhere; a record was changed by hand, or the whole registry replaced. */
void requests_ask(World *w, Machine *m, size_t unit);
void requests_ask_for(World *w, Machine *m, size_t unit, RequestVerb verb);
void requests_told(World *w, const Machine *m, const Action *a);
void requests_begun(World *w, const Machine *m, const Report *r);
void requests_spoil(World *w, const RequestRecord *r);
void requests_spoil_all(World *w);
void calls_check_put(World *w, const char *name, const LeaseRecord *l); /* a lease's record is being put */
void calls_forget(Machine *m);
void calls_event(World *w, SimEvent *e);
