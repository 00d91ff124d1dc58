/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The core's state, shared by the chapters of this folder and by nobody else.
 *
 *   mirror.c    what has been seen of the registry, and when it reached us
 *   identity.c  whether this is our registry at all
 *   session.c   our sign of life: session, rounds, the fence
 *   machine.c   our machine record, and machines that bear our id
 *   lease.c     what we want of the records: acquire, expire, steal, release, transfer, strike
 *   offer.c     what we say of the units that are enabled here
 *   plan.c      who should hold what: whose turn a lease is, and what we hold and should not
 *   standing.c  how every machine stands to a unit, told from outside
 *   call.c      leases of the D-Bus API: a scheduler's own
 *   word.c      the operator's words, until they have begun
 *   enabled.c   the units that are enabled here, and what is so of each
 *   life.c      a unit's life between arming and release
 *   global.c    ... of one that runs everywhere, without a lease
 *   output.c    actions and their memory
 *   view.c      how it looks from outside
 *
 * After every event the same chain runs: identity, session, machine, offers, plan, every unit, every lease. Each link
 * looks at the whole state and does what is due, so that an event need only be noted, in any order, and a lost one is
 * caught later.
 */

#include <limits.h>

#include "core/core.h"
#include "util/hash.h"

enum { GROUP_MAX = 50 }; /* records that one Txn puts: etcd takes 128 operations */

/* What is known of the existence of a record. A lower revision never replaces a higher one. */
typedef struct Seen {
        bool known;
        uint64_t revision;  /* mod revision; 0: absent */
        uint64_t absent_at; /* the registry's revision as of which it was absent */
        usec_t at;          /* when this revision (or absence) first reached us */
        uint64_t stamp;     /* of the last answer that named it */
} Seen;

typedef struct Session {
        char name[SESSION_SIZE];
        usec_t ttl;
        Seen beat;
        bool beat_damaged;
        bool moved;  /* its beat was seen to change: somebody alive writes it */
        bool silent; /* when it was last looked at for a plan */
        BeatRecord beat_value;
        Seen fence;
        FenceRecord *fence_value; /* NULL if absent or damaged */
        UT_hash_handle hh;
} Session;

typedef struct Machine {
        char id[MACHINE_SIZE];
        Seen seen;
        bool damaged;
        MachineRecord value;
        size_t held;           /* while a plan is made: leases that its session holds, or is about to */
        struct Placed *placed; /* ... and what must be kept apart from others there (plan.h) */
        int drain_asked;       /* by an operator here, of another machine: 1 drain, -1 undrain, 0 nothing */
        UT_hash_handle hh;
} Machine;

/* What a machine says of a unit. Once made it stays, for units point to theirs. */
typedef struct Offer {
        char name[RECORD_NAME_SIZE]; /* "<machine id>/<unit>" */
        const char *unit;            /* in it */
        Seen seen;
        bool damaged;
        OfferRecord value;
        UT_hash_handle hh;
} Offer;

typedef struct SeenDebt {
        Debt debt;
        usec_t at;
} SeenDebt;

typedef enum LeaseOp {
        OP_NONE,
        OP_ACQUIRE, /* of a free one */
        OP_EXPIRE,  /* of a silent holder's */
        OP_STEAL,
        OP_RELEASE, /* to free or done */
        OP_TRANSFER,
        OP_STRIKE,
        OP_REARM,
        OP_TRIGGER,  /* a timer has elapsed under our eyes: the next holder must not do its job again */
        OP_RESTORE,  /* its record was lost, and it is ours: as it was */
        OP_RETAKE,   /* its record is lost, and nobody has written it again: from whoever may hold it */
        OP_RENUMBER, /* ours at an Index below one that was handed out before: at a new one */
        OP_REHANG,   /* from the session that is being left to the new one, at the same Index */
} LeaseOp;

typedef struct Unit Unit;
typedef struct PlanView PlanView; /* standing.c */

typedef struct Lease {
        char name[NAME_SIZE];
        Seen seen;
        bool damaged;
        bool blank;                /* absent, and so it was when all of before had been waited out: it is free */
        bool unsettled;            /* a release or transfer of ours may have landed or not */
        LeaseRecord value;         /* while it is lost: as it was seen last */
        Session *holder;           /* of value.session; NULL: it names none */
        SeenDebt debts[DEBTS_MAX]; /* when each of value.debts first reached us */
        size_t n_debts;
        uint64_t remembered;        /* the highest Index ever seen of it */
        Unit *unit;                 /* enabled here; NULL: none */
        uint64_t rearm;             /* the operator's word: the Index that is done; 0: none */
        uint64_t told;              /* the last Index that was reported as acquired here */
        bool given_up;              /* no unit here wanted it: a release has been asked for, and may land yet */
        bool asked;                 /* by the READ under way because of a fence */
        char planned[MACHINE_SIZE]; /* who should take it, by the last plan; "" nobody */
        LeaseOp op;                 /* of the Txn under way */
        LeaseRecord *next;          /* what it writes */
        uint64_t txn;               /* its id; 0: none */
        usec_t retry_at;
        unsigned failures; /* unknown outcomes in a row */
        UT_hash_handle hh;
} Lease;

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

typedef enum Leave {
        LEAVE_NONE,
        LEAVE_EXPIRED, /* no beat in time, or the guard was gone: the lease may still be ours */
        LEAVE_RELEASE,
        LEAVE_TRANSFER,
        LEAVE_FAILBACK, /* to a machine that it prefers */
        LEAVE_UPGRADE,  /* to one with a higher Version= */
        LEAVE_UNFIT,    /* it must not run here (any more) */
        LEAVE_DRAIN,
        LEAVE_FORGET,
        LEAVE_SHUTDOWN,
        LEAVE_SLEEP,
        LEAVE_OBSTACLE, /* PID 1 has stopped it because of another unit, and that lasts */
        LEAVE_DONE,
        LEAVE_FAILED,
        LEAVE_STRAY, /* it was active without its lease */
        LEAVE_LOST,  /* the lease is somebody else's: nothing of the above counts any more */
} Leave;

struct Unit {
        char name[NAME_SIZE];
        Lease *lease;
        char wanted_lease[NAME_SIZE]; /* as configured; taken on when nothing is held under another */
        bool renamed;                 /* wanted_lease is another than lease */
        usec_t stop_grace, timeout_stop, hold_down_release, hold_down_failure;
        int64_t version;
        bool release_on_success, hold_on_failure;
        bool doubtful;      /* where it may run cannot be read */
        bool wanted_global; /* as configured; taken on when nothing is in hand */
        bool global;        /* without a lease (global.c) */
        Placement placement;
        Offer *offer;     /* ours */
        bool is_peer;     /* some unit must run beside it */
        bool forgotten;   /* no longer enabled here */
        bool from_before; /* what is in hand is from before our restart, and was not found to be held */
        UnitReport report;
        GuardReport guard;
        bool guard_known;            /* said since the guard's connection */
        uint64_t guard_asked_before; /* what guard_asked was before that */
        uint64_t guard_asked; /* id of the last request for it on this connection: what was said before it is stale */
        Phase phase;
        Leave leave;
        bool let_go;                   /* it was handed to us and does not fit: whom we would ask might hand it back */
        usec_t armed_stop, armed_kill; /* the offsets that the guard was last told */
        uint64_t armed_id;             /* ... in this request */
        uint64_t index;                /* in hand: what the guard's entry and LEASE_INDEX bear */
        usec_t changed_at;             /* when the phase was entered */
        usec_t closed_at;              /* since when the gate is known to be gone; USEC_INFINITY: it is not */
        usec_t retry_at;               /* ask again */
        usec_t not_before;             /* held down */
        bool unfit_until_then;         /* ... because it did not fit: forgotten when something is changed here */
        unsigned failures;
        uint64_t run;         /* its run before the last start that we asked for */
        unsigned starts;      /* asked for in a row, without it having begun to run */
        bool adopted;         /* running since before our restart: how it ended is not known */
        bool resumed;         /* the last end was LEAVE_EXPIRED */
        bool by_hand;         /* reported as stopped by hand */
        bool put_aside;       /* reported as stopped because of another unit, and not started again since */
        usec_t aside_until;   /* then it goes elsewhere */
        unsigned aside_count; /* how often it was started again here after that, without having run well for a while */
        char other[NAME_SIZE];             /* report.other */
        char obstacle_why[NAME_SIZE + 64]; /* report.obstacle in words; "" if there is none */
        usec_t stop_again_at;              /* what is left, although it is inactive, is stopped again */
        bool killed;                       /* the guard was told to, before its time */
        bool gate_reported;
        bool want_release, want_steal;
        uint64_t steal_index;
        char target[MACHINE_SIZE]; /* of a transfer; "" none */
        usec_t until;              /* CLOCK_REALTIME of not_before, for people */

        /* by the last plan */
        bool available;      /* its lease can be had */
        usec_t available_at; /* since when */
        bool able;           /* we could take it, if it were our turn */
        usec_t able_at;      /* since when */
        unsigned rank;       /* how many machines come before us; RANK_NONE: we do not come at all */
        Leave move;          /* why what we hold should go elsewhere; LEAVE_NONE: it should not */
        char move_to[MACHINE_SIZE];
        int64_t move_version; /* LEAVE_UPGRADE: for the sake of this one, wherever it ends up */
        bool stuck;           /* it should go, and there is nowhere to go */
        char failback_to[MACHINE_SIZE];
        uint64_t failback_index; /* in this tenure */
        usec_t failback_since;
        char place_why[PLACEMENT_WHY_SIZE]; /* why we do not come, or why it is stuck */
        UT_hash_handle hh;
};

#define RANK_NONE UINT_MAX

typedef enum OwnPhase {
        OWN_NONE,     /* no session, and none may begin */
        OWN_CREATING, /* the first beat is under way */
        OWN_FENCING,  /* adopting: our fence is being put */
        OWN_READING,  /* adopting: the leases are being read */
        OWN_BEATING,
} OwnPhase;

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
        uint64_t txn; /* under way: beat, creation or fence; 0: none */
        usec_t txn_t0;
        uint64_t read; /* under way: of leases, adopting or after a fence's refusal; 0: none */
        uint64_t checked_fence, checked_counter; /* what fence_revision becomes when that read is answered */
        usec_t next_at;                          /* next round or attempt */
        usec_t check_at;                         /* not before: another try at reading what the fence names */
        usec_t round_at;                         /* when the present round began */
        unsigned failures;                       /* attempts without an answer in a row */
        unsigned hasty;                          /* ... that failed at once */
        bool silent;                             /* reported */
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

/* A word of the operator that has not begun yet. */
typedef struct Word {
        struct Word *next;
        uint64_t id; /* 0: nobody waits for an answer */
        EventKind kind;
        char object[NAME_SIZE];     /* the unit, or of EVENT_DRAIN the machine */
        char machine[MACHINE_SIZE]; /* of a transfer */
        uint64_t index;             /* of the lease, when it was said */
        bool on;                    /* of EVENT_DRAIN */
        bool armed;                 /* what it asks for is done as soon as it can be */
        usec_t until; /* then it is withdrawn; USEC_INFINITY: whoever asked waits for as long as he likes */
} Word;

typedef enum Trust {
        TRUST_NONE, /* nothing has been listed yet */
        TRUST_OK,
        TRUST_FOREIGN, /* not the registry that we remember: waiting for the operator */
} Trust;

typedef struct Pending { /* a TXN or READ under way, and the revision known when it was asked for */
        uint64_t id;
        uint64_t revision;
} Pending;

typedef struct Chunk {
        struct Chunk *next;
        size_t size, used;
        char data[] __attribute__((aligned(16)));
} Chunk;

struct Core {
        char machine_id[MACHINE_SIZE], boot_id[BOOT_SIZE], hostname[HOSTNAME_SIZE], metadata[METADATA_SIZE],
                        version[32];
        usec_t ttl;
        uint64_t random;
        uint64_t last_id;
        Now now;

        Session *sessions;
        Machine *machines;
        Offer *offers;
        Machine *self; /* of our own id; NULL: it was not seen yet */
        Lease *leases;
        Unit *units;

        Own own;
        Own other; /* while TTL= changes: the session to come (creating), then the one that is being left (beating) */
        char adopt[SESSION_SIZE]; /* session to carry on, "" if none */

        /* identity */
        Trust trust;
        Seen meta;
        MetaRecord meta_value, meta_next;
        bool meta_damaged;
        usec_t meta_lost_at; /* since when it is damaged, or absent where other records are; 0: it is not */
        uint64_t meta_txn;
        usec_t meta_retry_at;
        char uuid[UUID_SIZE], store[64]; /* remembered */
        char store_seen[64];
        char accepted[UUID_SIZE]; /* by the operator; "" if nothing is */
        uint64_t floor;           /* the highest of our registry's that was ever seen; remembered */
        uint64_t revision;        /* the highest seen of ours, in this life or as remembered */
        uint64_t revision_seen;   /* the highest seen since everything was looked at anew */
        unsigned listed;          /* kinds of which a whole list has been seen since then */
        usec_t heard_at;          /* when the registry last said anything; 0: never */
        usec_t beats_at;          /* when all beats were last read ... */
        usec_t beats_first_at;    /* ... and for the first time since everything was looked at anew */
        bool deaf_told;           /* that nothing is known by now was published */
        uint64_t stamp;           /* one for each answer taken in */
        bool contradicted;        /* by the last of them */
        bool remembered_nothing;
        bool silence; /* to be served */
        usec_t silence_until;
        uint64_t floor_wanted; /* meta's floor must reach this; 0: no matter */
        usec_t acquire_not_before;
        bool memory_changed;
        CoreMemory memory; /* for core_memory() */
        RememberedIndex *memory_indexes;

        /* rounds */
        uint64_t beats_read;   /* id of the READ of beats/ under way */
        usec_t beats_asked_at; /* when it was asked for */
        usec_t beats_known_at; /* all beats that were there then are known */
        uint64_t list_read;    /* id of the READ of everything, after a fall-back */
        usec_t list_retry_at;
        Pending *asked; /* sorted by id */
        size_t n_asked, room_asked;

        /* machine */
        uint64_t machine_txn;
        MachineRecord machine_next;
        usec_t machine_retry_at;
        bool twice_reported;
        bool draining;
        size_t n_draining; /* units on their way from here for that reason, in this step */
        uint64_t collect_txn;
        usec_t collect_at, collect_retry_at;
        bool crowded;       /* a lost lease waits, for more sessions beat than one Txn can fence */
        bool draining_said; /* what we say of draining is what the operator said last */
        uint64_t drain_txn; /* of another machine's record */
        usec_t drain_retry_at;
        MachineRecord drain_next;
        char drain_machine[MACHINE_SIZE];

        /* offers and plan */
        uint64_t offer_txn;
        Unit *offered[GROUP_MAX]; /* ... is of these units' offers; NULL: one that is not enabled any more */
        OfferRecord *offers_next;
        size_t n_offered;
        bool offers_stale;
        usec_t offers_at; /* when an offer of ours changes by the time alone, or is tried again */
        uint64_t lost_acquires;
        bool plan_stale, units_unsorted;
        bool has_wishes;     /* some unit minds what runs beside it */
        usec_t plan_until;   /* when the plan may change by the time alone: a session falls silent ... */
        usec_t plan_due_at;  /* ... or something else is due */
        usec_t settle_until; /* what is free is left alone until then: others may be about to come */
        usec_t young_until;  /* until then they are given more time to take what is theirs */

        Calling *calls;
        Word *words;

        /* guard */
        bool beat_due; /* the guard is to hear of a committed beat */
        bool guard_up, guard_synced, guard_gone;
        bool guard_missing;      /* away for so long that it will not come back by itself */
        usec_t guard_away_since; /* gone or without an answer; 0: it is there */
        uint64_t guard_serial;   /* the last id given to a request */

        /* sleep */
        bool sleeping, sleep_ready;
        usec_t sleep_kill_at; /* then everything must be dead */

        /* shutdown */
        bool shutting_down, exit_asked;
        usec_t shutdown_deadline;
        uint64_t end_txn; /* deletion of our session */
        bool ended;

        Action *actions;
        size_t n_actions, room_actions;
        Chunk *arena;
        PlanView *view; /* in it: for questions from outside; NULL: nobody has asked since the last step */
};

/* base, doubled for each failure, up to most. */
static inline usec_t backoff(usec_t base, unsigned failures, usec_t most) {
        usec_t t = base << (failures < 10 ? failures : 10);

        return t < most ? t : most;
}

/* output.c */
void *arena_alloc(Core *c, size_t size);
void *arena_copy(Core *c, const void *p, size_t size);
FenceRecord *arena_fence(Core *c, const FenceRecord *f);
Action *output(Core *c, ActionKind kind);
void output_report(Core *c, Report report, const char *unit, const char *lease, const char *machine, uint64_t index);
void output_changed(Core *c, const Unit *u, const Lease *l);
void output_reset(Core *c);
uint64_t core_random(Core *c);
/* Ends the wait for an id. Returns the revision that was known when it was asked for; false: it is not waited for. */
bool asked_end(Core *c, uint64_t id, uint64_t *ret_revision);

/* A Txn being put together; sent by txn_send(), which returns its id. Room for 128 of each. */
typedef struct TxnBuilder {
        Core *core;
        Key *compares;
        Record *puts;
        Key *deletes;
        size_t n_compares, n_puts, n_deletes;
} TxnBuilder;

TxnBuilder txn_begin(Core *c);
void txn_compare(TxnBuilder *b, RecordKind kind, const char *name, uint64_t revision);
void txn_put(TxnBuilder *b, RecordKind kind, const char *name, const void *value, size_t size);
void txn_delete(TxnBuilder *b, RecordKind kind, const char *name);
uint64_t txn_send(TxnBuilder *b);
uint64_t read_keys(Core *c, const Key *keys, size_t n);
uint64_t read_kinds(Core *c, unsigned kinds);

/* mirror.c */
Session *mirror_session(Core *c, const char *name); /* made if it is not there; NULL: no session's name */
Session *mirror_find_session(Core *c, const char *name);
Lease *mirror_lease(Core *c, const char *name); /* made if it is not there */
Machine *mirror_find_machine(Core *c, const char *id);
Offer *mirror_offer(Core *c, const char *machine, const char *unit); /* made if it is not there */
Offer *mirror_find_offer(const Core *c, const char *machine, const char *unit);
bool mirror_take(Core *c, const Answer *answer);      /* false: it shows a record older than it was seen already */
void mirror_forget_index(Core *c, const char *lease); /* that is remembered, beyond its record */
void mirror_forget(Core *c);                          /* everything seen, not what is remembered */
void mirror_free(Core *c);
/* What a Txn of ours has just written, at its revision. */
void mirror_apply(Core *c, RecordKind kind, const char *name, const void *value, uint64_t revision);
bool mirror_is_complete(const Core *c); /* everything has been listed at least once */
/* When others may take from this session what it holds; USEC_INFINITY while nothing is known of its beat, or of its
 * fence where that is needed. */
usec_t session_dead_at(const Session *s);
/* Its beat is there, and its fence is absent or cannot be read: it cannot beat any more. */
bool session_is_fenceless(const Session *s);

/* identity.c */
bool identity_watch(Core *c, const Answer *answer);
void identity_answer(Core *c, uint64_t id, const Answer *answer);
void identity_contradicted(Core *c, const Answer *answer);
void identity_txn(Core *c, const Answer *answer);
/* The registry's floor must be at least this: the wall clock, every Index that is remembered, what it was. */
uint64_t identity_floor(const Core *c);
void identity_accept(Core *c, const char *uuid);
void identity_advance(Core *c);
usec_t identity_deadline(const Core *c);

/* session.c */
void session_begin(Core *c); /* a new one, or the one to adopt */
void session_end(Core *c);   /* everything it held is lost */
/* A refused beat reads back an older one of ours than we have seen: the registry fell back, and has grown since. */
bool session_is_shown_its_past(const Core *c, uint64_t id, const Answer *answer);
bool session_owns(const Core *c, uint64_t id);
void session_answer(Core *c, uint64_t id, const Answer *answer);
void session_advance(Core *c);
void session_tell_guard(Core *c);
usec_t session_deadline(const Core *c);
bool session_is_checked(const Core *c); /* nothing that our fence names waits to be looked at */
bool session_is_moving(const Core *c);  /* from one session to another: both beat, and hold */
bool session_is_ours(const Core *c, const char *session);
usec_t session_covered_from(const Core *c); /* t0 of what we hold */
bool session_settled(const Core *c);        /* our session beats, and what it holds is known */
bool session_is_undecided(const Core *c);   /* there is one to carry on, and what it holds was not seen yet */

/* machine.c */
void machine_txn(Core *c, const Answer *answer);
void machine_advance(Core *c);
usec_t machine_deadline(const Core *c);
bool machine_competes(const Core *c, const char **ret_why);
/* Until when why, as machine_competes() gave it, is so, if that is known: CLOCK_REALTIME, or 0. */
usec_t machine_waits_until(const Core *c, const char *why, Now now);
bool machine_is_named(const Core *c); /* our record names our session: nobody else goes by our id */
void machine_drain(Core *c, const char *machine, bool on);
bool machine_drain_answer(Core *c, uint64_t id, const Answer *answer); /* false: it was not that */
/* Its session, if that can still hold anything, as far as we can tell; NULL: it is silent. */
const Session *machine_session(const Core *c, const Machine *m);
void collect_txn(Core *c, const Answer *answer);
void collect_advance(Core *c);

/* offer.c */
void offers_advance(Core *c);
void offers_txn(Core *c, const Answer *answer);
usec_t offers_deadline(const Core *c);

/* plan.c */
void plan_advance(Core *c);
usec_t plan_deadline(const Core *c);
usec_t plan_turn_at(const Core *c, const Unit *u); /* when it is our turn; USEC_INFINITY: it is not */
void plan_soon(Core *c);                           /* something has changed that matters little, and may do so often */
void plan_settle(Core *c); /* our record names a new session: others may be about to come as well */
bool leave_is_move(Leave leave);

/* view.c */
const char *view_why_not(const Core *c, const Unit *u); /* why it does not run here; "": it does */
bool view_is_elsewhere(const Core *c, const Unit *u);   /* nothing is in hand here: another machine has it */
/* What the records say is known no more, or was never: the registry has said nothing for a TTL, or is not ours. */
bool view_is_deaf(const Core *c);
const char *view_why_deaf(const Core *c);
bool view_is_unproved(const Core *c, const Machine *m); /* neither that it beats nor that it is silent is known */
void view_advance(Core *c);
usec_t view_deadline(const Core *c);

/* lease.c */
/* Its record is damaged, or was there and is deleted: it counts as held, by whom is not known. While it is ours, as it
 * was seen last, it is written again. */
bool lease_is_lost(const Lease *l);
/* It is not ours any more, and nothing else is known of it. */
void lease_drop(Lease *l);
/* When such a lease may be taken, for nobody has written it again. */
usec_t lease_lost_due(const Core *c, const Lease *l);
/* For its next tenure: above all that were handed out before. */
uint64_t lease_next_index(const Core *c, const Lease *l);
bool lease_is_ours(const Core *c, const Lease *l);
bool lease_hangs_on(const Core *c, const char *session); /* any */
/* It is about to be used: says that it was acquired, unless that was said when it was. */
void lease_tell_acquired(Core *c, Lease *l);
void lease_txn(Core *c, uint64_t id, const Answer *answer);
void lease_advance(Core *c, Lease *l);
usec_t lease_deadline(const Core *c, const Lease *l);

/* When a debt has been waited out, counted from when that very pair first reached us. */
usec_t debt_due(const SeenDebt *d);

/* call.c */
void call_begin(Core *c, uint64_t id, const Call *call);
bool call_answer(Core *c, uint64_t id, const Answer *answer); /* false: it was none of the calls' */
void call_advance(Core *c);
usec_t call_deadline(const Core *c);
void call_end_all(Core *c); /* what was asked of one registry is not asked of another */
void call_free_all(Core *c);
/* When a lease of the D-Bus API may be taken by others; USEC_INFINITY: it is none, or not held. */
usec_t call_dead_at(const Lease *l);

void call_withdraw(Core *c, uint64_t id);

/* word.c */
void word_begin(Core *c, const Event *e);
void word_withdraw(Core *c, uint64_t id);
void word_advance(Core *c);
usec_t word_deadline(const Core *c);
void word_free_all(Core *c);

/* global.c */
void global_advance(Core *c, Unit *u);
const char *global_state(const Unit *u);
const char *global_why_not(
                const Core *c, const Unit *u, char buffer[static PLACEMENT_WHY_SIZE]); /* NULL: it may run here */

/* enabled.c and life.c */
bool life_is_heard(const Unit *u); /* the guard has answered all that it was asked for this unit */
bool life_is_told(const Unit *u);  /* what PID 1 says of it is from after its gate was known to be gone */
bool life_is_ours(const Core *c, const Unit *u);    /* its lease */
bool life_is_held(const Core *c, const Unit *u);    /* ... at the Index in hand */
bool life_is_covered(const Core *c, const Unit *u); /* by our beats, until its stop_at */
void life_attach(Core *c, Unit *u, const char *lease);
bool life_is_armed_by(const Unit *u, const Timeline *t);
/* first: not again, because the last one was refused. */
void life_ask_start(Core *c, Unit *u, bool first);
Action *life_act(Core *c, const Unit *u, ActionKind kind);
void life_enter(Core *c, Unit *u, Phase phase);
bool life_ask_again(Core *c, Unit *u, usec_t pause);
bool life_is_inactive(const UnitReport *r);
/* Since the run that u->run is. While its job waits for something else, it has not; if that fails, there is no new
 * run. */
bool life_has_begun(const Unit *u);
void life_hold_down_failure(Core *c, Unit *u);
void life_look_anew(Core *c, Unit *u); /* what it asks for, or what the machine has, may be another thing now */
Unit *life_configure(Core *c, const UnitConfig *config);
Unit *life_find(Core *c, const char *name);
Unit *life_find_or_leftover(Core *c, const char *name);
void life_report(Core *c, Unit *u, const UnitReport *report);
void life_failed(Core *c, Unit *u, ActionKind action, uint64_t id);
void life_count_draining(Core *c);
void life_look_for_guard(Core *c);
usec_t life_guard_deadline(const Core *c);
void life_advance(Core *c, Unit *u);
usec_t life_deadline(const Core *c, const Unit *u);
usec_t life_stop_at(const Core *c, const Unit *u);
Timeline life_timeline(const Core *c, const Unit *u);
const char *life_why_unable(const Core *c, const Unit *u); /* to take it, if it were our turn; NULL: we are able */
bool life_wants_lease(const Core *c, const Unit *u, const char **ret_why);
/* Down, without a job, its control group empty, as PID 1 was asked after the gate was gone. Inactive is not gone. */
/* The guard keeps the unit's entry by the timeline that holds now, or has none for it. */
bool life_is_armed_anew(const Core *c, const Unit *u);
bool life_is_down(const Unit *u);
/* Something of it may be here, not only its lease; after a restart the guard's entry tells of it. */
bool life_is_in_hand(const Unit *u);
/* Another unit here than the lease's is in hand, and runs by that lease, or by that Index of it for all we know. */
bool life_has_predecessor(const Core *c, const Lease *l, uint64_t index);
void life_guard(Core *c, Unit *u, const GuardReport *report);
void life_kill(Core *c,
                Unit *u); /* on its way down: the machine falls asleep, or nobody else ends what is left of it */
void life_released(Core *c, Unit *u); /* the registry knows that we let it go */
void life_free(Core *c, Unit *u);
const char *life_why_no_gate(const Unit *u); /* PID 1 has not loaded it */
const char *leave_to_string(Leave leave);
