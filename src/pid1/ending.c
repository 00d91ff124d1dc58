/* SPDX-License-Identifier: Apache-2.0 */
#include "pid1/ending.h"

/* PID 1 may tell of the end of a job before it tells of a later job of the same transaction. Jobs whose numbers are
 * less than this apart may be of one transaction even then. */
#define SAME_TRANSACTION 16

void neighbour_job_new(NeighbourState *n, uint32_t id) {
        size_t oldest = 0;

        for (size_t i = 0; i < NEIGHBOUR_JOBS; i++) {
                if (n->jobs[i].id == id)
                        return;
                if (n->jobs[i].id < n->jobs[oldest].id)
                        oldest = i;
        }
        n->jobs[oldest] = (NeighbourJob){ .id = id };
}

void neighbour_job_over(NeighbourState *n, uint32_t id, uint32_t highest) {
        neighbour_job_new(n, id);
        for (size_t i = 0; i < NEIGHBOUR_JOBS; i++)
                if (n->jobs[i].id == id)
                        n->jobs[i].over = highest;
}

/* Whether the neighbour's job may be the reason for the unit's job: the neighbour's job came first, was not over (or
 * only just) when the unit's job was made, and does not date from before e->since. */
static bool may_have_caused(const Ending *e, const NeighbourJob *j) {
        if (j->id == 0 || j->id <= e->since || j->id >= e->job)
                return false;
        return j->over == 0 || j->over >= e->job || e->job - j->id < SAME_TRANSACTION;
}

/* Whether the neighbour's job was not over when PID 1 told of the unit's job: then both are of one transaction. A job
 * that was over by then may have nothing to do with the unit's job: a start that took no time, or the stop of a
 * neighbour that was down already. */
static bool was_beside(const Ending *e, const NeighbourJob *j) {
        return may_have_caused(e, j) && (j->over == 0 || j->over >= e->job);
}

static bool had_job_before(const Ending *e, const NeighbourState *n) {
        for (size_t i = 0; i < NEIGHBOUR_JOBS; i++)
                if (may_have_caused(e, n->jobs + i))
                        return true;
        return false;
}

static bool had_job_beside(const Ending *e, const NeighbourState *n) {
        for (size_t i = 0; i < NEIGHBOUR_JOBS; i++)
                if (was_beside(e, n->jobs + i))
                        return true;
        return false;
}

static bool had_job_after(const Ending *e, const NeighbourState *n) {
        for (size_t i = 0; i < NEIGHBOUR_JOBS; i++)
                if (n->jobs[i].id > e->job)
                        return true;
        return false;
}

/* Whether the neighbour was up beside the unit: only then can it have taken the unit along. A neighbour to which the
 * unit is bound (BindsTo=) was up, or the unit would not have run. */
static bool ran_beside(const NeighbourState *n, unsigned relations) {
        return n->beside == BESIDE_UP || (relations & RELATION_BOUND && relations & RELATION_NEEDED);
}

/* Somebody had the neighbour stopped, and the unit with it; the neighbour may have been started again since. */
static bool was_stopped_before(const Ending *e, const NeighbourState *n, unsigned relations) {
        bool stopped = !n->up || had_job_after(e, n);

        if (!stopped || (n->starting && !had_job_after(e, n)))
                return false;
        return ran_beside(n, relations) ? had_job_before(e, n) : n->beside == BESIDE_UNKNOWN && had_job_beside(e, n);
}

/* Whether the neighbour ended by itself, before the unit did: it is down, without a job that came before the unit's.
 * If it has a later job, PID 1 has either stopped it because the unit is down (StopWhenUnneeded=), which is no reason,
 * or started it again (Restart=): then it is up or starting now. */
static bool has_ended_before(const Ending *e, const NeighbourState *n) {
        if (e->again)
                return false;
        if (had_job_after(e, n))
                return n->up || n->starting;
        return !n->up;
}

/* Whether a neighbour in conflict has come up without a job that was seen. Units in conflict are never up together, so
 * such a neighbour is the reason why the unit went down. */
static bool has_come(const NeighbourState *n) {
        return n->beside != BESIDE_UP && (n->up || n->starting);
}

/* Whether a neighbour in conflict was started, and the unit stopped for that. If the neighbour is down and was not
 * started while the unit was up, its job was a stop: somebody stopped both units at once. If the neighbour started so
 * fast that its job was not seen, it is up now. */
static bool was_started_before(const Ending *e, const NeighbourState *n) {
        return (had_job_beside(e, n) && !(n->down && n->started == STARTED_NO)) ||
               (has_come(n) && !e->again && !had_job_after(e, n));
}

static UnitEnd by_state(const NeighbourState *n, unsigned relations, bool *ret_asked) {
        *ret_asked = true;
        if (relations & RELATION_CONFLICTS && has_come(n))
                return UNIT_END_CONFLICT;
        return relations & RELATION_NEEDED && ran_beside(n, relations) && !n->up ? UNIT_END_NEED : UNIT_END_HAND;
}

UnitEnd ending_by(const Ending *e, const NeighbourState *n, unsigned relations, bool *ret_asked) {
        if (e->job == 0)
                return by_state(n, relations, ret_asked);
        *ret_asked = true;
        if (relations & RELATION_CONFLICTS && was_started_before(e, n))
                return UNIT_END_CONFLICT;
        if (relations & RELATION_STOPS && was_stopped_before(e, n, relations))
                return UNIT_END_NEED;
        *ret_asked = false;
        return relations & RELATION_BOUND && ran_beside(n, relations) && has_ended_before(e, n) ? UNIT_END_NEED
                                                                                                : UNIT_END_HAND;
}

UnitEnd ending_by_job(const Ending *e) {
        if (e->job_end == JOB_END_FAILED || (e->job_end == JOB_END_DONE && e->begun_anew && e->failed))
                return UNIT_END_FAILED;
        return e->job_end == JOB_END_DEPENDENCY ? UNIT_END_NEED : UNIT_END_HAND;
}

NeedState ending_need(UnitEnd end, bool asked, const NeighbourState *n) {
        if (end == UNIT_END_CONFLICT)
                return n->down ? NEED_BACK : NEED_DOWN;
        if (n->up)
                return NEED_BACK;
        return asked ? NEED_DOWN : NEED_FAILED;
}

JobEnd job_end_from_string(const char *result, bool stop) {
        /* Another job took the place of this one, and PID 1 tells of that job as well; or PID 1 has dropped the job.
         */
        if (streq(result, "canceled"))
                return JOB_END_UNKNOWN;
        if (streq(result, "dependency"))
                return JOB_END_DEPENDENCY;
        return stop || streq(result, "done") ? JOB_END_DONE : JOB_END_FAILED;
}
