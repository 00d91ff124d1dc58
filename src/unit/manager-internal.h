/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the files of this layer share; nobody else includes it.
 *
 * Who calls whom: the manager hands signals, ticks and the right to ask to its units; a unit queues a question or a
 * report with the manager. Callbacks of the layer's user are made from one deferred event source only, one at a time
 * and as the last thing in its handler: never from inside a call of the user's, and with nothing of ours on the stack
 * behind it, so that they may free units and even the manager.
 */

#include <uthash.h>
#include <utlist.h>

#include "unit/job-track.h"
#include "unit/manager.h"
#include "unit/unit.h"
#include "util/strv.h"

#define PID1_NAME "org.freedesktop.systemd1"
#define PID1_PATH "/org/freedesktop/systemd1"
#define PID1_UNIT_PATH "/org/freedesktop/systemd1/unit"
#define PID1_MANAGER "org.freedesktop.systemd1.Manager"
#define PROPERTIES "org.freedesktop.DBus.Properties"

/* How long PID 1 may be silent before what we know of a unit is no longer called knowledge, and before a job that we
 * asked for is reported as failed. */
#define SILENCE (5 * USEC_PER_SEC)
/* When a question is given up and asked again: its answer must have been lost, for PID 1 answers even after minutes.
 * Not sooner, or the questions would pile up before a PID 1 that is frozen. */
#define QUESTION_TIMEOUT (20 * USEC_PER_SEC)
/* While anything is open, deadlines are looked at this often. */
#define TICK (250 * USEC_PER_MSEC)
/* PID 1 says nothing when the last process of a unit that is down goes: its group is looked at after this time, and
 * then ever less often, up to a TICK. (Just after a stop the kernel may take a moment to count the dead as gone.) */
#define FIRST_LOOK (5 * USEC_PER_MSEC)
/* PID 1 is single-threaded: more at once only make each of them late. */
#define QUESTIONS_MAX 32
/* Jobs asked for whose answer is due. dbus-daemon allows a connection 128 answers, questions included, and refuses
 * what is beyond that: while PID 1 stands still, further ones wait in here. */
#define JOBS_MAX 48
/* A unit may change its properties a thousand times a second (STATUS= of sd_notify()). More signals a second than this
 * make one question a tick. Those of jobs are always followed at once. */
#define CHANGES_MAX 20
/* Units that the slow poll reads in one tick. An answer costs PID 1 about a millisecond, and the poll is only there
 * for a signal that was lost: with many units it takes longer to come round, rather than PID 1's time. */
#define POLL_BATCH 16

typedef struct ManagerCall ManagerCall;
typedef struct UnitCall UnitCall;
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

struct UnitManager {
        sd_event *event;
        usec_t poll;
        sd_event_source *timer;
        sd_event_source *defer;

        sd_bus *bus; /* NULL while detached */
        sd_bus_slot *matches[_MATCH_MAX];
        sd_bus_slot *owner_call;
        sd_bus_slot *subscribe_call;
        char *owner; /* unique name of PID 1; NULL: not on the bus, or not known yet */
        bool subscribed;

        Unit *units;         /* by name */
        Unit *queue;         /* want to ask */
        Unit *reports;       /* have something to tell */
        unsigned asked;      /* questions under way */
        UnitCall *waiting;   /* for jobs, in the order in which they were wished for */
        unsigned jobs_asked; /* calls for jobs under way */
        usec_t last_answer;

        Neighbour *neighbours; /* by name */
        sd_bus_slot *look;     /* the question about them that is under way, and when it was sent */
        usec_t look_asked_at;
        uint32_t highest_job; /* that PID 1 has told of */

        ManagerCall *calls, *finished;
        bool reloaded;
        void (*on_reloaded)(void *userdata);
        void *on_reloaded_userdata;
};

/* Another unit that may make PID 1 stop one of ours. One for each name, however many of ours have to do with it. */
struct Neighbour {
        UT_hash_handle hh;
        NeighbourState state;
        unsigned references;
        unsigned causes; /* units that were stopped because of it, and are down */
        bool asked;      /* it is in the question that is being made */
        bool known;      /* it was in an answer */
        char name[];
};

typedef struct Related {
        Neighbour *neighbour;
        unsigned mask; /* of Relation */
        bool was_up;   /* by the latest look while the unit was up */
} Related;

/* An open call for a job. It stays open after its deadline: its answer names our job even if it comes late. */
struct UnitCall {
        Unit *unit;
        bool start;
        sd_bus_message *message; /* while it waits for its turn */
        sd_bus_slot *slot;
        usec_t deadline;
        UnitCall *prev, *next, *wait_prev, *wait_next;
};

typedef struct UnitFailure {
        int error; /* 0: none */
        char *message;
} UnitFailure;

enum {
        REPORT_FAILED_STOP = 1 << 0,
        REPORT_FAILED_START = 1 << 1,
        REPORT_REFUSED = 1 << 2,
        REPORT_STATUS = 1 << 3,
};

struct Unit {
        UnitManager *manager;
        char *name, *path, *gate, *guard;
        UnitCallbacks callbacks;
        void *userdata;
        UnitStatus status;
        JobTrack jobs;
        UnitCall *calls; /* in the order in which they were sent */

        char *pattern; /* of a template: what all its instances match */
        char **up;     /* of a template: its instances that were up by the latest answer */
        char **covers;

        sd_bus_slot *reference_call;
        Related *related;
        size_t n_related;
        char **related_names; /* as PID 1 said them last */
        uint32_t settled;     /* the highest job that PID 1 had told of when the unit was last seen up without one */
        uint32_t began;       /* its highest job when its present run was first seen */
        bool is_settled;      /* by the latest answer it is so, and PID 1 has told of no job of the unit since */
        bool noted;           /* which neighbours are up beside it */
        bool judged_before;   /* for another job, and it has not run since */
        uint32_t job_over;    /* the unit's job that ended last, and how */
        JobEnd job_end;
        uint8_t run_up[16]; /* its InvocationID= when it was last seen up */
        UnitEnd end;        /* as judged by judged_job */
        uint32_t judged_job;
        Neighbour *cause; /* of UNIT_END_NEED and UNIT_END_CONFLICT, if it is known */
        bool cause_asked;
        usec_t look_since; /* its neighbours are to be looked at; 0: no need to */
        usec_t note_since; /* the same, for what is to be noted while it is up */

        bool referenced;
        unsigned references; /* how many PID 1 may count for us */

        sd_bus_slot *question; /* under way */
        usec_t asked_at;       /* when it, or the one before, was sent */
        usec_t silent_since;   /* the first wish to know without an answer; 0: none is open */
        bool queued, again, retry;
        usec_t changes_since; /* a second of changes begun then, and how many there were */
        unsigned changes;
        usec_t look_at, look_delay; /* at what is left in the group; delay 0: it need not be looked at */

        unsigned reports; /* REPORT_ flags to deliver */
        UnitFailure failures[2];

        Unit *queue_prev, *queue_next, *report_prev, *report_next;
        UT_hash_handle hh;
};

/* ---- manager.c ---- */
int manager_message_new(
                UnitManager *m, const char *path, const char *interface, const char *member, sd_bus_message **ret);
void manager_queue(UnitManager *m, Unit *u, bool first);
void manager_unqueue(UnitManager *m, Unit *u);
/* Lets queued units ask, and calls for jobs that wait be sent, as far as there is room. */
void manager_pump(UnitManager *m);
/* A deadline or a wish was added: the next tick is not later than this. */
void manager_arm(UnitManager *m, usec_t at);
/* Something waits for the deferred source. */
void manager_kick(UnitManager *m);

/* ---- manager-call.c ---- */
void manager_calls_cancel(UnitManager *m); /* all open ones end with -ENOTCONN */
void manager_calls_free(UnitManager *m);
void manager_call_deliver(UnitManager *m); /* the first finished one */

/* ---- neighbours.c ---- */
void neighbours_job_new(UnitManager *m, const char *name, uint32_t job);
void neighbours_job_over(UnitManager *m, const char *name, uint32_t job);
void neighbours_changed(UnitManager *m, const char *name); /* a hint */
/* Asks PID 1 about all neighbours of all units that wish to look at theirs, unless it is being asked already. */
void neighbours_look(UnitManager *m);
/* PID 1, or the connection to it, is gone: what was told of jobs holds no more. */
void neighbours_gap(UnitManager *m);
/* PID 1 has answered for the unit (u->status); related as in unit-status.h, and is taken. */
void ending_seen(Unit *u, char **related);
void ending_free(Unit *u);

/* ---- unit.c ---- */
void unit_ask(Unit *u);
/* Calls for jobs that wait are sent, as far as there is room. */
void unit_send_waiting(UnitManager *m);
void unit_tell(Unit *u);             /* queues a report of its status */
void unit_wish(Unit *u, bool first); /* queues a question, before all others or behind them */
void unit_hint(Unit *u);             /* the same, before all others, and lets it be asked */
void unit_changed(Unit *u);          /* the same on a signal that may come too often */
void unit_job_new(Unit *u, uint32_t job);
void unit_job_removed(Unit *u, uint32_t job, const char *result);
void unit_owner_gone(Unit *u); /* PID 1's connection, and what it knew of ours */
void unit_connection_gone(Unit *u);
void unit_release(Unit *u); /* gives our references back, while there still is a connection */
/* Looks at deadlines; *budget: how many polls may still begin. Returns when it wants the next tick. */
usec_t unit_tick(Unit *u, usec_t now, unsigned *budget);
void unit_deliver(Unit *u); /* one report; u may be gone afterwards */
