/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A root folder of a test's own, with files in it, and what the configuration's functions have to say about them. */

#include "conf/conf.h"

#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/file-util.h"

static inline int fixture_setup(void **state) {
        char *root = strdup("/tmp/leased-test-XXXXXX");

        *state = root;
        return root && mkdtemp(root) ? 0 : -1;
}

static inline int fixture_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        return remove(path);
}

static inline int fixture_teardown(void **state) {
        int r = nftw(*state, fixture_remove_one, 8, FTW_DEPTH | FTW_PHYS);

        free(*state);
        return r;
}

static inline void fixture_write(const char *root, const char *path, const char *text) {
        _cleanup_free_ char *full = NULL;
        char *slash;

        assert_true(asprintf(&full, "%s%s", root, path) > 0);
        slash = strrchr(full, '/');
        *slash = '\0';
        assert_int_equal(mkdir_parents(full, 0755), 0);
        *slash = '/';
        assert_int_equal(write_file_atomic(full, text, strlen(text), 0644, 0), 0);
}

static inline void fixture_link(const char *root, const char *path, const char *target) {
        _cleanup_free_ char *full = NULL;

        fixture_write(root, path, "");
        assert_true(asprintf(&full, "%s%s", root, path) > 0);
        assert_int_equal(unlink(full), 0);
        assert_int_equal(symlink(target, full), 0);
}

/* The messages are exactly these, NULL at the end. */
static inline void assert_messages(const Messages *m, ...) {
        size_t n = 0;
        va_list ap;

        va_start(ap, m);
        for (const char *expected; (expected = va_arg(ap, const char *)); n++) {
                if (n >= m->n)
                        fail_msg("no message like: %s", expected);
                assert_string_equal(m->lines[n], expected);
        }
        va_end(ap);
        if (m->n > n)
                fail_msg("one message too many: %s", m->lines[n]);
}
