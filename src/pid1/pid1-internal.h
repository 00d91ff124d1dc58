/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the files of this layer share; nobody else includes it.
 *
 * Who calls whom: Pid1 hands signals, ticks and the right to ask to its units; a unit queues a question or a
 * report with Pid1. Callbacks of the layer's user are made from one deferred event source only, one at a time
 * and as the last thing in its handler: never from inside a call of the user's, and with nothing of ours on the stack
 * behind it, so that they may free units and even Pid1.
 */

#include <uthash.h>
#include <utlist.h>

#include "pid1/job-track.h"
#include "pid1/pid1.h"
#include "pid1/pid1-unit.h"
#include "pid1/relations.h"
#include "util/names.h"
#include "util/strv.h"

/* How long PID 1 may be silent before a unit counts as unknown (law 8), and before a job that was asked for is
 * reported as failed. */
#define SILENCE (5 * USEC_PER_SEC)
/* When a question is given up and asked again. PID 1 answers even after minutes, so the answer must have been lost;
 * sooner, questions would pile up before a PID 1 that is frozen. */
#define QUESTION_TIMEOUT (20 * USEC_PER_SEC)
/* How often deadlines are looked at while a question or a job is under way. */
#define TICK (250 * USEC_PER_MSEC)
/* PID 1 does not tell when the last process of a unit that is down has gone. So the unit's control group is looked at
 * after this time, and then less and less often, up to once a TICK. (Just after a stop the kernel may need a moment
 * until it counts the dead as gone.) */
#define FIRST_LOOK (5 * USEC_PER_MSEC)
/* Questions under way. PID 1 is single-threaded: more of them at once would only be answered later, and so would the
 * calls for jobs behind them. An answer can cost PID 1 7 ms, where it has a thousand unit files and has just read
 * them.
 */
#define QUESTIONS_MAX 8
/* Calls for jobs under way, and how many of them may be starts. dbus-daemon allows a connection 128 answers that are
 * due, those to questions included, and refuses further calls: while PID 1 stands still, calls for jobs wait in here.
 * PID 1 carries calls out in order: the fewer starts are under way, the sooner the next stop has its turn. */
#define JOBS_MAX 48
#define STARTS_MAX 16
/* Signals of changed properties a second that lead to a question each. A unit may change its properties a thousand
 * times a second (STATUS= of sd_notify()): beyond this there is one question a tick. Signals of jobs lead to a
 * question at once, always. */
#define CHANGES_MAX 20
/* Units that one question of the slow poll names. A row costs PID 1 some 3 microseconds, and as much to read. */
#define POLL_ROWS 1024
/* Units that each round of the slow poll reads in full, in turn: for what a row does not show. A full answer costs
 * PID 1 about a millisecond. */
#define POLL_FULL 4

typedef struct Pid1Query Pid1Query;
typedef struct Pid1JobCall Pid1JobCall;
typedef struct Neighbour Neighbour;

enum {
        MATCH_OWNER,
        MATCH_JOB_NEW,
        MATCH_JOB_REMOVED,
        MATCH_RELOADING,
        MATCH_PROPERTIES,
        MATCH_DISCONNECTED,
        _MATCH_MAX,
};

/* The slow poll: poll.c. */
typedef struct Poll {
        usec_t period, round_at; /* how often a round begins, and when the next one does */
        Pid1Unit *next;          /* whose turn it is to be asked about in this round; NULL: all were */
        Pid1Unit *full;          /* whose turn it is to be read in full; NULL: the first one's */
        Pid1Unit **asked;        /* those named in the question that is under way; NULL: one that is gone */
        size_t n_asked;
        usec_t asked_at;
        sd_bus_slot *rows, *loaded; /* the questions about units, and about when PID 1 has last read its files */
        bool again;                 /* the question about units is to be asked again with the next tick */
        bool unknown;               /* the question has been unanswered for too long, and that was told */
        uint64_t loaded_at;         /* PID 1's answer; 0: not known */
} Poll;

struct Pid1 {
        sd_event *event;
        sd_event_source *timer;
        sd_event_source *defer;

        sd_bus *bus; /* NULL while detached */
        sd_bus_slot *matches[_MATCH_MAX];
        sd_bus_slot *owner_call;
        sd_bus_slot *subscribe_call;
        char *owner; /* unique name of PID 1; NULL: not on the bus, or not known yet */
        bool subscribed;

        Pid1Unit *units;   /* by name */
        Pid1Unit *queue;   /* units whose questions wait for their turn */
        Pid1Unit *reports; /* units that have something to report */
        Pid1Unit *timed;   /* units that the tick looks at */
        unsigned asked;    /* questions under way */
        Poll poll;

        /* Calls for jobs that wait, in the order in which they were wished for: stops, and starts. */
        Pid1JobCall *waiting[2];
        unsigned jobs_asked[2]; /* calls for jobs under way */
        bool refused;           /* the bus had no room for the last call: the next tick tries again */
        usec_t last_answer;

        Neighbour *neighbours; /* by name */
        Pid1Unit *lookers;     /* units that wish to look at theirs, or have wished to */
        sd_bus_slot *look;     /* the question about them that is under way, and when it was sent */
        usec_t look_asked_at;
        uint32_t highest_job; /* the highest number of a job that PID 1 has told of */

        Pid1Query *calls, *finished;
};

/* Another unit that may make PID 1 stop one of ours. There is one of each name, however many of our units are related
 * to it. */
struct Neighbour {
        UT_hash_handle hh;
        Pid1 *pid1;
        NeighbourState state;
        unsigned references;
        unsigned causes;       /* how many units were stopped because of it, and are down */
        bool asked;            /* it is named in the question that is being made */
        bool known;            /* an answer has named it */
        sd_bus_slot *question; /* when it was last started */
        bool started_known;    /* the answer to that, CLOCK_MONOTONIC, since its latest job */
        usec_t started;
        char name[];
};

typedef struct Related {
        Neighbour *neighbour;
        unsigned mask; /* of Relation */
        Beside beside; /* as it was at the latest look while the unit was up */
} Related;

/* A call for a job that is not answered. It stays open after it was reported as failed: an answer that comes late
 * still names our job. */
struct Pid1JobCall {
        Pid1Unit *unit;
        bool start;
        bool failed;             /* reported as failed: PID 1 has not answered in time */
        sd_bus_message *message; /* of a transient unit, which PID 1 keeps for us from its start on: what to copy */
        sd_bus_slot *slot;       /* NULL while it waits for its turn */
        usec_t since;            /* of the wish, or of the sending */
        Pid1JobCall *prev, *next, *wait_prev, *wait_next;
};

typedef struct Pid1JobFailure {
        int error; /* 0: none */
        char *message;
} Pid1JobFailure;

enum {
        REPORT_FAILED_STOP = 1 << 0,
        REPORT_FAILED_START = 1 << 1,
        REPORT_REFUSED = 1 << 2,
        REPORT_STATUS = 1 << 3,
};

/* The question about a unit that is under way, and the wish for another one: pid1-unit.c. */
typedef struct Asking {
        sd_bus_slot *question;
        usec_t asked_at;     /* when the question, or the one before, was sent */
        usec_t silent_since; /* the first wish to know that has no answer yet; 0: none is open */
        bool queued;         /* waits for its turn */
        bool again;          /* something was heard since the question was sent */
        bool retry;          /* to be asked again with the next tick */
        uint32_t job;        /* of which PID 1 has told, and not yet that it is over; 0: none. Its end is waited for */
        usec_t job_at;       /* when PID 1 told of it */
        bool timed;          /* in Pid1.timed */
        size_t poll_place;   /* in Poll.asked, from 1 on; 0: it is not in there */
        usec_t changes_since; /* since when changes are counted for a second, and how many have come */
        unsigned changes;
} Asking;

/* The references that keep the unit loaded in PID 1: pid1-unit.c. */
typedef struct Reference {
        sd_bus_slot *call;
        bool held;
        unsigned count; /* how many PID 1 may count for us */
} Reference;

/* Who ended the unit, or is ending it: neighbours.c. */
typedef struct EndingTrack {
        Related *related;
        size_t n_related;
        Relations names;    /* of them, as PID 1 said them last */
        uint32_t settled;   /* the highest job that PID 1 had told of when the unit was last seen up without one */
        uint32_t began;     /* the unit's highest job when its present run was first seen */
        uint8_t run_up[16]; /* its InvocationID= when it was last seen up */
        bool is_settled;    /* by the latest answer the unit is up without a job, and PID 1 has told of none since */
        bool noted;         /* which neighbours are up beside it */
        uint32_t job_over;  /* the unit's job that ended last, and how */
        JobEnd job_end;
        UnitEnd end; /* as judged by judged_job */
        uint32_t judged_job;
        bool judged_before; /* for another job, and the unit has not run since */
        Neighbour *cause;   /* of UNIT_END_NEED and UNIT_END_CONFLICT, if it is known */
        bool cause_asked;   /* there was a job on the cause; false: it ended by itself */
        usec_t look_since;  /* its neighbours are to be looked at; 0: no need to */
        usec_t note_since;  /* the same, for what is to be noted while it is up */
        bool looks;         /* in Pid1.lookers */
} EndingTrack;

struct Pid1Unit {
        Pid1 *pid1;
        char *name, *path, *gate, *guard;
        Pid1UnitCallbacks callbacks;
        void *userdata;
        Pid1UnitStatus status;

        char *pattern; /* of a template: what all its instances match */
        char **up;     /* of a template: its instances that were up by the latest answer */
        char **covers;

        Asking asking;
        Reference reference;
        Pid1JobCall *calls; /* in the order in which they were sent */
        JobTrack jobs;
        EndingTrack ending;
        usec_t look_at, look_delay; /* when the control group of a unit that is down is looked at next; delay 0: not at
                                       all */

        unsigned reports; /* REPORT_ flags to deliver */
        Pid1JobFailure failures[2];

        Pid1Unit *queue_prev, *queue_next, *report_prev, *report_next, *timed_prev, *timed_next, *look_prev,
                        *look_next;
        UT_hash_handle hh;
};

/* ---- pid1.c ---- */
/* A call of a method of PID 1, for which the bus does not start it; *ret is owned by the caller. */
int pid1_message_new(Pid1 *m, const char *path, const char *interface, const char *member, sd_bus_message **ret);
/* Whether nobody, or the bus in PID 1's place, has answered: what was asked for may be carried out or not. */
bool pid1_is_silence(const sd_bus_error *e);
/* Every unit is read in full. */
void pid1_read_all(Pid1 *m);
/* Puts a unit into the queue of those that want to ask, before all others or behind them; and takes it out. */
void pid1_queue(Pid1 *m, Pid1Unit *u, bool first);
void pid1_unqueue(Pid1 *m, Pid1Unit *u);
/* Lets queued units ask, and calls for jobs that wait be sent, as far as there is room. */
void pid1_pump(Pid1 *m);
/* A deadline or a wish was added: the next tick is not later than this. */
void pid1_arm(Pid1 *m, usec_t at);
/* The unit waits for something: the tick looks at it until nothing is waited for. */
void pid1_time(Pid1 *m, Pid1Unit *u);
/* Something is to be delivered by the deferred source. */
void pid1_kick(Pid1 *m);

/* ---- pid1-call.c ---- */
void pid1_calls_cancel(Pid1 *m); /* all open ones end with -ENOTCONN */
void pid1_calls_free(Pid1 *m);
void pid1_call_deliver(Pid1 *m); /* the first finished one */

/* ---- neighbours.c ---- */
/* PID 1 tells of a job of any unit: it has begun, or is over. */
void neighbours_job_new(Pid1 *m, const char *name, uint32_t job);
void neighbours_job_over(Pid1 *m, const char *name, uint32_t job);
void neighbours_changed(Pid1 *m, const char *name); /* a hint */
/* Asks PID 1 about all neighbours of all units that wish to look at theirs, unless it is being asked already. */
void neighbours_look(Pid1 *m);
/* PID 1, or the connection to it, is gone: its numbers of jobs hold no more. */
void neighbours_gap(Pid1 *m);
/* The unit is about to be freed. */
void neighbours_forget(Pid1Unit *u);
/* PID 1 has answered for the unit (u->status). Takes what related holds. */
void ending_seen(Pid1Unit *u, Relations *related);
/* Frees what u->ending holds. */
void ending_free(Pid1Unit *u);

/* ---- poll.c ---- */
/* Begins a round if one is due, and looks at deadlines. Returns when the next tick is wanted. */
usec_t poll_tick(Pid1 *m, usec_t now);
/* The connection, or PID 1, is gone: what was asked is not answered any more. */
void poll_cancel(Pid1 *m);
/* The unit is about to be freed. */
void poll_forget(Pid1Unit *u);
void poll_free(Pid1 *m);

/* ---- pid1-job.c ---- */
/* Calls for jobs that wait are sent, stops first, as far as there is room. */
void pid1_jobs_send(Pid1 *m);
/* Whether a start was asked for that PID 1 has not answered: it may make a job of it any time. */
bool pid1_job_starts(const Pid1Unit *u);
/* Reports calls that PID 1 has not answered in time. Whether there are any calls. */
bool pid1_jobs_tick(Pid1Unit *u, usec_t now);
void pid1_jobs_gone(Pid1Unit *u); /* the connection is gone: all have failed */
void pid1_jobs_free(Pid1Unit *u);

/* ---- pid1-unit.c ---- */
/* Sends the unit's question; none is under way. */
void pid1_unit_ask(Pid1Unit *u);
/* A call for a job of this unit was answered: a question, unless the end of the job will lead to one. */
void pid1_unit_answered_job(Pid1Unit *u);
/* Queues a report of a call for a job that came to nothing. */
void pid1_unit_tell_failure(Pid1Unit *u, bool start, int error, const char *message);
void pid1_unit_tell(Pid1Unit *u);             /* queues a report of its status */
void pid1_unit_wish(Pid1Unit *u, bool first); /* queues a question, before all others or behind them */
void pid1_unit_changed(Pid1Unit *u);          /* the same on a signal that may come too often */
/* PID 1 tells of a job of this unit. */
void pid1_unit_job_new(Pid1Unit *u, uint32_t job);
void pid1_unit_job_removed(Pid1Unit *u, uint32_t job, const char *result);
void pid1_unit_owner_gone(Pid1Unit *u); /* PID 1 is off the bus: the new one may not know our references */
void pid1_unit_connection_gone(Pid1Unit *u);
void pid1_unit_release(Pid1Unit *u); /* gives the references back, while there still is a connection */
/* Looks at deadlines. Returns when it wants the next tick; USEC_INFINITY: it waits for nothing. */
usec_t pid1_unit_tick(Pid1Unit *u, usec_t now);
void pid1_unit_deliver(Pid1Unit *u); /* delivers one report; u may be gone afterwards */
