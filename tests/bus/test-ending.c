/* SPDX-License-Identifier: Apache-2.0 */
/* Who stopped a unit, from PID 1's jobs and states: each way in which it can come about, as PID 1 numbers it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pid1/ending.h"

#define PART_OF RELATION_STOPS
#define REQUIRES (RELATION_STOPS | RELATION_NEEDED)
#define BINDS_TO (REQUIRES | RELATION_BOUND)
#define STOP_FROM (RELATION_STOPS | RELATION_BOUND)
#define CONFLICTS RELATION_CONFLICTS

/* The unit was last seen up when PID 1 had told of job 100, and had job 200 when it was stopped. */
static const Ending stopped = { .since = 100, .job = 200, .job_end = JOB_END_DONE };

/* The first three were up when the unit was last seen up. */
static const NeighbourState up = { .up = true, .beside = BESIDE_UP }, down = { .down = true, .beside = BESIDE_UP },
                            rising = { .starting = true, .beside = BESIDE_UP };
static const NeighbourState other_up = { .up = true, .beside = BESIDE_DOWN },
                            other_down = { .down = true, .beside = BESIDE_DOWN },
                            other_not_started = { .down = true, .beside = BESIDE_DOWN, .started = STARTED_NO },
                            other_rising = { .starting = true, .beside = BESIDE_DOWN };
/* Nobody has looked at these since the unit was started. */
static const NeighbourState unseen_up = { .up = true }, unseen_down = { .down = true };

static NeighbourState with(NeighbourState n, uint32_t job, uint32_t over) {
        neighbour_job_new(&n, job);
        if (over)
                neighbour_job_over(&n, job, over);
        return n;
}

static UnitEnd by(unsigned relations, NeighbourState n, NeedState *ret_need) {
        bool asked;
        UnitEnd end = ending_by(&stopped, &n, relations, &asked);

        *ret_need = end == UNIT_END_HAND ? NEED_BACK : ending_need(end, asked, &n);
        return end;
}

static void what_is_stopped_along_with_another_is_stopped_by_no_hand(void **state) {
        static const unsigned all[] = { PART_OF, REQUIRES, BINDS_TO, STOP_FROM };
        NeedState need;

        for (size_t i = 0; i < ELEMENTSOF(all); i++) {
                assert_int_equal(by(all[i], with(down, 199, 201), &need), UNIT_END_NEED);
                assert_int_equal(need, NEED_DOWN);
                /* it waits until the unit is down, and has its job still; or was down before the unit was */
                assert_int_equal(by(all[i], with((NeighbourState){ .beside = BESIDE_UP }, 199, 0), &need),
                                UNIT_END_NEED);
                assert_int_equal(by(all[i], with(down, 199, 199), &need), UNIT_END_NEED);
                /* it is being started again, or has been */
                assert_int_equal(by(all[i], with(with(rising, 199, 201), 205, 0), &need), UNIT_END_NEED);
                assert_int_equal(need, NEED_DOWN);
                assert_int_equal(by(all[i], with(with(up, 199, 201), 205, 206), &need), UNIT_END_NEED);
                assert_int_equal(need, NEED_BACK);
                /* a machine that goes down stops hundreds of units at once */
                assert_int_equal(by(all[i], with(down, 101, 900), &need), UNIT_END_NEED);
        }
        assert_int_equal(by(CONFLICTS, with(other_down, 199, 201), &need),
                        UNIT_END_CONFLICT); /* started, and over already */
        assert_int_equal(by(CONFLICTS, with(other_not_started, 199, 201), &need), UNIT_END_HAND); /* both stopped */
}

static void what_ends_by_itself_takes_along_what_is_bound_to_it(void **state) {
        NeedState need;

        assert_int_equal(by(BINDS_TO, down, &need), UNIT_END_NEED);
        assert_int_equal(need, NEED_FAILED);
        assert_int_equal(by(STOP_FROM, down, &need), UNIT_END_NEED);
        /* it is being started again by Restart=, or has been */
        assert_int_equal(by(BINDS_TO, with(rising, 201, 0), &need), UNIT_END_NEED);
        assert_int_equal(by(BINDS_TO, with(up, 201, 202), &need), UNIT_END_NEED);
        assert_int_equal(need, NEED_BACK);
        /* and nothing else */
        assert_int_equal(by(REQUIRES, down, &need), UNIT_END_HAND);
        assert_int_equal(by(PART_OF, down, &need), UNIT_END_HAND);
}

static void a_hand_is_a_hand_whatever_the_neighbours_do(void **state) {
        static const unsigned all[] = { PART_OF, REQUIRES, BINDS_TO, STOP_FROM };
        NeedState need;

        for (size_t i = 0; i < ELEMENTSOF(all); i++) {
                assert_int_equal(by(all[i], up, &need), UNIT_END_HAND);
                /* stopped after it, because nothing needs it any more */
                assert_int_equal(by(all[i], with(down, 201, 202), &need), UNIT_END_HAND);
                /* what was asked of it before the unit was last seen up */
                assert_int_equal(by(all[i], with(up, 99, 100), &need), UNIT_END_HAND);
                /* reloaded, or started, meanwhile */
                assert_int_equal(by(all[i], with(up, 150, 151), &need), UNIT_END_HAND);
                assert_int_equal(by(all[i],
                                                 with((NeighbourState){ .up = true,
                                                                      .starting = true,
                                                                      .beside = BESIDE_UP },
                                                                 199, 0),
                                                 &need),
                                UNIT_END_HAND);
        }
        assert_int_equal(by(PART_OF, with(other_down, 50, 51), &need), UNIT_END_HAND); /* was down all the time */
        assert_int_equal(by(CONFLICTS, other_down, &need), UNIT_END_HAND);
        assert_int_equal(by(CONFLICTS, with(other_down, 201, 202), &need), UNIT_END_HAND);
}

/* "systemctl stop OTHER UNIT": what is down already has a job that is over at once, just before the unit's. */
static void a_stop_beside_the_stop_of_what_it_conflicts_with_is_a_hand(void **state) {
        NeedState need;

        assert_int_equal(by(CONFLICTS, with(other_down, 199, 199), &need), UNIT_END_HAND);
        /* started only after the unit was stopped */
        assert_int_equal(by(CONFLICTS, with(other_up, 201, 202), &need), UNIT_END_HAND);
        assert_int_equal(by(CONFLICTS, with(other_rising, 201, 0), &need), UNIT_END_HAND);
        /* it has been stopping ever since the unit was started */
        assert_int_equal(by(CONFLICTS, (NeighbourState){}, &need), UNIT_END_HAND);
}

/* Such as a oneshot service without RemainAfterExit=. */
static void what_is_down_while_the_unit_runs_has_not_stopped_it(void **state) {
        static const unsigned all[] = { PART_OF, REQUIRES, STOP_FROM };
        static const Ending blind = {};
        NeedState need;
        bool asked;

        for (size_t i = 0; i < ELEMENTSOF(all); i++) {
                assert_int_equal(by(all[i], other_down, &need), UNIT_END_HAND);
                assert_int_equal(by(all[i], with(other_down, 195, 196), &need), UNIT_END_HAND); /* it has run once */
                assert_int_equal(by(all[i], with(other_rising, 195, 0), &need), UNIT_END_HAND);
                assert_int_equal(by(all[i], with(with(other_down, 195, 196), 203, 204), &need), UNIT_END_HAND);
                assert_int_equal(by(all[i], with(other_up, 203, 204), &need), UNIT_END_HAND);
                assert_int_equal(ending_by(&blind, &other_down, all[i], &asked), UNIT_END_HAND);
        }
        /* without what it is bound to the unit would not have run */
        assert_int_equal(by(BINDS_TO, other_down, &need), UNIT_END_NEED);
}

/* What is stopped in the first milliseconds of a run was not looked at yet. */
static void what_was_not_looked_at_is_judged_by_its_job_alone(void **state) {
        static const unsigned all[] = { PART_OF, REQUIRES, STOP_FROM };
        NeedState need;

        for (size_t i = 0; i < ELEMENTSOF(all); i++) {
                assert_int_equal(by(all[i], with(unseen_down, 199, 200), &need), UNIT_END_NEED);
                assert_int_equal(need, NEED_DOWN);
                assert_int_equal(by(all[i], with(with(unseen_up, 199, 201), 205, 206), &need), UNIT_END_NEED);
                assert_int_equal(need, NEED_BACK);
                assert_int_equal(by(all[i], unseen_up, &need), UNIT_END_HAND);
                assert_int_equal(by(all[i], unseen_down, &need), UNIT_END_HAND);
                /* a job that was over may have been the start of what runs but for a moment, or a stop of nothing */
                assert_int_equal(by(all[i], with(unseen_down, 199, 199), &need), UNIT_END_HAND);
                assert_int_equal(by(all[i], with((NeighbourState){ .starting = true }, 199, 0), &need), UNIT_END_HAND);
        }
        assert_int_equal(by(CONFLICTS, with(unseen_up, 199, 201), &need), UNIT_END_CONFLICT);
}

/* It was down already, for whatever reason, when somebody had it stopped. */
static void a_second_stop_is_a_hand_whatever_the_first_one_was(void **state) {
        const Ending e = { .since = 199, .job = 200, .job_end = JOB_END_DONE, .again = true };
        const NeighbourState stopped_first = with(down, 198, 199), started_first = with(other_up, 198, 200),
                             then = with(down, 200, 202);
        bool asked;

        assert_int_equal(ending_by(&e, &stopped_first, REQUIRES, &asked), UNIT_END_HAND);
        assert_int_equal(ending_by(&e, &down, BINDS_TO, &asked), UNIT_END_HAND);
        assert_int_equal(ending_by(&e, &started_first, CONFLICTS, &asked), UNIT_END_HAND);
        /* but started and stopped along with another meanwhile */
        assert_int_equal(ending_by(&(Ending){ .since = 199, .job = 201, .again = true }, &then, REQUIRES, &asked),
                        UNIT_END_NEED);
}

static void what_is_started_stops_what_it_conflicts_with(void **state) {
        NeedState need;

        assert_int_equal(by(CONFLICTS, with(other_up, 199, 201), &need), UNIT_END_CONFLICT);
        assert_int_equal(need, NEED_DOWN);
        assert_int_equal(by(CONFLICTS, with(other_rising, 199, 0), &need),
                        UNIT_END_CONFLICT);                                  /* waits until the unit is down */
        assert_int_equal(by(CONFLICTS, other_up, &need), UNIT_END_CONFLICT); /* a mount that appeared */
        assert_int_equal(by(CONFLICTS, with(other_down, 150, 201), &need), UNIT_END_CONFLICT);
        assert_int_equal(need, NEED_BACK); /* it is over */
}

static void where_no_job_was_seen_the_states_must_do(void **state) {
        Ending blind = {};
        bool asked;

        assert_int_equal(ending_by(&blind, &down, REQUIRES, &asked), UNIT_END_NEED);
        assert_int_equal(ending_by(&blind, &up, REQUIRES, &asked), UNIT_END_HAND);
        assert_int_equal(ending_by(&blind, &down, PART_OF, &asked), UNIT_END_HAND); /* need not have been up */
        assert_int_equal(ending_by(&blind, &other_up, CONFLICTS, &asked), UNIT_END_CONFLICT);
}

static void a_restart_that_fails_is_a_failure_and_no_stop(void **state) {
        Ending e = stopped;

        assert_int_equal(ending_by_job(&e), UNIT_END_HAND);
        e.failed = true; /* as after a stop that took too long */
        assert_int_equal(ending_by_job(&e), UNIT_END_HAND);
        e.begun_anew = true; /* PID 1 had started it again, and takes that for done as soon as there is a process */
        assert_int_equal(ending_by_job(&e), UNIT_END_FAILED);
        e = stopped;
        e.job_end = job_end_from_string("failed", false);
        assert_int_equal(ending_by_job(&e), UNIT_END_FAILED);
        e.job_end = job_end_from_string("timeout", false);
        assert_int_equal(ending_by_job(&e), UNIT_END_FAILED);
        e.job_end = job_end_from_string("timeout", true); /* a stop: the unit goes down all the same */
        assert_int_equal(ending_by_job(&e), UNIT_END_HAND);
        e.job_end = job_end_from_string("dependency", false);
        assert_int_equal(ending_by_job(&e), UNIT_END_NEED);
        e.job_end = job_end_from_string("canceled", false);
        assert_int_equal(ending_by_job(&e), UNIT_END_HAND);
}

static void only_the_latest_jobs_are_remembered_and_none_twice(void **state) {
        NeighbourState n = {};

        for (uint32_t id = 1; id <= 2 * NEIGHBOUR_JOBS; id++) {
                neighbour_job_new(&n, id);
                neighbour_job_over(&n, id, id + 1);
        }
        for (size_t i = 0; i < NEIGHBOUR_JOBS; i++) {
                assert_true(n.jobs[i].id > NEIGHBOUR_JOBS);
                assert_int_equal(n.jobs[i].over, n.jobs[i].id + 1);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_stopped_along_with_another_is_stopped_by_no_hand),
                cmocka_unit_test(what_ends_by_itself_takes_along_what_is_bound_to_it),
                cmocka_unit_test(a_hand_is_a_hand_whatever_the_neighbours_do),
                cmocka_unit_test(a_stop_beside_the_stop_of_what_it_conflicts_with_is_a_hand),
                cmocka_unit_test(what_is_down_while_the_unit_runs_has_not_stopped_it),
                cmocka_unit_test(what_was_not_looked_at_is_judged_by_its_job_alone),
                cmocka_unit_test(a_second_stop_is_a_hand_whatever_the_first_one_was),
                cmocka_unit_test(what_is_started_stops_what_it_conflicts_with),
                cmocka_unit_test(where_no_job_was_seen_the_states_must_do),
                cmocka_unit_test(a_restart_that_fails_is_a_failure_and_no_stop),
                cmocka_unit_test(only_the_latest_jobs_are_remembered_and_none_twice),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
