/* SPDX-License-Identifier: Apache-2.0 */
/* Who stopped a unit, whatever the order in which PID 1's answers and signals come; and how often PID 1 is asked for
 * that. The unit needs a mount, somebody stops the mount, and PID 1 stops the unit first. */
#include "neighbours-fixture.h"

#include "pid1/pid1-internal.h"

/* PID 1 answers the first n of the calls that it was given and has not answered. */
static void answer_held(World *w, size_t n) {
        assert_true(n <= w->n_held);
        for (size_t i = 0; i < n; i++) {
                answer(w, w->held[i]);
                (void) sd_bus_message_unref(w->held[i]);
        }
        w->n_held -= n;
        memmove(w->held, w->held + n, w->n_held * sizeof(w->held[0]));
}

/* Somebody stops NEED: the mount waits until the unit is down. */
static void stop_begins(World *w) {
        set(w, NEED, "active", 10);
        set(w, UNIT, "deactivating", 11);
}

static void unit_is_down(World *w) {
        set(w, UNIT, "inactive", 0);
        set(w, NEED, "deactivating", 10);
        tell(w, "JobRemoved", 11, UNIT);
}

static void assert_stopped_with_its_need(World *w) {
        const Pid1UnitStatus *s = pid1_unit_status(w->unit);

        turn_until(s->active == UNIT_INACTIVE && s->end != UNIT_END_OWN && s->end != UNIT_END_UNKNOWN);
        assert_int_equal(s->end, UNIT_END_NEED);
        assert_string_equal(s->cause, NEED);
}

/* ---- the tests ---- */

/* PID 1 is asked about the neighbours of another unit, and has not answered yet, when the unit becomes known. */
static void a_look_at_the_neighbours_of_another_unit_says_nothing_of_ours(void **state) {
        World *w = *state;

        w->holds_row = w->holds_look = true;
        w->other = watch(w, OTHER);
        w->unit = watch(w, UNIT);
        turn_until(w->n_held == 2);
        assert_true(pid1_unit_status(w->other)->known);
        answer_held(w, 1);
        turn_until(pid1_unit_status(w->unit)->known);
        w->holds_row = w->holds_look = false;
        answer_held(w, 1);
        settle(w);

        stop_begins(w);
        tell(w, "JobNew", 10, NEED);
        tell(w, "JobNew", 11, UNIT);
        unit_is_down(w);
        assert_stopped_with_its_need(w);
}

/* The answer about the unit has many parts. The stop begins after the part that says that there is no job. */
static void a_stop_that_begins_between_two_parts_of_an_answer_is_no_older_job(void **state) {
        World *w = *state;

        watch_unit(w);
        w->holds_stamp = true;
        assert_int_equal(pid1_unit_read(w->unit), 0);
        turn_until(w->n_held == 2);
        turn_for(w, 20 * USEC_PER_MSEC);
        stop_begins(w);
        tell(w, "JobNew", 10, NEED);
        tell(w, "JobNew", 11, UNIT);
        w->holds_stamp = false;
        answer_held(w, 2);
        turn_for(w, 20 * USEC_PER_MSEC);
        unit_is_down(w);
        assert_stopped_with_its_need(w);
}

/* A look finds the mount on its way down. PID 1 tells of both jobs only then. */
static void what_is_going_down_was_up_beside_the_unit(void **state) {
        World *w = *state;

        watch_unit(w);
        w->holds_look = true;
        tell(w, "JobNew", 5, NEED);
        tell(w, "JobRemoved", 5, NEED);
        turn_until(w->n_held == 1);
        stop_begins(w);
        w->holds_look = false;
        answer_held(w, 1);
        turn_for(w, 20 * USEC_PER_MSEC);
        tell(w, "JobNew", 10, NEED);
        tell(w, "JobNew", 11, UNIT);
        unit_is_down(w);
        assert_stopped_with_its_need(w);
}

/* PID 1 tells of the job of the mount only after it was asked about the mount. */
static void a_job_that_only_the_look_shows_is_a_job(void **state) {
        World *w = *state;

        watch_unit(w);
        stop_begins(w);
        tell(w, "JobNew", 11, UNIT);
        unit_is_down(w);
        assert_stopped_with_its_need(w);
}

/* PID 1's watchdog ends the guard: PID 1 stops the unit at once, while the guard's process still dies. */
static void what_ends_with_its_guard_was_not_stopped_by_hand(void **state) {
        World *w = *state;
        const Pid1UnitStatus *s;

        watch_unit(w);
        s = pid1_unit_status(w->unit);
        set(w, GUARD_SERVICE, "deactivating", 0);
        job_of_unit(w, 20, "inactive");
        turn_until(s->end != UNIT_END_OWN && s->end != UNIT_END_UNKNOWN);
        assert_int_equal(s->end, UNIT_END_NEED);
        assert_string_equal(s->cause, GUARD_SERVICE);
        assert_int_equal(s->need, NEED_FAILED);

        set(w, GUARD_SERVICE, "active", 0);
        tell(w, "JobNew", 21, GUARD_SERVICE);
        tell(w, "JobRemoved", 21, GUARD_SERVICE);
        turn_until(s->need == NEED_BACK);

        job_of_unit(w, 22, "active");
        settle(w);
        job_of_unit(w, 23, "inactive");
        turn_until(s->end != UNIT_END_OWN && s->end != UNIT_END_UNKNOWN);
        assert_int_equal(s->end, UNIT_END_HAND);
}

static void assert_ended(World *w, UnitEnd end, NeedState need) {
        settle(w);
        assert_int_equal(pid1_unit_status(w->unit)->end, end);
        assert_int_equal(pid1_unit_status(w->unit)->need, need);
}

/* Who has ended the unit is judged by the setting that was in force then. */
static void what_no_unit_needs_is_told_from_a_hand(void **state) {
        World *w = *state;

        watch_unit(w);
        job_of_unit(w, 20, "inactive");
        reload(w, true);
        assert_ended(w, UNIT_END_HAND, NEED_BACK);
        job_of_unit(w, 21, "active");
        settle(w);
        job_of_unit(w, 22, "inactive");
        assert_ended(w, UNIT_END_UNNEEDED, NEED_DOWN);
        reload(w, false);
        assert_ended(w, UNIT_END_UNNEEDED, NEED_BACK);
        job_of_unit(w, 23, "inactive"); /* a stop of what is down already is a hand */
        assert_ended(w, UNIT_END_HAND, NEED_BACK);
        job_of_unit(w, 24, "active");
        settle(w);
        played(w, UNIT)->unneeded = true; /* and PID 1 stops the unit at once */
        job_of_unit(w, 25, "inactive");
        assert_ended(w, UNIT_END_UNNEEDED, NEED_DOWN);
}

/* Who may end the unit is of interest when somebody has. */
static void what_lasts_is_asked_for_when_somebody_has_ended_the_unit(void **state) {
        World *w = *state;

        set(w, UNIT, "inactive", 0);
        w->unit = watch(w, UNIT);
        turn_until(pid1_unit_status(w->unit)->known);
        assert_int_equal(w->lasting, 1);
        settle(w);
        job_of_unit(w, 20, "active");
        settle(w);
        assert_int_equal(w->lasting, 1);
        job_of_unit(w, 21, "inactive");
        settle(w);
        assert_int_equal(w->lasting, 2);
}

/* PID 1 has loaded a unit since that the unit now depends on, and has told nobody. */
static void a_need_that_came_later_is_found_when_it_ends_the_unit(void **state) {
        World *w = *state;

        played(w, UNIT)->need = OTHERS_NEED;
        watch_unit(w);
        assert_int_equal(w->lasting, 1);
        played(w, UNIT)->need = NEED;
        stop_begins(w);
        tell(w, "JobNew", 10, NEED);
        tell(w, "JobNew", 11, UNIT);
        unit_is_down(w);
        assert_stopped_with_its_need(w);
}

/* Nobody else has ended a unit that we stop. */
static void a_unit_that_is_being_stopped_is_not_asked_for_what_lasts(void **state) {
        World *w = *state;
        unsigned before;

        watch_unit(w);
        before = w->lasting;
        assert_int_equal(pid1_unit_stop(w->unit), 0);
        turn_until(pid1_unit_status(w->unit)->active == UNIT_INACTIVE);
        assert_int_equal(w->lasting, before);
        assert_int_equal(pid1_unit_status(w->unit)->end, UNIT_END_OWN);
}

/* Of a unit that was ours to stop, the caller waits for one thing: that it is down. */
static void a_stop_of_ours_is_found_over_by_three_messages(void **state) {
        World *w = *state;
        unsigned before;

        watch_unit(w);
        before = w->messages;
        assert_int_equal(pid1_unit_stop(w->unit), 0);
        turn_until(pid1_unit_status(w->unit)->active == UNIT_INACTIVE);
        turn_for(w, 300 * USEC_PER_MSEC);
        assert_int_equal(w->messages - before, 3);
        assert_true(pid1_unit_status(w->unit)->known);
        assert_false(pid1_unit_status(w->unit)->job);
        assert_int_equal(pid1_unit_status(w->unit)->end, UNIT_END_OWN);
        assert_int_equal(pid1_unit_status(w->unit)->inactive_since, 1);
        assert_int_equal(pid1_unit_status(w->unit)->since, 1);
}

/* What is not down, or not by our stop alone, is asked about like any other unit. */
static void a_unit_that_goes_on_after_our_stop_is_asked_about_in_full(void **state) {
        World *w = *state;
        unsigned before;

        watch_unit(w);
        w->holds_row = true;
        assert_int_equal(pid1_unit_stop(w->unit), 0);
        turn_until(w->n_held > 0);
        w->holds_row = false;
        set(w, UNIT, "failed", 0);
        before = w->messages;
        answer_held(w, 1);
        turn_until(pid1_unit_status(w->unit)->active == UNIT_FAILED);
        assert_true(pid1_unit_status(w->unit)->failed);
        assert_in_range(w->messages - before, 10, 20);
}

/* A new job is a reason to ask a little later. The question at the job's end is as good. */
static void a_job_that_is_soon_over_costs_one_question(void **state) {
        enum { JOBS = 10 };
        World *w = *state;
        unsigned before;

        watch_unit(w);
        before = w->questions;
        for (uint32_t i = 0; i < JOBS; i++) {
                job_of_unit(w, 20 + i, i % 2 ? "active" : "inactive");
                turn_for(w, 300 * USEC_PER_MSEC);
        }
        print_message("%u questions for %d jobs\n", w->questions - before, JOBS);
        /* Two where somebody has ended the unit; and some signals may come apart. */
        assert_in_range(w->questions - before, JOBS, 2 * JOBS);
}

/* Whoever asks for a start or a stop also wishes to know what becomes of it. */
static void a_start_or_stop_of_ours_costs_one_question(void **state) {
        enum { CALLS = 10 };
        World *w = *state;
        unsigned before;

        watch_unit(w);
        before = w->questions;
        for (unsigned i = 0; i < CALLS; i++) {
                Pid1Active active = i % 2 ? UNIT_ACTIVE : UNIT_INACTIVE;

                assert_int_equal((i % 2 ? pid1_unit_start : pid1_unit_stop)(w->unit), 0);
                assert_int_equal(pid1_unit_read(w->unit), 0);
                turn_until(pid1_unit_status(w->unit)->active == active);
                turn_for(w, 300 * USEC_PER_MSEC);
        }
        print_message("%u questions for %d calls\n", w->questions - before, CALLS);
        assert_in_range(w->questions - before, CALLS, CALLS + CALLS / 2); /* the loop may stand still in between */
}

/* PID 1 tells of the end of a job first, and then of the change that the job has made. */
static void what_is_told_before_the_answer_costs_no_other_question(void **state) {
        enum { CALLS = 10 };
        World *w = *state;
        unsigned before;

        watch_unit(w);
        before = w->questions;
        for (unsigned i = 0; i < CALLS; i++) {
                Pid1Active active = i % 2 ? UNIT_ACTIVE : UNIT_INACTIVE;

                w->tells_before = true;
                assert_int_equal((i % 2 ? pid1_unit_start : pid1_unit_stop)(w->unit), 0);
                turn_until(pid1_unit_status(w->unit)->active == active && !w->tells_before);
                turn_for(w, 300 * USEC_PER_MSEC);
        }
        print_message("%u questions for %d calls\n", w->questions - before, CALLS);
        assert_in_range(w->questions - before, CALLS, CALLS + CALLS / 2);
        tell_change(w); /* and what is told when nothing is asked leads to a question */
        before = w->questions;
        turn_until(w->questions > before);
}

/* Those of sanitizers and of valgrind put room between pieces, or count nothing. */
static bool is_the_allocator_of_glibc(void) {
        enum { PIECES = 100, SIZE = 1000 };
        void *pieces[PIECES];
        size_t before = mallinfo2().uordblks, taken;

        for (size_t i = 0; i < PIECES; i++)
                assert_non_null(pieces[i] = malloc(SIZE));
        taken = mallinfo2().uordblks - before;
        for (size_t i = 0; i < PIECES; i++)
                free(pieces[i]);
        return taken >= PIECES * SIZE && taken <= PIECES * (SIZE + 16);
}

/* The names of other units are kept once, however many units need them. */
static void a_unit_takes_little_memory(void **state) {
        enum { UNITS = 200 };
        World *w = *state;
        Pid1Unit *units[UNITS];
        size_t before;

        if (!is_the_allocator_of_glibc())
                skip();
        watch_unit(w);
        before = mallinfo2().uordblks;
        for (size_t i = 0; i < UNITS; i++) {
                char name[64];

                (void) snprintf(name, sizeof(name), MANY "%zu.service", i);
                units[i] = watch(w, name);
        }
        for (size_t i = 0; i < UNITS; i++)
                turn_until(pid1_unit_status(units[i])->known);
        turn_for(w, 300 * USEC_PER_MSEC);
        print_message("%zu bytes a unit\n", (mallinfo2().uordblks - before) / UNITS);
        turn_until(mallinfo2().uordblks - before <= 1260 * UNITS); /* what the bus still holds comes and goes */
}

/* PID 1 loads each unit that a question names, and nothing holds a new unit yet. */
static void the_poll_leaves_out_what_is_asked_about_anyway(void **state) {
        World *w = *state;

        w->other = watch(w, OTHER);
        turn_until(pid1_unit_status(w->other)->known);
        w->holds_row = true;
        w->unit = watch(w, UNIT);
        turn_until(w->n_held > 0);
        w->messages = 0;
        w->pid1->poll.round_at = now_boottime();
        pid1_arm(w->pid1, w->pid1->poll.round_at);
        turn_until(w->messages > 1);
        turn_for(w, 20 * USEC_PER_MSEC);
        assert_int_equal(w->questions, 0);
        w->holds_row = false;
        answer_held(w, w->n_held);
        turn_until(pid1_unit_status(w->unit)->known);
}

static void a_poll_that_takes_long_comes_seldom(void **state) {
        usec_t began = 7 * USEC_PER_SEC, period = 5 * USEC_PER_SEC;

        assert_int_equal(poll_next(began, began, period), began + period);
        assert_int_equal(poll_next(began, began + 50 * USEC_PER_MSEC, period), began + period);
        assert_int_equal(poll_next(began, began + 80 * USEC_PER_MSEC, period), began + 8 * USEC_PER_SEC);
        assert_int_equal(poll_next(began, began + 80 * USEC_PER_SEC, period), began + 2 * period);
}

/* PID 1 has answered about all units of a round, and is not asked again before the next. */
static void a_round_of_the_poll_says_when_the_next_one_is(void **state) {
        World *w = *state;
        Poll *p = &w->pid1->poll;

        watch_unit(w);
        w->other = watch(w, OTHER);
        turn_until(pid1_unit_status(w->unit)->known && pid1_unit_status(w->other)->known);
        w->holds_row = true;
        p->full = w->other; /* and not the unit itself, which would be left out of the rows then */
        p->period = 500 * USEC_PER_MSEC;
        p->round_at = now_boottime();
        pid1_arm(w->pid1, p->round_at);
        turn_until(w->n_held > 0);
        assert_int_equal(p->round_at, p->began_at + p->period);
        turn_for(w, p->period / POLL_SHARE + USEC_PER_MSEC);
        w->holds_row = false;
        answer_held(w, w->n_held);
        turn_until(!p->rows);
        assert_true(p->round_at > p->began_at + p->period);
        assert_true(p->round_at <= p->began_at + 2 * p->period);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_poll_that_takes_long_comes_seldom),
                cmocka_unit_test_setup_teardown(a_round_of_the_poll_says_when_the_next_one_is, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_unit_takes_little_memory, set_up, tear_down),
                cmocka_unit_test_setup_teardown(the_poll_leaves_out_what_is_asked_about_anyway, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                what_is_told_before_the_answer_costs_no_other_question, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                a_look_at_the_neighbours_of_another_unit_says_nothing_of_ours, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                a_stop_that_begins_between_two_parts_of_an_answer_is_no_older_job, set_up, tear_down),
                cmocka_unit_test_setup_teardown(what_is_going_down_was_up_beside_the_unit, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_job_that_only_the_look_shows_is_a_job, set_up, tear_down),
                cmocka_unit_test_setup_teardown(what_ends_with_its_guard_was_not_stopped_by_hand, set_up, tear_down),
                cmocka_unit_test_setup_teardown(what_no_unit_needs_is_told_from_a_hand, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                what_lasts_is_asked_for_when_somebody_has_ended_the_unit, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                a_unit_that_is_being_stopped_is_not_asked_for_what_lasts, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                a_need_that_came_later_is_found_when_it_ends_the_unit, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_stop_of_ours_is_found_over_by_three_messages, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                a_unit_that_goes_on_after_our_stop_is_asked_about_in_full, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_job_that_is_soon_over_costs_one_question, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_start_or_stop_of_ours_costs_one_question, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
