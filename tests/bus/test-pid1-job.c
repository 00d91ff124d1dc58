/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of calls that are refused, above all of those for jobs (StartUnit, StopUnit). This program plays the
 * bus and PID 1. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <systemd/sd-bus.h>

#include "pid1/pid1.h"
#include "pid1/pid1-unit.h"
#include "util/names.h"

#include "played-bus.h"

#define UNIT "a.service"

typedef struct World {
        sd_event *event;
        sd_bus *bus, *theirs;
        Pid1 *pid1;
        Pid1Unit *unit;
        sd_bus_message *start, *stop; /* the latest call of each kind */
        unsigned starts, stops, resets;
        unsigned failed;
        char why[128];      /* the latest one of these has failed */
        bool full;          /* the bus refuses each call to PID 1 ... */
        unsigned refused;   /* ... and has refused so many */
        const char *wanted; /* how many messages come before the first one about the unit of this name */
        unsigned before;
        unsigned runs, ended;   /* runs of transient units that were asked for, and that have ended */
        int error;              /* of the last one that has ended */
        const char **instances; /* the template's that are up, by PID 1's word; NULL: it does not answer that */
        unsigned lists;         /* how often it was asked for them */
} World;

static void keep(sd_bus_message **last, unsigned *n, sd_bus_message *m) {
        (void) sd_bus_message_unref(*last);
        *last = sd_bus_message_ref(m);
        (*n)++;
}

static int tell_instances(World *w, sd_bus_message *m) {
        sd_bus_message *answer;

        w->lists++;
        assert_int_equal(sd_bus_message_new_method_return(m, &answer), 0);
        assert_true(sd_bus_message_open_container(answer, 'a', "(ssssssouso)") >= 0);
        for (const char **i = w->instances; *i; i++)
                assert_true(sd_bus_message_append(answer, "(ssssssouso)", *i, "", "loaded", "active", "running", "",
                                            PID1_PATH "/unit/x", 0, "", "/") >= 0);
        assert_true(sd_bus_message_close_container(answer) >= 0);
        assert_true(sd_bus_send(w->theirs, answer, NULL) >= 0);
        (void) sd_bus_message_unref(answer);
        return 1;
}

static int on_call(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        World *w = userdata;

        if (w->instances && sd_bus_message_is_method_call(m, NULL, "ListUnitsByPatterns"))
                return tell_instances(w, m);
        if (sd_bus_message_is_method_call(m, NULL, "GetNameOwner"))
                return sd_bus_reply_method_return(m, "s", ":1.1");
        if (w->wanted && strstr(strempty(sd_bus_message_get_path(m)), w->wanted))
                w->wanted = NULL;
        w->before += w->wanted != NULL;
        if (w->full && sd_bus_message_is_method_call(m, NULL, NULL) &&
                        streq(sd_bus_message_get_destination(m), PID1_NAME)) {
                w->refused++;
                return sd_bus_reply_method_errorf(m, SD_BUS_ERROR_LIMITS_EXCEEDED, "no room");
        }
        if (sd_bus_message_is_method_call(m, NULL, "StartUnit"))
                keep(&w->start, &w->starts, m);
        else if (sd_bus_message_is_method_call(m, NULL, "StopUnit"))
                keep(&w->stop, &w->stops, m);
        else if (sd_bus_message_is_method_call(m, NULL, "StartTransientUnit"))
                keep(&w->start, &w->runs, m);
        else if (sd_bus_message_is_method_call(m, NULL, "ResetFailedUnit"))
                w->resets++;
        else
                return 0; /* sd-bus answers that there is no such method */
        return 1;
}

static void on_failed(Pid1Unit *u, bool start, int error, const char *message, void *userdata) {
        World *w = userdata;

        w->failed++;
        (void) snprintf(w->why, sizeof(w->why), "%s", message);
}

static int set_up(void **state) {
        static const Pid1UnitCallbacks callbacks = { .failed = on_failed };
        World *w = *state = calloc(1, sizeof(World));

        assert_non_null(w);
        assert_int_equal(sd_event_new(&w->event), 0);
        played_bus_new(w->event, &w->theirs, &w->bus);
        assert_true(sd_bus_add_filter(w->theirs, NULL, on_call, w) >= 0);
        assert_int_equal(pid1_new(w->event, USEC_PER_HOUR, &w->pid1), 0);
        assert_int_equal(pid1_attach(w->pid1, w->bus), 0);
        assert_int_equal(pid1_unit_new(w->pid1, UNIT, GATE_DIRECTORY "/" UNIT, GUARD_SERVICE, &callbacks, w, &w->unit),
                        0);
        return 0;
}

static int tear_down(void **state) {
        World *w = *state;

        (void) sd_bus_message_unref(w->start);
        (void) sd_bus_message_unref(w->stop);
        (void) pid1_free(w->pid1);
        (void) sd_bus_close_unref(w->bus);
        (void) sd_bus_close_unref(w->theirs);
        (void) sd_event_unref(w->event);
        free(w);
        return 0;
}

static void accept_call(sd_bus_message *m) {
        assert_true(sd_bus_reply_method_return(m, "o", PID1_PATH "/job/7") >= 0);
}

static void refuse_call(sd_bus_message *m) {
        assert_true(sd_bus_reply_method_errorf(m, SD_BUS_ERROR_LIMITS_EXCEEDED, "no room") >= 0);
}

/* With thousands of units to start, PID 1 comes to a start minutes after it was asked for, and the core asks again
 * each second. */
static void failures_are_forgotten_once_for_each_start(void **state) {
        World *w = *state;

        for (unsigned i = 0; i < 3; i++) {
                assert_true(pid1_unit_reset_failed(w->unit) >= 0);
                assert_int_equal(pid1_unit_start(w->unit), 0);
        }
        turn_until(w->starts == 1);
        assert_int_equal(w->resets, 1);
        assert_int_equal(pid1_unit_reset_failed(w->unit), 0);
        accept_call(w->start);
        turn_for(w, 20 * USEC_PER_MSEC);
        assert_int_equal(pid1_unit_reset_failed(w->unit), 0);
        assert_int_equal(pid1_unit_stop(w->unit), 0);
        assert_int_equal(pid1_unit_reset_failed(w->unit), 1);
        turn_until(w->resets == 2);
}

/* PID 1 has started the unit, and the question about the unit still waits behind those about thousands of others. */
static void a_start_that_was_accepted_is_not_asked_for_again_before_its_outcome_is_known(void **state) {
        World *w = *state;
        usec_t since;

        assert_int_equal(pid1_unit_start(w->unit), 0);
        turn_until(w->starts == 1);
        accept_call(w->start);
        turn_for(w, 20 * USEC_PER_MSEC);
        since = now_boottime();
        for (unsigned i = 0; i < 3; i++) {
                assert_int_equal(pid1_unit_start(w->unit), 0);
                turn_for(w, 20 * USEC_PER_MSEC);
        }
        assert_int_equal(w->starts, 1);
        turn_until(pid1_unit_status(w->unit)->asked_at >= since); /* PID 1 says nothing of the unit */
        assert_int_equal(pid1_unit_start(w->unit), 0);
        turn_until(w->starts == 2);
}

static void a_call_that_was_refused_is_made_again(void **state) {
        World *w = *state;

        assert_int_equal(pid1_unit_start(w->unit), 0);
        turn_until(w->starts == 1);
        refuse_call(w->start);
        turn_until(w->starts == 2);
        accept_call(w->start);
        assert_int_equal(pid1_unit_stop(w->unit), 0);
        turn_until(w->stops == 1);
        refuse_call(w->stop);
        turn_until(w->stops == 2);
        accept_call(w->stop);
        turn_for(w, 400 * USEC_PER_MSEC);
        assert_int_equal(w->starts, 2);
        assert_int_equal(w->stops, 2);
        assert_int_equal(w->failed, 0);
}

/* PID 1 has both calls, and has answered neither. */
static void start_then_stop(World *w) {
        assert_int_equal(pid1_unit_start(w->unit), 0);
        turn_until(w->starts == 1);
        assert_int_equal(pid1_unit_stop(w->unit), 0);
        turn_until(w->stops == 1);
}

/* The start is refused only after the stop was sent. If the start were made again, it would undo the stop. */
static void a_start_that_was_refused_does_not_follow_a_later_stop(void **state) {
        World *w = *state;

        start_then_stop(w);
        refuse_call(w->start);
        accept_call(w->stop);
        turn_for(w, 600 * USEC_PER_MSEC);
        assert_int_equal(w->starts, 1);
        assert_int_equal(w->stops, 1);
        assert_int_equal(w->failed, 0);
}

/* Both calls are refused. Only the stop, the later one, is made again. */
static void where_start_and_stop_were_refused_the_stop_is_made_again(void **state) {
        World *w = *state;

        start_then_stop(w);
        refuse_call(w->start);
        refuse_call(w->stop);
        turn_until(w->stops == 2);
        accept_call(w->stop);
        turn_for(w, 600 * USEC_PER_MSEC);
        assert_int_equal(w->starts, 1);
        assert_int_equal(w->stops, 2);
}

/* A pause follows each refusal, and less is sent after it. Everything is started in the end, and nothing has failed.
 */
static void a_bus_without_room_is_not_flooded(void **state) {
        enum { N = 100 };
        World *w = *state;

        w->full = true;
        for (unsigned i = 0; i < N; i++) {
                static const Pid1UnitCallbacks callbacks = { .failed = on_failed };
                Pid1Unit *u;
                char name[32];

                (void) snprintf(name, sizeof(name), "b%u.service", i);
                assert_int_equal(pid1_unit_new(w->pid1, name, GATE_DIRECTORY "/" UNIT, GUARD_SERVICE, &callbacks, w,
                                                 &u),
                                0);
                assert_int_equal(pid1_unit_start(u), 0);
        }
        turn_for(w, 1500 * USEC_PER_MSEC);
        print_message("%u calls were refused\n", w->refused);
        assert_in_range(w->refused, 1, 2 * N);
        w->full = false;
        for (unsigned n = 1; n <= N; n++) {
                turn_until(w->starts >= n);
                accept_call(w->start);
        }
        turn_for(w, 300 * USEC_PER_MSEC);
        assert_int_equal(w->starts, N);
        assert_int_equal(w->failed, 0);
}

/* After a reload PID 1 is asked about all units, which takes time. A new unit need not wait for that. */
static void a_new_unit_is_asked_about_before_all_others(void **state) {
        enum { N = 100 };
        World *w = *state;
        Pid1Unit *u;
        char name[32];

        turn_for(w, 50 * USEC_PER_MSEC);
        for (unsigned i = 0; i < N; i++) {
                (void) snprintf(name, sizeof(name), "b%u.service", i);
                assert_int_equal(pid1_unit_new(w->pid1, name, GATE_DIRECTORY "/" UNIT, GUARD_SERVICE,
                                                 &(Pid1UnitCallbacks){}, w, &u),
                                0);
        }
        w->wanted = "new_2eservice";
        assert_int_equal(pid1_unit_new(w->pid1, "new.service", GATE_DIRECTORY "/" UNIT, GUARD_SERVICE,
                                         &(Pid1UnitCallbacks){}, w, &u),
                        0);
        turn_until(!w->wanted);
        print_message("%u messages before\n", w->before);
        assert_in_range(w->before, 0, 2 * N);
}

static int append_nothing(sd_bus_message *m, void *userdata) {
        return sd_bus_message_append(m, "a(sv)", 0);
}

static void on_ended(int error, const char *text, void *userdata) {
        World *w = userdata;

        w->ended++;
        w->error = error;
}

/* PID 1's word of the end may be lost, as where the bus has no room. Who waits for it would wait for ever. */
static void a_run_of_whose_end_nothing_is_heard_is_given_up(void **state) {
        World *w = *state;

        assert_int_equal(pid1_run(w->pid1, "run.service", 200 * USEC_PER_MSEC, append_nothing, NULL, on_ended, w), 0);
        turn_until(w->runs == 1);
        accept_call(w->start);
        turn_until(w->ended == 1);
        assert_int_equal(w->error, -ETIME);
        turn_for(w, 300 * USEC_PER_MSEC);
        assert_int_equal(w->ended, 1);
}

/* The target's name would be longer than the name of a unit may be. */
static void a_stop_that_is_refused_says_so_where_no_target_can_make_it(void **state) {
        static const Pid1UnitCallbacks callbacks = { .failed = on_failed };
        char longest[256];
        World *w = *state;
        Pid1Unit *u;

        (void) snprintf(longest, sizeof(longest), "%0230d.service", 2);
        assert_int_equal(
                        pid1_unit_new(w->pid1, longest, GATE_DIRECTORY "/" UNIT, GUARD_SERVICE, &callbacks, w, &u), 0);
        assert_int_equal(pid1_unit_stop(u), 0);
        turn_until(w->stops == 1);
        assert_true(sd_bus_reply_method_errorf(w->stop, PID1_ERROR("OnlyByDependency"), "refused") >= 0);
        turn_until(w->failed == 1);
        assert_non_null(strstr(w->why, "its name is too long for leased-stop@"));
        assert_int_equal(w->starts, 0);
}

/* The name of the second is too long for that of a unit which conflicts with it. */
static void one_instance_that_cannot_be_stopped_keeps_no_other_running(void **state) {
        static const Pid1UnitCallbacks callbacks = { .failed = on_failed };
        char longest[256];
        World *w = *state;
        Pid1Unit *u;

        (void) snprintf(longest, sizeof(longest), "t@%0230d.service", 2);
        w->instances = (const char *[]){ "t@1.service", longest, "t@3.service", NULL };
        assert_int_equal(pid1_unit_new_template(w->pid1, "t@.service", &callbacks, w, &u), 0);
        turn_until(pid1_unit_status(u)->known);
        w->lists = 0;
        assert_int_equal(pid1_unit_stop_by_conflict(u), -ENAMETOOLONG);
        turn_until(w->starts == 2);
        turn_until(w->lists > 0); /* what has become of them */
        assert_int_equal(pid1_unit_stop(u), 0);
        turn_until(w->stops == 3);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(failures_are_forgotten_once_for_each_start, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                a_start_that_was_accepted_is_not_asked_for_again_before_its_outcome_is_known, set_up,
                                tear_down),
                cmocka_unit_test_setup_teardown(a_call_that_was_refused_is_made_again, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                a_start_that_was_refused_does_not_follow_a_later_stop, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                where_start_and_stop_were_refused_the_stop_is_made_again, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_bus_without_room_is_not_flooded, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_new_unit_is_asked_about_before_all_others, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_run_of_whose_end_nothing_is_heard_is_given_up, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                a_stop_that_is_refused_says_so_where_no_target_can_make_it, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                one_instance_that_cannot_be_stopped_keeps_no_other_running, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
