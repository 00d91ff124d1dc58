/* SPDX-License-Identifier: Apache-2.0 */

/* What stands in OnCalendar= in place of a span. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ctl/calendar.h"

static void assert_calendar(usec_t span, const char *expected) {
        char buf[CALENDAR_SIZE];

        assert_string_equal(calendar_of_span(span, buf), expected);
}

static void a_span_that_a_calendar_has_becomes_that(void **state) {
        assert_calendar(USEC_PER_SEC, "*:*:*");
        assert_calendar(10 * USEC_PER_SEC, "*:*:0/10");
        assert_calendar(USEC_PER_MINUTE, "minutely");
        assert_calendar(15 * USEC_PER_MINUTE, "*:0/15");
        assert_calendar(USEC_PER_HOUR, "hourly");
        assert_calendar(6 * USEC_PER_HOUR, "0/6:00");
        assert_calendar(24 * USEC_PER_HOUR, "daily");
        assert_calendar(7 * 24 * USEC_PER_HOUR, "weekly");
        assert_calendar(30 * 24 * USEC_PER_HOUR, "monthly");
}

static void any_other_becomes_one_that_is_a_little_shorter(void **state) {
        assert_calendar(0, "*:*:*");
        assert_calendar(USEC_PER_SEC / 2, "*:*:*");
        assert_calendar(7 * USEC_PER_SEC, "*:*:0/6");
        assert_calendar(59 * USEC_PER_SEC, "*:*:0/30");
        assert_calendar(90 * USEC_PER_SEC, "minutely");
        assert_calendar(45 * USEC_PER_MINUTE, "*:0/30");
        assert_calendar(90 * USEC_PER_MINUTE, "hourly");
        assert_calendar(23 * USEC_PER_HOUR, "0/12:00");
        assert_calendar(3 * 24 * USEC_PER_HOUR, "daily");
        assert_calendar(20 * 24 * USEC_PER_HOUR, "weekly");
        assert_calendar(365 * 24 * USEC_PER_HOUR, "monthly");
        assert_calendar(USEC_INFINITY, "monthly");
}

static void a_span_is_told_as_it_is_written(void **state) {
        static const struct {
                usec_t span;
                const char *text;
        } spans[] = {
                { 1, "1us" },
                { 250 * USEC_PER_MSEC, "250ms" },
                { 30 * USEC_PER_SEC, "30s" },
                { 90 * USEC_PER_SEC, "90s" },
                { 5 * USEC_PER_MINUTE, "5min" },
                { 90 * USEC_PER_MINUTE, "90min" },
                { USEC_PER_HOUR, "1h" },
                { 48 * USEC_PER_HOUR, "2d" },
                { 0, "0d" },
        };
        char buf[CALENDAR_SIZE];

        for (size_t i = 0; i < ELEMENTSOF(spans); i++)
                assert_string_equal(calendar_span(spans[i].span, buf), spans[i].text);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_span_that_a_calendar_has_becomes_that),
                cmocka_unit_test(any_other_becomes_one_that_is_a_little_shorter),
                cmocka_unit_test(a_span_is_told_as_it_is_written),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
