/* SPDX-License-Identifier: Apache-2.0 */

/* What D-Bus says of why a unit is where it is: one line for each machine. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <time.h>

#include "daemon/why-not.h"

#define NOON (UINT64_C(1772366400) * USEC_PER_SEC) /* 2026-03-01 12:00:00 UTC */

static const char *line_of(const WhyNotView *v) {
        static char buf[WHY_NOT_SIZE];

        return why_not_line(v, NOON, buf, sizeof(buf));
}

static void a_machine_that_stands_by_is_told_with_its_rank(void **state) {
        assert_string_equal(line_of(&(WhyNotView){ .fits = true, .reason = reason(WHY_STANDS_BY), .rank = 2 }),
                        "stands by, after 2 others");
        assert_string_equal(line_of(&(WhyNotView){ .fits = true, .reason = reason(WHY_FIRST) }),
                        "stands by, first in line");
}

static void until_when_is_told_by_the_clock_and_another_day_with_its_date(void **state) {
        WhyNotView v = {
                .fits = true, .reason = { .why = WHY_STANDS_BACK, .there = true }, .until = NOON + 190 * USEC_PER_SEC
        };

        assert_string_equal(line_of(&v), "stands back until 12:03:10");
        v.until = NOON + 12 * USEC_PER_HOUR;
        assert_string_equal(line_of(&v), "stands back until 2026-03-02 00:00:00");
        v.until = NOON + 365 * 24 * USEC_PER_HOUR;
        assert_string_equal(line_of(&v), "stands back until 2027-03-01 12:00:00");
        v.until = NOON; /* by a clock that is behind ours */
        assert_string_equal(line_of(&v), "stands back");
        assert_string_equal(line_of(&(WhyNotView){ .reason = { .why = WHY_DRAINING, .there = true } }), "draining");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_machine_that_stands_by_is_told_with_its_rank),
                cmocka_unit_test(until_when_is_told_by_the_clock_and_another_day_with_its_date),
        };

        (void) setenv("TZ", "UTC", true);
        tzset();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
