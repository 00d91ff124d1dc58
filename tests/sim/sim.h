/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The simulation: the real core on N machines, everything around it a model, all faults drawn from one seed.
 *
 * What is real: src/core, one instance for each running daemon, driven as the daemon drives it. What is a model: true
 * time and every machine's own clock (world.c), the registry's map (map.c) and the way to it (net.c), the daemon's glue
 * (daemon.c), PID 1 with its units' processes (pid1.c), the guard (guard.c), power and boots (machine.c), the faults
 * and the operator's verbs (faults.c). check.c looks at all of it from outside, as nobody in the world could: it knows
 * every process of every machine at every instant.
 *
 * One World is one run. It draws every random number from its seed and knows no other source, so it replays bit for
 * bit; nothing is formatted unless the run is traced, and a failing seed is simply run again with the trace on.
 *
 * Times: "true" time is the world's, in microseconds. A machine's CLOCK_BOOTTIME runs up to 1 % faster or slower.
 */

#include "core/core.h"
#include "guard/guard-entry.h"

enum {
        MACHINES_MAX = 8,
        LEASES_MAX = 8,
        STORES_MAX = 64,      /* identities that the registry had in one run */
        ITEMS_MAX = 128,      /* compares, puts, deletes of one Txn (as in registry.h) */
        CHANGES_MAX = 4096,   /* a watch that is further behind has a gap and lists anew */
};

#define _ACTION_ANY ((ActionKind) 99)

typedef struct World World;
typedef struct Machine Machine;

/* ---- the event queue (world.c) ---- */

typedef enum SimKind {
        SIM_NONE,
        /* net.c */
        SIM_ARRIVE,        /* .message reaches the registry; .a: a reply is sent; .b: phase of a read */
        SIM_REPLY,         /* .message: its answer reaches the daemon */
        SIM_TIMEOUT,       /* .message: the daemon gives it up */
        SIM_WATCH,         /* changes reach the daemon */
        SIM_WATCH_CONNECT, /* the watch tries to list anew */
        /* daemon.c */
        SIM_DEADLINE,
        SIM_STATUS_ASKED,  /* PID 1 is reached by the daemon's question */
        SIM_STATUS_BACK,   /* its answer is back: .a the packed report */
        SIM_STATUS_TIMEOUT,
        SIM_HINT,          /* PID 1 has signalled a change */
        SIM_POLL,
        SIM_FAILED,        /* an action could not be carried out: .a is the action */
        SIM_DAEMON_START,
        SIM_DAEMON_RESUME,
        SIM_VERB,          /* the operator's word reaches the daemon: .a event kind, .b argument */
        SIM_GUARD_CONNECT,
        SIM_GUARD_SAYS,    /* .a: event kind, .b: index, .c: open and expired */
        /* pid1.c */
        SIM_JOB,           /* a start or stop is taken up: .a is the JobKind, .b who asked */
        SIM_WAITED,        /* a start job has waited long enough for others */
        SIM_FORK,
        SIM_STARTED,
        SIM_DEATH,         /* a process dies: .a is its slot */
        SIM_REAPED,        /* PID 1 has seen it */
        SIM_STOP_TIMEOUT,
        /* guard.c */
        SIM_GUARD_TOLD,    /* .parcel: the daemon's message reaches the guard */
        SIM_GUARD_TIMER,
        SIM_GUARD_SEES,    /* PID 1 answers the guard's question about a unit */
        SIM_GUARD_STOPPED, /* ... or its StopUnit */
        SIM_GUARD_WATCHDOG,
        SIM_GUARD_REAPED,  /* PID 1 has seen the guard die */
        SIM_GUARD_POST,    /* its ExecStopPost= kills what is left */
        SIM_GUARD_START,
        SIM_GUARD_END,     /* the machine's shutdown has come to it */
        /* machine.c, faults.c, check.c */
        SIM_POWER_ON,
        SIM_POWER_OFF,
        SIM_FAULT,
        SIM_HEAL_LINK,
        SIM_RESTORE,
        SIM_OPERATOR,
        SIM_CALL,          /* calls.c: a scheduler has something to ask */
        SIM_LATE_FORK,     /* a process that PID 1 forked too late must be dead by now */
        _SIM_KIND_MAX,
} SimKind;

typedef struct SimEvent {
        usec_t at;
        uint64_t sequence; /* equal times: in the order of scheduling */
        SimKind kind;
        uint8_t machine, unit;
        unsigned generation; /* of whatever it is for; a stale one is dropped by its handler */
        uint64_t a, b, c;
        void *pointer;
} SimEvent;

/* ---- the registry's map (map.c) ---- */

typedef struct Value {
        struct Value *next_free;
        unsigned references;
        RecordKind kind;
        union {
                MetaRecord meta;
                MachineRecord machine;
                BeatRecord beat;
                FenceRecord fence;
                LeaseRecord lease;
                RequestRecord request;
        };
} Value;

typedef struct MapKey {
        RecordKind kind;
        int live; /* its place in the kind's list of present keys, or -1 */
        Value *value;
        uint64_t mod_revision;
        char name[NAME_SIZE];
} MapKey;

typedef struct MapItem {
        uint32_t key;
        uint64_t mod_revision;
        Value *value;
} MapItem;

typedef struct MapChange {
        uint64_t revision;
        usec_t at;
        uint32_t key;
        Value *value; /* NULL: deleted */
} MapChange;

typedef struct Snapshot {
        bool taken;
        uint64_t revision;
        MapItem *items;
        size_t n_items;
} Snapshot;

typedef struct Map {
        MapKey *keys;
        size_t n_keys, keys_size;
        uint32_t *table; /* hash table of key numbers + 1 */
        size_t table_size;
        uint32_t *live[_RECORD_KIND_MAX];
        size_t n_live[_RECORD_KIND_MAX], live_size[_RECORD_KIND_MAX];
        uint64_t revision;
        MapChange *changes; /* ring */
        size_t first_change, n_changes;
        char stores[STORES_MAX][UUID_SIZE];
        size_t n_stores;        /* the last is the present one */
        unsigned incarnation;   /* what was sent to another incarnation never arrives */
        Snapshot snapshot;
        Value *free_values[_RECORD_KIND_MAX];
} Map;

void map_init(World *w);
void map_done(World *w);
Value *value_new(World *w, RecordKind kind, const void *data);
Value *value_ref(Value *v);
void value_unref(World *w, Value *v);
/* The number of a key; it is made if it does not exist. */
uint32_t map_key(World *w, RecordKind kind, const char *name);
const LeaseRecord *map_lease(World *w, size_t unit);
void map_put(World *w, uint32_t key, Value *value);
void map_delete(World *w, uint32_t key);
void map_snapshot(World *w);
void map_restore(World *w);
void map_wipe(World *w, bool new_store);

/* ---- the way to it (net.c) ---- */

typedef struct Message {
        struct Message *next_free;
        unsigned references;
        bool txn, answered, kept; /* kept: stuck outside of any partition, lands for certain */
        uint8_t machine;
        unsigned generation, incarnation;
        uint64_t id;
        char session[SESSION_SIZE]; /* the sender's */
        unsigned list_kinds, complete;
        size_t n_compares, n_puts, n_deletes;
        MapItem compares[ITEMS_MAX], puts[ITEMS_MAX];
        uint32_t deletes[ITEMS_MAX];
        Outcome outcome;
        uint64_t revision;
        size_t store;
        MapItem *records;
        size_t n_records, records_size;
} Message;

typedef struct Watch {
        unsigned generation;
        bool connected, scheduled;
        uint64_t position;    /* delivered up to this revision */
        usec_t latency, stalled_until;
} Watch;

void net_send(World *w, Machine *m, const Action *a);
void net_event(World *w, SimEvent *e);
void net_changed(World *w); /* the map has: wake the watches */
void watch_reset(World *w, Machine *m, usec_t delay);
void net_done(World *w);

/* ---- PID 1 and its units (pid1.c) ---- */

typedef enum JobKind {
        JOB_START,
        JOB_STOP,
} JobKind;

typedef enum Asker {
        BY_DAEMON,
        BY_GUARD,
        BY_BINDING, /* the guard's service is gone */
        BY_HAND,
        BY_RESTART, /* Restart= of the unit */
} Asker;

typedef enum Slot {
        SLOT_MAIN,
        SLOT_POST,  /* ExecStopPost= */
        SLOT_EXTRA, /* a child that outlives the main process */
        _SLOT_MAX,
} Slot;

typedef struct Process {
        bool alive, dying, late; /* late: PID 1 forked it when the gate had been closed, or the kill loop had begun */
        unsigned generation;
        usec_t born_at;
} Process;

typedef struct ModelUnit {
        ActiveState state;
        bool job, start_pending, stopping, failed, restarting, waiting;
        bool gate_loaded;
        bool foreign_job;
        unsigned generation; /* of the present run */
        uint64_t run;        /* its invocation id */
        Process processes[_SLOT_MAX];
        uint64_t environment; /* LEASE_INDEX in the environment file; 0: no file */
        uint64_t index;       /* what the running processes were given */
        unsigned closings, closings_at_check; /* of the gate, to know a late fork */
        /* the daemon's question that is under way */
        bool asked, ask_again, unknown;
        unsigned ask_generation;
        usec_t asked_at;
} ModelUnit;

void pid1_request(World *w, Machine *m, size_t unit, JobKind kind, Asker by);
void pid1_event(World *w, SimEvent *e);
/* Its main process ends by itself, well or not. */
void unit_ends(World *w, Machine *m, size_t unit, bool well);
void pid1_guard_gone(World *w, Machine *m); /* stops all that is bound to it */
bool unit_is_empty(const ModelUnit *u);
bool unit_is_down(const ModelUnit *u); /* as PID 1 sees it: inactive or failed, and no job */
void unit_kill(World *w, Machine *m, size_t unit); /* SIGKILL to the whole cgroup */
/* When PID 1 would act on something that reaches it in delay from now. */
usec_t pid1_time(const World *w, const Machine *m, usec_t delay);

/* ---- the guard (guard.c) ---- */

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

typedef struct Guard {
        GuardState state;
        bool connected, start_asked;
        unsigned generation, connection;
        usec_t paused_until;
        usec_t last_told, last_says; /* sockets keep their order */
        uint64_t serial;             /* of the last request received on this connection */
        usec_t timer;                /* when SIM_GUARD_TIMER is due; USEC_INFINITY: it is not scheduled */
        usec_t watchdog, heard_pid1;
        GuardEntry entries[LEASES_MAX];
        bool tell[LEASES_MAX];
        /* under /run */
        bool open[LEASES_MAX];       /* the gates */
        Mark marks[LEASES_MAX];
        usec_t beat;
} Guard;

typedef struct Parcel {
        struct Parcel *next_free;
        ActionKind kind;
        uint64_t index, serial;
        unsigned connection; /* a new connection takes the place of the old one, with all that was under way on it */
        usec_t t0, stop, kill, kill_at;
} Parcel;

void guard_tell(World *w, Machine *m, size_t unit, const Action *a);
void guard_event(World *w, SimEvent *e);
void guard_connect(World *w, Machine *m);
void guard_start_asked(World *w, Machine *m); /* by a unit that is bound to it, or by the daemon */
void guard_crash(World *w, Machine *m);
void guard_end(World *w, Machine *m); /* as at shutdown: it is asked to */
void guard_pause(World *w, Machine *m, usec_t span);
void guard_gone(World *w, Machine *m); /* with the machine's power */
bool gate_is_open(const Machine *m, size_t unit);
bool guard_is_killing(const World *w, const Machine *m, size_t unit); /* kill_at has passed */

/* ---- the daemon (daemon.c) and the machine (machine.c) ---- */

typedef struct SavedMemory {
        char uuid[UUID_SIZE], store[UUID_SIZE];
        uint64_t revision;
        bool silence, draining;
        char names[2 * LEASES_MAX][NAME_SIZE];
        RememberedIndex indexes[2 * LEASES_MAX];
        size_t n_indexes;
} SavedMemory;

/* A user of the D-Bus API's leases (calls.c). */
typedef struct Scheduler {
        uint64_t call; /* under way; 0: none */
        CallKind kind;
        usec_t asked_at, period; /* boottime before it was asked */
        uint64_t index;
        usec_t from, until;      /* true time: it believes to lead */
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

        /* the daemon */
        Core *core;
        unsigned generation;
        bool paused, exiting, stay_down;
        usec_t ttl;
        usec_t deadline_at;           /* true time of the scheduled SIM_DEADLINE; USEC_INFINITY: none */
        const Action *actions;        /* the rest of a step that a pause has cut in two */
        size_t n_actions, next_action;
        enum { CUT_NONE, CUT_PAUSE, CUT_CRASH } cut; /* a fault to come, between two actions */
        ActionKind cut_at;            /* before or after one of this kind; _ACTION_ANY */
        uint64_t cut_after;           /* not before so many of those have passed */
        usec_t cut_span;
        SimEvent *held;               /* what arrived while paused */
        size_t n_held, held_size;
        usec_t pace_since;            /* steps of the present second of model time */
        unsigned steps_since;
        unsigned guard_link;          /* the guard's connection that we listen to; 0: none */
        bool run_full;                /* /run is full: gates and environments cannot be written */
        /* for the checks: Index of the guard's entry as asked for or told, and whether the gate was said to be open */
        uint64_t armed[LEASES_MAX];
        bool gate_said[LEASES_MAX];

        char run_session[SESSION_SIZE];
        bool has_session;
        SavedMemory memory;
        bool enabled[LEASES_MAX];
        int64_t version[LEASES_MAX];

        /* the way to the registry */
        bool requests_blocked, replies_blocked;
        usec_t late_lease_write; /* the next Txn that puts a lease lands so much later; 0: none */
        unsigned link_generation;
        Watch watch;

        Scheduler scheduler;

        usec_t pid1_stalled_until;
        ModelUnit units[LEASES_MAX];
        Guard guard;
};

void daemon_start(World *w, Machine *m);
void daemon_start_later(World *w, Machine *m, usec_t delay);
void daemon_gone(World *w, Machine *m);     /* its process, with nothing said */
void daemon_crash(World *w, Machine *m, usec_t back_in);
void daemon_pause(World *w, Machine *m, usec_t span);
void daemon_resume(World *w, Machine *m);
void daemon_step(World *w, Machine *m, const Event *event);
/* True if the daemon is paused: the event is kept for when it goes on. */
bool daemon_holds(World *w, Machine *m, const SimEvent *e);
void daemon_verb(World *w, Machine *m, EventKind verb, size_t unit, uint64_t argument);
void daemon_event(World *w, SimEvent *e);
void daemon_read_unit(World *w, Machine *m, size_t unit);
void daemon_hint(World *w, Machine *m, size_t unit);
int unit_find(const World *w, const char *name); /* -1: there is none */
int lease_find(const World *w, const char *name);

void machine_init(World *w, Machine *m, size_t number);
void machine_power_on(World *w, Machine *m);
void machine_power_cut(World *w, Machine *m, usec_t back_in);
void machine_shut_down(World *w, Machine *m, usec_t back_in);
void machine_cut_off(World *w, Machine *m, bool requests, bool replies, usec_t span);
void machine_event(World *w, SimEvent *e);
/* From now on; its clock goes on from where it is. */
void machine_set_rate(World *w, Machine *m, uint64_t rate_ppm);
usec_t machine_boottime(const World *w, const Machine *m);
usec_t machine_true_time(const World *w, const Machine *m, usec_t boottime);
usec_t machine_realtime(const World *w, const Machine *m);

/* ---- faults and the operator (faults.c) ---- */

typedef enum Fault {
        FAULT_DAEMON_CRASH,
        FAULT_DAEMON_PAUSE,
        FAULT_DAEMON_STOP,
        FAULT_POWER_CUT,
        FAULT_SHUT_DOWN,
        FAULT_PARTITION,
        FAULT_OUTAGE,
        FAULT_FREEZE,    /* the registry hangs; what reached it is done when it thaws */
        FAULT_NET_SICK,  /* losses, delays, duplicates, late writes; a property of the run */
        FAULT_WATCH_STALL,
        FAULT_RESTORE,
        FAULT_WIPE,
        FAULT_GUARD_CRASH,
        FAULT_GUARD_PAUSE,
        FAULT_PID1_STALL,
        FAULT_UNIT_CRASH,
        FAULT_UNIT_EXIT,
        FAULT_BY_HAND,
        FAULT_UNKILLABLE, /* for long; excludes all faults in which leases pass by time */
        FAULT_RUN_FULL,
        FAULT_RELEASE,
        FAULT_TRANSFER,
        FAULT_STEAL,
        FAULT_DRAIN,
        FAULT_ENABLE,
        FAULT_CALLS,      /* no fault: schedulers use the D-Bus API's leases */
        FAULT_TTL,        /* another TTL=, by reload or restart */
        _FAULT_MAX,
} Fault;

void faults_init(World *w);
void faults_event(World *w, SimEvent *e);
/* Ends all faults, powers everything on, undoes every verb that keeps units down. */
void faults_heal(World *w);

void calls_done(World *w, Machine *m, const Action *a);
void calls_ask(World *w, Machine *m);
void calls_check_put(World *w, const char *name, const LeaseRecord *l); /* a lease's record is being put */
void calls_forget(Machine *m);
void calls_event(World *w, SimEvent *e);

/* ---- the checks and the counts (check.c) ---- */

typedef struct Counts {
        uint64_t steps, events, txns, refused, unknown, beats;
        uint64_t births, starts, acquired, takeovers, steals, transfers, releases, adopted, expired, resumed, lost;
        uint64_t sessions, calls, fell_back, foreign, done, by_hand, failed_units, late_forks;
        uint64_t faults[_FAULT_MAX];
        usec_t gap_max, recovery_max, late_fork_max, model_time;
} Counts;

typedef struct LeaseCheck {
        unsigned running;        /* bit for each machine on which there are processes */
        uint64_t start_index;    /* LEASE_INDEX of the last start */
        int start_machine;       /* and where it was */
        unsigned start_boot;
        uint64_t index;          /* highest of the record */
        char holder[SESSION_SIZE], machine_id[MACHINE_SIZE];
        usec_t stopped_at;       /* when the last process ended; 0: it runs, or never has */
} LeaseCheck;

void check_birth(World *w, Machine *m, size_t unit, Slot slot);
void check_death(World *w, Machine *m, size_t unit, const Process *p);
void check_pace(World *w, Machine *m); /* before each step */
void check_late_fork(World *w, SimEvent *e);
void check_action(World *w, Machine *m, int unit, const Action *a);
void check_commit(World *w, const Message *q); /* before it is applied */
void check_lease_put(World *w, uint32_t key, const LeaseRecord *l);
void check_report(World *w, const Action *a);
/* Everything has healed: does each lease's unit run on exactly one machine? */
bool check_all_run(const World *w);
void world_fail(World *w, const char *format, ...) _printf_(2, 3);
void counts_add(Counts *sum, const Counts *c);

/* ---- the world (world.c) ---- */

typedef struct Options {
        uint64_t seed;
        size_t n_machines, n_leases;
        usec_t duration;  /* of the time with faults; a quiet tail follows */
        usec_t ttl;       /* 0: drawn from the seed */
        bool promises_only; /* S1, S2, S3 alone are checked, not the laws that keep them */
        bool faults;      /* drawn from the seed; false: a story injects its own */
        bool trace;       /* keep the last lines for world_print_trace() */
        bool trace_live;  /* and print them as they come */
} Options;

struct World {
        Options options;
        uint64_t random;
        usec_t now;
        uint64_t sequence;
        SimEvent *heap;
        size_t n_heap, heap_size;
        size_t n_machines, n_leases;
        Machine machines[MACHINES_MAX];
        char unit_names[LEASES_MAX][NAME_SIZE], lease_names[LEASES_MAX][NAME_SIZE];
        UnitConfig unit_configs[LEASES_MAX];
        usec_t stop_time[LEASES_MAX], start_time[LEASES_MAX], post_time[LEASES_MAX]; /* longest ones */
        bool has_extra[LEASES_MAX], restarts[LEASES_MAX];
        bool slowest_stop, always_extra; /* a story wants no chance in these */
        unsigned failures[LEASES_MAX];
        Map map;
        Message *free_messages;
        Parcel *free_parcels;
        Record *scratch; /* for the answer being delivered */
        size_t scratch_size;
        usec_t registry_down_until, registry_frozen_until;
        usec_t latency;   /* usual one-way time */
        /* in a million messages */
        unsigned lost_ppm, lost_reply_ppm, slow_ppm, late_ppm, duplicate_ppm, early_unknown_ppm, slow_reply_ppm;
        bool fault_enabled[_FAULT_MAX];
        usec_t fault_every, peace_until;
        uint64_t last_call, leader_index;
        bool replacing; /* the registry is down, to come back as another */
        bool quiet;
        LeaseCheck leases[LEASES_MAX];
        Counts counts;
        bool failed;
        char failure[512];
        struct Trace *trace;
};

World *world_new(const Options *options);
World *world_free(World *w);
DEFINE_TRIVIAL_CLEANUP(World *, world_free)

uint64_t world_random(World *w);
/* Uniform in [0, n) and [from, to]. */
uint64_t random_below(World *w, uint64_t n);
usec_t random_span(World *w, usec_t from, usec_t to);
bool random_chance(World *w, unsigned ppm);

/* Schedules e at its time (not before now). */
void world_post(World *w, SimEvent e);
/* Runs until true time, or until something failed (false). */
bool world_run(World *w, usec_t until);
/* Until done says so, or false after span. */
bool world_run_until(World *w, usec_t span, bool (*done)(World *, void *), void *userdata);
/* The whole run of a seed: faults, then the quiet tail. False: world_fail() was called. */
bool world_run_seed(World *w);

/* ---- the trace (trace.c) ---- */

void trace_init(World *w);
void trace_done(World *w);
void trace_line(World *w, const Machine *m, const char *format, ...) _printf_(3, 4);
void trace_step(World *w, const Machine *m, const Event *e);
void trace_action(World *w, const Machine *m, const Action *a);
void world_print_trace(const World *w);

#define TRACE(w, m, ...)                                                                                               \
        do {                                                                                                           \
                if (__builtin_expect((w)->trace != NULL, 0))                                                           \
                        trace_line((w), (m), __VA_ARGS__);                                                             \
        } while (0)
