/* SPDX-License-Identifier: Apache-2.0 */
/* What leasectl shows while it waits, and says meanwhile, on a terminal. */
#include <errno.h>
#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ctl/say.h"

/* Runs f with a terminal of 40 columns as stdout and stderr, and gives what it wrote there. */
static void written(void (*f)(void), char *ret, size_t size) {
        struct winsize window = { .ws_col = 40, .ws_row = 10 };
        int master, slave, out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO);
        size_t n = 0;

        assert_return_code(openpty(&master, &slave, NULL, NULL, &window), errno);
        assert_return_code(fflush(stdout), errno);
        assert_return_code(dup2(slave, STDOUT_FILENO), errno);
        assert_return_code(dup2(slave, STDERR_FILENO), errno);
        f();
        (void) fflush(stdout);
        (void) dup2(out, STDOUT_FILENO);
        (void) dup2(err, STDERR_FILENO);
        assert_int_equal(write(slave, "", 1), 1); /* a terminal hands on what it was given when it likes */
        do {
                ssize_t more = read(master, ret + n, size - n);

                assert_return_code((int) more, errno);
                n += (size_t) more;
        } while (n < size && ret[n - 1] != '\0');
        assert_int_equal(ret[n - 1], '\0');
        (void) close(out);
        (void) close(err);
        (void) close(slave);
        (void) close(master);
}

static void wait_and_complain(void) {
        say_over("a.service: waits, 3s");
        complain("the registry is away");
        say_over("a.service: waits, 4s");
        say("a line");
        say_over("a.service: waits, 5s");
        say_over(NULL);
}

static void what_is_said_meanwhile_has_a_line_of_its_own(void **state) {
        char text[1024];

        written(wait_and_complain, text, sizeof(text));
        assert_string_equal(text, "a.service: waits, 3s\r\x1b[K"
                                  "leasectl: the registry is away\r\n"
                                  "a.service: waits, 4s\r\x1b[K"
                                  "a line\r\n"
                                  "a.service: waits, 5s\r\x1b[K");
}

static void show_what_is_too_wide(void) {
        say_over("a.service: waits for what takes a long time to come, 3s");
        say_over(NULL);
}

static void a_row_that_is_too_wide_is_cut(void **state) {
        char text[1024];

        written(show_what_is_too_wide, text, sizeof(text));
        assert_string_equal(text, "a.service: waits for what takes a long…\r\x1b[K");
}

static void say_what_others_wrote(void) {
        say_colours(COLOURS_ALWAYS);
        say("%sred%s \xffr no \xff"
            "0",
                        colour_on(COLOUR_RED), colour_off());
        complain("\xffr no");
        say_over("\xffr no");
        say_over(NULL);
}

/* An argument, a file name, the output of a program: none of these need be UTF-8. */
static void no_byte_of_others_is_taken_for_a_colour(void **state) {
        char text[1024];

        written(say_what_others_wrote, text, sizeof(text));
        assert_string_equal(text, "\x1b[31;1mred\x1b[0m \\xffr no \\xff0\r\n"
                                  "leasectl: \\xffr no\r\n"
                                  "\\xffr no\r\x1b[K");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_said_meanwhile_has_a_line_of_its_own),
                cmocka_unit_test(a_row_that_is_too_wide_is_cut),
                cmocka_unit_test(no_byte_of_others_is_taken_for_a_colour),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
