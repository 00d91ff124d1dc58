/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Who made PID 1 stop a unit: a person, or PID 1 itself because of another unit.
 *
 * PID 1 does not say who asked for a job. But PID 1 numbers jobs upwards, and numbers the jobs of one transaction in a
 * row: first the job that was asked for, then those that follow from it. So a unit that was stopped because of another
 * unit has a job with a higher number than the job of that other unit; a unit that was stopped by hand has the lowest
 * number of its transaction. If there was no job on the other unit, for example because it crashed, the state of that
 * unit tells.
 *
 * Called "neighbour" here: another unit that may make PID 1 stop our unit. This file works on plain values; it
 * allocates nothing and does not use the bus.
 */

#include "util/macros.h"

/* How a neighbour may make PID 1 stop our unit: a mask of these. */
typedef enum Relation {
        RELATION_STOPS = 1 << 0,  /* a stop of the neighbour stops our unit: PartOf=, and whatever has one of the next
                                     two */
        RELATION_NEEDED = 1 << 1, /* our unit cannot run without it: Requires=, Requisite=, BindsTo= */
        RELATION_BOUND = 1 << 2,  /* our unit stops also when the neighbour ends by itself: BindsTo=,
                                     StopPropagatedFrom= */
        RELATION_CONFLICTS = 1 << 3, /* a start of the neighbour stops our unit: Conflicts= in either unit */
} Relation;

/* How many jobs of a neighbour are remembered. */
#define NEIGHBOUR_JOBS 4

/* A job of a neighbour, as PID 1 has told of it. */
typedef struct NeighbourJob {
        uint32_t id;   /* PID 1's number of the job; 0: none */
        uint32_t over; /* the highest number of any job that PID 1 had told of when this job ended; 0: still there */
} NeighbourJob;

/* Whether a neighbour was up when our unit was last seen up. */
typedef enum Beside {
        BESIDE_UNKNOWN, /* not looked at since our unit's run began, or since the neighbour's last job */
        BESIDE_DOWN,
        BESIDE_UP,
} Beside;

/* Whether a neighbour that is down was started while our unit was up. */
typedef enum Started {
        STARTED_UNKNOWN,
        STARTED_NO,
        STARTED_YES,
} Started;

/* A neighbour as PID 1 shows it now. */
typedef struct NeighbourState {
        NeighbourJob jobs[NEIGHBOUR_JOBS]; /* the latest ones */
        bool up;                           /* active or reloading, and has no job that stops it */
        bool down;                         /* inactive or failed, and has no job that starts it */
        bool starting;                     /* has a job, of a kind that does not stop it */
        Beside beside;
        Started started;
} NeighbourState;

/* How the unit's last job that was not ours ended. */
typedef enum JobEnd {
        JOB_END_UNKNOWN,
        JOB_END_DONE,
        JOB_END_DEPENDENCY, /* a start that failed because the start of another unit failed */
        JOB_END_FAILED,     /* a job that failed for any other reason, or timed out, or was refused */
} JobEnd;

/* Who ended our unit. */
typedef enum UnitEnd {
        UNIT_END_OWN,      /* the unit ended by itself, was stopped by us, or has not ended */
        UNIT_END_UNKNOWN,  /* not known yet: PID 1 is being asked */
        UNIT_END_HAND,     /* somebody stopped the unit */
        UNIT_END_FAILED,   /* somebody started or restarted the unit, and it failed */
        UNIT_END_NEED,     /* PID 1 stopped the unit because a neighbour went down */
        UNIT_END_CONFLICT, /* PID 1 stopped the unit because a neighbour in conflict came up */
        UNIT_END_UNNEEDED, /* PID 1 stopped the unit because no unit needs it (StopWhenUnneeded=) */
        UNIT_END_CRASHED,  /* the unit failed by itself, for certain: nobody stopped it */
        UNIT_END_BUS,      /* PID 1 stopped the unit because its name on the bus (Type=dbus) was gone with the bus */
        _UNIT_END_MAX,
} UnitEnd;

/* Whether our unit can run again after UNIT_END_NEED, UNIT_END_CONFLICT or UNIT_END_UNNEEDED. */
typedef enum NeedState {
        NEED_BACK, /* the needed neighbour is up, the one in conflict is down, or StopWhenUnneeded= is not in force any
                      more: the unit can run */
        NEED_DOWN, /* somebody has stopped the needed neighbour, started the one in conflict, or set StopWhenUnneeded=,
                      and so it still is */
        NEED_SLICE,  /* the same of a slice, which nobody keeps down: a start of our unit would start the slice, too */
        NEED_FAILED, /* the needed neighbour ended by itself: a start of our unit would start the neighbour, too */
} NeedState;

/* All that is known of the end of our unit, without its neighbours. */
typedef struct Ending {
        uint32_t since;  /* jobs up to this number came before, and have no part in this end */
        uint32_t job;    /* the unit's last job that was not ours; 0: not known */
        JobEnd job_end;  /* how .job ended */
        bool begun_anew; /* the run that ended is not the run that was last seen up */
        bool failed;     /* Result= of the unit is not "success" */
        bool again;      /* an earlier job that was not ours had already stopped the unit: then states of neighbours
                            say nothing of .job, and only jobs count */
} Ending;

/* PID 1 has told of a job on the neighbour: the job has begun, or has ended. highest: the highest number of any job
 * that PID 1 has told of by now. The oldest remembered job makes way. */
void neighbour_job_new(NeighbourState *n, uint32_t id);
void neighbour_job_over(NeighbourState *n, uint32_t id, uint32_t highest);

/* Says whether this neighbour is the reason why our unit was stopped: UNIT_END_NEED or UNIT_END_CONFLICT;
 * UNIT_END_HAND if it is not the reason. relations: a mask of Relation. *ret_asked: true if a job on the neighbour was
 * the reason, false if the neighbour ended by itself. */
UnitEnd ending_by(const Ending *e, const NeighbourState *n, unsigned relations, bool *ret_asked);
/* Says what the unit's own job tells, before any neighbour is looked at: UNIT_END_FAILED or UNIT_END_NEED;
 * UNIT_END_HAND if the job does not tell, and the neighbours are to be looked at. */
UnitEnd ending_by_job(const Ending *e);
/* Says whether the cause of an end lasts. end: UNIT_END_NEED or UNIT_END_CONFLICT; asked: as ending_by() gave it; n:
 * the neighbour that is the cause. */
NeedState ending_need(UnitEnd end, bool asked, const NeighbourState *n);
/* Translates the result of a job as PID 1's signal JobRemoved states it ("done", "failed", ...). A job that was
 * canceled is JOB_END_UNKNOWN. stop: the job was a stop. A stop that has failed counts as done: also when PID 1 gives
 * the stop up ("timeout"), the unit still goes down, as somebody wished. */
JobEnd job_end_from_string(const char *result, bool stop);
