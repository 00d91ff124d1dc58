/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Whose hand was on the unit: tells PID 1's jobs that we asked for from everybody else's.
 *
 * PID 1 announces a job (JobNew) before it answers the call that made it, so while a call of ours is open a new job's
 * owner is undecided. Somebody else's call that merges into our job has no job of its own and is not seen; it asks for
 * the same thing. A foreign job counts until the unit is seen running without any job: what acted before that is
 * over (PID 1's own restart jobs of Restart= are such ones).
 *
 * A plain value, no allocation; zero is the initial state.
 */

#include "util/macros.h"

#define JOB_TRACK_SIZE 8

typedef struct JobTrack {
        uint32_t own[JOB_TRACK_SIZE]; /* the latest, in a ring */
        uint32_t undecided[JOB_TRACK_SIZE];
        unsigned next_own, n_undecided;
        unsigned calls;   /* of ours without an answer */
        uint32_t highest; /* job seen so far: PID 1 numbers them upwards */
        uint32_t ignored; /* jobs up to here were there before the reset */
        bool foreign;
} JobTrack;

/* We asked for a job; exactly one answer (job 0: refused, or it will never be known) must follow. */
void job_track_call(JobTrack *t);
void job_track_answer(JobTrack *t, uint32_t job);
/* We are about to ask for a start: from here on it is counted anew. */
void job_track_reset(JobTrack *t);
/* PID 1 has, or has had, this job for the unit. */
void job_track_seen(JobTrack *t, uint32_t job);
/* The unit runs, and PID 1 has no job for it. */
void job_track_running(JobTrack *t);
/* Jobs may have come and gone unseen. */
void job_track_gap(JobTrack *t);
