/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What has been seen of the registry: sessions, machines, offers and leases, each with its record as it was seen last.
 * mirror.c makes and finds these objects, intake.c fills them in. They are a part of the core's state (state.h). */

#include "core/heap.h"
#include "core/record.h"
#include "util/hash.h"

/* What is known of a record's existence. A lower revision never replaces a higher one. */
typedef struct Seen {
        bool known;
        uint32_t list;      /* Heard.lists of the last list in parts that named the record */
        uint64_t revision;  /* mod revision; 0: absent */
        uint64_t absent_at; /* the registry's revision as of which it was absent */
        usec_t at;          /* when this revision (or absence) first reached us */
        uint64_t stamp;     /* Heard.stamp of the last answer that named the record */
} Seen;

/* An answer of the registry that reached us: its revision, and when (sample.c). */
typedef struct Sample {
        uint64_t revision;
        usec_t at;
} Sample;

typedef struct Samples {
        Sample items[128]; /* oldest first: from one to the next both members grow */
        size_t n;
        usec_t heard_at; /* when the last answer came, also one that tells nothing new */
} Samples;

/* The lease that changed last, and is compared by a beat besides (law 16). */
typedef struct Proof {
        uint64_t newest;    /* the last revision of Heard.newest (state.h) with which a beat was answered ... */
        uint64_t under_way; /* ... and that of the beat under way; 0: it compares no lease */
        bool outrun;        /* the last beat compared a lease and was refused: the next attempt goes without */
} Proof;

/* The place of a unit or lease among those that are to be looked at (look.c, walk.c). */
typedef struct Spot {
        uint64_t place;    /* its number in the order of its table */
        HeapNode due;      /* in a heap: it is to be looked at. The key is the place */
        HeapNode deadline; /* in a heap: it is to be looked at when this time comes. The key is the time */
} Spot;

/* There are so many booleans because each is a fact by itself: of the beat, of the fence, and of what the last plan
 * and gone.c found. */
typedef struct Session {
        char name[SESSION_SIZE];
        usec_t ttl;
        Seen beat;
        bool beat_damaged;
        bool moved;                /* its beat was seen to change: somebody alive writes it */
        bool silent, dead;         /* as the last plan found it: session_silent_at(), session_dead_at() */
        bool keeps;                /* its fence says so, or said so when it could be read last (law 13) */
        char keeper[MACHINE_SIZE]; /* likewise: the machine whose session it is, if it keeps; "": not told */
        bool needed;               /* while it is looked for what can be forgotten (gone.c, collect.c) */
        BeatRecord beat_value;
        uint64_t sighted;   /* the registry's revision as of which the beat was last shown to be there */
        uint64_t beyond;    /* a beat was put after this revision; where, is known only if beat.revision is higher */
        uint64_t beyond_by; /* that beat was put at this revision or before, by the answer that said so */
        Seen fence;
        FenceRecord *fence_value;        /* NULL if absent or damaged */
        usec_t over_at;                  /* when the fence first said that the session is over; 0: it does not */
        const struct Machine *confirmed; /* the machine of which an operator here has confirmed that it is off */
        uint64_t confirmed_at;           /* the beat's revision then (confirm.c) */
        size_t held;                     /* leases that it holds by their records (lease_count()) */
        usec_t took_at;                  /* when it was last seen to have begun a tenure; 0: it was not */
        usec_t ended_at; /* when its beat was seen to be taken away although it was not silent; 0: it was not */
        UT_hash_handle hh;
} Session;

typedef struct Machine {
        char id[MACHINE_SIZE];
        Seen seen;
        bool damaged;
        MachineRecord value;
        size_t held;           /* while a plan is made: leases that its session holds or will get */
        size_t planned;        /* leases that it is to take by the plan, and does not hold yet (lease_plan()) */
        struct Placed *placed; /* likewise: units there that others must keep away from (plan.h) */
        struct Placed *picky;  /* likewise: those of them that have a wish of their own as to which others these are */
        size_t alike;          /* likewise: how many of these belong to the group of the unit that is looked at */
        const char *spread;    /* ... and the value of the key over which the group is spread; NULL: none */
        size_t n_spread;
        int drain_asked;        /* what an operator here asked of another machine: 1 drain, -1 undrain, 0 nothing */
        char drain_by[BY_SIZE]; /* who asked for that */
        bool drain_brief;       /* ... only until that machine boots */
        bool needed;            /* while it is looked for what can be forgotten (gone.c) */
        bool keeps;  /* a session of it keeps leases, and is not heard: as session_mark_keepers() found it */
        size_t kept; /* likewise: leases of units that it holds, by whichever of its sessions */
        UT_hash_handle hh;
} Machine;

/* What an offer says. Offers that say the same share one (mirror_terms()). The lease's name is "" where it is the
 * unit's, and .since is 0, so that offers of different units can share as well. */
typedef struct Terms {
        OfferRecord value; /* also the key in Core.terms */
        size_t users;      /* offers that say this; freed with the last of them */
        UT_hash_handle hh;
} Terms;

/* What a machine says of a unit. Units point to their offers. */
typedef struct Offer {
        const char *unit; /* within name */
        Seen seen;
        bool damaged;
        Terms *terms;    /* what it says; never NULL. Set by mirror_terms() */
        usec_t since;    /* since when the unit is in that state; *terms, which is shared, does not say this */
        uint64_t change; /* the number of its last change (mirror_next_number()) */
        UT_hash_handle hh;
        char name[]; /* "<machine id>/<unit>" */
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
        OP_TRIGGER,      /* a timer has elapsed here: the next holder must not do its job again */
        OP_RESTORE,      /* the record of ours was lost: written again as it was */
        OP_RETAKE,       /* the record was lost, and nobody has written it again: from whoever may hold the lease */
        OP_RENUMBER,     /* the record of ours has an Index below one that was handed out before: a new one */
        OP_MOVE_SESSION, /* to the session to which we go, at the same Index */
} LeaseOp;

typedef struct Unit Unit;

/* There are so many booleans because they are independent facts. */
typedef struct Lease {
        Seen seen;
        bool damaged;
        bool misnamed;      /* damaged: it names our session, and another machine. To all others it looks sound */
        bool blank;         /* absent since everything from before was waited out: it is free, and not lost */
        bool unsettled;     /* a release or transfer of ours may have landed or not */
        LeaseRecord *value; /* as lease_keep() keeps it; while the record is lost: as it was seen last. Never NULL */
        Session *holder;    /* the session that value names; NULL: none */
        Session *counted;   /* in whose .held it is counted; NULL: in none */
        SeenDebt *debts;    /* when each of value.debts first reached us; DEBTS_MAX of them; NULL: there are none */
        size_t n_debts;
        uint64_t change;            /* number of its last change (mirror_number()): the plan compares it */
        uint64_t remembered;        /* the highest Index ever seen of it */
        Unit *unit;                 /* enabled here; NULL: none */
        uint64_t rearm;             /* the Index of the done job that the operator wants to run again; 0: none */
        uint64_t told;              /* the last Index that was reported as acquired here */
        bool given_up;              /* no unit here wanted it: a release has been asked for, and may land yet */
        bool asked;                 /* the READ under way because of a fence asks for it */
        char planned[MACHINE_SIZE]; /* who should take it, by the last plan; "" nobody */
        struct Machine *planned_at; /* in whose .planned it is counted; NULL: in none */
        LeaseOp op;                 /* of the Txn under way */
        LeaseRecord *next;          /* the record that the Txn writes */
        uint64_t txn;               /* the Txn's id; 0: none is under way */
        usec_t retry_at;
        unsigned failures;         /* unknown outcomes in a row */
        Unit *users;               /* the units here that use it (look_attach()) */
        struct Lease *next_of_txn; /* another lease in the same Txn */
        HeapNode to_send;          /* in the heap claims.waiting: a change of the lease waits for claim_send() */
        Spot spot;
        UT_hash_handle hh;
        char name[];
} Lease;
