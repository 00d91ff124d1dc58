/* SPDX-License-Identifier: Apache-2.0 */
/* Gates that the guard has not opened. */
#include "unit-world.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/file-util.h"

/* Somebody has made it, or it was there before something was mounted over it. */
static void a_gate_that_the_guard_has_not_opened_is_removed(void **state) {
        World *w = *state;
        const char *const strange[] = { "closed.service", "nobodys.service" };
        char path[300];

        make_unit(w, "system.slice", "open.service");
        make_unit(w, "system.slice", "closed.service");
        run_unit(w, "open.service", 20 * SEC, 30 * SEC);
        run_unit(w, "closed.service", 20 * SEC, 30 * SEC);
        ask(w, request(GUARD_CLOSE, "closed.service"));
        for (size_t i = 0; i < ELEMENTSOF(strange); i++) {
                snprintf(path, sizeof(path), "%s/held/%s", w->run, strange[i]);
                assert_int_equal(close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0444)), 0);
        }
        turn_until(!exists(w, "held/closed.service") && !exists(w, "held/nobodys.service"));
        assert_true(exists(w, "held/open.service"));
}

/* How many files there are in the folder of gates. */
static unsigned n_gates(World *w) {
        char path[300];
        unsigned n = 0;
        DIR *dir;

        snprintf(path, sizeof(path), "%s/held", w->run);
        dir = opendir(path);
        assert_non_null(dir);
        for (const struct dirent *e = readdir(dir); e; e = readdir(dir))
                n += e->d_name[0] != '.';
        closedir(dir);
        return n;
}

static void make_strange_gates(World *w, const char *prefix, unsigned n) {
        char path[300];

        for (unsigned i = 0; i < n; i++) {
                snprintf(path, sizeof(path), "%s/held/%s%u.service", w->run, prefix, i);
                assert_int_equal(close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0444)), 0);
        }
}

/* The most that is removed in one turn, until no more than the given number are left. */
static unsigned most_in_one_turn(World *w, unsigned until) {
        unsigned most = 0;
        usec_t end = now_boottime() + patience();

        for (unsigned before = n_gates(w), left; before > until; before = left) {
                assert_true(now_boottime() < end);
                assert_true(sd_event_run(w->event, 2 * SEC) >= 0);
                left = n_gates(w);
                most = MAX(most, left < before ? before - left : 0);
        }
        return most;
}

/* However many there are, no turn takes longer for it. */
static void many_gates_that_the_guard_has_not_opened_are_removed_in_many_turns(void **state) {
        enum { N = 3000, MOST = 600 };
        World *w = *state;
        unsigned most;

        make_unit(w, "system.slice", "open.service");
        run_unit(w, "open.service", 50 * SEC, 55 * SEC);
        make_strange_gates(w, "early", N);
        /* Those that are made while others are being removed are removed as well. */
        most = most_in_one_turn(w, N);
        make_strange_gates(w, "late", N);
        most = MAX(most, most_in_one_turn(w, 1));
        print_message("at most %u of %u gates in one turn\n", most, 2 * N);
        assert_true(most <= MOST);
        assert_true(exists(w, "held/open.service"));
}

/* The same at its end, when no gate stays. */
static void guard_that_ends_removes_many_gates_in_many_turns(void **state) {
        enum { N = 3000, MOST = 600 };
        World *w = *state;
        unsigned most;

        make_unit(w, "system.slice", "open.service");
        run_unit(w, "open.service", 50 * SEC, 55 * SEC);
        make_strange_gates(w, "strange", N);
        guard_end(w->guard, "the test says so");
        most = most_in_one_turn(w, 0);
        print_message("at most %u of %u gates in one turn\n", most, (unsigned) N);
        assert_true(most <= MOST);
}

/* Law 7: the gate stands, but its mark has vanished and cannot be made anew. An attempt to open that fails says
 * nothing of a gate that is there, so it must not count as closed before it has been removed. */
static void a_gate_that_cannot_be_opened_anew_is_removed(void **state) {
        World *w = *state;
        char path[300], aside[300];

        events_begin();
        make_unit(w, "system.slice", "open.service");
        run_unit(w, "open.service", 50 * SEC, 55 * SEC);
        snprintf(path, sizeof(path), "%s/guard", w->run);
        snprintf(aside, sizeof(aside), "%s/aside", w->run);
        assert_int_equal(rename(path, aside), 0);
        assert_int_equal(close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)), 0);
        turn_until(!exists(w, "held/open.service"));
        assert_true(events_have("closed open.service"));
        assert_false(events_have("stopping"));
        assert_int_equal(unlink(path), 0);
        assert_int_equal(rename(aside, path), 0);
}

/* Otherwise what PID 1 starts meanwhile would not know its Index. */
static void a_gate_is_made_anew_only_after_the_environment_file(void **state) {
        World *w = *state;

        make_unit(w, "system.slice", "unit.service");
        make_environment(w, "unit.service");
        run_unit(w, "unit.service", 20 * SEC, 30 * SEC);
        remove_from_run(w, "/held/unit.service");
        remove_from_run(w, "/env");
        remove_from_run(w, "/guard");
        turn_until(exists(w, "guard/unit.service"));
        turn_through(w, now_boottime() + 2500 * MS);
        assert_false(exists(w, "held/unit.service"));
        make_environment(w, "unit.service");
        turn_until(exists(w, "held/unit.service"));
}

static void a_gate_that_vanishes_is_not_made_anew_after_its_time(void **state) {
        World *w = *state;
        GuardMessage m;

        make_unit(w, "system.slice", "unit.service");
        make_environment(w, "unit.service");
        m = run_unit(w, "unit.service", 300 * MS, 20 * SEC);
        turn_through(w, m.stop_at);
        turn_until(!exists(w, "held/unit.service"));
        remove_from_run(w, "/held");
        turn_until(exists(w, "held"));
        turn_through(w, now_boottime() + 200 * MS);
        assert_false(exists(w, "held/unit.service"));
}

int gates_tests(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(
                                a_gate_is_made_anew_only_after_the_environment_file, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                a_gate_that_vanishes_is_not_made_anew_after_its_time, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_gate_that_the_guard_has_not_opened_is_removed, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                many_gates_that_the_guard_has_not_opened_are_removed_in_many_turns, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_gate_that_cannot_be_opened_anew_is_removed, set_up, tear_down),
                cmocka_unit_test_setup_teardown(guard_that_ends_removes_many_gates_in_many_turns, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
