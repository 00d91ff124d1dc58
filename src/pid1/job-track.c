/* SPDX-License-Identifier: Apache-2.0 */
#include "pid1/job-track.h"

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
        unsigned n = 0;

        if (t->calls > 0)
                t->calls--;
        if (job != 0 && !contains(t->own, JOB_TRACK_SIZE, job))
                t->own[t->next_own++ % JOB_TRACK_SIZE] = job;
        for (unsigned i = 0; i < t->n_undecided; i++)
                if (t->undecided[i] != job)
                        t->undecided[n++] = t->undecided[i];
        t->n_undecided = n;
        if (t->calls == 0) {
                t->foreign += t->n_undecided;
                t->n_undecided = 0;
        }
}

void job_track_seen(JobTrack *t, uint32_t job) {
        if (job <= t->highest)
                return;
        t->highest = job;
        t->seen[t->next_seen++ % JOB_TRACK_SIZE] = job;
        if (contains(t->own, JOB_TRACK_SIZE, job))
                return;
        if (t->calls == 0 || t->n_undecided == JOB_TRACK_SIZE)
                t->foreign++;
        else
                t->undecided[t->n_undecided++] = job;
}

void job_track_state(JobTrack *t, uint32_t restarts, bool up, bool job) {
        t->restarts_now = restarts;
        if (restarts < t->restarts)
                t->restarts = 0; /* when a job starts the unit, PID 1 counts NRestarts= from 0 again */
        if (up && !job && t->calls == 0) {
                t->foreign = 0;
                t->restarts = restarts;
        }
}

void job_track_reset(JobTrack *t, bool up) {
        t->foreign = 0;
        t->n_undecided = 0;
        t->restarts = up ? t->restarts_now : 0;
}

void job_track_gap(JobTrack *t) {
        t->highest = 0; /* PID 1 may be another one by now, which numbers jobs anew */
        memset(t->seen, 0, sizeof(t->seen));
        t->foreign = t->restarts_now - t->restarts + 1;
}

uint32_t job_track_last_foreign(const JobTrack *t, uint32_t *ret_own, uint32_t *ret_other) {
        uint32_t job = 0, other = 0, own = 0;

        for (size_t i = 0; i < JOB_TRACK_SIZE; i++) {
                if (contains(t->own, JOB_TRACK_SIZE, t->seen[i]))
                        continue;
                if (t->seen[i] > job) {
                        other = job;
                        job = t->seen[i];
                } else
                        other = MAX(other, t->seen[i]);
        }
        for (size_t i = 0; i < JOB_TRACK_SIZE; i++)
                if (t->own[i] < job)
                        own = MAX(own, t->own[i]);
        *ret_own = own;
        *ret_other = other;
        return job;
}

bool job_track_foreign(const JobTrack *t) {
        return t->foreign > t->restarts_now - t->restarts;
}
