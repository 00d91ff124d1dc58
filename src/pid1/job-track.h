/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Whose hand was on the unit: tells PID 1's jobs that we asked for from everybody else's.
 *
 * PID 1 announces a job (signal JobNew) before it answers the call that made the job. So while a call of ours is open,
 * it is undecided whether a new job is ours. If PID 1 merges the call of somebody else into our job, there is no
 * second job, and that call is not seen: it asks for the same as ours. Restart= makes one job for each count of
 * NRestarts=, also for the restart that then hits the start limit, so such jobs can be subtracted. A job of somebody
 * else counts until the unit is seen running without any job: whatever acted on the unit before that is over.
 *
 * A JobTrack is a plain value; it allocates nothing, and zero is its initial state.
 */

#include "util/macros.h"

#define JOB_TRACK_SIZE 8

typedef struct JobTrack {
        uint32_t own[JOB_TRACK_SIZE];       /* our latest jobs, in a ring */
        uint32_t undecided[JOB_TRACK_SIZE]; /* new jobs that may be ours, while a call of ours is open */
        unsigned next_own, n_undecided;
        uint32_t seen[JOB_TRACK_SIZE]; /* the latest jobs of anybody, in a ring */
        unsigned next_seen;
        unsigned calls;    /* calls of ours that are not answered yet */
        uint32_t highest;  /* the unit's highest job so far. PID 1 numbers jobs upwards, and a unit has one job at a
                              time: a  number that is not above this is no new job */
        unsigned foreign;  /* jobs that were not ours, since the count began */
        uint32_t restarts; /* NRestarts= when the count began */
        uint32_t restarts_now; /* NRestarts= by PID 1's latest answer */
} JobTrack;

/* Notes that we have asked for a job. Exactly one job_track_answer() must follow; job 0: the call was refused, or its
 * answer will never be known. */
void job_track_call(JobTrack *t);
void job_track_answer(JobTrack *t, uint32_t job);
/* Notes that PID 1 has, or had, this job for the unit; 0 and jobs that are known already are ignored. */
void job_track_seen(JobTrack *t, uint32_t job);
/* Notes PID 1's answer: NRestarts= (0 for a unit without that property), whether the unit is up, and whether it has a
 * job. If the unit is up without a job, and no call of ours is open, the count begins anew. */
void job_track_state(JobTrack *t, uint32_t restarts, bool up, bool job);
/* Begins the count anew, since we are about to ask for a start of the unit. up: whether the unit is up now. */
void job_track_reset(JobTrack *t, bool up);
/* Notes that jobs may have come and gone unseen: that counts as one job that was not ours. */
void job_track_gap(JobTrack *t);
/* Gives the latest job that was not ours, jobs of Restart= included; 0: none is known. *ret_own and *ret_other are,
 * among the jobs before that one, our latest job and the latest job that was not ours; 0: none. */
uint32_t job_track_last_foreign(const JobTrack *t, uint32_t *ret_own, uint32_t *ret_other);
/* Whether a job that was neither ours nor of Restart= has acted on the unit since the count began. */
bool job_track_foreign(const JobTrack *t);
