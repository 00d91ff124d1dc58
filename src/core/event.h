/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What goes into the core (events) and what comes out of it (actions). The core has no other contact with the world.
 *
 * An event about a unit, the guard or a record reports the whole present state and not only what has changed, and may
 * be repeated at will. UNKNOWN is a value: "no answer" is never read as "no" (law 8). Actions are asked for in the
 * order in which they must be begun; the core waits for none of them. Everything that a pointer refers to is borrowed:
 * in an event until core_step() returns, in an action until the next core_step().
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

/* Who had the unit stopped. Only means something if the unit is inactive or failed. */
typedef enum EndedBy {
        ENDED_BY_ITSELF,
        ENDED_BY_UNKNOWN,  /* not known yet: another report follows */
        ENDED_BY_HAND,     /* somebody asked for it */
        ENDED_BY_NEED,     /* PID 1, along with a unit that it needs, is bound to, or is part of */
        ENDED_BY_CONFLICT, /* PID 1, because a unit was started with which it conflicts */
        ENDED_UNNEEDED,    /* PID 1, because no unit needs it (StopWhenUnneeded=) */
        ENDED_BY_CRASH,    /* by itself: PID 1 shows that nobody stopped it, also while nobody looked */
} EndedBy;

/* After ENDED_BY_NEED and ENDED_BY_CONFLICT: what the other unit is now. After ENDED_UNNEEDED: OBSTACLE_LASTS while
 * the setting is in force. */
typedef enum Obstacle {
        OBSTACLE_NONE,   /* it is up again (a conflicting unit: down again), or there is no such unit */
        OBSTACLE_LASTS,  /* it is down (a conflicting unit: up) because somebody wanted it so */
        OBSTACLE_FAILED, /* it ended by itself, and would be started along with the unit */
        OBSTACLE_SLICE,  /* it is a slice that somebody has stopped, and is up again as soon as the unit is started */
} Obstacle;

typedef enum LoadState {
        LOAD_OK,
        LOAD_MISSING, /* there is no unit file */
        LOAD_MASKED,
        LOAD_BAD, /* PID 1 cannot load it */
        /* PID 1 can, and a setting forbids what leased has to do with it, as `leasectl enable` would have said. */
        LOAD_REFUSES_STOP,   /* RefuseManualStop=, of it or of what goes by its lease */
        LOAD_SUCCESS_ACTION, /* SuccessAction=, likewise */
        LOAD_DETACHES,       /* LazyUnmount=, likewise */
        LOAD_REFUSES_START,  /* RefuseManualStart= */
        LOAD_STOPS_UNNEEDED, /* StopWhenUnneeded= */
} LoadState;

/* What PID 1 says of a unit. There are so many booleans because PID 1 says each of them by itself: none follows from
 * another. */
typedef struct UnitReport {
        bool known;      /* false: PID 1 does not answer; nothing below means anything */
        usec_t asked_at; /* CLOCK_BOOTTIME before the question was sent: what is said below was so after this */
        ActiveState active;
        bool job;   /* PID 1 has a job for the unit */
        bool empty; /* no process in its control group; read after PID 1's answer */
        bool left;  /* all that PID 1 knows of the unit is down, but the unit's slice is not empty: PID 1 will not end
                       what is in the slice (law 7) */
        LoadState load;
        bool gate_loaded;   /* PID 1 has our Assert and our BindsTo in force, and needs no reload */
        bool failed;        /* how it last ended: Result= is not success */
        const char *result; /* Result=, for people; NULL or "": there is none, or it is success */
        usec_t since;       /* CLOCK_REALTIME since when .active is so, for people; 0: not known */
        EndedBy ended_by;
        Obstacle obstacle;
        const char *other;   /* the unit that .ended_by and .obstacle speak of; NULL or "": it is not known */
        usec_t ended_at;     /* CLOCK_REALTIME of when it last became inactive or failed; 0: never */
        usec_t last_trigger; /* CLOCK_REALTIME; of a timer that catches up (Persistent=yes): when it last elapsed; else
                                0 */
        uint64_t run;        /* of its InvocationID=: differs from run to run; 0: it has none, it never ran */
} UnitReport;

/* ---- what the guard says of its entry for a unit (guard/protocol.h) ---- */

typedef struct GuardReport {
        uint64_t index;          /* of the lease, in the entry; 0: there is no entry */
        bool open;               /* the gate is there, or may be */
        bool expired;            /* stop_at has passed, or the lease was declared lost: the guard stops the unit */
        bool jumped;             /* ... since the machine was paused: no beat from before the pause counts (law 14) */
        bool frozen;             /* stop_at has passed, and the unit is frozen and not stopped (law 15) */
        bool limited;            /* the guard ends the unit at a time that no beat moves, too */
        usec_t stop_at, kill_at; /* CLOCK_BOOTTIME, as they were when the guard sent this */
        uint64_t serial; /* .id of the last action that the guard had received on this connection when it sent this; 0:
                            none */
} GuardReport;

/* ---- leases of the D-Bus API: a scheduler's own, without unit and session, as in fleet's package "lease" ---- */

typedef enum CallKind {
        CALL_ACQUIRE, /* .machine .version .period */
        CALL_STEAL,   /* the same, and .index, which must be the present one, and not 0 */
        CALL_RENEW,   /* .index .period */
        CALL_RELEASE, /* .index */
        /* An operator's, not a scheduler's: */
        CALL_FORGET_MACHINE, /* .machine: its records are deleted */
        CALL_FORGET_LEASE,   /* .lease: its record is deleted */
        CALL_LOWER_INDEX,    /* .lease, whose Index cannot grow any more, and .index, that of its last holder */
        CALL_READ,           /* .lease: who holds it; only of a lease in fleet's registry (fleet-call.h) */
} CallKind;

typedef enum CallResult {
        CALL_DONE,         /* .index: the lease's Index now; STEAL: .span must pass before the lease may be acted on */
        CALL_NOT_ACQUIRED, /* somebody holds the lease, or it has debts: an outcome, not an error */
        CALL_NO_SUCH_LEASE,
        CALL_INDEX_MISMATCH, /* .index: the present one */
        CALL_INDEX_AT_END,   /* the lease's Index cannot grow any more */
        CALL_LEASE_LOST,     /* robbed, expired, released, or never ours at that Index */
        CALL_UNIT_LEASE,     /* the lease is a unit's: the verbs for units apply */
        CALL_INVALID_NAME,
        CALL_INVALID_PERIOD, /* below PERIOD_MIN or above PERIOD_MAX */
        CALL_BUSY,           /* this daemon has another write of the lease under way; FORGET: .reason */
        CALL_UNAVAILABLE,    /* the registry does not answer, or is not ours; nothing was sent */
        CALL_UNKNOWN,        /* a write was sent, and its outcome is not known */
        CALL_SAME_HOLDER,    /* STEAL in fleet's registry: the holder would take the stolen lease for its own */
} CallResult;

typedef struct Call {
        CallKind kind;
        const char *lease;
        const char *machine; /* "" or NULL: this one */
        int64_t version;     /* kept in the record for the caller */
        usec_t period;       /* PERIOD_MIN to PERIOD_MAX */
        uint64_t index;      /* the Index that the caller believes to be the present one */
} Call;

/* ---- the operator's words ---- */

typedef enum WordResult {
        WORD_BEGUN,       /* STEAL: .span must pass until the unit may start here */
        WORD_UNABLE,      /* it cannot be done: .reason */
        WORD_UNAVAILABLE, /* .reason: the registry does not answer */
        WORD_NOT_HELD,    /* RELEASE, TRANSFER: the lease is not held here */
        WORD_NOT_DONE,    /* REARM: the unit's job is not done */
        WORD_TAKEN,       /* RUN without waiting: somebody holds the lease, or is about to */
        WORD_UNIT_LEASE,  /* RUN: the lease is that of a unit that is enabled on some machine */
        WORD_FORESTALLED, /* STEAL: another machine was faster */
        WORD_LATE,        /* STEAL: it could not be begun within a TTL. PAUSE: it is in force, and not read by all */
        WORD_WITHDRAWN,   /* by EVENT_WITHDRAW */
} WordResult;

/* ---- events ---- */

typedef enum EventKind {
        EVENT_DEADLINE,     /* nothing but the time */
        EVENT_RECORDS,      /* from the watch, .answer: whole lists of some kinds, or single changes; the beats that
                               ACTION_LISTEN leaves out are not in it */
        EVENT_TXN,          /* outcome of ACTION_TXN .id: committed, refused (with the records compared), unknown */
        EVENT_READ,         /* outcome of ACTION_READ .id: committed (with the records) or unknown */
        EVENT_CONFIGURE,    /* .config: a unit is enabled here, or its options changed */
        EVENT_FORGET,       /* .unit is no longer enabled here: stop it, release its lease, then drop it */
        EVENT_UNIT,         /* .unit .report */
        EVENT_CHECK,        /* .unit: its check (Check=) passes (.on), or fails */
        EVENT_GUARD,        /* .unit .guard: one entry as the guard reports it. .lease: if not NULL, what the unit's
                               environment file says, which bears .index (law 7) */
        EVENT_GUARD_UP,     /* a guard is connected; entries follow as EVENT_GUARD, then EVENT_GUARD_SYNCED */
        EVENT_GUARD_SYNCED, /* the guard has no entry for a unit of which it reported none since GUARD_UP */
        EVENT_GUARD_DOWN,   /* no guard is connected: nothing is known of its entries */
        EVENT_GUARD_GONE,   /* no gate is there, and none can be opened: PID 1 says that no guard runs, or no guard
                             * has heard from us for longer than any entry lives (.on). Ignored between GUARD_UP
                             * and GUARD_DOWN */
        EVENT_GUARD_KEEPS, /* .on: the guard keeps units beyond their deadlines (law 13). .id: of the last request that
                              it had received */
        EVENT_FAILED, /* .action (with its .id) for .unit could not be carried out, e.g. because /run is full: the core
                         may ask for it again. .on: PID 1 has not answered, which says nothing about the unit */
        /* The operator's words: RELEASE to REQUEST. With an .id (not 0) each ends in one ACTION_WORD_DONE, except a
           DRAIN of this machine, which is done at once. A STEAL, and any word without an .id, ends if it has not begun
           within a TTL; the others wait until they can begin, or for EVENT_WITHDRAW. */
        EVENT_RELEASE,  /* give the lease of .unit back; this machine then stands back */
        EVENT_TRANSFER, /* hand the lease of .unit to .machine_id */
        EVENT_STEAL,    /* take the lease of .unit by force, at .index or at the Index known here (0) */
        EVENT_REARM,    /* let .unit run again, whose job is done */
        EVENT_DRAIN,    /* .machine_id (NULL: this one) takes no leases from now on (.on), or takes them again */
        EVENT_CONFIRM,  /* .machine_id is off: its sessions are over (law 12) */
        EVENT_PAUSE,    /* nobody takes a lease from now on (.on), or again (law 13). A pause has begun when each
                           machine that beats and holds leases has read it */
        EVENT_FENCED,   /* the command of ACTION_FENCE has ended: the machine is off (.on), or may not be */
        EVENT_RUN,      /* start .unit, which is new and is .config's (.config.once): as soon as its lease can
                           be had (.on), or at once or not at all */
        EVENT_STOP,     /* have PID 1 stop .unit, whose lease stays here */
        EVENT_START,    /* have PID 1 start .unit again, which was stopped or has ended, and whose lease is here */
        EVENT_RESTART,  /* have PID 1 restart .unit, whose lease stays here */
        EVENT_REQUEST,  /* have the machine that holds the lease of .unit (REARM: that held it last) carry out .verb,
                           with .machine_id as the target of a transfer. Ends like the words above */
        EVENT_WITHDRAW, /* nobody waits for the word or the call of that .id any more: if it has not begun, it never
                           will */
        EVENT_METADATA, /* Metadata= is .metadata from now on */
        EVENT_TTL,      /* TTL= is .span from now on: begins a new session, to which the leases are moved */
        EVENT_ACCEPT,   /* the operator accepts: the registry with .uuid is the right one. At once, or not at all */
        EVENT_FORGET_INDEX, /* forget the Index of .lease that this machine remembers beyond the record */
        EVENT_CALL,         /* .call with an .id of the caller's choice: ends in one ACTION_CALL_DONE */
        EVENT_SLEEP, /* .on: the machine is about to sleep, and .span from now everything must be dead. What runs here
                      * is stopped and released; then comes one ACTION_SLEEP_READY. Otherwise it is awake again */
        EVENT_SHUTDOWN, /* the service is being stopped: units are stopped and released; ends in ACTION_EXIT. .on: the
                           machine reboots */
} EventKind;

typedef enum Outcome {
        OUTCOME_COMMITTED,
        OUTCOME_REFUSED,
        OUTCOME_UNKNOWN,
} Outcome;

/* An Answer may bring a long list in parts: in several events of one kind and .id, which differ in nothing but
 * .records and the members about parts. Other events may come between them, but no part of another list. */
typedef struct Answer {
        Outcome outcome;
        uint64_t revision; /* the registry's, when it answered (a committed Txn: the Txn's own) */
        const char *store; /* identity of the store behind the answer (etcd's cluster id); NULL if unknown */
        unsigned complete; /* mask of kinds (1u << kind) of which .records is the whole list, all parts together */
        uint32_t list; /* the number of the list of which .records is a part, unlike the last one's; 0: it is whole */
        bool begins, goes_on; /* this is the first part; another part follows. Only the last part ends a READ */
        uint64_t since; /* if the READ had a .since: .records are all that, as of .revision, were not put after it;
                           otherwise 0 */
        uint64_t total; /* if the READ was of one kind: how many keys of this kind there are */
        const Record *records;
        size_t n_records;
} Answer;

typedef struct Event {
        EventKind kind;
        uint64_t id; /* of TXN, READ, FAILED, CALL, WITHDRAW, GUARD_KEEPS and the operator's words */
        const char *unit, *lease;
        const char *machine_id; /* of another machine, or this one */
        const char *metadata, *uuid;
        const char *by; /* of the operator's words: who says it, for the history; NULL: not known */
        RequestVerb verb;
        uint64_t index;
        usec_t span;
        bool on;
        bool brief;      /* DRAIN: only until the machine boots */
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
        ACTION_READ,     /* .id, .keys or .list_kinds (and .since), .timeout: must end in EVENT_READ likewise */
        ACTION_LISTEN,   /* begin the watch anew, with a whole list. From then on the watch need not tell of the beats
                            of sessions whose names are below .beats_from, except of those of .session */
        ACTION_SESSION,  /* .session is ours from now on: keep it in /run before anything that follows is begun */
        ACTION_REMEMBER, /* keep across boots: .index as the highest Index of .lease (0: forget it); without .lease:
                            core_memory(), which has changed */
        /* The actions for the guard (GUARD_*, GATE_*) bear an .id that grows. The guard answers each that names a unit
           with an EVENT_GUARD. */
        /* .unit .index .t0 .stop .kill: entry with stop_at = t0 + stop, kill_at = t0 + kill. .on: it is kept beyond
           them (law 13) */
        ACTION_GUARD_ARM,
        ACTION_GUARD_BEAT, /* .t0: the deadlines of entries that are not expired or lost count from here (law 1) */
        ACTION_GUARD_KEEP, /* .on: keep what is not expired or lost beyond its deadlines; otherwise its deadlines count
                              again, from .t0 or the last beat. Answered by EVENT_GUARD_KEEPS (law 13) */
        ACTION_GUARD_LOSE, /* .unit .index .kill (a span from now): close the gate, stop now, kill then. Deadlines
                              only get earlier (law 8) */
        ACTION_GUARD_DISARM, /* .unit: the entry is no longer needed. Only asked for when the unit is down and empty */
        /* .unit .index .version .last_trigger: write the unit's environment and the timer's memory, then have the
           guard open the gate */
        ACTION_GATE_OPEN,
        ACTION_GATE_CLOSE, /* .unit */
        /* .unit. .on: not a repeated start, so PID 1 is first to forget earlier failures and the start limit */
        ACTION_UNIT_START,
        ACTION_UNIT_STOP, /* .unit */
        /* .unit: report it anew (EVENT_UNIT with a later asked_at). .on: it ran before our restart, so its environment
           is to be as .index and .version say, too */
        ACTION_UNIT_READ,
        ACTION_UNIT_CLEAN, /* .unit is down and its lease let go: its environment file can be removed */
        ACTION_FORGOTTEN,  /* .unit has been dropped after EVENT_FORGET */
        ACTION_CHANGED, /* .unit, .lease or both look different from outside: publish. Neither: how machines stand to
                           units has changed */
        ACTION_OFFER_CHANGED, /* .unit is the name of an offer (core_find_offer()): it says something else */
        ACTION_REPORT,        /* .report: for the log */
        ACTION_FENCE,       /* .machine_id .session: switch that machine off by FenceCommand=. Ends in EVENT_FENCED */
        ACTION_CALL_DONE,   /* .id of the EVENT_CALL, .result, .lease, .index, .span */
        ACTION_WORD_DONE,   /* .id of the operator's word, .word, .reason, .span, .index (of RUN) */
        ACTION_SLEEP_READY, /* after EVENT_SLEEP: nothing runs here any more; leases are given back, or cannot be in
                               time */
        ACTION_EXIT,        /* after EVENT_SHUTDOWN: all leases are released, or cannot be */
} ActionKind;

/* What has happened, and which fields of the Report say more. */
typedef enum ReportKind {
        REPORT_SESSION_NEW,        /* .session */
        REPORT_SESSION_ADOPTED,    /* .session: carried on from before the daemon's restart */
        REPORT_SESSION_ENDED,      /* .session: our beat is gone, or somebody else beats in our name */
        REPORT_SESSION_OVER,       /* .session: somebody has confirmed that this machine is off */
        REPORT_UNDRAINED,          /* this machine has booted, and drained only until then */
        REPORT_PAUSED,             /* .by: nobody takes a lease any more */
        REPORT_PAUSE_ENDS,         /* .by: the pause is being ended */
        REPORT_PAUSE_OVER,         /* it is over */
        REPORT_FENCING,            /* .session .machine_id: FenceCommand= begins */
        REPORT_FENCED,             /* .session .machine_id: the machine is off */
        REPORT_FENCE_FAILED,       /* .session .machine_id: it may not be */
        REPORT_SESSION_CLONED,     /* .session: somebody else beats with it: a copied machine or /run */
        REPORT_MACHINE_TWICE,      /* .hostname: another live machine has our machine id; we do not compete */
        REPORT_REGISTRY_SILENT,    /* no beat has come through for a round */
        REPORT_REGISTRY_BACK,      /* .span: after so long */
        REPORT_REGISTRY_FOREIGN,   /* .registry: what was found instead of ours; everything is stopped */
        REPORT_REGISTRY_FELL_BACK, /* its revision is below what we had seen; everything is stopped for a while */
        REPORT_REGISTRY_ACCEPTED,  /* .registry */
        REPORT_ACQUIRED,    /* .unit .lease .index .machine_id: from whom it was taken over when that one was silent */
        REPORT_ADOPTED,     /* .unit .lease .index: kept over the daemon's restart */
        REPORT_LOST,        /* .unit .lease .index .machine_id: the holder now */
        REPORT_EXPIRED,     /* .unit .lease .index: no beat in time; the unit is being stopped */
        REPORT_GUARD_LOST,  /* .unit .lease .index: the guard that kept its time is gone; likewise */
        REPORT_RESUMED,     /* .unit .lease .index: after EXPIRED or GUARD_LOST, the lease was still ours */
        REPORT_RELEASED,    /* .unit .lease .index .why */
        REPORT_TRANSFERRED, /* .unit .lease .index .machine_id .why */
        REPORT_ROBBED,      /* .unit .lease .index .machine_id: from whom; .span: the debt that is waited out */
        REPORT_STRAY,       /* .unit .lease is active here without its lease, which .machine_id holds */
        REPORT_GATE_MISSING,    /* .unit .lease: PID 1 has not loaded the gate; we do not compete for the lease */
        REPORT_STOPPED_BY_HAND, /* .unit .lease .by: it stays stopped, the lease stays here */
        REPORT_STOPPED_WITH,    /* .unit .lease: by PID 1, along with the unit .other, which it needs; .why: or because
                                   of StopWhenUnneeded= */
        REPORT_STOPPED_FOR,     /* .unit .lease: by PID 1, for the unit .other, with which it conflicts */
        REPORT_STARTED_AGAIN,   /* .unit .lease: what it was stopped for is over */
        REPORT_UNIT_FAILED,     /* .unit .lease failed for good: released; this machine stands back for .span */
        REPORT_DONE,            /* .unit .lease ended well, and runs nowhere again */
        REPORT_SUCCEEDED,       /* .unit .lease ended well, and the lease goes: it may run again (OnSuccess=release) */
        REPORT_DAMAGED,         /* .lease: its record cannot be read */
        REPORT_STARTED,         /* .unit .lease .index: it has begun to run by this lease; .again: it had run at this
                                   Index before */
        REPORT_STOPPED, /* .unit .lease .index .why: all of the unit is down. .machine_id: who has the lease now; NULL:
                           not known. With WHY_EXPIRED .span is the time since the last beat (0: not known), and the
                           report comes once more when .machine_id becomes known */
        REPORT_STANDS_BACK, /* .unit .lease .why: for .span this machine does not take it */
        REPORT_RETAKEN,  /* .lease .index: a lease whose record was lost is ours now; .span until the unit may start */
        REPORT_ASKED,    /* .unit .lease .session .by .verb: begun, as that session of another machine has asked */
        REPORT_RESTORED, /* .lease .index: the record of ours was damaged or deleted, and is written again */
} ReportKind;

/* Something for the log. Fields that are not known or do not matter are NULL or 0. */
typedef struct Report {
        ReportKind kind;
        const char *unit, *lease, *session;
        const char *machine_id, *hostname; /* of another machine */
        const char *registry;              /* a uuid, or a store's identity */
        const char *other;                 /* another unit */
        const char *by;                    /* an operator */
        uint64_t index;
        uint64_t revision; /* of the lease's record, when the lease is acquired, released or handed on */
        usec_t span;
        Why why;
        RequestVerb verb;
        bool again;
} Report;

/* Names a record. */
typedef struct Key {
        RecordKind kind;
        const char *name;
        uint64_t mod_revision; /* in a compare; 0: must be absent */
} Key;

/* Is committed as a whole if every compare holds, and otherwise refused as a whole. */
typedef struct Txn {
        const Key *compares; /* these records are also read back if the Txn is refused */
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
        const char *session, *machine_id;
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
        uint64_t since;      /* ACTION_READ of one kind: 0: all records, with values. Otherwise without values: those
                                that were not put after this revision (UINT64_MAX: all) */
        const char *beats_from; /* ACTION_LISTEN */
} Action;
