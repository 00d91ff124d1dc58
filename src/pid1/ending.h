/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Who made PID 1 stop a unit: a person, or PID 1 itself because of another unit.
 *
 * PID 1 does not say who asked for a job. But it numbers jobs upwards, and numbers those of one transaction in a row:
 * first what was asked for, then what follows from it. So a unit that was stopped because of another one has a job
 * with a higher number than that other one's; a unit that was stopped by hand has the lowest. Where there was no job
 * on the other unit, as when it crashed, its state says it.
 *
 * Plain values, no allocation, no bus.
 */

#include "util/macros.h"

/* How another unit may make PID 1 stop ours. */
typedef enum Relation {
        RELATION_STOPS = 1 << 0,     /* our unit is stopped along with it: PartOf=, and all of the following two */
        RELATION_NEEDED = 1 << 1,    /* ... and starts it: Requires=, Requisite=, BindsTo= */
        RELATION_BOUND = 1 << 2,     /* ... and its end by itself is enough: BindsTo=, StopPropagatedFrom= */
        RELATION_CONFLICTS = 1 << 3, /* our unit is stopped when it is started: Conflicts=, both ways */
} Relation;

#define NEIGHBOUR_JOBS 4

typedef struct NeighbourJob {
        uint32_t id;   /* 0: none */
        uint32_t over; /* the highest number that PID 1 had told of when this job was over; 0: it is not */
} NeighbourJob;

/* Whether another unit was up when our unit was last seen up. */
typedef enum Beside {
        BESIDE_UNKNOWN, /* it was not looked at since our unit's run, or its own last job, began */
        BESIDE_DOWN,
        BESIDE_UP,
} Beside;

/* Whether a neighbour that is down was started while our unit was up. */
typedef enum Started {
        STARTED_UNKNOWN,
        STARTED_NO,
        STARTED_YES,
} Started;

/* Another unit, as PID 1 shows it now. */
typedef struct NeighbourState {
        NeighbourJob jobs[NEIGHBOUR_JOBS]; /* the latest ones */
        bool up;                           /* active or reloading, and has no job that stops it */
        bool down;                         /* inactive or failed, and has no job that starts it */
        bool starting;                     /* it has a job, and that does not stop it */
        Beside beside;
        Started started;
} NeighbourState;

/* How the unit's last job that was not ours ended. */
typedef enum JobEnd {
        JOB_END_UNKNOWN,
        JOB_END_DONE,
        JOB_END_DEPENDENCY, /* a start that failed because of another unit's */
        JOB_END_FAILED,     /* any other start or restart that came to nothing */
} JobEnd;

typedef enum UnitEnd {
        UNIT_END_OWN,      /* it ended by itself, or has not ended */
        UNIT_END_UNKNOWN,  /* PID 1 is being asked */
        UNIT_END_HAND,     /* somebody had it stopped */
        UNIT_END_FAILED,   /* somebody had it started or restarted, and it failed */
        UNIT_END_NEED,     /* it was stopped because of a unit with which it goes down */
        UNIT_END_CONFLICT, /* it was stopped for a unit with which it conflicts */
        _UNIT_END_MAX,
} UnitEnd;

/* Whether the unit can run again. */
typedef enum NeedState {
        NEED_BACK,   /* what it needs is up, or what it conflicts with is down */
        NEED_DOWN,   /* somebody has stopped what it needs, or started what it conflicts with, and that lasts */
        NEED_FAILED, /* what it needs ended by itself: a start of the unit would start that, too */
} NeedState;

typedef struct Ending {
        uint32_t since; /* the unit's job before .job: what was asked for earlier has no part in this end */
        uint32_t job;   /* the unit's last job that was not ours; 0: not known */
        JobEnd job_end;
        bool begun_anew; /* the run that ended is another one than the one that was last seen up */
        bool failed;     /* Result= of the unit is not success */
        bool again;      /* another job that was not ours had stopped it already: only jobs say why this one came */
} Ending;

/* PID 1 tells of a job on the neighbour: it has begun, or is over; highest: the highest number told of by then. */
void neighbour_job_new(NeighbourState *n, uint32_t id);
void neighbour_job_over(NeighbourState *n, uint32_t id, uint32_t highest);

/* Whether this neighbour is why the unit was stopped: UNIT_END_NEED, UNIT_END_CONFLICT, or UNIT_END_HAND if it is not.
 * *ret_asked: there was a job on the neighbour; false: it ended by itself. */
UnitEnd ending_by(const Ending *e, const NeighbourState *n, unsigned relations, bool *ret_asked);
/* What the unit's own job says, before anybody else is looked at: UNIT_END_FAILED, UNIT_END_NEED, or UNIT_END_HAND if
 * that is to be found out. */
UnitEnd ending_by_job(const Ending *e);
/* Whether the cause of an end lasts. end: UNIT_END_NEED or UNIT_END_CONFLICT; asked: as ending_by() has said. */
NeedState ending_need(UnitEnd end, bool asked, const NeighbourState *n);
/* result: as JobRemoved has it. */
JobEnd job_end_from_string(const char *result);
