/* SPDX-License-Identifier: Apache-2.0 */

/* must() is in force in every build: this one is built as for a release, with NDEBUG. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <assert.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/must.h"

#ifndef NDEBUG
#error "this is to show what holds with NDEBUG"
#endif

static unsigned looked;

static int look(int value) {
        looked++;
        return value;
}

static void what_holds_is_looked_at_once_and_goes_on(void **state) {
        looked = 0;
        must(look(1) == 1);
        assert_int_equal(looked, 1);
}

static void what_does_not_hold_ends_the_process_and_says_where(void **state) {
        char words[512] = "";
        int fds[2], status;
        ssize_t n;
        pid_t pid;

        assert_int_equal(pipe(fds), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                struct rlimit none = {};

                (void) setrlimit(RLIMIT_CORE, &none);
                (void) signal(SIGABRT, SIG_DFL);
                (void) dup2(fds[1], STDERR_FILENO);
                must(look(1) == 2);
                _exit(0);
        }
        (void) close(fds[1]);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
        n = read(fds[0], words, sizeof(words) - 1);
        assert_true(n > 0);
        assert_non_null(strstr(words, "test-must.c:"));
        assert_non_null(strstr(words, "look(1) == 2"));
        (void) close(fds[0]);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_holds_is_looked_at_once_and_goes_on),
                cmocka_unit_test(what_does_not_hold_ends_the_process_and_says_where),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
