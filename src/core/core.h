/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The core: every decision about leases, sessions and units, as one pure function of what has been seen.
 *
 * core_step() takes the present time and one event, and returns the actions to be carried out. The core performs no
 * I/O, reads no clock, has no thread, logs nothing, and draws its random numbers from a seed that it was given. So the
 * same inputs give the same outputs: a run can be replayed, and many machines can be simulated in one process. The
 * core never calls out; an action that fails comes back as an event.
 *
 * The core knows nothing of the text of keys, of JSON, D-Bus or files. Time passes for it only in steps: its caller
 * must call core_step() with EVENT_DEADLINE no later than at core_next_deadline().
 */

#include "core/event.h"
#include "core/timeline.h"

typedef struct Core Core;

typedef struct Now {
        usec_t boottime; /* CLOCK_BOOTTIME: all decisions go by it (law 1) */
        usec_t realtime; /* CLOCK_REALTIME: for stamps that people read, and the floor of Indexes after a fall-back */
} Now;

/* What this machine remembers of a lease: the highest Index it has ever seen. */
typedef struct RememberedIndex {
        const char *lease;
        uint64_t index;
} RememberedIndex;

/* A registry that this machine knew when nothing here depended on it yet, so that another one would do as well. */
typedef struct FormerRegistry {
        const char *uuid, *store; /* NULL: there is none */
        uint64_t revision;        /* the highest seen */
} FormerRegistry;

/* What this machine remembers across boots (/var/lib/leased). All zero: nothing. */
typedef struct CoreMemory {
        const char *uuid;          /* of the registry; "" or NULL: none */
        const char *store;         /* its store's identity */
        uint64_t revision;         /* the highest seen */
        uint64_t floor;            /* the highest of the registry's floors of all Indexes that was seen; 0: none */
        bool silence;              /* the registry fell back, and the wait that follows is not over yet */
        bool newcomer;             /* it has not been known here for a TTL yet (identity.c) */
        bool paused;               /* there was a pause when the registry was last seen (law 13) */
        bool draining;             /* an operator wants this machine to take no leases */
        const char *draining_boot; /* ... during the boot of this id only; "" or NULL: until somebody ends that */
        bool undrained;            /* ... no longer, which this machine's record does not show yet */
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
        usec_t ttl;          /* TTL=, 1 to 60 s */
        usec_t beats_every;  /* BeatSec=; 0: TTL/5 */
        usec_t fence_after;  /* after how long a silence FenceCommand= is run; 0: there is none */
        uint64_t seed;       /* random, different for every process */
        bool looks_at_all; /* for tests: each step looks at every unit and lease, and not only where something happened
                            */
        unsigned looks_at_once; /* how many looks at a unit or lease one step may take; 0: the default */
        unsigned beats_told; /* of how many of other machines' beats in 1000 s the watch is to tell; 0: the default */
        CoreMemory memory;
        FormerRegistry former;
} CoreConfig;

/* Makes a core, which the caller owns. The configuration is copied. NULL: out of memory; nothing else can fail. */
Core *core_new(const CoreConfig *config);
/* Frees the core and all that it gave; NULL is allowed. Returns NULL. */
Core *core_free(Core *core);
DEFINE_TRIVIAL_CLEANUP(Core *, core_free)

/*
 * One step: takes the event and gives the *ret_n actions to be carried out, in this order. now.boottime must not run
 * backwards. The actions and all that they point to are borrowed until the next call.
 *
 * Without memory the process is aborted. This is safe: the guard stops the units in time (law 9), and systemd starts
 * the daemon again.
 */
const Action *core_step(Core *core, Now now, const Event *event, size_t *ret_n);

/* When core_step() must be called at the latest (CLOCK_BOOTTIME); USEC_INFINITY: only on an event. */
usec_t core_next_deadline(const Core *core);

/* The highest Index of the lease that this machine remembers; 0: none. */
uint64_t core_remembered(const Core *core, const char *lease);

/* Whether EVENT_ACCEPT would have this machine go by the registry with this uuid: one that answers, and is not ours.
 */
bool core_may_accept(const Core *core, const char *uuid);

/* What to keep on disk; borrowed until the next core_step(). The Indexes are left out: ACTION_REMEMBER tells of each
 * one that has changed. */
const CoreMemory *core_memory(Core *core);

/* ---- how the core looks from outside: what all texts point to is borrowed until the next core_step() ---- */

/* There are so many booleans because they are independent facts. */
typedef struct SessionView {
        const char *session;
        usec_t ttl;
        usec_t last_beat;                     /* t0 of the last committed beat; 0: none */
        usec_t round_trip;                    /* of that beat */
        bool competing;                       /* this machine competes for leases */
        Why why_not;                          /* why this machine does not compete */
        usec_t why_not_until;                 /* CLOCK_REALTIME until which this is so; 0: not known */
        const char *uuid, *store;             /* of the registry that this machine knows; "" if none yet */
        const char *found_uuid, *found_store; /* of the registry that answers, if it is another one; "" if not */
        bool draining;
        bool drains_briefly;    /* ... until this machine boots */
        size_t units;           /* how many are enabled here, or are still being let go */
        size_t held;            /* how many leases this machine holds */
        bool known;             /* the records describe the present: the registry answers and is the known one */
        bool paused;            /* nobody takes a lease (law 13) ... */
        bool pause_ends;        /* ... and the pause is being ended */
        bool pause_waits;       /* its end waits for each holder, without a bound: the registry fell back in it */
        bool keeps;             /* what is held here is kept without beats */
        usec_t paused_since;    /* CLOCK_REALTIME */
        const char *paused_by;  /* "": not known */
        usec_t heard;           /* CLOCK_BOOTTIME when the registry last said anything; 0: never */
        uint64_t lost_acquires; /* how often this daemon asked for a lease, and another machine was faster */
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
        usec_t time_remaining; /* TTL (or period) less the time since the last sign of life that is known here; 0:
                                  none, or not held */
} LeaseView;

/* How a unit is here, or on another machine. Their words: core_state_word(). */
typedef enum UnitState {
        STATE_UNKNOWN,
        STATE_DAMAGED,
        STATE_ELSEWHERE,
        STATE_WAITING,
        STATE_ACQUIRING,
        STATE_HELD,
        STATE_STARTING,
        STATE_RUNNING,
        STATE_FROZEN,
        STATE_STOPPED,
        STATE_FAILED,
        STATE_STOPPING,
        STATE_RELEASING,
        STATE_DONE,
        STATE_SILENT, /* of another machine only: it does not beat */
        STATE_GONE,   /* of an offer only: it was taken back */
        _STATE_MAX,
} UnitState;

/* For what the check of a unit (Check=) is to be made. */
typedef enum CheckAim {
        CHECK_AIM_NONE,  /* nothing is checked: it is on its way, or stopped by hand, or known to the guard only */
        CHECK_AIM_RUNS,  /* whether it is well, where it runs */
        CHECK_AIM_MIGHT, /* whether it would run here */
} CheckAim;

/* There are so many booleans because they are independent facts. */
typedef struct UnitView {
        const char *unit;
        const char *lease; /* "": it has none, it is global */
        UnitState state;
        CheckAim check;
        Reason why_not;         /* why it does not run here; WHY_NONE if it does */
        bool known;             /* false: it is not known who holds the lease, or whether anybody does */
        const char *machine_id; /* holder of the lease, "" if none is known */
        const char *hostname;
        uint64_t index; /* of the lease, 0: never held */
        bool held_here;
        bool global;  /* runs on every machine that fits, without a lease */
        bool stuck;   /* held here, should go elsewhere, and there is nowhere to go */
        bool limited; /* the guard ends it at a time that no beat moves, too */
        bool active_known;
        ActiveState active;
        usec_t stop_at, kill_at; /* CLOCK_BOOTTIME; 0 unless held here, or in the guard's hands */
} UnitView;

typedef struct MachineView {
        const char *machine_id;
        const MachineRecord *record;
        bool alive;       /* its session has beaten within its TTL, as far as this machine can tell */
        bool known;       /* false: it cannot be told now whether the session beats or is silent */
        usec_t heard;     /* CLOCK_BOOTTIME when its session was last seen to beat; 0: never, or its beat is gone */
        usec_t stopped;   /* CLOCK_BOOTTIME when its beat was seen to be taken away, as where leased is stopped; 0: it
                             was not, or it was silent by then */
        usec_t up_since;  /* CLOCK_REALTIME there: since when it is alive, without a silence; 0: not known */
        size_t held;      /* leases that it holds */
        bool unconfirmed; /* a session of it that is not heard keeps leases: nobody takes them until the machine is
                             confirmed dead (law 13). It may have no record any more */
} MachineView;

/* Why a machine does not hold a unit, or that it does. */
typedef struct WhyNotView {
        const char *machine_id, *hostname;
        bool holds;
        bool fits;     /* the machine could take the unit: it stands by, or only stands back for a while */
        unsigned rank; /* if the machine stands by: how many machines would come before it */
        Reason reason;
        usec_t until; /* CLOCK_REALTIME until which the reason holds; 0: not known */
} WhyNotView;

/* How a unit is on one machine, as far as the records and PID 1 here say. */
typedef struct OfferView {
        const char *unit, *machine_id, *lease;
        const char *hostname, *metadata; /* of the machine; "" if not known */
        UnitState state;
        const char *active, *result; /* as the machine has told them; "": it has not, or there is no result */
        usec_t since;                /* CLOCK_REALTIME since when it is in that ActiveState=; 0: not known */
        bool holds;                  /* the machine holds the lease, by the records */
        uint64_t index;              /* of the lease */
        usec_t held_since;           /* CLOCK_REALTIME since when the lease is held, or free */
        unsigned copies;             /* Copies= there; 0: it has one lease, and no copies */
        Reason reason;   /* why the machine does not take the unit now, by its own words; WHY_NONE: it would */
        usec_t until;    /* CLOCK_REALTIME until which the reason holds; 0: not known */
        uint64_t change; /* core_revision() when the offer or the record of the lease last changed */
} OfferView;

/* Gives the state in one word, as State in dbus/org.leased1.Unit.xml and ListClusterUnits in
 * dbus/org.leased1.Manager.xml list them. */
const char *core_state_word(UnitState state);
/* Fills in how the unit is on the machine; name is "<machine id>/<unit>". The strings of *ret are borrowed until the
 * next step. Returns false if no such offer was seen, or if it was taken back more than a minute ago; one that was
 * taken back since then is in STATE_GONE. */
bool core_find_offer(const Core *core, Now now, const char *name, OfferView *ret);
/* Calls f with the name of each offer that was seen, also if it was taken back since. */
void core_each_offer_name(const Core *core, void (*f)(const char *name, void *userdata), void *userdata);
/* Gives a number that grows with each change of a lease or an offer. The number is never below the CLOCK_REALTIME of
 * the last step (in microseconds), so it also grows from one daemon to the next, unless the clock was set back. */
uint64_t core_revision(const Core *core);
/* Whether all changes after this revision are known. Those after a revision that an earlier daemon gave are not: what
 * was taken back while no daemon ran is nowhere. Nor are those from before an offer was taken back that is forgotten
 * by now, or from before the registry fell silent or answered again: then all states are others than were told,
 * although no unit has changed. */
bool core_knows_since(const Core *core, uint64_t revision);

void core_session_view(const Core *core, Now now, SessionView *ret);
/* Calls f with the name of each unit, or of each lease that has a record. Much cheaper than to make their views. */
void core_each_unit_name(const Core *core, void (*f)(const char *name, void *userdata), void *userdata);
void core_each_lease_name(const Core *core, void (*f)(const char *name, void *userdata), void *userdata);
/* How many machines the registry names, or has named lately. */
size_t core_count_machines(const Core *core);
/* Calls f for each machine; in no particular order. Returns f's first non-zero value, or 0. */
int core_each_machine(const Core *core, Now now, int (*f)(const MachineView *, void *), void *userdata);
/* Calls f for this machine, if it has reasons of its own not to hold the unit, and then for every other machine that
 * the registry names, in no particular order (for none if the unit is global). Returns f's first non-zero value, or 0.
 * Cheap for many units in a row, with no step in between. */
int core_each_why_not(
                const Core *core, Now now, const char *unit, int (*f)(const WhyNotView *, void *), void *userdata);
/* Tells how every machine would stand to a unit, by the rules of the plan, if the unit were enabled on all machines
 * and held by none. Calls f first for the machines that would take the unit, in their order, then for the others with
 * their reasons; .holds says that the machine has the unit now. Of the config only .unit, .lease, .global and
 * .placement are looked at; the unit need not be enabled here. Returns f's first non-zero value, or 0. Cheap for many
 * units in a row, with no step in between. */
int core_explain(const Core *core, const UnitConfig *config, int (*f)(const WhyNotView *, void *), void *userdata);
/* How many other copies of a unit are in the way of the copy here, if that is to become of this Version=: they do not
 * run, or have a lower number and are not of this version yet. UINT_MAX: one of them is just starting or stopping. 0
 * if the unit has no copies, or no copy is here. What other machines tell may be as old as a round. */
unsigned core_copies_behind(const Core *core, const char *unit, int64_t version);
/* What an operator may try before it is done. */
typedef enum RehearsalKind {
        REHEARSAL_DRAIN,     /* the machine hands over all that it holds */
        REHEARSAL_RELEASE,   /* the holders of the units let them go */
        REHEARSAL_TRANSFER,  /* ... hand them to the machine */
        REHEARSAL_STEAL,     /* this machine takes the units */
        REHEARSAL_REBALANCE, /* the fewest transfers that make it even, of all units that are enabled here */
} RehearsalKind;

typedef struct Rehearsal {
        RehearsalKind kind;
        const char *const *units; /* of a release, transfer or steal: n_units names */
        size_t n_units;
        const char *machine; /* the id, of a drain or transfer */
} Rehearsal;

/* What would become of one unit. The strings are borrowed until the next question or step. */
typedef struct RehearsedUnit {
        const char *unit;
        const char *from, *to;    /* machine ids. from "": nobody holds it; to "": it goes nowhere */
        Reason reason;            /* why it does not go, if that can be said in one; WHY_NONE */
        const WhyNotView *others; /* if no machine fits: each other machine, with its reason */
        size_t n_others;
} RehearsedUnit;

enum {
        REHEARSAL_PAIRS = 4096, /* pairs of unit and machine that are weighed for one question, about */
        REHEARSAL_MOVES = 50,   /* that a rebalance suggests at once */
};

/* Tells what would become of units, by the rules of the plan, and changes nothing. Calls f for each unit that is
 * concerned, in the order of their names; of a rebalance, for each unit that should move, in the order of the moves.
 * If there are too many units and machines for one question, the last units are told with WHY_TOO_MANY. Returns f's
 * first non-zero value, or 0. */
int core_rehearse(const Core *core, const Rehearsal *r, int (*f)(const RehearsedUnit *, void *), void *userdata);
/* Whether the unit is stuck: the machine that holds the unit should let it go (of another machine only draining is
 * known here), and no machine that is there could take the unit, not even in a while. */
bool core_is_stuck(const Core *core, Now now, const char *unit);
/* Fill in the view of the lease or the unit. Return false if there is no such record or unit. */
bool core_find_lease(const Core *core, Now now, const char *name, LeaseView *ret);
bool core_find_unit(const Core *core, Now now, const char *unit, UnitView *ret);

/* How much work was done since core_new(): how often a unit or lease was looked at, how many pairs of unit and machine
 * were weighed, and how often a unit was held against another that is on the same machine. */
typedef struct CoreWork {
        uint64_t looks, pairs, meetings;
} CoreWork;

/* For tests: a step must not do work for each unit. */
CoreWork core_work(const Core *core);
/* For tests: asserts that each counter says what counting everything gives. */
void core_check(const Core *core);
