/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Whose hand was on the unit: tells PID 1's jobs that we asked for from everybody else's.
 *
 * PID 1 announces a job (JobNew) before it answers the call that made it, so while a call of ours is open a new job's
 * owner is undecided. Somebody else's call that merges into our job has no job of its own and is not seen; it asks for
 * the same thing. Restart= makes one job of PID 1's own for each count of NRestarts=, also for the one that then hits
 * the start limit, so these can be subtracted. And a foreign job counts only until the unit is seen running without
 * any job: what acted before that is over.
 *
 * A plain value, no allocation; zero is the initial state.
 */

#include "util/macros.h"

#define JOB_TRACK_SIZE 8

typedef struct JobTrack {
        uint32_t own[JOB_TRACK_SIZE]; /* the latest jobs of ours, in a ring */
        uint32_t undecided[JOB_TRACK_SIZE];
        unsigned next_own, n_undecided;
        uint32_t seen[JOB_TRACK_SIZE]; /* the latest jobs of everybody, in a ring */
        unsigned next_seen;
        unsigned calls;    /* calls of ours that are not answered yet */
        uint32_t highest;  /* PID 1 numbers jobs upwards, and a unit has one at a time: a number that is not above this
                              is no new job */
        unsigned foreign;  /* jobs that were not ours, since the count began */
        uint32_t restarts; /* NRestarts= when the count began */
        uint32_t restarts_now;
} JobTrack;

/* We asked for a job; exactly one answer (job 0: refused, or it will never be known) must follow. */
void job_track_call(JobTrack *t);
void job_track_answer(JobTrack *t, uint32_t job);
/* PID 1 has, or has had, this job for the unit. */
void job_track_seen(JobTrack *t, uint32_t job);
/* PID 1 was asked: its NRestarts= (0 where there is none), whether the unit is up, and whether it has a job. */
void job_track_state(JobTrack *t, uint32_t restarts, bool up, bool job);
/* We are about to ask for a start of the unit, which is up or not: the count begins anew. */
void job_track_reset(JobTrack *t, bool up);
/* Jobs may have come and gone unseen: counts as one that was not ours. */
void job_track_gap(JobTrack *t);
/* The latest job that was not ours, Restart='s included; 0: none is known. *ret_own and *ret_other: the latest of ours
 * and the latest that was not ours before it, or 0. */
uint32_t job_track_last_foreign(const JobTrack *t, uint32_t *ret_own, uint32_t *ret_other);
/* Somebody else's job acted on the unit since the count began. */
bool job_track_foreign(const JobTrack *t);
