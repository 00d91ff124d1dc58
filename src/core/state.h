/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The core's state, shared by the files of this folder and by no other file; what has been seen of the registry is in
 * seen.h. "We" are this machine, its daemon and its session. The files of the folder are listed in their order: each
 * may call only those above it.
 *
 *   why, timeline, record, placement, heap  plain values, and functions of nothing but these
 *   fleet-call  a call about a lease in fleet's registry, which has no part in the state
 *   output      the actions of a step, and their memory
 *   txn         Txns and READs under way
 *   news, look  what has happened, for the plan and the offers; which units and leases are to be looked at
 *
 *   mirror      the records that have been seen
 *   sample      at what time which revision of the registry reached us
 *   session     questions about sessions, ours and others'
 *   pause       the pause, in which nobody takes a lease
 *   lease, machine  questions about a lease, and about machines, this one and others
 *   copies      the leases of a unit with Copies=
 *   gone        what is gone from the registry, and needed no more, is forgotten
 *   intake      answers and the watch, taken into the mirror
 *
 *   call        leases of the D-Bus API: a scheduler's own
 *   rounds      our sign of life: session, beats, the fence
 *   beats       the other machines' signs of life
 *   identity    whether this is our registry at all
 *   drain       draining, of this machine and of others
 *   presence    our machine record, and machines that bear our id
 *   collect     the sessions of the dead
 *   confirm, fencing  machines that are known to be off, and those that are switched off
 *
 *   unit-life, wish  the changes of a unit's life, and of what the operator wishes of it
 *   said        what PID 1 and the guard said of a unit
 *   back        standing back: for a while this machine does not take a unit
 *   unit        the units that are enabled here, and questions about each
 *   cover, phase  how far our beats cover a unit; what every phase of its life needs: entering it, asking PID 1
 *   leave       why a unit is let go, and the beginning of its way down
 *   guard-side, offer  the guard as a whole; what we say of the units that are enabled here
 *   roll        whose turn it is of the copies that move to a higher Version=
 *   placed, plan  who must not be together, and who should hold what: whose turn a lease is, what we should not hold
 *   planning    when units are planned, and how many in one step
 *   slots       by which of its leases a unit with Copies=, or a command of "leasectl run --slots=", goes
 *
 *   life        a unit's life between arming and release
 *   global      the life of a unit that runs everywhere, without a lease
 *   send        the Txns on the leases' records
 *   forget      records that an operator has deleted
 *   claim       what we want of the leases' records: acquire, expire, steal, release, transfer, strike
 *   word        the operator's words, until they have begun
 *   errand      what operators at other machines ask of us: it becomes words
 *   request     what our operators ask of other machines
 *
 *   view        how it looks from outside
 *   everywhere, standing  how each machine's units look from outside, and how every machine stands to a unit
 *   rehearsal   what would become of units if an operator did this or that
 *   walk        looks at the units and leases to which something has happened
 *   core        the step
 *
 * After every event the same chain runs (advance() in core.c): identity, rounds, beats, presence, guard, offers, plan,
 * units, leases, calls, words. Each link looks at the whole state of its subject and does what is due, so events need
 * only be noted, in any order. Only units and leases that are due, or to which something happened, are looked at.
 */

#include <limits.h>

#include "core/core.h"
#include "core/asked.h"
#include "core/seen.h"
#include "core/turn.h"
#include "util/must.h"

enum { REQUESTS_MAX = 256 }; /* of other machines, that this one looks at */
enum { GROUP_MAX = 50 };     /* records that one Txn puts: etcd takes 128 operations */

typedef struct PlanView PlanView; /* standing.c */

typedef enum Phase {
        PHASE_IDLE,      /* no Index in hand, no entry at the guard */
        PHASE_ARMING,    /* waiting for the guard's entry */
        PHASE_OPENING,   /* waiting for the gate */
        PHASE_STARTING,  /* StartUnit is asked for */
        PHASE_RUNNING,   /* the gate is open; what the unit does is its own affair */
        PHASE_CLOSING,   /* waiting for the gate to be gone */
        PHASE_STOPPING,  /* ... then for the unit to be down and empty */
        PHASE_DISARMING, /* ... then for the guard's entry to be gone */
        PHASE_RELEASING, /* ... then for the registry to know */
} Phase;

/* Why a unit is let go. The order is that of gravity: a graver reason takes the place of a lesser one, never the other
 * way round (leave.h). */
typedef enum Leave {
        LEAVE_NONE,
        LEAVE_ANEW,    /* it has not run yet, and its lease is ours: it begins from the start */
        LEAVE_EXPIRED, /* no beat in time, or the guard was gone: the lease may still be ours */
        LEAVE_RELEASE,
        LEAVE_REFUSED, /* it was handed to us, and must not run here: given back, for we might be handed it again */
        LEAVE_TRANSFER,
        LEAVE_FAILBACK, /* to a machine that it prefers, or where it was before a drain */
        LEAVE_UPGRADE,  /* to one with a higher Version= */
        LEAVE_UNFIT,    /* it must not run here (any more) */
        LEAVE_DRAIN,
        LEAVE_FORGET,
        LEAVE_SURPLUS, /* of its copies there are more than there should be */
        LEAVE_SHUTDOWN,
        LEAVE_SLEEP,
        LEAVE_OBSTACLE, /* PID 1 has stopped it because of another unit, and that lasts */
        LEAVE_UNNEEDED, /* ... because no unit needs it, and that lasts */
        LEAVE_DONE,
        LEAVE_CHECK_FAILED, /* it runs, and its check says that it is not well */
        LEAVE_FAILED,
        LEAVE_STRAY, /* it was active without its lease */
        LEAVE_LOST,  /* the lease is somebody else's: nothing of the above counts any more */
        _LEAVE_MAX,
} Leave;

/* Where the run comes from that is in hand, or is about to begin. */
typedef enum Origin {
        ORIGIN_NEW,      /* it is begun by us, for a lease that we have acquired */
        ORIGIN_RESUMED,  /* likewise, after LEAVE_EXPIRED or LEAVE_ANEW: the lease was still ours */
        ORIGIN_ADOPTED,  /* from before our restart, and its lease is ours: how it ended is not known */
        ORIGIN_LEFTOVER, /* from before our restart, and not found to be held: by which lease only said.lease knows */
} Origin;

/* Why a unit whose gate is open does not run, and is not started. */
typedef enum Rest {
        REST_NONE,
        REST_BY_HAND, /* somebody has stopped it; that was reported */
        REST_ASIDE,   /* PID 1 has stopped it because of another unit; that was reported */
        REST_REFUSED, /* PID 1 has refused each start of it, and it stays here all the same: later it is tried again */
} Rest;

/* What PID 1 and the guard said of a unit (said.c). */
typedef enum CheckState {
        CHECK_UNKNOWN,
        CHECK_PASSES,
        CHECK_FAILS,
} CheckState;

typedef struct UnitSaid {
        UnitReport report; /* .other and .result are owned; NULL: none */
        GuardReport guard;
        char *lease;                 /* by which it runs from before our restart (law 7); NULL: not known */
        CheckState check;            /* what Check= said last */
        bool guard_known;            /* said since the guard's connection */
        uint64_t guard_asked_before; /* what guard_asked was before that */
        uint64_t guard_asked; /* id of the last request for it on this connection: what was said before it is stale */
        usec_t closed_at;     /* since when the gate is known to be gone; USEC_INFINITY: it is not */
} UnitSaid;

/* Its life here (unit-life.c). */
typedef struct UnitLife {
        Phase phase;
        Leave leave;
        uint64_t index;                /* in hand: what the guard's entry and LEASE_INDEX bear */
        usec_t changed_at;             /* when the phase was entered */
        usec_t retry_at;               /* ask again */
        usec_t armed_stop, armed_kill; /* the offsets that the guard was last told */
        uint64_t armed_id;             /* ... in this request */
        uint64_t run;                  /* its run before the last start that we asked for */
        uint64_t ran;                  /* the Index at which it was last found to run, or to have run */
        unsigned starts;      /* asked for in a row, without it having begun to run, but for those that were lost */
        usec_t stop_again_at; /* what is left, although it is inactive, is stopped again */
        Origin origin;
        Rest rest;
        usec_t aside_until;   /* then it goes elsewhere */
        unsigned aside_count; /* how often it was started again here after that, without having run well for a while */
        usec_t last_beat;     /* if the last run ended for want of a beat: when the last beat that covered it was sent
                                 (CLOCK_BOOTTIME). 0: no run ended so, or it was reported who has the lease now */
        usec_t jumped_from;   /* beats that were sent no later count no more, since the machine was paused (law 14) */
        Why unguarded;        /* why no guard kept its time, if that ended its last run; else WHY_NONE */
        bool killed;          /* the guard was told to, before its time */
        bool start_lost;      /* PID 1 has not answered the last start */
        bool spent;           /* config.once: its one start was asked for, by us or before our restart */
        Why gate_reported;    /* why the gate is missing, as it was reported; WHY_NONE: it is not missing */
} UnitLife;

/* What the operator wishes (wish.c). */
typedef struct UnitWish {
        bool release, steal;
        bool run; /* config.once: somebody waits for its start, and nothing stands against it */
        uint64_t steal_index;
        char *target; /* of a transfer; NULL: none */
        bool start;   /* the unit, which is held and was stopped, is to be started again */
        bool stop;    /* its end is the operator's: the lease stays here */
        usec_t at;    /* when one of these two was said */
        char *by;     /* who said the last of these words; NULL: nobody has said one */
} UnitWish;

/* Standing back: for a while this machine does not take the unit (back.c). */
typedef struct UnitBack {
        usec_t not_before; /* until when */
        usec_t until;      /* the same in CLOCK_REALTIME, for people */
        bool unfit;        /* because it did not fit: forgotten when something is changed here */
        unsigned failures; /* the unit's, in a row: each doubles the time */
} UnitBack;

/* What the last plan says of it (plan.c). */
typedef struct UnitPlan {
        bool is_peer;           /* some unit must run beside it */
        bool available;         /* its lease could be had when it was planned: see plan_finds_available() */
        uint64_t change;        /* lease->change when it was planned */
        usec_t available_at;    /* since when .available is so */
        usec_t put_off;         /* see plan_put_off(); 0: it was not */
        bool able;              /* we could take it, if it were our turn */
        usec_t able_at;         /* since when .able is so */
        unsigned rank;          /* how many machines come before us; RANK_NONE: we do not come at all */
        Leave move;             /* why what we hold should go elsewhere; LEAVE_NONE: it should not */
        const Machine *move_to; /* which may be a past one; NULL: none */
        int64_t move_version;   /* LEAVE_UPGRADE: for the sake of this one, wherever it ends up */
        bool stuck;             /* it should go, and there is nowhere to go */
        const Machine *failback_to;
        uint64_t failback_index; /* in this tenure */
        usec_t failback_since;
        Turn turn;     /* of our copy, to move to a higher Version= */
        Reason reason; /* why we do not come, or why it is stuck; what it speaks of is kept in here: */
        char *what;    /* NULL: nothing */
} UnitPlan;

/* What a unit is counted for (look_count()): with the counts, no step need go through all units to know. */
enum {
        COUNTED_UNSURE = 1 << 0,    /* in hand, and not sure to run by its lease (unit_has_predecessor()) */
        COUNTED_DRAINING = 1 << 1,  /* being stopped because this machine drains */
        COUNTED_BUSY = 1 << 2,      /* something of the unit is here */
        COUNTED_RELEASING = 1 << 3, /* its lease is being given back */
        COUNTED_GLOBAL = 1 << 4,    /* something of the unit is here, and it has no lease */
        COUNTED_LEAVING = 1 << 5,   /* on its way down */
};

/* A unit that is enabled here, or is still being let go. */
struct Unit {
        Lease *lease;   /* never NULL; becomes the configured lease when nothing is held under another */
        bool renamed;   /* the configured lease is not .lease yet */
        bool forgotten; /* no longer enabled here */
        bool global;    /* runs without a lease (global.c); becomes as configured when nothing is in hand */
        Offer *offer;   /* ours */

        UnitConfig config;           /* what it points to is kept in here: */
        char *config_lease;          /* NULL: the unit's name */
        Placement *config_placement; /* NULL: it has no wishes */
        UnitSaid said;
        UnitLife life;
        UnitWish wish;
        UnitBack back;
        UnitPlan plan;

        Unit *next_user; /* of the same lease: Lease.users is the first */
        Spot spot;
        HeapNode cover;             /* look.covers: how long after our last beat it must stop (cover_span()) */
        HeapNode to_plan;           /* plan.queue: it is to be planned by itself. By place */
        HeapNode to_offer, to_tell; /* offering.queue, .late: our offer of it may say something else now. By place */
        HeapNode withheld;          /* look.withheld: it should leave for a drain, and waits for its turn. By place */
        unsigned counted;           /* COUNTED_* */
        bool waits_for_beat;        /* something will be done as soon as another beat is committed */
        bool has_conflicts;         /* its options name units that it must not run beside */
        UT_hash_handle hh;
        char name[];
};

#define RANK_NONE UINT_MAX

typedef enum OwnPhase {
        OWN_NONE,     /* no session, and none may begin */
        OWN_CREATING, /* the first beat is under way */
        OWN_FENCING,  /* adopting: our fence is being put */
        OWN_READING,  /* adopting: the leases are being read */
        OWN_BEATING,
} OwnPhase;

/* What a beat says beside that we live (law 13). */
typedef enum Keep {
        KEEP_NOTHING,
        KEEP_BEGINS, /* from now on we keep what we hold, without beats */
        KEEP_ENDS,
} Keep;

typedef struct Own {
        OwnPhase phase;
        char name[SESSION_SIZE];
        Session *seen; /* of that name, as the registry shows it; NULL: nothing of it was seen yet */
        usec_t ttl;
        Timeline timeline;
        uint64_t beat_revision;
        uint64_t fence_revision; /* the last whose names have been looked at */
        uint64_t fence_counter;
        char process[17]; /* the nonce's part that is this process */
        uint64_t attempts;
        bool committed; /* a beat of this process and session has been committed */
        bool leaving;   /* another TTL is wanted: what hangs on it is being hung on the new one */
        usec_t t0;      /* of the last committed one */
        usec_t round_trip;
        usec_t steady_from; /* since when our beats have been committed without a gap */
        uint64_t txn;       /* under way: beat, creation or fence; 0: none */
        usec_t txn_t0;
        uint64_t read; /* under way: of leases, adopting or after a fence's refusal; 0: none */
        uint64_t checked_fence, checked_counter; /* what fence_revision becomes when that read is answered */
        usec_t next_at;                          /* next round or attempt */
        usec_t check_at;                         /* not before: another try at reading what the fence names */
        usec_t round_at;                         /* when the present round began */
        unsigned failures;                       /* attempts without an answer in a row */
        unsigned hasty;                          /* ... that failed at once */
        bool silent;                             /* reported */
        bool keeps;                              /* what it holds is kept without beats (law 13) */
        usec_t kept_until; /* when .keeps was last given up: what it holds was kept until then; 0: it was not */
        Keep txn_keep;     /* what the beat under way says of it */
        Proof proof;
} Own;

/* A call of the D-Bus API under way. */
typedef struct Calling {
        struct Calling *next;
        uint64_t id;
        CallKind kind;
        Lease *lease;
        LeaseRecord record; /* what it writes; its Index and times tell it from everything else */
        uint64_t revision;  /* what it was compared with */
        uint64_t meta; /* ... and meta's, where the Index was worked out from the floor for want of a record; 0: no
                          matter */
        usec_t span;
        uint64_t txn; /* 0: to be sent again at retry_at */
        usec_t retry_at, deadline;
} Calling;

/* A machine, a lease or the Index of a lease that is being forgotten (forget.c). */
typedef struct Forgetting {
        struct Forgetting *next;
        uint64_t id;
        CallKind kind;
        char name[NAME_SIZE]; /* the machine's id, or the lease's name */
        uint64_t index;       /* of LOWER_INDEX: to this one */
        uint64_t txn;         /* 0: none is under way */
        usec_t retry_at, deadline;
} Forgetting;

typedef enum Trust {
        TRUST_NONE, /* nothing has been listed yet */
        TRUST_OK,
        TRUST_FOREIGN, /* not the registry that we remember: waiting for the operator */
} Trust;

typedef struct Pending { /* a TXN or READ under way, and the revision known when it was asked for */
        uint64_t id;
        uint64_t revision;
        Lease *leases; /* that a Txn writes for us; NULL: none */
} Pending;

typedef struct Chunk {
        struct Chunk *next;
        size_t size, used;
        char data[] __attribute__((aligned(16)));
} Chunk;

/* This machine, and this daemon. */
typedef struct Here {
        char machine_id[MACHINE_SIZE], boot_id[BOOT_SIZE], hostname[HOSTNAME_SIZE], metadata[METADATA_SIZE],
                        version[32];
        usec_t ttl;          /* as configured; the session's is own.ttl */
        usec_t beats_every;  /* as configured; 0: TTL/5. See machine_beats_every() */
        unsigned beats_told; /* by the watch, in 1000 s; 0: the usual number */
        usec_t fence_after;  /* after how long a silence FenceCommand= is run; 0: there is none */
} Here;

/* The registry's own record. */
typedef struct Meta {
        Seen seen;
        MetaRecord value, next;
        bool damaged;
        usec_t lost_at; /* since when it is damaged, or absent where other records are; 0: it is not */
        uint64_t txn;
        usec_t retry_at;
} Meta;

/* Whether it is our registry (identity.c). */
typedef struct Identity {
        Trust trust;
        char uuid[UUID_SIZE], store[64]; /* remembered */
        char store_seen[64];
        char found_uuid[UUID_SIZE], found_store[64]; /* of another registry, listed when last asked; "" if none is */
        struct {
                char uuid[UUID_SIZE], store[64];
                uint64_t revision;
        } former;              /* core.h; "" if there is none */
        uint64_t floor;        /* the highest of our registry's that was ever seen; remembered */
        uint64_t floor_wanted; /* meta's floor must reach this; 0: no matter */
        uint64_t revision;     /* the highest seen of ours, in this life or as remembered */
        bool newcomer; /* knew no registry, and has not waited for a TTL yet since it trusts this one; remembered */
        bool silence;  /* to be served */
        usec_t silence_until;
        usec_t newcomer_until; /* 0: nothing was trusted yet */
        usec_t acquire_not_before;
        uint64_t list_read; /* id of the READ of everything, after a fall-back */
        usec_t list_retry_at;
} Identity;

/* What was heard of the registry altogether (intake.c). */
typedef struct Heard {
        uint64_t revision;     /* the highest seen since everything was looked at anew */
        unsigned listed;       /* kinds of which a whole list has been seen since then */
        unsigned unlisted;     /* READs of whole kinds without an answer in a row: the next one has more time */
        usec_t at;             /* when the registry last said anything; 0: never */
        usec_t beats_at;       /* when all beats were last read ... */
        usec_t beats_first_at; /* ... and for the first time since everything was looked at anew */
        uint64_t stamp;        /* one for each answer taken in */
        uint64_t changes;      /* the number of the last change of a lease or an offer; never below CLOCK_REALTIME */
        uint64_t begun;        /* .changes at our first step: what had gone before is not known; and whenever the
                                  registry fell silent, or answered again: nothing told before holds any more; and
                                  the last change of an offer that was forgotten (gone.c) */
        bool contradicted;     /* by the last of them */
        uint32_t list;         /* the list of which a part has come and another is to come (Answer.list); 0: none */
        uint32_t lists;        /* how many lists have come in parts */
        bool in_part;          /* the answer that is taken is a part of a list */
        Lease *newest;         /* whose record was seen to change last; NULL: none was */
        usec_t forget_at;      /* when it is looked again for what is gone (gone.c) */
        Samples samples;
} Heard;

/* The other machines' beats (beats.c). */
typedef struct Beats {
        uint64_t id;             /* the round's READ under way; 0: none */
        usec_t asked_at;         /* when the last such READ was asked for */
        usec_t known_at;         /* all beats that were in the registry at this time are known */
        uint64_t since;          /* the revision of the last answer that told of all beats; 0: none */
        usec_t since_at;         /* when that answer came */
        bool whole;              /* the next READ is to list all beats */
        unsigned rounds;         /* READs since the last list of all beats */
        uint64_t strange;        /* keys among the beats that are not a session's */
        bool in_doubt;           /* some single beats are to be read */
        uint64_t doubts_id;      /* the READ of single beats under way; 0: none */
        usec_t fastest;          /* the shortest time between two beats of another session, as far as it matters */
        bool relisted;           /* all beats were listed since the choice of .from was last looked at */
        char from[17];           /* the watch tells of the beats of sessions from this name on; "": of all */
        uint64_t rate;           /* beats in 1000 s when .from was chosen */
        char told[SESSION_SIZE]; /* our session then: the watch also tells of our own beats */
} Beats;

/* What must outlive this boot. */
typedef struct Memory {
        bool changed;
        CoreMemory value; /* for core_memory() */
} Memory;

/* Every TXN and READ under way. */
typedef struct Asked {
        Pending *list; /* sorted by id */
        size_t n, room;
        uint64_t last_id; /* the last that was given */
} Asked;

/* Our machine record (presence.c). */
typedef struct OwnMachine {
        uint64_t txn;
        MachineRecord next;
        usec_t retry_at;
        bool twice_reported;
        usec_t beat_at;  /* our last committed beat, when presence_advance() looked last (CLOCK_BOOTTIME) */
        usec_t up_since; /* CLOCK_REALTIME when the first of them was seen after a silence, or after our start */
} OwnMachine;

/* Draining, of this machine and of others. */
typedef struct Drain {
        bool on;              /* here */
        bool said;            /* what we say of it is what the operator said last */
        char by[BY_SIZE];     /* that operator; "": not known, as after a restart */
        char boot[BOOT_SIZE]; /* it ends when this boot is over; "": not by itself */
        bool over;            /* it has ended so, which is to be reported */
        size_t n;             /* units on their way from here for that reason, in this step */
        uint64_t txn;         /* of another machine's record */
        usec_t retry_at;
        MachineRecord next;
        char machine[MACHINE_SIZE];
} Drain;

/* The command that switches a machine off (fencing.c). */
typedef struct Fencing {
        uint64_t txn;
        bool running;                                      /* the command */
        char session[SESSION_SIZE], machine[MACHINE_SIZE]; /* of the Txn or the command */
        uint64_t beat;                                     /* the revision of the session's beat then */
        usec_t look_at;
} Fencing;

/* Machines that were confirmed dead here, until the registry says so (confirm.c). */
typedef struct Confirm {
        bool asked;       /* some Session.confirmed may be set */
        char by[BY_SIZE]; /* who asked last */
        uint64_t txn;
        usec_t retry_at;
} Confirm;

/* The pause (pause.c). */
typedef struct Pause {
        Seen seen;
        PauseRecord value; /* a record that cannot be read counts as PAUSE_ENDING */
        bool remembered;   /* there was a pause when the registry was last seen; kept across restarts */
        bool lost;         /* ... and the registry fell back since: the record is to say so */
        int asked;         /* what an operator here asks for: 1 pause, -1 resume, 0 nothing */
        char by[BY_SIZE];  /* who */
        uint64_t txn;
        usec_t retry_at;
} Pause;

/* Deletion of the sessions of the dead. */
typedef struct Collect {
        uint64_t txn;
        usec_t at, retry_at;
        bool crowded; /* a lost lease waits, for more sessions beat than one Txn can fence */
} Collect;

/* What we say of our units (offer.c). */
typedef struct Offering {
        uint64_t txn;
        Unit *units[GROUP_MAX]; /* ... is of these units' offers; NULL: one that is not enabled any more */
        OfferRecord *next;
        size_t n;
        Heap queue;   /* units whose offers are to be looked at, by their place */
        bool stale;   /* all are to be looked at */
        bool orphans; /* offers of ours may be there of units that are not enabled */
        usec_t at;    /* when it is tried again, or goes on */
        Heap late;    /* units in whose offers nothing but the state of the unit is to be changed, by their place */
        usec_t late_at, sent_at; /* when .late is looked at, at the earliest; when offers were last written */
} Offering;

/* When units are planned anew (planning.c). A pass plans all units, or only those whose leases can be had, over
 * several steps. There are so many booleans because the pass that is wanted and the pass under way are told apart. */
typedef struct Planning {
        bool stale;          /* a pass over all units is wanted */
        bool stale_free;     /* a pass over the units whose leases can be had is wanted */
        bool running;        /* a pass is under way, and goes on in the next step */
        bool only_free;      /* the last pass that began is over the units whose leases can be had */
        Unit *next;          /* with which unit the pass goes on; NULL: none is under way */
        usec_t begun_at;     /* when the last pass began */
        Heap queue;          /* units that are to be planned by themselves, by their places */
        usec_t queue_at;     /* when the queue is due */
        bool units_unsorted; /* units have come since the table of units was sorted by name */
        bool has_wishes;     /* some unit minds what runs beside it */
        usec_t until;        /* when the next session may fall silent, which changes the plan */
        usec_t due_at;       /* when a pass over all units is due for another reason */
        usec_t settle_until; /* free leases are left alone until then: other machines may be about to come up */
        usec_t young_until;  /* until then other machines are given more time to take what is theirs */
} Planning;

/* The guard, for all units. There are so many booleans because each is a fact that holds or not whatever the others
 * are. */
typedef struct GuardSide {
        bool beat_due;                /* the guard is to hear of a committed beat */
        bool up, synced, gone, lives; /* lives: although it is gone, for it cannot be reached */
        bool missing;                 /* away for so long that it will not come back by itself */
        usec_t away_since;            /* gone or without an answer; 0: it is there */
        bool may_keep;    /* units beyond their deadlines (law 13): what it was told last, or has not denied */
        bool says_keeps;  /* it has said whether, on this connection */
        Keep told_keep;   /* what it was told on this connection */
        uint64_t keep_id; /* ... in this request, or in a later one that arms a unit so */
        uint64_t serial;  /* the last id given to a request */
} GuardSide;

typedef struct Sleep {
        bool on, ready;
        usec_t kill_at; /* then everything must be dead */
} Sleep;

typedef struct Shutdown {
        bool on, exit_asked;
        bool reboots; /* the machine is expected back */
        usec_t deadline;
        uint64_t txn; /* deletion of our session */
        bool ended;
} Shutdown;

/* The units, or the leases, that are to be looked at, by their places (Spot). */
typedef struct Queue {
        Heap heaps[2];  /* one for this walk, and one for the next walk: for what has had its turn in this one */
        int now;        /* which of the heaps is the one for this walk */
        bool walking;   /* a step walks */
        bool goes_on;   /* the walk goes on in the next step */
        uint64_t at;    /* the place that the walk has reached */
        uint64_t last;  /* the last place that was given */
        Heap deadlines; /* by Spot.deadline */
} Queue;

/* The facts on which every look depends: if one changes, all units and leases are looked at. So many booleans, because
 * each repeats a fact that is kept elsewhere. */
typedef struct Common {
        const Session *own, *other;
        usec_t ttl, other_ttl, settle_until;
        uint64_t floor;
        Why why_not;
        Trust trust;
        bool guard_up, guard_synced, guard_gone, guard_missing;
        bool settled, moving, undecided, young, drains, sleeps, stops, silence, may_claim, keeps, paused;
} Common;

/* Which units and leases are looked at (look.c, walk.c). */
typedef struct Look {
        bool always_all; /* for tests: every step looks at all units and leases */
        bool all;        /* the next walk looks at all */
        unsigned most;   /* looks at units, and at leases, that one step may take */
        bool walks;      /* this step's walk has begun */
        bool fresh;      /* something has happened to a unit or lease since the last walk over units began */
        Queue units, leases;
        Heap covers;   /* units, by Unit.cover */
        Heap withheld; /* units, by Unit.withheld */
        Common common; /* as it was in the last walk */
        usec_t t0;     /* session_covered_from(), as it was in the last walk */
        /* How many units have each bit of COUNTED_*, waits_for_beat, has_conflicts. */
        size_t n_unsure, n_draining, n_busy, n_releasing, n_global, n_leaving, n_wait_for_beat, n_with_conflicts;
        CoreWork work;
} Look;

/* Changes of leases' records that share a Txn (claim.c). */
typedef struct Claims {
        Heap waiting;        /* leases whose change is to be sent, by Lease.to_send. By place */
        uint64_t txn;        /* the last Txn of such changes that was sent; 0: it was answered */
        bool go_on;          /* there may be more Txns to send: the next step is due at once */
        usec_t gather_until; /* until then such changes wait for those of units that are still on their way down; 0:
                                none waits */
        Heap expired; /* leases of silent sessions that wait for the end of .expiring, by Lease.to_send. By place */
        /* The Txn under way that takes leases from a silent session; 0: none. There is one at a time, since each puts
         * that session's fence, so that of several only the first would be committed. */
        uint64_t expiring;
        FenceRecord *fence; /* that it puts; NULL: none */
        char expired_session[SESSION_SIZE];
        /* How often the room of such a Txn is halved, from GROUP_MAX leases on: more after a Txn of several leases
         * that was not committed, less after one that was. So a lease that can never be written ends up alone in its
         * Txn, and keeps no other one for long. */
        unsigned halved;
} Claims;

/* What this step asks for, and the memory that it takes (output.c). */
typedef struct Output {
        Action *actions;
        size_t n, room;
        Chunk *arena;
} Output;

/* What is told from outside (view.c, standing.c). */
typedef struct Told {
        PlanView *plan; /* in the arena: for questions; NULL: nobody has asked since the last step */
        bool deaf;      /* that nothing is known by now is published, or has been */
        bool keepers;   /* since the last step, the machines that keep leases unheard have been marked (session.c) */
        Unit *next;     /* the unit of which this is published next; NULL: of all it was */
        uint64_t lost_acquires; /* asked for, and another machine was faster */
} Told;

/* The whole of the state. It has more than 30 fields since each chapter has its part here, and each kind of record its
 * table: what belongs together is inside of these. */
struct Core {
        Here here;
        uint64_t random;
        Now now;

        Session *sessions;
        Machine *machines;
        Machine *past_machines; /* of a registry that was forgotten: their ids alone. Plans may still name them */
        Offer *offers;
        Terms *terms, *last_terms;
        Machine *self; /* of our own id; NULL: it was not seen yet */
        Lease *leases;
        Unit *units;
        Calling *calls;
        Forgetting *forgettings;
        Word *words;
        Request *requests;
        Wanted *wanted, *last_wanted; /* in the order in which they were asked for */

        Own own;
        Own other; /* while TTL= changes: the session to come (creating), then the one that is being left (beating) */
        char adopt[SESSION_SIZE]; /* session to carry on, "" if none */

        Identity identity;
        Meta meta;
        Heard heard;
        Beats beats;
        Asked asked;
        OwnMachine machine;
        Drain drain;
        Pause pause;
        Confirm confirm;
        Fencing fencing;
        Collect collect;
        Offering offering;
        Planning plan;
        GuardSide guard;
        Sleep sleep;
        Shutdown shutdown;
        Memory memory;
        Look look;
        Claims claims;
        Output out;
        Told told;
};

/* The next random number: splitmix64, small, good enough to tell nonces and sessions apart, and the same everywhere
 * from one seed. */
static inline uint64_t core_random(Core *c) {
        uint64_t z = (c->random += UINT64_C(0x9e3779b97f4a7c15));

        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        return z ^ z >> 31;
}
