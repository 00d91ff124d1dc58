/* SPDX-License-Identifier: Apache-2.0 */
/* What happens, in words: for people who watch. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ctl/monitor-words.h"

static const char *unit(const char *before, const char *state, const char *result) {
        static char buf[256];

        return monitor_words_unit(buf, sizeof(buf), before, state, "beta", result, 12) ? buf : "";
}

static void each_step_of_a_unit_is_told_in_words(void **state) {
        assert_string_equal(unit("waiting", "starting", ""), "starts on beta");
        assert_string_equal(unit("starting", "running", ""), "started on beta (Index 12)");
        assert_string_equal(unit("running", "stopping", ""), "stops on beta");
        assert_string_equal(unit("stopping", "waiting", ""), "stopped on beta");
        assert_string_equal(unit("running", "elsewhere", ""), "stopped on beta");
        assert_string_equal(unit("running", "stopped", ""), "stopped by hand on beta");
        assert_string_equal(unit("running", "failed", "exit-code"), "failed on beta: exit-code");
        assert_string_equal(unit("", "gone", ""), "no longer enabled on beta");
}

static void a_unit_that_is_frozen_is_told_and_so_is_its_end(void **state) {
        assert_string_equal(unit("running", "frozen", ""), "frozen on beta (no beat came in time)");
        assert_string_equal(unit("starting", "frozen", ""), "frozen on beta (no beat came in time)");
        assert_string_equal(unit("frozen", "running", ""), "thawed on beta (Index 12)");
        assert_string_equal(unit("frozen", "starting", ""), "thawed on beta");
        assert_string_equal(unit("frozen", "stopping", ""), "stops on beta");
        assert_string_equal(unit("frozen", "elsewhere", ""), "stopped on beta");
        assert_string_equal(unit("frozen", "frozen", ""), "");
}

static void what_is_no_step_is_not_told(void **state) {
        assert_string_equal(unit("waiting", "elsewhere", ""), "");
        assert_string_equal(unit("", "waiting", ""), "");
        assert_string_equal(unit("running", "running", ""), "");
        assert_string_equal(unit("running", "unknown", ""), "");
        assert_string_equal(unit("waiting", "acquiring", ""), "");
}

static const char *lease(const char *machine, const char *before, const char *why) {
        static char buf[256];

        monitor_words_lease(buf, sizeof(buf), machine, before, 12, why);
        return buf;
}

static void a_lease_is_told_with_its_holder_and_the_one_before(void **state) {
        assert_string_equal(lease("beta", "", ""), "held by beta (Index 12)");
        assert_string_equal(
                        lease("beta", "anna@alpha", "released"), "held by beta (Index 12), released by anna@alpha");
        assert_string_equal(lease("", "anna@alpha", "released"), "held by nobody (released by anna@alpha)");
        assert_string_equal(lease("", "", "expired"), "held by nobody (expired)");
        assert_string_equal(lease("", "", ""), "held by nobody");
}

static const char *machine(const char *before, const char *now) {
        static char buf[256];
        json_t *b = before ? json_loads(before, 0, NULL) : NULL, *n = json_loads(now, 0, NULL);
        bool said = monitor_words_machine(buf, sizeof(buf), b, n);

        json_decref(b);
        json_decref(n);
        return said ? buf : "";
}

static void a_machine_is_told_when_it_comes_falls_silent_and_drains(void **state) {
        static const char up[] = "{\"up\": true, \"draining\": false}",
                          silent[] = "{\"up\": false, \"draining\": false}",
                          drains[] = "{\"up\": true, \"draining\": true}", unknown[] = "{\"up\": null}";

        assert_string_equal(machine(NULL, up), "is new, and up");
        assert_string_equal(machine(up, up), "");
        assert_string_equal(machine(up, silent), "is silent");
        assert_string_equal(machine(silent, up), "is up");
        assert_string_equal(machine(up, unknown), "is not known to be up");
        assert_string_equal(machine(up, drains), "drains");
        assert_string_equal(machine(drains, up), "takes leases again");
}

static void a_property_is_told_only_if_it_means_something(void **state) {
        json_t *all = json_pack("{s:s, s:s}", "RegistryError", "timed out", "WhyNot", ""),
               *value = json_string("trouble"), *number = json_integer(3);
        char buf[256];

        assert_string_equal(
                        monitor_words_property(buf, sizeof(buf), "RegistryState", value, all, "alpha"), "registry");
        assert_string_equal(buf, "does not answer: timed out");
        assert_null(monitor_words_property(buf, sizeof(buf), "RegistryStateUSec", number, all, "alpha"));
        json_decref(value);
        value = json_string("");
        assert_string_equal(monitor_words_property(buf, sizeof(buf), "WhyNot", value, all, "alpha"), "");
        assert_string_equal(buf, "competes for leases");
        json_decref(value);
        value = json_pack("[s]", "leased.conf:3: no");
        assert_string_equal(monitor_words_property(buf, sizeof(buf), "ConfigurationErrors", value, all, "alpha"),
                        "leased.conf");
        assert_string_equal(buf, "leased.conf:3: no");
        json_decref(value);
        json_decref(number);
        json_decref(all);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_step_of_a_unit_is_told_in_words),
                cmocka_unit_test(a_unit_that_is_frozen_is_told_and_so_is_its_end),
                cmocka_unit_test(what_is_no_step_is_not_told),
                cmocka_unit_test(a_lease_is_told_with_its_holder_and_the_one_before),
                cmocka_unit_test(a_machine_is_told_when_it_comes_falls_silent_and_drains),
                cmocka_unit_test(a_property_is_told_only_if_it_means_something),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
