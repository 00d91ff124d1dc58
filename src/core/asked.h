/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What operators ask for, here and of other machines; a part of the core's state (state.h). */

#include "core/event.h"
#include "core/seen.h"

/* How a word has ended, for whoever began it in the core. */
typedef struct WordEnd {
        bool ended;
        WordResult result;
        Reason reason; /* what it speaks of is kept in here: */
        char about[WHY_SIZE];
} WordEnd;

/* A word of the operator that has not begun yet. */
typedef struct Word {
        struct Word *next;
        uint64_t id;  /* 0: nobody waits for an answer */
        WordEnd *end; /* is told how the word ends; NULL: nobody in the core asked for it. Borrowed */
        EventKind kind;
        char by[BY_SIZE];           /* who said it */
        char object[NAME_SIZE];     /* the unit, or of EVENT_DRAIN the machine */
        char machine[MACHINE_SIZE]; /* of a transfer */
        uint64_t index;             /* of the lease, when it was said */
        bool on, brief;             /* of EVENT_DRAIN */
        bool armed;                 /* what it asks for is done as soon as it can be */
        bool unsure;                /* the Txn that carries it out was not answered, and may have been carried out */
        usec_t until; /* then it is withdrawn; USEC_INFINITY: whoever asked waits for as long as he likes */
} Word;

/* What our operator asks of another machine, and is not in the registry yet, where only so many may be at once. */
typedef struct Wanted {
        struct Wanted *next;
        uint64_t id; /* of the EVENT_REQUEST */
        RequestVerb verb;
        char unit[NAME_SIZE];
        unsigned copy; /* which of the unit's copies is meant, by the number of its slot; 0: the only one */
        char machine[MACHINE_SIZE]; /* of a transfer */
        char by[BY_SIZE];
} Wanted;

/* A request from us to another machine, or from another machine to us (request.c, errand.c). So many booleans, since
 * the record, the Txn and the word each have a life of their own. */
typedef struct Request {
        char name[RECORD_NAME_SIZE];
        char to[MACHINE_SIZE], from[SESSION_SIZE]; /* parts of the name */
        bool ours;                                 /* we ask, and are not asked */
        bool damaged;
        Seen seen;
        RequestRecord value; /* of a request of ours that was not put yet: what is to be put */
        bool put;            /* the record was seen */
        usec_t first_at;     /* when that was */
        uint64_t txn;
        RequestRecord next; /* what that Txn writes */
        bool deletes;       /* it deletes the record */
        usec_t retry_at;
        uint64_t id;       /* ours: of the EVENT_REQUEST; 0: nobody waits any more */
        uint64_t put_beat; /* ours: the revision of our beat that the last put compared; 0: none of this process */
        usec_t put_t0;     /* ours: when that beat was sent */
        bool ends;         /* ours: it is to end without having begun, ... */
        bool unanswered;   /* ... since nobody has taken it */
        bool voided;       /* ours: it was never in the registry, and cannot come there any more */
        bool claimed;      /* to us: a Txn of this process may have taken it */
        bool begun;        /* to us: its word was begun, and tells .end */
        WordEnd end;
        UT_hash_handle hh;
} Request;
