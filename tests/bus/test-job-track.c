/* SPDX-License-Identifier: Apache-2.0 */
/* Whose job it was, in every order in which PID 1 can tell it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pid1/job-track.h"

static void our_job_announced_before_its_answer_is_ours(void **state) {
        JobTrack t = {};

        job_track_reset(&t, false);
        job_track_call(&t);
        job_track_seen(&t, 10);
        assert_false(job_track_foreign(&t));
        job_track_answer(&t, 10);
        assert_false(job_track_foreign(&t));
        job_track_seen(&t, 10);
        assert_false(job_track_foreign(&t));
}

static void anothers_job_beside_our_open_call_is_found_out(void **state) {
        JobTrack t = {};

        job_track_call(&t);
        job_track_seen(&t, 10);
        job_track_seen(&t, 11);
        job_track_answer(&t, 11);
        assert_true(job_track_foreign(&t));
}

static void two_open_calls_are_decided_with_the_last(void **state) {
        JobTrack t = {};

        job_track_call(&t);
        job_track_call(&t);
        job_track_seen(&t, 1);
        job_track_seen(&t, 2);
        job_track_answer(&t, 1);
        assert_false(job_track_foreign(&t));
        job_track_answer(&t, 2);
        assert_false(job_track_foreign(&t));
}

static void a_refused_call_leaves_the_job_to_somebody_else(void **state) {
        JobTrack t = {};

        job_track_call(&t);
        job_track_seen(&t, 5);
        job_track_answer(&t, 0);
        assert_true(job_track_foreign(&t));
}

static void a_job_out_of_the_blue_is_foreign_until_the_unit_runs(void **state) {
        JobTrack t = {};

        job_track_seen(&t, 5);
        assert_true(job_track_foreign(&t));
        job_track_state(&t, 0, true, false);
        assert_false(job_track_foreign(&t));
}

static void what_was_there_before_our_start_does_not_count(void **state) {
        JobTrack t = {};

        job_track_seen(&t, 5);
        job_track_reset(&t, false);
        job_track_call(&t);
        job_track_seen(&t, 5); /* its end */
        job_track_seen(&t, 6);
        job_track_answer(&t, 6);
        assert_false(job_track_foreign(&t));
        job_track_seen(&t, 7);
        assert_true(job_track_foreign(&t));
}

static void restarts_of_pid1s_own_are_nobodys_hand(void **state) {
        JobTrack t = {};

        job_track_reset(&t, false);
        job_track_call(&t);
        job_track_seen(&t, 1);
        job_track_answer(&t, 1);
        job_track_state(&t, 0, true, false);
        for (uint32_t i = 1; i <= 5; i++)
                job_track_seen(&t, 1 + i);
        job_track_state(&t, 5, false, false); /* the start limit is hit, and no state in between was seen */
        assert_false(job_track_foreign(&t));
        job_track_seen(&t, 7);
        job_track_state(&t, 5, false, false);
        assert_true(job_track_foreign(&t));
}

static void pid1_counts_restarts_anew_after_a_start(void **state) {
        JobTrack t = {};

        job_track_state(&t, 4, false, false);
        job_track_reset(&t, false);
        job_track_state(&t, 0, true, false);
        job_track_seen(&t, 9);
        job_track_state(&t, 0, false, false);
        assert_true(job_track_foreign(&t));

        job_track_state(&t, 4, true, false);
        job_track_seen(&t, 10); /* by hand: stopped and started, and then it restarted itself once and ended */
        job_track_seen(&t, 11);
        job_track_seen(&t, 12);
        job_track_state(&t, 1, false, false);
        assert_true(job_track_foreign(&t));
}

static void a_gap_counts_as_somebody_elses_hand(void **state) {
        JobTrack t = {};

        job_track_seen(&t, 1000);
        job_track_reset(&t, false);
        job_track_gap(&t);
        assert_true(job_track_foreign(&t));
        job_track_state(&t, 0, true, false);
        job_track_seen(&t, 3); /* PID 1 counts anew */
        assert_true(job_track_foreign(&t));
}

static void more_jobs_than_fit_are_not_forgotten(void **state) {
        JobTrack t = {};

        job_track_call(&t);
        for (uint32_t i = 1; i <= JOB_TRACK_SIZE + 1; i++)
                job_track_seen(&t, i);
        assert_true(job_track_foreign(&t));

        t = (JobTrack){};
        for (uint32_t i = 1; i <= 3 * JOB_TRACK_SIZE; i++) {
                job_track_call(&t);
                job_track_seen(&t, i);
                job_track_answer(&t, i);
        }
        assert_false(job_track_foreign(&t));
}

static void the_last_job_of_others_is_told_with_those_before_it(void **state) {
        JobTrack t = {};
        uint32_t own, other;

        assert_int_equal(job_track_last_foreign(&t, &own, &other), 0);
        job_track_call(&t);
        job_track_seen(&t, 10);
        job_track_answer(&t, 10);
        job_track_seen(&t, 20);
        assert_int_equal(job_track_last_foreign(&t, &own, &other), 20);
        assert_int_equal(own, 10);
        assert_int_equal(other, 0);
        for (uint32_t job = 21; job < 21 + 2 * JOB_TRACK_SIZE; job++) {
                job_track_seen(&t, job);
                assert_int_equal(job_track_last_foreign(&t, &own, &other), job);
                assert_int_equal(other, job - 1);
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(our_job_announced_before_its_answer_is_ours),
                cmocka_unit_test(anothers_job_beside_our_open_call_is_found_out),
                cmocka_unit_test(two_open_calls_are_decided_with_the_last),
                cmocka_unit_test(a_refused_call_leaves_the_job_to_somebody_else),
                cmocka_unit_test(a_job_out_of_the_blue_is_foreign_until_the_unit_runs),
                cmocka_unit_test(what_was_there_before_our_start_does_not_count),
                cmocka_unit_test(restarts_of_pid1s_own_are_nobodys_hand),
                cmocka_unit_test(pid1_counts_restarts_anew_after_a_start),
                cmocka_unit_test(a_gap_counts_as_somebody_elses_hand),
                cmocka_unit_test(more_jobs_than_fit_are_not_forgotten),
                cmocka_unit_test(the_last_job_of_others_is_told_with_those_before_it),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
