/* SPDX-License-Identifier: Apache-2.0 */

/* The alarm ends a process that hangs, at its time and not before. */

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guard/alarm.h"

#define MS USEC_PER_MSEC

/* Runs f in a process of its own, and gives how it ended. */
static int ended(void (*f)(Alarm *a)) {
        pid_t pid = fork();
        int status;

        assert_true(pid >= 0);
        if (pid == 0) {
                Alarm a;

                if (alarm_make(&a) < 0)
                        _exit(2);
                f(&a);
                alarm_done(&a);
                _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/* What is tested is that time passes. */
static void pass(int milliseconds) {
        (void) poll(NULL, 0, milliseconds);
}

static void stand_still(Alarm *a) {
        alarm_set(a, now_boottime() + 30 * MS);
        (void) raise(SIGSTOP);
}

static void go_on(Alarm *a) {
        for (unsigned i = 0; i < 20; i++) {
                alarm_set(a, now_boottime() + USEC_PER_SEC);
                pass(2);
        }
        alarm_set(a, now_boottime() + 20 * MS);
        alarm_set(a, USEC_INFINITY);
        pass(60);
}

static void come_too_late(Alarm *a) {
        alarm_set(a, 1);
        pass(1000);
}

static void who_is_stopped_is_killed(void **state) {
        usec_t began = now_boottime();

        assert_int_equal(ended(stand_still), SIGKILL);
        assert_true(now_boottime() - began >= 30 * MS);
}

static void who_sets_it_anew_or_off_lives(void **state) {
        assert_int_equal(ended(go_on), 0);
}

static void a_time_that_has_passed_ends_at_once(void **state) {
        assert_int_equal(ended(come_too_late), SIGKILL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(who_is_stopped_is_killed),
                cmocka_unit_test(who_sets_it_anew_or_off_lives),
                cmocka_unit_test(a_time_that_has_passed_ends_at_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
