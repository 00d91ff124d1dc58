/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The heart: every decision about leases, sessions and units, as one pure function of what has been seen.
 *
 * core_step() takes the present time and one event, and returns what to do. It performs no I/O, reads no clock, keeps
 * no thread, logs nothing, and draws its random numbers from a seed it was given: the same inputs give the same
 * outputs, so a run can be replayed, and N machines can be simulated in one process. It never calls out; an action
 * that fails comes back as an event.
 *
 * What it does not do: it knows no keys' text, no JSON, no D-Bus, no files. It does not know the time between steps:
 * whoever drives it calls core_step(EVENT_DEADLINE) no later than core_next_deadline().
 */

#include "core/event.h"
#include "core/timeline.h"

typedef struct Core Core;

typedef struct Now {
        usec_t boottime; /* all decisions */
        usec_t realtime; /* stamps for people, and the floor of the Index after a fall-back */
} Now;

/* What this machine remembers of a lease: the highest Index it has ever seen. */
typedef struct RememberedIndex {
        const char *lease;
        uint64_t index;
} RememberedIndex;

/* What outlives the boot (/var/lib/leased). All zero: nothing is remembered. */
typedef struct CoreMemory {
        const char *uuid;  /* of the registry; "" or NULL: none */
        const char *store; /* its store's identity */
        uint64_t revision; /* the highest seen */
        uint64_t floor;    /* the highest of the registry's floors of all Indexes that was seen; 0: none */
        bool silence;      /* the registry fell back and the wait has not been served yet */
        bool draining;
        const RememberedIndex *indexes;
        size_t n_indexes;
} CoreMemory;

typedef struct CoreConfig {
        const char *machine_id; /* 32 hex digits */
        const char *boot_id;
        const char *hostname;
        const char *metadata;
        const char *version; /* of the daemon */
        const char *session; /* to carry on, from /run; NULL: none */
        usec_t ttl;
        uint64_t seed;     /* random, different for every process */
        bool looks_at_all; /* for tests: each step looks at every unit and lease, and not only where something happened
                            */
        unsigned beats_told; /* of other machines' beats, about so many in 1000 s come by the watch; 0: the usual */
        CoreMemory memory;
} CoreConfig;

/* Copies the configuration. NULL only when out of memory; there is no other way to fail. */
Core *core_new(const CoreConfig *config);
Core *core_free(Core *core);
DEFINE_TRIVIAL_CLEANUP(Core *, core_free)

/*
 * One step. now must not run backwards. The actions stay valid until the next call and are to be carried out in
 * their order. Out of memory aborts the process: the guard and systemd take it from there, which is the safe answer.
 */
const Action *core_step(Core *core, Now now, const Event *event, size_t *ret_n);

/* When core_step() must be called at the latest (CLOCK_BOOTTIME); USEC_INFINITY: only on an event. */
usec_t core_next_deadline(const Core *core);

/* The highest Index of the lease that this machine remembers; 0: none. */
uint64_t core_remembered(const Core *core, const char *lease);

/* What to keep on disk; valid until the next core_step(). The Indexes are left out: ACTION_REMEMBER tells of each one
 * that has changed. */
const CoreMemory *core_memory(Core *core);

/* ---- what it looks like from outside ---- */

typedef struct SessionView {
        const char *session;
        usec_t ttl;
        usec_t last_beat;  /* t0 of the last committed beat; 0: none */
        usec_t round_trip; /* of that beat */
        bool competing;
        Why why_not;                          /* if it does not compete */
        usec_t why_not_until;                 /* CLOCK_REALTIME until which that is so; 0: not known */
        const char *uuid, *store;             /* of the registry that this machine knows; "" if none yet */
        const char *found_uuid, *found_store; /* of the one that answers, if that is another; "" if not */
        bool draining;
        size_t units; /* that are enabled here, or are still being let go */
        size_t held;  /* leases */
        bool known;   /* what the records say is so: the registry answers, and is the one that this machine knows */
        usec_t heard; /* CLOCK_BOOTTIME when the registry last said anything; 0: never */
        uint64_t lost_acquires; /* of this daemon: asked for, and another machine was faster */
} SessionView;

typedef struct LeaseView {
        const char *name;
        uint64_t mod_revision;
        bool damaged;
        const LeaseRecord *record;
        const char *hostname; /* of the holder, "" if not known */
        const char *unit;     /* the unit enabled here for it, or NULL */
        bool local;           /* held by this daemon's session */
        bool known;           /* false: the record is what it was when the registry last answered, or was never seen */
        usec_t time_remaining; /* as far as this machine can tell */
} LeaseView;

typedef struct UnitView {
        const char *unit;
        const char *lease;      /* "": it has none, it is global */
        const char *state;      /* one word: State in dbus/org.leased1.Unit.xml lists them */
        Reason why_not;         /* why it does not run here; WHY_NONE if it does */
        bool known;             /* false: who holds the lease is not known, be it that nobody does */
        const char *machine_id; /* holder of the lease, "" if none is known */
        const char *hostname;
        uint64_t index; /* of the lease, 0: never held */
        bool held_here;
        bool global; /* runs on every machine that fits, without a lease */
        bool stuck;  /* held here, should go elsewhere, and there is nowhere to go */
        bool active_known;
        ActiveState active;
        usec_t stop_at, kill_at; /* CLOCK_BOOTTIME; 0 unless held here, or in the guard's hands */
} UnitView;

typedef struct MachineView {
        const char *machine_id;
        const MachineRecord *record;
        bool alive;   /* its session has beaten within its TTL, as far as this machine can tell */
        bool known;   /* false: neither that nor that it is silent can be told now */
        usec_t heard; /* CLOCK_BOOTTIME when its session was last seen to beat; 0: never */
        size_t held;
} MachineView;

/* Why a machine does not hold a unit, or that it does. */
typedef struct WhyNotView {
        const char *machine_id, *hostname;
        bool holds;
        bool fits;     /* it could take it: it stands by, or only stands back for a while */
        unsigned rank; /* if it stands by: how many machines would come before it */
        Reason reason;
        usec_t until; /* CLOCK_REALTIME until which that is so; 0: not known */
} WhyNotView;

void core_session_view(const Core *core, Now now, SessionView *ret);
/* Calls f with the name of each unit, or of each lease that has a record; much cheaper than their views. */
void core_each_unit_name(const Core *core, void (*f)(const char *name, void *userdata), void *userdata);
void core_each_lease_name(const Core *core, void (*f)(const char *name, void *userdata), void *userdata);
/* How many machines the registry names, or did. */
size_t core_count_machines(const Core *core);
/* Calls f for each machine; in no particular order. Returns f's first non-zero value, or 0. */
int core_each_machine(const Core *core, Now now, int (*f)(const MachineView *, void *), void *userdata);
/* First this machine, if it has reasons of its own; then every other one that the registry names, in no particular
 * order (none for a global unit). Cheap to ask for many units in a row, with no step in between. */
int core_each_why_not(
                const Core *core, Now now, const char *unit, int (*f)(const WhyNotView *, void *), void *userdata);
/* How every machine would stand to a unit, by the plan's own rules, if it were enabled on all of them and held by
 * nobody: those that would take it in their order, then the others with their reasons. .holds: it has the unit now.
 * config: .unit, .lease, .global and .placement are looked at; here it need not be enabled. Cheap, with no step in
 * between. Returns f's first non-zero value, or 0. */
int core_explain(const Core *core, const UnitConfig *config, int (*f)(const WhyNotView *, void *), void *userdata);
/* The machine that holds it should let it go (as far as this machine can tell: it drains), and none that is there
 * could take it, not even in a while. */
bool core_is_stuck(const Core *core, Now now, const char *unit);
/* false: there is none of that name. */
bool core_find_lease(const Core *core, Now now, const char *name, LeaseView *ret);
bool core_find_unit(const Core *core, Now now, const char *unit, UnitView *ret);

/* How much work was done since core_new(): looks at units and leases, and pairs of unit and machine that were weighed.
 */
typedef struct CoreWork {
        uint64_t looks, pairs;
} CoreWork;

/* For tests: a step must not do work for each unit. */
CoreWork core_work(const Core *core);
/* For tests: asserts that each counter says what a walk over all finds. */
void core_check(const Core *core);
