/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the files of this layer share; but for a test, no other file includes this header.
 *
 * Who calls whom: Pid1 passes signals and ticks to its units, and gives them their turn to ask; a unit queues a
 * question or a report with Pid1. The callbacks of the layer's user are made from one event source only (Pid1.turn),
 * one at a time, each as the last thing in the handler. So no callback runs inside a call of the user's, no function
 * of this layer goes on after a callback, and a callback may free units and even Pid1.
 */

#include <uthash.h>
#include <utlist.h>

#include "pid1/job-track.h"
#include "pid1/pid1.h"
#include "pid1/pid1-unit.h"
#include "pid1/relations.h"
#include "util/groups.h"
#include "util/names.h"
#include "util/strv.h"

/* How long PID 1 may be silent before a unit counts as unknown (law 8), and before a start or stop that was asked for
 * is reported as failed. */
#define SILENCE (5 * USEC_PER_SEC)
/* After this time a question is given up and asked again, since its answer may have been lost. The time is long
 * because PID 1 answers even after minutes: with a shorter one, questions would pile up before a PID 1 that is frozen.
 */
#define QUESTION_TIMEOUT (20 * USEC_PER_SEC)
/* How often deadlines are looked at while a question or a job is under way. */
#define TICK (250 * USEC_PER_MSEC)
/* For so long PID 1 may be away from the bus, as it is while it executes itself anew, until it is told to come back.
 */
#define RECALL_AFTER (5 * USEC_PER_SEC)
/* PID 1 does not tell when the last process of a unit that is down has gone. So the unit's control group is looked at
 * after this time, and then after twice the time before, up to TICK. (Just after a stop the kernel may need a moment
 * until it counts the dead as gone.) */
#define FIRST_LOOK (5 * USEC_PER_MSEC)
/* How many messages of questions, and how many calls for jobs, may be under way where the bus has room for them
 * (room.c): two questions by parts (PID1_PARTS), so that PID 1 has one to answer while the other's answer is taken. */
#define ROOM_MAX 54u
/* How many questions may be under way, and how many messages these may consist of together (question.h). PID 1 has one
 * thread: with more questions at once, each would be answered later, and so would the calls for jobs behind them.
 * MESSAGES_MAX and JOBS_MAX together stay below the limit of dbus-daemon (see JOBS_MAX). */
#define QUESTIONS_MAX 8
#define MESSAGES_MAX ROOM_MAX
/* How many calls for jobs may be under way, and how many of these may be starts. dbus-daemon refuses further calls of
 * a connection that waits for 128 answers, those to questions included. So while PID 1 stands still, calls for jobs
 * wait in here. PID 1 carries calls out in order: the fewer starts are under way, the sooner the next stop has its
 * turn. */
#define JOBS_MAX ROOM_MAX
#define STARTS_MAX 16
/* How many signals of changed properties a second lead to a question each. A unit may change its properties a thousand
 * times a second (STATUS= of sd_notify()); beyond this number there is one question a tick. The end of a job always
 * leads to a question at once. */
#define CHANGES_MAX 20
/* How many units one question of the slow poll names. A row takes PID 1 some 3 microseconds, and us as much to read.
 */
#define POLL_ROWS 1024
/* What part of the time the rounds of the slow poll may take (poll_next()). */
#define POLL_SHARE 100
/* How many units each round of the slow poll reads in full, in turn, for the sake of all that a row does not show. A
 * full answer takes PID 1 a quarter of a millisecond, but the first one about a unit since PID 1 has read its files
 * takes much longer (question.h). So a round that comes to such a unit reads no further unit. */
#define POLL_FULL 4

typedef struct Pid1Query Pid1Query;
typedef struct Pid1JobCall Pid1JobCall;
typedef struct Pid1Question Pid1Question;
typedef struct Neighbour Neighbour;

/* The signals that are matched. */
enum {
        MATCH_OWNER,
        MATCH_JOB_NEW,
        MATCH_JOB_REMOVED,
        MATCH_RELOADING,
        MATCH_PROPERTIES,
        MATCH_DISCONNECTED,
        _MATCH_MAX,
};

/* The state of the slow poll, which poll.c alone changes. */
typedef struct Poll {
        usec_t period, began_at, round_at; /* how often a round begins, when the last one did, and the next one does */
        Pid1Unit *next;                    /* the unit that this round asks about next; NULL: all were asked about */
        Pid1Unit *full;                    /* the unit that is read in full next; NULL: the first one */
        Pid1Unit **asked; /* the units named in the question that is under way; NULL: a unit that was freed, or
                             whose row has come */
        size_t n_asked;
        usec_t asked_at;
        sd_bus_slot *rows, *loaded; /* questions under way: about units, and when PID 1 has last read its files */
        bool again;                 /* the question about units is to be asked again with the next tick */
        bool unknown;               /* that question has been unanswered for too long, and all units were told so */
        uint64_t loaded_at;         /* when PID 1 has last read its files, as PID 1 says; 0: not known */
} Poll;

/* How much the bus lets us have under way: room.c. */
typedef struct Room {
        unsigned size;       /* messages of questions, and as many calls for jobs, that may be under way; at least 1 */
        usec_t closed_until; /* nothing is sent until then (CLOCK_BOOTTIME); 0: nothing was refused yet */
        usec_t pause;        /* for how long, the last time; 0: PID 1 has answered since */
        unsigned answers;    /* since .size was changed */
} Room;

/* Whether PID 1 is away from the bus, or has been. */
typedef struct Away {
        usec_t recall_at; /* when PID 1 is told, or told again, to come back; 0: it is there, or we are detached */
        bool recalled;    /* it was told */
        usec_t back_at;   /* CLOCK_BOOTTIME when PID 1 last came back; 0: it was there all the time */
        bool lost;        /* it has been away */
} Away;

struct Pid1 {
        sd_event *event;
        sd_event_source *timer;
        /* Delivers reports, one in each turn of the loop. It is a timer, since sd-event prefers a deferred source that
         * is enabled anew in each of its turns to all other sources of its priority, and there may be thousands of
         * reports. */
        sd_event_source *turn;

        sd_bus *bus; /* NULL while detached */
        sd_bus_slot *matches[_MATCH_MAX];
        sd_bus_slot *owner_call;
        sd_bus_slot *subscribe_call;
        char *owner; /* unique name of PID 1; NULL: not on the bus, or not known yet */
        bool subscribed;
        Away away;

        Pid1Unit *units;   /* by name */
        Pid1Unit *queue;   /* units that wait for their turn to ask */
        Pid1Unit *reports; /* units that have something to report */
        Pid1Unit *timed;   /* units that the tick looks at ... */
        Groups *groups;    /* ... and one reading of the groups of all of them, while there are any */
        unsigned asked;    /* questions under way */
        unsigned messages; /* messages that these consist of */
        Poll poll;

        /* Calls for jobs that wait for room, in the order in which they were asked for: [0] stops, [1] starts. */
        Pid1JobCall *waiting[2];
        unsigned jobs_asked[2]; /* how many calls for jobs are under way: [0] stops, [1] starts */
        Room room;
        usec_t last_answer; /* when PID 1 last answered a question or a call, or came to the bus */

        Neighbour *neighbours; /* by name */
        Pid1Unit *lookers;     /* units that wish to look at their neighbours, or did so before */
        sd_bus_slot *look;     /* the question about neighbours that is under way, and when it was sent */
        usec_t look_asked_at;
        uint32_t highest_job; /* the highest number of a job that PID 1 has told of */

        Pid1Query *calls, *finished; /* calls under way, and those whose outcome is still to be delivered */
};

/* Another unit that may make PID 1 stop one of ours. There is one Neighbour for each name, however many of our units
 * are related to that unit. */
struct Neighbour {
        UT_hash_handle hh;
        Pid1 *pid1;
        NeighbourState state;
        unsigned references;   /* how many of our units are related to the neighbour */
        unsigned causes;       /* how many of our units are down because of the neighbour */
        bool asked;            /* the latest look, or the one that is being made, asks about the neighbour */
        bool known;            /* an answer has named the neighbour */
        sd_bus_slot *question; /* the question when the neighbour was last started, under way */
        bool started_known;    /* that question was answered since the neighbour's latest job began */
        usec_t started;        /* the answer, CLOCK_MONOTONIC; USEC_INFINITY: PID 1 did not say */
        char name[];
};

/* A neighbour of one unit. */
typedef struct Related {
        Neighbour *neighbour;
        unsigned mask; /* of Relation */
        Beside beside; /* what the latest look found while the unit was up */
} Related;

/* A call for a job that is not answered yet. A call stays open after it was reported as failed: an answer that comes
 * late still names our job. */
struct Pid1JobCall {
        Pid1Unit *unit;
        bool start;
        bool failed;             /* reported as failed: PID 1 has not answered in time */
        bool refused;            /* PID 1 refuses to stop the unit, which is stopped by way of STOP_TARGET */
        sd_bus_message *message; /* of the start of a transient unit: the message of which copies are sent. PID 1 then
                                    holds a reference of the unit for us (AddRef=). NULL: any other start or stop */
        sd_bus_slot *slot;       /* NULL while the call waits for its turn */
        usec_t since;            /* when the call was asked for or sent: its time counts from then */
        Pid1JobCall *prev, *next, *wait_prev, *wait_next;
};

/* The failures that are still to be reported: of a stop, and of a start. */
typedef struct Pid1JobFailures {
        int errors[2];     /* 0: none */
        char *messages[2]; /* NULL: "" */
} Pid1JobFailures;

/* What a unit has to report, in the order of delivery. */
enum {
        REPORT_FAILED_STOP = 1 << 0,
        REPORT_FAILED_START = 1 << 1,
        REPORT_REFUSED = 1 << 2,
        REPORT_STATUS = 1 << 3,
};

/* The question about a unit that is under way, and the wish for another one: pid1-unit.c. It has many booleans, since
 * each is a fact that holds or not whatever the others are. */
typedef struct Asking {
        Pid1Question *question;
        usec_t asked_at;     /* when the question, or the one before, was sent */
        usec_t silent_since; /* the first wish to know that has no answer yet; 0: none is open */
        bool queued;         /* waits for its turn */
        bool again;          /* something was heard since the question was sent */
        bool retry;          /* to be asked again with the next tick */
        bool whole;     /* the next question asks about the unit as a whole (question.h), whatever that costs PID 1 */
        bool looked_up; /* PID 1 has answered a question about the unit as a whole since PID 1 last read its files, and
                           so need not look through them for the next answer */
        bool lasting;   /* what lasts (pid1-status.h) is known since PID 1 last read its files */
        bool mixed;     /* PID 1 has read its files since .question was sent */
        bool ends;      /* we have had the unit stopped, and it was not seen down since */
        bool in_full;   /* the next question is not one for the end (question.h) */
        bool started;   /* PID 1 has accepted a start of ours, and no question was sent since */
        bool start_asked; /* .question was the first one to be sent since then */
        uint32_t job;     /* the job of the unit that has begun and, for all that PID 1 has told, is not over: its
                             end will lead to a question; 0: none */
        usec_t job_at;    /* when PID 1 told of .job */
        /* The highest job of any unit, and of this unit, that PID 1 had told of when its answer said what job the unit
         * has. */
        uint32_t heard, heard_own;
        bool timed;           /* in Pid1.timed */
        size_t poll_place;    /* the unit's place in Poll.asked, from 1 on; 0: the unit is not in there */
        usec_t changes_since; /* since when changes are counted for a second, and how many have come */
        unsigned changes;
} Asking;

/* The references that keep the unit loaded in PID 1: pid1-unit.c. */
typedef struct Reference {
        sd_bus_slot *call; /* the call for a reference, under way */
        bool held;         /* PID 1 has confirmed a reference */
        unsigned count;    /* how many references PID 1 may count for us */
} Reference;

/* Who ended the unit, or is ending it: neighbours.c. It has so many booleans because each is a fact that holds or not
 * whatever the others are. */
typedef struct EndingTrack {
        Related *related; /* the related units as PID 1 named them last */
        size_t n_related;
        uint32_t settled;   /* the highest job of any unit that PID 1 had told of when this unit was last seen up
                               without a job */
        uint32_t began;     /* the unit's highest job when its present run was first seen */
        uint8_t run_up[16]; /* the unit's InvocationID= when it was last seen up */
        bool is_settled; /* by the latest answer the unit is active without a job, and PID 1 has told of none since */
        bool noted;      /* it is noted which neighbours are up beside the unit */
        bool unneeded;   /* StopWhenUnneeded=yes was in force when the unit went down, or is while the unit runs */
        uint32_t job_over; /* the unit's job that ended last */
        JobEnd job_end;    /* how .job_over ended */
        sd_bus_slot *kind; /* the question whether .kind_job is a stop, under way; NULL: none */
        uint32_t kind_job; /* somebody else's job by which the unit goes down, about which PID 1 was asked; 0: none */
        uint32_t stop_job; /* the last .kind_job of which PID 1 has said that it is a stop; 0: none */
        UnitEnd end;       /* who ended the unit, judged by .judged_job */
        uint32_t judged_job;
        bool judged_before;   /* an earlier job was judged, and the unit has not run since */
        Neighbour *cause;     /* the cause of UNIT_END_NEED and UNIT_END_CONFLICT; NULL: not known */
        bool cause_asked;     /* there was a job on the cause; false: the cause ended by itself */
        bool cause_gone;      /* what was the cause has no relation to the unit any more: .cause is NULL */
        Pid1Ending *recalled; /* what the process before this one knew of the end; NULL: nothing, or it counts no more
                               */
        usec_t look_since;    /* since when the end of the unit wants a look at its neighbours; 0: no look is wanted */
        usec_t note_since;    /* the same, of a look that notes the neighbours while the unit is up */
        bool looks;           /* in Pid1.lookers */
} EndingTrack;

/* What the status of a unit points to; NULL: "". */
typedef struct StatusTexts {
        char *control_group, *cause;
} StatusTexts;

struct Pid1Unit {
        Pid1 *pid1;
        char *gate; /* NULL: the file of the unit's own name in GATE_DIRECTORY, or the unit is a template */
        const char *guard;
        const Pid1UnitCallbacks *callbacks;
        void *userdata;
        Pid1UnitStatus status;
        StatusTexts texts;

        char *pattern; /* of a template: the pattern that all its instances match; NULL: no template */
        char **up;     /* of a template: its instances that were up by the latest answer */
        char **covers;
        bool guard_bound; /* by the latest answer, the unit has a BindsTo= of the guard */

        Asking asking;
        Reference reference;
        Pid1JobCall *calls; /* in the order in which they were sent */
        JobTrack jobs;
        EndingTrack ending;
        usec_t look_at, look_delay; /* when the control group of a unit that is down is looked at next, and how long
                                       after the look before; delay 0: not at all */

        unsigned reports; /* REPORT_ flags to deliver */
        Pid1JobFailures failures;

        Pid1Unit *queue_prev, *queue_next, *report_prev, *report_next, *timed_prev, *timed_next, *look_prev,
                        *look_next;
        UT_hash_handle hh;
        char name[];
};

/* ---- pid1.c ---- */
/* Makes the call of a method of PID 1, marked so that the bus does not try to start PID 1. *ret is owned by the
 * caller. Returns 0, or a negative errno (-ENOTCONN: detached). */
int pid1_message_new(Pid1 *m, const char *path, const char *interface, const char *member, sd_bus_message **ret);
/* Asks about every unit, since PID 1 may have read its files anew. */
void pid1_read_all(Pid1 *m);
/* Puts a unit into the queue of those that want to ask, before all others or behind them; and takes a unit out. */
void pid1_queue(Pid1 *m, Pid1Unit *u, bool first);
void pid1_unqueue(Pid1 *m, Pid1Unit *u);
/* Sends the calls for jobs that wait, and lets queued units ask, as far as there is room. */
void pid1_pump(Pid1 *m);
/* Sees to it that the next tick is not later than this (CLOCK_BOOTTIME). */
void pid1_arm(Pid1 *m, usec_t at);
/* Has each tick look at the unit until the unit waits for nothing any more. */
void pid1_time(Pid1 *m, Pid1Unit *u);
/* Has Pid1.turn deliver what there is to deliver. */
void pid1_kick(Pid1 *m);
/* PID 1 has answered; and a message got this error, which says that PID 1 has not seen it. */
void pid1_answered(Pid1 *m);
void pid1_refused(Pid1 *m, const sd_bus_error *e);

/* ---- room.c ---- */
/* The room of a new connection: as large as can be. */
Room room_new(void);
/* Whether anything may be sent now. */
bool room_is_open(const Room *room);
/* A message got this error, which says that PID 1 has not seen it. */
void room_refused(Room *room, const sd_bus_error *e);
/* PID 1 has answered. */
void room_answered(Room *room);

/* ---- pid1-call.c ---- */
void pid1_calls_cancel(Pid1 *m); /* ends all open calls with -ENOTCONN */
/* Has PID 1 forget that the unit failed, and how often it was started. Without an answer. */
int pid1_reset_failed(Pid1 *m, const char *name);
void pid1_calls_free(Pid1 *m); /* frees all calls, without callbacks */
void pid1_call_job_over(
                Pid1 *m, const char *unit, const char *result); /* the job of a unit of pid1_run(), or another */
void pid1_call_deliver(Pid1 *m); /* delivers the outcome of the first finished call; m may be gone afterwards */

/* ---- neighbours.c ---- */
/* To be told when PID 1 tells of a job of any unit: the job has begun, or is over. */
void neighbours_job_new(Pid1 *m, const char *name, uint32_t job);
void neighbours_job_over(Pid1 *m, const char *name, uint32_t job);
/* To be told when a unit may have changed. */
void neighbours_changed(Pid1 *m, const char *name);
/* Asks PID 1 about the neighbours of all units that wish to look at theirs, unless such a question is under way. */
void neighbours_look(Pid1 *m);
/* To be told when PID 1, or the connection to it, is gone: its numbers of jobs hold no more. */
void neighbours_gap(Pid1 *m);
/* To be told when the unit is about to be freed. */
void neighbours_forget(Pid1Unit *u);
/* To be told when PID 1 has answered for the unit and u->status is set, but for what this function sets: end, need and
 * cause. related: the unit's relations by that answer; NULL: as before. job: the job that PID 1 has for the unit; 0:
 * none. */
void ending_seen(Pid1Unit *u, const Relations *related, uint32_t job);
/* Notes what holds for the end of the unit at this moment, before this answer becomes the unit's status. */
void ending_before(Pid1Unit *u, const Pid1UnitStatus *now);
/* recall.c: gives u->ending.recalled if it counts for the unit's status, and else forgets it. */
const Pid1Ending *ending_recalled(Pid1Unit *u);
/* Frees what u->ending holds. */
void ending_free(Pid1Unit *u);

/* ---- poll.c ---- */
/* Begins a round if one is due, and looks at deadlines. Returns when the next tick is wanted (CLOCK_BOOTTIME). */
usec_t poll_tick(Pid1 *m, usec_t now);
/* Gives when the next round begins after one that began and was over then: a period after its beginning. A round that
 * took more than a hundredth of the period, as with ten thousand units, puts the next one off until it is a hundredth
 * of the time, but by one period at most: it may have been long for another reason. */
usec_t poll_next(usec_t began, usec_t over, usec_t period);
/* To be told when the connection, or PID 1, is gone: what was asked is not answered any more. */
void poll_cancel(Pid1 *m);
/* To be told when the unit is about to be freed. */
void poll_forget(Pid1Unit *u);
void poll_free(Pid1 *m);

/* ---- pid1-job.c ---- */
/* Sends the calls for jobs that wait, stops first, as far as there is room. */
void pid1_jobs_send(Pid1 *m);
/* Whether a start of the unit was asked for that PID 1 has not answered: at any time there may be a job. */
bool pid1_job_starts(const Pid1Unit *u);
/* Reports calls that PID 1 has not answered in time. Returns whether the unit has any calls. */
bool pid1_jobs_tick(Pid1Unit *u, usec_t now);
void pid1_jobs_gone(Pid1Unit *u); /* the connection is gone: ends all calls of the unit as failed */
void pid1_jobs_free(Pid1Unit *u); /* frees all calls of the unit, without a report */

/* ---- pid1-unit.c ---- */
/* Sends the unit's question. There is a connection, and no question of the unit is under way or queued. */
void pid1_unit_ask(Pid1Unit *u);
/* To be told when a call for a job of this unit was answered: queues a question, unless the end of the job will lead
 * to one. */
void pid1_unit_answered_job(Pid1Unit *u);
/* Queues a report that a call for a job has failed. Copies message. */
void pid1_unit_tell_failure(Pid1Unit *u, bool start, int error, const char *message);
void pid1_unit_tell(Pid1Unit *u);             /* queues a report of the unit's status */
void pid1_unit_wish(Pid1Unit *u, bool first); /* queues a question, before all others or behind them */
void pid1_unit_wish_whole(Pid1Unit *u);       /* queues a question as a whole, behind all others */
void pid1_unit_files_read(Pid1Unit *u);       /* to be told when PID 1 may have read its files */
void pid1_unit_changed(Pid1Unit *u);          /* the same, on a signal that may come too often: see CHANGES_MAX */
/* To be told when PID 1 tells of a job of this unit. */
void pid1_unit_job_new(Pid1Unit *u, uint32_t job);
void pid1_unit_job_removed(Pid1Unit *u, uint32_t job, const char *result);
/* To be told when PID 1 is off the bus: the next PID 1 may not know our references. */
void pid1_unit_owner_gone(Pid1Unit *u);
/* To be told when the connection is gone: the unit becomes unknown, and its calls have failed. */
void pid1_unit_connection_gone(Pid1Unit *u);
void pid1_unit_release(Pid1Unit *u); /* gives the references back, while there still is a connection */
/* Looks at the unit's deadlines. Returns when the unit wants the next tick; USEC_INFINITY: it waits for nothing. */
usec_t pid1_unit_tick(Pid1Unit *u, usec_t now);
void pid1_unit_deliver(Pid1Unit *u); /* delivers one report; u may be gone afterwards */
