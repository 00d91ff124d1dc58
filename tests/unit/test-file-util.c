/* SPDX-License-Identifier: Apache-2.0 */

/* What is read as a file, whatever stands in its place. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/file-util.h"

static char folder[] = "/tmp/file-util-XXXXXX", path[sizeof(folder) + 8];

static int set_up(void **state) {
        if (!mkdtemp(folder))
                return -1;
        (void) snprintf(path, sizeof(path), "%s/it", folder);
        return 0;
}

static int tear_down(void **state) {
        return rmdir(folder);
}

static void a_pipe_is_not_waited_for(void **state) {
        char *text = NULL;

        assert_int_equal(mkfifo(path, 0600), 0);
        assert_int_equal(read_file(path, 100, &text, NULL), -EMEDIUMTYPE);
        assert_null(text);
        assert_int_equal(unlink(path), 0);
}

static void a_folder_is_no_file(void **state) {
        char *text = NULL;

        assert_int_equal(read_file(folder, 100, &text, NULL), -EISDIR);
}

/* A unit is masked by a link to it. */
static void the_empty_device_is_an_empty_file(void **state) {
        _cleanup_free_ char *text = NULL;
        size_t size = 7;

        assert_int_equal(symlink("/dev/null", path), 0);
        assert_int_equal(read_file(path, 100, &text, &size), 0);
        assert_string_equal(text, "");
        assert_int_equal(size, 0);
        assert_int_equal(unlink(path), 0);
}

static void a_file_is_read_up_to_its_limit(void **state) {
        _cleanup_free_ char *text = NULL;

        assert_int_equal(write_file_atomic(path, "four", 4, 0600, 0), 0);
        assert_int_equal(read_file(path, 4, &text, NULL), 0);
        assert_string_equal(text, "four");
        assert_int_equal(read_file(path, 3, &text, NULL), -E2BIG);
        assert_int_equal(unlink(path), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_pipe_is_not_waited_for),
                cmocka_unit_test(a_folder_is_no_file),
                cmocka_unit_test(the_empty_device_is_an_empty_file),
                cmocka_unit_test(a_file_is_read_up_to_its_limit),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
