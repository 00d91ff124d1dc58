/* SPDX-License-Identifier: Apache-2.0 */

/* What is said waits for nobody: stderr is a pipe or a socket that is full, or whose reader has gone. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "util/log.h"
#include "util/time-util.h"

typedef struct World {
        int stderr_before, reader;
} World;

/* stderr is fd from now on. */
static void speak_to(World *w, int fd) {
        assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
        close(fd);
        log_open();
}

static int set_up(void **state) {
        World *w = *state = calloc(1, sizeof(World));

        w->reader = -1;
        w->stderr_before = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
        (void) alarm(120); /* a write that waits ends the test */
        (void) unsetenv("JOURNAL_STREAM");
        return 0;
}

static int tear_down(void **state) {
        World *w = *state;

        (void) alarm(0);
        speak_to(w, w->stderr_before);
        if (w->reader >= 0)
                close(w->reader);
        free(w);
        return 0;
}

static void open_pipe(World *w) {
        int fds[2];

        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        w->reader = fds[0];
        speak_to(w, fds[1]);
}

static void open_socket(World *w) {
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        w->reader = fds[0];
        speak_to(w, fds[1]);
}

/* Says something ever again; all of it would never fit. */
static void say_a_lot(void) {
        for (unsigned i = 0; i < 20000; i++)
                log_warning("line %u, and so that it soon is enough: %0100d", i, 0);
}

static void read_all(World *w, char *last, size_t size) {
        char buf[65536];
        ssize_t n;

        assert_int_equal(fcntl(w->reader, F_SETFL, O_NONBLOCK), 0);
        while ((n = read(w->reader, buf, sizeof(buf) - 1)) > 0) {
                buf[n] = '\0';
                str_copy(last, size, buf + (n > 1000 ? n - 1000 : 0));
        }
}

static void what_does_not_fit_is_counted_and_told(World *w) {
        char last[2048];

        say_a_lot();
        read_all(w, last, sizeof(last));
        log_warning("heard again");
        read_all(w, last, sizeof(last));
        assert_non_null(strstr(last, " lines could not be written\nheard again\n"));
        log_warning("and again");
        read_all(w, last, sizeof(last));
        assert_string_equal(last, "and again\n");
}

static void a_full_pipe_is_not_waited_for(void **state) {
        open_pipe(*state);
        what_does_not_fit_is_counted_and_told(*state);
}

static void a_full_socket_is_not_waited_for(void **state) {
        open_socket(*state);
        what_does_not_fit_is_counted_and_told(*state);
}

static void a_reader_that_has_gone_ends_nobody(World *w) {
        sigset_t pending;

        close(w->reader);
        w->reader = -1;
        log_warning("to nobody");
        log_warning("to nobody");
        assert_int_equal(sigpending(&pending), 0);
        assert_int_equal(sigismember(&pending, SIGPIPE), 0);
}

static void a_pipe_without_a_reader_ends_nobody(void **state) {
        open_pipe(*state);
        a_reader_that_has_gone_ends_nobody(*state);
}

static void a_socket_without_a_reader_ends_nobody(void **state) {
        open_socket(*state);
        a_reader_that_has_gone_ends_nobody(*state);
}

/* Others share it. */
static void stderr_itself_stays_as_it_is(void **state) {
        open_pipe(*state);
        log_warning("a line");
        assert_int_equal(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_full_pipe_is_not_waited_for, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_full_socket_is_not_waited_for, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_pipe_without_a_reader_ends_nobody, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_socket_without_a_reader_ends_nobody, set_up, tear_down),
                cmocka_unit_test_setup_teardown(stderr_itself_stays_as_it_is, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
