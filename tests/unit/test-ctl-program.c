/* SPDX-License-Identifier: Apache-2.0 */
/* What leasectl takes of the programs that it runs: an end comes, whatever they do. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "ctl/interrupt.h"
#include "ctl/program.h"

#define SHELL(script)                                                                                                 \
        (const char *const[]) {                                                                                       \
                "/bin/sh", "-c", script, NULL                                                                         \
        }
#define MOST 100000

static void a_program_that_writes_without_end_is_killed(void **state) {
        char *out = NULL, *error = NULL;

        assert_int_equal(program_run(SHELL("exec yes"), &out, &error), -EFBIG);
        assert_int_equal(program_run(SHELL("exec cat /dev/zero"), &out, &error), -EFBIG);
        assert_int_equal(program_run(SHELL("exec yes >&2"), &out, &error), -EFBIG);
        assert_null(out);
        assert_null(error);
        assert_int_equal(program_run(SHELL("exec head -c 3000000 /dev/zero"), NULL, NULL), 0); /* nobody reads it */
}

static void a_program_that_does_not_end_is_killed_when_its_time_is_over(void **state) {
        assert_int_equal(program_feed(SHELL("exec sleep infinity"), "", 1, NULL, NULL), -ETIMEDOUT);
        assert_int_equal(program_save(SHELL("exec sleep infinity"), 1, MOST, STDOUT_FILENO), -ETIMEDOUT);
        assert_int_equal(program_save(SHELL("trap '' TERM; exec cat"), USEC_PER_MINUTE, MOST, STDOUT_FILENO), 0);
}

static void what_it_leaves_running_is_not_waited_for(void **state) {
        char *out = NULL, *error = NULL;
        int pid = 0;

        assert_int_equal(program_run(SHELL("sleep infinity & echo $!; echo no >&2; exit 3"), &out, &error), 3);
        assert_int_equal(sscanf(out, "%d", &pid), 1);
        assert_string_equal(error, "no\n");
        assert_return_code(kill(pid, SIGKILL), errno);
        free(out);
        free(error);
}

static void a_file_gets_all_of_it_or_the_program_is_killed(void **state) {
        FILE *f = tmpfile();
        struct stat st;

        assert_non_null(f);
        assert_int_equal(program_save(SHELL("head -c 100000 /dev/zero"), USEC_PER_MINUTE, MOST, fileno(f)), 0);
        assert_return_code(fstat(fileno(f), &st), errno);
        assert_int_equal(st.st_size, MOST);
        assert_int_equal(program_save(SHELL("exec head -c 100001 /dev/zero"), USEC_PER_MINUTE, MOST, fileno(f)),
                        -EFBIG);
        assert_int_equal(program_save(SHELL("exec yes >&2"), USEC_PER_MINUTE, MOST, fileno(f)), -EFBIG);
        assert_return_code(fstat(fileno(f), &st), errno);
        assert_in_range(st.st_size, MOST, 2 * MOST);
        (void) fclose(f);
}

static void the_words_and_the_code_of_a_program_are_handed_on(void **state) {
        char *out = NULL;

        assert_int_equal(program_feed(SHELL("cat; exit 4"), "its input", USEC_PER_MINUTE, &out, NULL), 4);
        assert_string_equal(out, "its input");
        free(out);
        assert_int_equal(program_run(SHELL("kill -9 $$"), NULL, NULL), 128 + SIGKILL);
        assert_int_equal(program_run((const char *const[]){ "/nowhere", NULL }, NULL, NULL), -ENOENT);
        assert_string_equal(program_trouble(-ENOENT), "");
        assert_string_equal(program_trouble(-EFBIG), ", it is too long");
        assert_string_equal(program_trouble(-ETIMEDOUT), ", it did not end in time");
}

/* ---- Ctrl-C ---- */

#define DEADLINE_MS 20000

static void wait_on(const ProgramJob *jobs, void *userdata) {
}

/* Never returns: runs two programs that do not end by themselves, each of which says that it has begun. */
static _Noreturn void run_two(void) {
        ProgramJob jobs[2] = { { .argv = SHELL("echo >&9; exec sleep infinity") },
                { .argv = SHELL("echo >&9; trap '' INT TERM; sleep infinity") } };

        program_run_many(jobs, ELEMENTSOF(jobs), USEC_PER_HOUR, wait_on, NULL);
        if (interrupt_came())
                interrupt_leave();
        _exit(0);
}

/* The pipe ends when the last process that could write into it has ended. */
static void ctrl_c_ends_the_programs_that_run_side_by_side(void **state) {
        struct pollfd ends;
        int fds[2], status;
        char c;
        pid_t pid;

        assert_return_code(pipe2(fds, O_CLOEXEC), errno);
        ends = (struct pollfd){ .fd = fds[0], .events = POLLIN };
        pid = fork();
        if (pid == 0) {
                (void) dup2(fds[1], 9); /* without O_CLOEXEC */
                run_two();
        }
        (void) close(fds[1]);
        for (int i = 0; i < 2; i++)
                assert_int_equal(read(fds[0], &c, 1), 1);
        assert_return_code(kill(pid, SIGINT), errno);
        assert_int_equal(poll(&ends, 1, DEADLINE_MS), 1);
        assert_int_equal(read(fds[0], &c, 1), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGINT);
        (void) close(fds[0]);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_program_that_writes_without_end_is_killed),
                cmocka_unit_test(a_program_that_does_not_end_is_killed_when_its_time_is_over),
                cmocka_unit_test(what_it_leaves_running_is_not_waited_for),
                cmocka_unit_test(a_file_gets_all_of_it_or_the_program_is_killed),
                cmocka_unit_test(the_words_and_the_code_of_a_program_are_handed_on),
                cmocka_unit_test(ctrl_c_ends_the_programs_that_run_side_by_side),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
