/* SPDX-License-Identifier: Apache-2.0 */

/* When leased gives memory back to the kernel, by the CPU time that it has used between two looks. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/slack.h"

static bool look(Slack *s, usec_t *worked, usec_t since) {
        *worked += since;
        return slack_is_due(s, *worked);
}

static void memory_is_given_back_once_when_calm_after_much_work(void **state) {
        usec_t worked = 0;
        Slack s = {};

        for (size_t i = 0; i < 3; i++) {
                assert_false(look(&s, &worked, 20 * USEC_PER_MSEC)); /* nothing was done */
                assert_false(look(&s, &worked, 2 * USEC_PER_SEC));   /* a reload goes on */
                assert_false(look(&s, &worked, USEC_PER_SEC));
                assert_false(look(&s, &worked, 200 * USEC_PER_MSEC)); /* neither much nor calm */
                assert_true(look(&s, &worked, 20 * USEC_PER_MSEC));
                assert_false(look(&s, &worked, 20 * USEC_PER_MSEC));
        }
}

static void a_daemon_that_never_does_much_gives_nothing_back(void **state) {
        usec_t worked = 0;
        Slack s = {};

        for (size_t i = 0; i < 100; i++)
                assert_false(look(&s, &worked, 140 * USEC_PER_MSEC));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(memory_is_given_back_once_when_calm_after_much_work),
                cmocka_unit_test(a_daemon_that_never_does_much_gives_nothing_back),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
