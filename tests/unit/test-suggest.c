/* SPDX-License-Identifier: Apache-2.0 */
/* Which name is suggested to somebody who has typed another one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/suggest.h"

static const char *const verbs[] = { "status", "list", "history", "release", "transfer", "steal", "rearm", "drain",
        "undrain", "setup", "set-metadata", NULL };
static const char *const units[] = { "queue@1.service", "queue@2.service", "db.service", "web.service", "web.timer",
        NULL };

static const char *near(const char *typed, const char *const *names) {
        Suggestion s = suggest_begin(typed);

        for (; *names; names++)
                suggest_consider(&s, *names);
        return strempty(s.best);
}

static void a_slip_of_the_finger_is_understood(void **state) {
        assert_string_equal(near("relase", verbs), "release");
        assert_string_equal(near("realease", verbs), "release");
        assert_string_equal(near("sttaus", verbs), "status");
        assert_string_equal(near("trasnfer", verbs), "transfer");
        assert_string_equal(near("lst", verbs), "list");
        assert_string_equal(near("set-metdata", verbs), "set-metadata");
}

static void a_beginning_is_enough(void **state) {
        assert_string_equal(near("hist", verbs), "history");
        assert_string_equal(near("un", verbs), "undrain");
        assert_string_equal(near("set", verbs), "setup");
}

static void the_nearest_is_meant(void **state) {
        assert_string_equal(near("quue@2.service", units), "queue@2.service");
        assert_string_equal(near("web.servce", units), "web.service");
        assert_string_equal(near("drain", verbs), "drain");
}

static void what_is_far_is_not_suggested(void **state) {
        assert_string_equal(near("frob", verbs), "");
        assert_string_equal(near("", verbs), "");
        assert_string_equal(near("x", verbs), "");
        assert_string_equal(near("e.service", units), "");
        assert_string_equal(near("nowhere.service", units), "");
        assert_string_equal(near("abc.service", units), "");
}

static void a_text_of_any_length_is_compared(void **state) {
        char typed[1024];

        memset(typed, 'a', sizeof(typed) - 1);
        typed[sizeof(typed) - 1] = '\0';
        assert_string_equal(near(typed, verbs), "");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_slip_of_the_finger_is_understood),
                cmocka_unit_test(a_beginning_is_enough),
                cmocka_unit_test(the_nearest_is_meant),
                cmocka_unit_test(what_is_far_is_not_suggested),
                cmocka_unit_test(a_text_of_any_length_is_compared),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
