/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What goes into the core (events) and what comes out of it (actions): the whole of its contact with the world.
 *
 * Events report level-triggered whole state, and may be repeated at will. UNKNOWN is a value: "no answer" is never
 * read as "no". Actions are asked for in the order in which they must be begun; none is waited for inside the core.
 * Everything a pointer refers to is borrowed: an event's until core_step() returns, an action's until the next
 * core_step().
 */

#include "core/record.h"
#include "core/unit-config.h"

/* ---- units ---- */

typedef enum ActiveState {
        ACTIVE_INACTIVE,
        ACTIVE_FAILED,
        ACTIVE_ACTIVATING,
        ACTIVE_ACTIVE,
        ACTIVE_DEACTIVATING,
        ACTIVE_RELOADING,
        _ACTIVE_STATE_MAX,
} ActiveState;

/* Who had the unit stopped; only of one that is inactive or failed. */
typedef enum EndedBy {
        ENDED_BY_ITSELF,
        ENDED_BY_UNKNOWN,  /* not known yet: another report follows */
        ENDED_BY_HAND,     /* somebody asked for it */
        ENDED_BY_NEED,     /* PID 1, along with a unit that it needs, is bound to, or is part of */
        ENDED_BY_CONFLICT, /* PID 1, because a unit was started with which it conflicts */
} EndedBy;

/* After ENDED_BY_NEED and ENDED_BY_CONFLICT: what the other unit is now. */
typedef enum Obstacle {
        OBSTACLE_NONE,   /* up again (a conflicting one: down again), or there is no such unit */
        OBSTACLE_LASTS,  /* as somebody wanted it */
        OBSTACLE_FAILED, /* it ended by itself; it would be started along with the unit */
} Obstacle;

typedef enum LoadState {
        LOAD_OK,
        LOAD_MISSING, /* there is no unit file */
        LOAD_MASKED,
        LOAD_BAD, /* PID 1 cannot load it */
} LoadState;

/* What PID 1 says of a unit. It has so many booleans because PID 1 says each of them for itself: none follows from
 * another. */
typedef struct UnitReport {
        bool known;      /* false: PID 1 does not answer; nothing below means anything */
        usec_t asked_at; /* CLOCK_BOOTTIME before the question was sent; what is said below was true later than that */
        ActiveState active;
        bool job;   /* PID 1 has a job for it */
        bool empty; /* no process in its control group; read after PID 1's answer */
        bool left;  /* all that PID 1 knows of it is down, and its slice is not empty: PID 1 will not end what is in
                       there */
        LoadState load;
        bool gate_loaded; /* PID 1 has our Assert and our BindsTo in force, and needs no reload */
        bool failed;      /* how it last ended: Result= is not success */
        EndedBy ended_by;
        Obstacle obstacle;
        const char *other;   /* the unit that .ended_by and .obstacle speak of; NULL or "": it is not known */
        usec_t ended_at;     /* CLOCK_REALTIME of when it last became inactive or failed; 0: never */
        usec_t last_trigger; /* CLOCK_REALTIME; of a timer that catches up (Persistent=yes): when it last elapsed; else
                                0 */
        uint64_t run;        /* of its InvocationID=: differs from run to run; 0: it has none, it never ran */
} UnitReport;

/* ---- the guard, as it says itself ---- */

typedef struct GuardReport {
        uint64_t index;          /* its entry for this unit; 0: none */
        bool open;               /* the gate is there */
        bool expired;            /* stop_at has passed or the lease was declared lost: it is stopping the unit */
        usec_t stop_at, kill_at; /* CLOCK_BOOTTIME, as they were when it said so */
        uint64_t serial; /* .id of the last action that the guard had received on this connection when it said so; 0:
                            none */
} GuardReport;

/* ---- leases of the D-Bus API: a scheduler's own, without unit and session (fleet's package lease) ---- */

typedef enum CallKind {
        CALL_ACQUIRE, /* .machine .version .period */
        CALL_STEAL,   /* ... and .index, which must be the present one, and not 0 */
        CALL_RENEW,   /* .index, .period */
        CALL_RELEASE, /* .index */
} CallKind;

typedef enum CallResult {
        CALL_DONE,         /* .index: of the lease now; STEAL: .span still to be waited before acting on it */
        CALL_NOT_ACQUIRED, /* somebody holds it, or it has debts: an outcome, not an error */
        CALL_NO_SUCH_LEASE,
        CALL_INDEX_MISMATCH, /* .index: the present one */
        CALL_LEASE_LOST,     /* robbed, expired, released, or never ours at that Index */
        CALL_UNIT_LEASE,     /* it is a unit's: the unit's own verbs apply */
        CALL_INVALID_NAME,
        CALL_INVALID_PERIOD, /* below PERIOD_MIN or above PERIOD_MAX */
        CALL_BUSY,           /* another write of this daemon on it is under way */
        CALL_UNAVAILABLE,    /* the registry does not answer, or is not ours; nothing was asked */
        CALL_UNKNOWN,        /* it was asked, and no outcome is known */
} CallResult;

typedef struct Call {
        CallKind kind;
        const char *lease;
        const char *machine; /* "" or NULL: this one */
        int64_t version;
        usec_t period;
        uint64_t index;
} Call;

/* ---- the operator's words ---- */

typedef enum WordResult {
        WORD_BEGUN,       /* STEAL: .span still to be waited until the unit may start here */
        WORD_UNABLE,      /* .reason */
        WORD_UNAVAILABLE, /* .reason: the registry does not answer */
        WORD_NOT_HELD,    /* RELEASE, TRANSFER: the lease is not held here */
        WORD_NOT_DONE,    /* REARM: it is not done */
        WORD_TAKEN,       /* RUN without waiting: somebody holds the lease, or is about to */
        WORD_UNIT_LEASE,  /* RUN: the lease is that of a unit that is enabled on some machine */
        WORD_FORESTALLED, /* STEAL: another machine was faster */
        WORD_LATE,        /* it could not be begun within a TTL */
        WORD_WITHDRAWN,
} WordResult;

/* ---- events ---- */

typedef enum EventKind {
        EVENT_DEADLINE,     /* nothing but the time */
        EVENT_RECORDS,      /* the watch: .answer with every listed kind whole, or single changes, without those that
                               ACTION_LISTEN leaves out */
        EVENT_TXN,          /* outcome of ACTION_TXN .id: committed, refused (with the records compared), unknown */
        EVENT_READ,         /* outcome of ACTION_READ .id: committed (with the records) or unknown */
        EVENT_CONFIGURE,    /* .config: a unit is enabled here, or its options changed */
        EVENT_FORGET,       /* .unit is no longer enabled here: stop it, release its lease, then drop it */
        EVENT_UNIT,         /* .unit .report */
        EVENT_GUARD,        /* .unit .guard: one entry as the guard reports it */
        EVENT_GUARD_UP,     /* a guard is connected; entries follow as EVENT_GUARD, then EVENT_GUARD_SYNCED */
        EVENT_GUARD_SYNCED, /* units of which no entry was reported since GUARD_UP have none */
        EVENT_GUARD_DOWN,   /* no guard is connected: nothing is known of its entries */
        EVENT_GUARD_GONE, /* no gate is there, and none can be opened: PID 1 says that no guard runs, or none has heard
                           * a word from us for longer than any entry lives; ignored between GUARD_UP and GUARD_DOWN */
        EVENT_FAILED, /* .action (with its .id) for .unit could not be carried out (e.g. a full /run): it may be asked
                         for again */
        /* The operator's words. With an .id (not 0) each ends in one ACTION_WORD_DONE, and not later than a TTL from
           now. */
        EVENT_RELEASE,  /* give the lease of .unit back; this machine stands back */
        EVENT_TRANSFER, /* ... hand it to .machine_id */
        EVENT_STEAL,    /* ... take it by force, at .index or at the Index known here (0) */
        EVENT_REARM,    /* ... of a done unit: let it run again */
        EVENT_DRAIN,    /* ... no leases on .machine_id (NULL: here) from now on (.on), or again */
        EVENT_RUN,      /* ... start .config's unit, which is once and new, and is .unit; as soon as its lease can be
                           had (.on), or at once or not at all */
        EVENT_WITHDRAW, /* nobody waits for the word or the call of that .id any more: what has not begun will not */
        EVENT_METADATA, /* Metadata= is .metadata from now on */
        EVENT_TTL,      /* TTL= is .span from now on: a new session, to which the leases are moved */
        EVENT_ACCEPT,   /* ... the registry with .uuid is the right one */
        EVENT_FORGET_INDEX, /* ... forget what this machine remembers of .lease beyond its record */
        EVENT_CALL,         /* .call with .id of the caller's choice: ends in one ACTION_CALL_DONE */
        EVENT_SLEEP, /* the machine is about to sleep (.on), .span from now everything must be dead; or is awake again.
                      * What runs here is stopped and released; then ACTION_SLEEP_READY, once */
        EVENT_SHUTDOWN, /* the service is being stopped: stop units, release; ends with ACTION_EXIT */
} EventKind;

typedef enum Outcome {
        OUTCOME_COMMITTED,
        OUTCOME_REFUSED,
        OUTCOME_UNKNOWN,
} Outcome;

typedef struct Answer {
        Outcome outcome;
        uint64_t revision; /* the registry's, when it answered (a committed Txn: the Txn's own) */
        const char *store; /* identity of the store behind the answer (etcd's cluster id); NULL if unknown */
        unsigned complete; /* mask of kinds (1u << kind) of which .records is the whole list */
        uint64_t since;    /* a READ of .since: as of .revision, .records are all that were not put after .since. 0:
                              another */
        uint64_t total;    /* of a READ of one kind: so many keys there are */
        const Record *records;
        size_t n_records;
} Answer;

typedef struct Event {
        EventKind kind;
        uint64_t id; /* TXN, READ, FAILED, CALL, the operator's words, WITHDRAW */
        const char *unit, *lease;
        const char *machine_id; /* of another machine, or this one */
        const char *metadata, *uuid;
        uint64_t index;
        usec_t span;
        bool on;
        unsigned action; /* FAILED: the ActionKind */
        union {
                Answer answer;
                UnitConfig config;
                UnitReport report;
                GuardReport guard;
                Call call;
        };
} Event;

/* ---- actions ---- */

typedef enum ActionKind {
        ACTION_TXN,      /* .id .txn .timeout: must end in EVENT_TXN, at the latest .timeout after it was asked for */
        ACTION_READ,     /* .id .keys or .list_kinds (and .since), .timeout: must end in EVENT_READ likewise */
        ACTION_LISTEN,   /* the watch begins anew with a whole list. From then on it need not tell of the beats of
                            sessions below .beats_from, but of those of .session */
        ACTION_SESSION,  /* .session is ours from now on: keep it in /run before anything that follows */
        ACTION_REMEMBER, /* must outlive this boot: .index as the highest one of .lease, 0 to forget it; without .lease
                            core_memory(), which has changed */
        /* The six that go to the guard bear an .id that grows, and are answered with an EVENT_GUARD for the unit. */
        ACTION_GUARD_ARM,    /* .unit .index .t0 .stop .kill: entry with stop_at = t0 + stop, kill_at = t0 + kill */
        ACTION_GUARD_BEAT,   /* .t0: entries that are neither expired nor lost are good from here */
        ACTION_GUARD_LOSE,   /* .unit .index .kill (a span from now): gate away, stop now, kill then; deadlines only
                                shrink */
        ACTION_GUARD_DISARM, /* .unit: its entry is no longer needed; only asked for when the unit is down and empty */
        /* .unit .index .version .last_trigger: write the environment and the timer's memory, then let the guard open
           the gate */
        ACTION_GATE_OPEN,
        ACTION_GATE_CLOSE, /* .unit */
        /* .unit, .on: for a first time, so that what PID 1 remembers of earlier ones (failures, a start limit) is to
           be forgotten */
        ACTION_UNIT_START,
        ACTION_UNIT_STOP,  /* .unit */
        ACTION_UNIT_READ,  /* .unit: report it anew (EVENT_UNIT with a later asked_at) */
        ACTION_UNIT_CLEAN, /* .unit is down and its lease let go: its environment file can go */
        ACTION_FORGOTTEN,  /* .unit has been dropped after EVENT_FORGET */
        ACTION_CHANGED,   /* .unit and/or .lease look different from outside: publish; neither: who stands how to units
                           */
        ACTION_REPORT,    /* .report: for the log */
        ACTION_CALL_DONE, /* .id of the EVENT_CALL, .result, .lease, .index, .span */
        ACTION_WORD_DONE, /* .id of the operator's word, .word, .reason, .span, .index (of RUN) */
        ACTION_SLEEP_READY, /* after EVENT_SLEEP: nothing runs or is held here any more, or it cannot be given back in
                               time */
        ACTION_EXIT,        /* after EVENT_SHUTDOWN: all is released, or cannot be */
} ActionKind;

/* What each bears beside the kind. */
typedef enum ReportKind {
        REPORT_SESSION_NEW,        /* .session */
        REPORT_SESSION_ADOPTED,    /* .session: carried on from before the daemon's restart */
        REPORT_SESSION_ENDED,      /* .session: our beat is gone, or somebody else beats in our name */
        REPORT_SESSION_CLONED,     /* .session: somebody else beats with it: a copied machine or /run */
        REPORT_MACHINE_TWICE,      /* .hostname: another live machine has our machine id; we do not compete */
        REPORT_REGISTRY_SILENT,    /* no beat has come through for a round */
        REPORT_REGISTRY_BACK,      /* .span: after so long */
        REPORT_REGISTRY_FOREIGN,   /* .registry: what was found instead of ours; everything is stopped */
        REPORT_REGISTRY_FELL_BACK, /* its revision is below what we had seen; everything is stopped for a while */
        REPORT_REGISTRY_ACCEPTED,  /* .registry */
        REPORT_ACQUIRED,        /* .lease .index .machine_id: from whom it was taken over when that one was silent */
        REPORT_ADOPTED,         /* .unit .lease .index: kept over the daemon's restart */
        REPORT_LOST,            /* .unit .lease .index .machine_id: the holder now */
        REPORT_EXPIRED,         /* .unit .lease .index: no beat in time; the unit is being stopped */
        REPORT_GUARD_LOST,      /* .unit .lease .index: the guard that kept its time is gone; likewise */
        REPORT_RESUMED,         /* .unit .lease .index: after EXPIRED or GUARD_LOST, the lease was still ours */
        REPORT_RELEASED,        /* .lease .index .why */
        REPORT_TRANSFERRED,     /* .lease .index .machine_id */
        REPORT_ROBBED,          /* .lease .index .machine_id: from whom; .span: the debt that is waited out */
        REPORT_STRAY,           /* .unit .lease is active here without its lease, which .machine_id holds */
        REPORT_GATE_MISSING,    /* .unit .lease: PID 1 has not loaded the gate; we do not compete for the lease */
        REPORT_STOPPED_BY_HAND, /* .unit .lease: it stays stopped, the lease stays here */
        REPORT_STOPPED_WITH,    /* .unit .lease: by PID 1, along with the unit .other, which it needs */
        REPORT_STOPPED_FOR,     /* .unit .lease: by PID 1, for the unit .other, with which it conflicts */
        REPORT_STARTED_AGAIN,   /* .unit .lease: what it was stopped for is over */
        REPORT_UNIT_FAILED,     /* .unit .lease failed for good: released; this machine stands back for .span */
        REPORT_DONE,            /* .unit .lease ended well, and runs nowhere again */
        REPORT_SUCCEEDED,       /* .unit .lease ended well, and the lease goes: it may run again (OnSuccess=release) */
        REPORT_DAMAGED,         /* .lease: its record cannot be read */
        REPORT_RETAKEN,         /* .lease .index: such a one is ours now; .span until the unit may start */
        REPORT_RESTORED,        /* .lease .index: the record of ours was damaged or deleted, and is written again */
} ReportKind;

/* Something for the log. What is not known, or does not matter, is NULL or 0. */
typedef struct Report {
        ReportKind kind;
        const char *unit, *lease, *session;
        const char *machine_id, *hostname; /* of another machine */
        const char *registry;              /* a uuid, or a store's identity */
        const char *other;                 /* another unit */
        uint64_t index;
        usec_t span;
        Why why;
} Report;

typedef struct Key {
        RecordKind kind;
        const char *name;
        uint64_t mod_revision; /* in a compare; 0: must be absent */
} Key;

typedef struct Txn {
        const Key *compares; /* also what is read back if the Txn is refused */
        size_t n_compares;
        const Record *puts;
        size_t n_puts;
        const Key *deletes;
        size_t n_deletes;
} Txn;

typedef struct Action {
        ActionKind kind;
        uint64_t id;
        usec_t timeout;
        const char *unit;
        const char *lease;
        const char *session;
        uint64_t index;
        int64_t version;
        usec_t t0, stop, kill, span;
        bool on;
        usec_t last_trigger; /* of the lease's record */
        Report report;       /* ACTION_REPORT */
        CallResult result;   /* ACTION_CALL_DONE */
        WordResult word;     /* ACTION_WORD_DONE */
        Reason reason;       /* ... why not */
        Txn txn;             /* ACTION_TXN */
        const Key *keys;     /* ACTION_READ of single records; NULL: the whole of .list_kinds */
        size_t n_keys;
        unsigned list_kinds; /* mask of kinds */
        uint64_t since;      /* ACTION_READ of one kind: without values, and only what was not put after that revision;
                                UINT64_MAX: all; 0: all, with values */
        const char *beats_from; /* ACTION_LISTEN */
} Action;
