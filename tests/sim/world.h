/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The world: one run (world.c). Included by sim.h only. */

#include "sim.h"

/* Faults drawn so that one rare meeting of them is frequent. */
typedef enum Bias {
        BIAS_NONE,
        BIAS_LATE_GATE, /* daemons are hung before they ask for the gate, for longer than the TTL, and die after it */
        BIAS_SLOW_ANSWERS,  /* answers take up to the whole of an attempt, then there are none; units are slow to stop
                             */
        BIAS_LATE_WRITES,   /* writes land late, while daemons are killed and leases change hands */
        BIAS_LATE_RELEASES, /* ... while units are enabled and disabled */
        BIAS_STALE_WATCHES, /* leases are handed on to machines that do not hear of it, and are cut off now and then */
        BIAS_SLEEP,         /* machines sleep, while daemons are killed and cut off */
        BIAS_RECORDS,       /* records are deleted, damaged and written over, while leases pass */
        BIAS_FEW_BEATS,     /* the watch tells of no other machine's beats, while machines are cut off */
        BIAS_SHORT_TTL,     /* the shortest TTL, and guards hang while machines are cut off; units are slow to stop */
        BIAS_SLOTS,         /* options.runs, and each command may run by any of two leases */
        BIAS_COPIES,        /* no meeting: one unit, with two or three copies as the operators like it (Copies=) */
        BIAS_HAND_OVER,     /* guards hand over to new programs, while daemons are killed and cut off */
        BIAS_TIMERS,        /* no meeting: the units are timers that catch up; no elapse may have two runs */
        BIAS_VM_PAUSE,      /* virtual machines are paused, while daemons are killed and machines cut off */
        BIAS_FREEZE,        /* units freeze in a silence of the registry, while machines are cut off */
        BIAS_PAUSE,         /* the cluster is paused, and machines are cut off and lose power */
        _BIAS_MAX,
} Bias;

typedef struct Options {
        uint64_t seed;
        size_t n_machines, n_leases;
        usec_t duration; /* of the time with faults; a quiet tail follows */
        usec_t ttl;      /* 0: drawn from the seed */
        Bias bias;
        const uint8_t *tape; /* the upper bits of each draw of chance, as long as there are some; borrowed */
        size_t tape_size;
        void (*stepped)(const World *w, const Machine *m); /* called after each step of a core; NULL: nobody asks */
        bool promises_only; /* S1, S2, S3 alone are checked, not the laws that keep them */
        bool lone;          /* no core runs beside each that looks at all units and leases in each step (shadow.h) */
        bool faults;        /* drawn from the seed; false: a story injects its own */
        bool fences;        /* each machine has a FenceCommand=; in a search */
        bool runs;          /* no unit is enabled; each is a command of "leasectl run", asked for now and then */
        unsigned slots;  /* the leases of each such command, or of the one unit that is enabled in the end; 0: one of
                            its own. By BIAS_SLOTS, BIAS_COPIES */
        bool trace;      /* keep the last lines for world_print_trace() */
        bool trace_live; /* and print them as they come */
} Options;

struct World {
        Options options;
        uint64_t random;
        usec_t now;
        uint64_t sequence;
        Turn *heap;
        SimEvent *queue; /* by slot */
        size_t n_heap, queue_size;
        size_t n_machines, n_leases;
        Machine machines[MACHINES_MAX];
        size_t n_asleep;
        char unit_names[UNITS_MAX][NAME_SIZE], lease_names[LEASES_MAX][NAME_SIZE];
        UnitConfig unit_configs[UNITS_MAX];                                       /* of members: timeout_stop alone */
        usec_t stop_time[UNITS_MAX], start_time[UNITS_MAX], post_time[UNITS_MAX]; /* longest ones */
        Placement placements[LEASES_MAX];
        bool has_extra[UNITS_MAX], restarts[UNITS_MAX];
        bool has_member[LEASES_MAX];
        usec_t member_life[LEASES_MAX]; /* the longest that a member runs by itself; 0: until it is stopped */
        usec_t timer_period; /* with BIAS_TIMERS: they elapse whenever the wall clock is a multiple of this */
        bool slowest_stop, always_extra; /* a story wants no chance in these */
        unsigned failures[UNITS_MAX];
        unsigned beats_told; /* to each machine, by its watch (core.h) */
        unsigned slice; /* how many looks a step may take; lists come in parts then. 0: as usual, and as a whole */
        uint32_t lists; /* lists that have begun to come in parts */
        Map map;
        Message *free_messages;
        Parcel *free_parcels;
        Record *scratch; /* for the answer being delivered */
        size_t scratch_size;
        usec_t registry_down_until, registry_frozen_until;
        usec_t latency; /* usual one-way time */
        /* in a million messages */
        unsigned lost_ppm, lost_reply_ppm, slow_ppm, late_ppm, duplicate_ppm, early_unknown_ppm, slow_reply_ppm;
        bool fault_enabled[_FAULT_MAX];
        usec_t fault_every, peace_until;
        uint64_t last_call, leader_index;
        uint8_t *asked; /* what is known of each request, by its id (requests.c) */
        size_t asked_size;
        bool replacing; /* the registry is down, to come back as another */
        bool quiet;
        usec_t healed_at; /* when the quiet began */
        Fenced fenced;
        usec_t meddled_at; /* reboots.h */
        LeaseCheck leases[LEASES_MAX];
        Counts counts;
        bool failed;
        char failure[512];
        struct Trace *trace;
};

World *world_new(const Options *options);
World *world_free(World *w);
DEFINE_TRIVIAL_CLEANUP(World *, world_free)

static inline void mishap(World *w, Mishap what) {
        w->counts.mishaps[what]++;
}

uint64_t world_random(World *w);
/* Uniform in [0, n) and [from, to]. */
uint64_t random_below(World *w, uint64_t n);
usec_t random_span(World *w, usec_t from, usec_t to);
bool random_chance(World *w, unsigned ppm);

/* Schedules e at its time (not before now). */
void world_post(World *w, SimEvent e);
/* Takes the next event out of the queue, which is not empty. */
SimEvent world_take(World *w);
/* Lets an event that was taken out of the queue happen now. */
void world_dispatch(World *w, SimEvent *e);
/* Runs until true time, or until something failed (false). */
bool world_run(World *w, usec_t until);
/* Until done says so, or false after span. */
bool world_run_until(World *w, usec_t span, bool (*done)(World *, void *), void *userdata);
/* The whole run of a seed: faults, then the quiet tail. False: world_fail() was called. */
bool world_run_seed(World *w);
