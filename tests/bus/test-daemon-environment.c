/* SPDX-License-Identifier: Apache-2.0 */

/* The environment file of a unit, as the next daemon reads it (law 7): what this daemon has not written says nothing.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/dropin.h"
#include "daemon/environment.h"
#include "util/text.h"

#define ID "0123456789abcdef0123456789abcdef"
#define UNIT "a\\x2db.service"
#define PATH ENV_DIRECTORY "/" UNIT

static char name[] = "web\\x2d\\\\#2";
static const Environment written = { .lease = name, .index = 7, .version = -3 };

static bool says(const char *text) {
        _cleanup_(environment_done) Environment e = {};

        return environment_parse(&e, ID, UNIT, text);
}

static void what_is_written_is_read_again(void **state) {
        char longest[NAME_SIZE] = "";
        Environment others[] = { written, { .index = UINT64_MAX, .version = INT64_MIN },
                { .lease = longest, .index = 1, .version = INT64_MAX } };

        memset(longest, '\\', NAME_SIZE - 1);
        for (size_t i = 0; i < ELEMENTSOF(others); i++) {
                _cleanup_free_ char *text = environment_text(ID, UNIT, others + i);
                _cleanup_(environment_done) Environment e = {};

                assert_true(environment_parse(&e, ID, UNIT, text));
                assert_string_equal(e.lease, others[i].lease ?: UNIT);
                assert_int_equal(e.index, others[i].index);
                assert_true(e.version == others[i].version);
        }
}

static void a_file_of_another_unit_or_machine_says_nothing(void **state) {
        _cleanup_free_ char *unit = environment_text(ID, "b.service", &written);
        _cleanup_free_ char *machine = environment_text("1" ID, UNIT, &written);

        assert_false(says(unit));
        assert_false(says(machine));
}

/* Another name, Index or version is one that the daemon could have written; all else is not. */
static void a_file_that_is_not_to_the_letter_says_nothing(void **state) {
        _cleanup_free_ char *text = environment_text(ID, UNIT, &written), *longer = text_format("%s\n", text);
        static const char others[] = "x0\"\n\\ =+";
        size_t n = strlen(text);

        assert_false(says(""));
        assert_false(says(longer));
        for (size_t i = 0; i < n; i++) {
                char was = text[i];

                for (const char *c = others; *c; c++) {
                        _cleanup_(environment_done) Environment e = {};
                        _cleanup_free_ char *again = NULL;

                        text[i] = *c;
                        if (*c == was || !environment_parse(&e, ID, UNIT, text))
                                continue;
                        again = environment_text(ID, UNIT, &e);
                        assert_string_equal(again, text);
                }
                text[i] = '\0';
                assert_false(says(text));
                text[i] = was;
        }
        assert_true(says(text));
}

static bool reads(void) {
        _cleanup_(environment_done) Environment e = {};

        return environment_read(&e, ID, UNIT);
}

static void only_what_nobody_else_can_write_is_read(void **state) {
        _cleanup_free_ char *text = environment_text(ID, UNIT, &written);

        assert_false(reads());
        assert_int_equal(environment_write(UNIT, text), 0);
        assert_true(reads());
        assert_int_equal(chmod(PATH, 0664), 0);
        assert_false(reads());
        assert_int_equal(chmod(PATH, 0644), 0);
        assert_int_equal(chown(PATH, 1, 0), 0);
        assert_false(reads());
        assert_int_equal(chown(PATH, 0, 0), 0);
        assert_int_equal(rename(PATH, PATH ".there"), 0);
        assert_int_equal(symlink(PATH ".there", PATH), 0);
        assert_false(reads());
        assert_int_equal(unlink(PATH), 0);
        assert_int_equal(mkfifo(PATH, 0644), 0);
        assert_false(reads()); /* at once */
        assert_int_equal(unlink(PATH), 0);
        assert_int_equal(mkdir(PATH, 0755), 0);
        assert_false(reads());
}

/* A /run of this test's own. */
static int setup(void **state) {
        return unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
                                               mount("tmpfs", "/run", "tmpfs", 0, NULL) < 0
                               ? -1
                               : 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_written_is_read_again),
                cmocka_unit_test(a_file_of_another_unit_or_machine_says_nothing),
                cmocka_unit_test(a_file_that_is_not_to_the_letter_says_nothing),
                cmocka_unit_test(only_what_nobody_else_can_write_is_read),
        };

        return cmocka_run_group_tests(tests, setup, NULL);
}
