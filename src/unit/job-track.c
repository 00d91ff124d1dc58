/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/job-track.h"

static bool contains(const uint32_t *jobs, size_t n, uint32_t job) {
        for (size_t i = 0; i < n; i++)
                if (jobs[i] == job)
                        return true;
        return false;
}

void job_track_call(JobTrack *t) {
        t->calls++;
}

void job_track_answer(JobTrack *t, uint32_t job) {
        if (t->calls > 0)
                t->calls--;
        if (job != 0 && !contains(t->own, JOB_TRACK_SIZE, job))
                t->own[t->next_own++ % JOB_TRACK_SIZE] = job;

        unsigned n = 0;
        for (unsigned i = 0; i < t->n_undecided; i++)
                if (t->undecided[i] != job)
                        t->undecided[n++] = t->undecided[i];
        t->n_undecided = n;
        if (t->calls == 0 && t->n_undecided > 0) {
                t->n_undecided = 0;
                t->foreign = true;
        }
}

void job_track_reset(JobTrack *t) {
        t->foreign = false;
        t->n_undecided = 0;
        t->ignored = t->highest;
}

void job_track_seen(JobTrack *t, uint32_t job) {
        if (job == 0 || job <= t->ignored)
                return;
        t->highest = MAX(t->highest, job);
        if (contains(t->own, JOB_TRACK_SIZE, job) || contains(t->undecided, t->n_undecided, job))
                return;
        if (t->calls == 0 || t->n_undecided == JOB_TRACK_SIZE)
                t->foreign = true;
        else
                t->undecided[t->n_undecided++] = job;
}

void job_track_running(JobTrack *t) {
        if (t->calls == 0)
                t->foreign = false;
}

void job_track_gap(JobTrack *t) {
        t->highest = t->ignored = 0; /* it may even be another PID 1, which counts anew */
        t->foreign = true;
}
