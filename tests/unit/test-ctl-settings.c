/* SPDX-License-Identifier: Apache-2.0 */
/* Each line of the table in leased.unit(5) that is refused, or weak: what is said of a unit with that setting, and
 * only of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "ctl/finding.h"
#include "ctl/settings.h"

static bool is_gated(const char *unit) {
        return startswith(unit, "leased-");
}

/* As PID 1 shows a plain unit. */
static json_t *plain(void) {
        return json_pack("{s:b, s:b, s:b, s:b, s:s, s:s, s:s, s:s, s:s, s:s, s:[], s:[]}", "RefuseManualStart", 0,
                        "RefuseManualStop", 0, "StopWhenUnneeded", 0, "IgnoreOnIsolate", 1, "SuccessAction", "none",
                        "FailureAction", "none", "StartLimitAction", "none", "JobTimeoutAction", "none",
                        "OnFailureJobMode", "replace", "OnSuccessJobMode", "fail", "OnFailure", "OnSuccess");
}

static char *look(const char *with, json_t *unit) {
        json_auto_t *findings = json_array();
        json_t *finding;
        char *text = NULL;
        size_t size, i;
        FILE *f = open_memstream(&text, &size);
        int code = settings_refuse(with, unit, findings);

        assert_int_equal(code == CTL_OK, json_array_size(findings) == 0);
        settings_weaken(with, unit, true, is_gated, findings);
        json_array_foreach(findings, i, finding)
                (void) fprintf(f, "%s: %s\n", get_string(finding, "severity"), get_string(finding, "text"));
        assert_int_equal(fclose(f), 0);
        json_decref(unit);
        return text;
}

static json_t *with(const char *property, json_t *value) {
        json_t *unit = plain();

        assert_int_equal(json_object_set_new(unit, property, value), 0);
        return unit;
}

static void a_plain_unit_has_nothing_to_be_said(void **state) {
        _cleanup_free_ char *text = look("", plain());

        assert_string_equal(text, "");
}

static void what_forbids_what_leased_does_is_refused(void **state) {
        static const char *const all[] = { "RefuseManualStart", "RefuseManualStop", "StopWhenUnneeded",
                "LazyUnmount" };

        for (size_t i = 0; i < ELEMENTSOF(all); i++) {
                _cleanup_free_ char *text = look("", with(all[i], json_true()));
                _cleanup_free_ char *member = look("brings a.service, which ", with(all[i], json_true()));

                assert_true(startswith(text, "refused: has "));
                assert_non_null(strstr(text, all[i]));
                assert_int_equal(*member != 0, streq(all[i], "RefuseManualStop") || streq(all[i], "LazyUnmount"));
        }
}

/* The names of leased's own units for it have room for no more. */
static void a_name_that_leaves_no_room_for_leaseds_own_units_is_refused(void **state) {
        for (int n = 1; n <= 255; n++) {
                json_auto_t *findings = json_array();
                char name[256];
                int code;

                (void) snprintf(name, sizeof(name), "%0*d.service", MAX(1, n - 8), 0);
                code = settings_refuse_name("brings it, which ", name, findings);
                assert_int_equal(code, strlen(name) > 233 ? CTL_FAILED : CTL_OK);
                assert_int_equal(json_array_size(findings), strlen(name) > 233);
                if (code == CTL_OK)
                        continue;
                assert_string_equal(get_string(json_array_get(findings, 0), "severity"), "refused");
                assert_true(startswith(
                                get_string(json_array_get(findings, 0), "text"), "brings it, which has a name of 2"));
                assert_non_null(strstr(get_string(json_array_get(findings, 0), "text"),
                                ", and 233 are the most: leased has units of its own with this name in theirs "
                                "(leased-stop@UNIT.target, leased-frozen@UNIT.service)"));
        }
}

static void an_action_at_every_stop_is_refused_and_one_at_a_failure_is_weak(void **state) {
        static const char *const weak[] = { "FailureAction", "StartLimitAction", "JobTimeoutAction" };
        _cleanup_free_ char *success = look("", with("SuccessAction", json_string("poweroff")));
        _cleanup_free_ char *member = look("brings a.service, which ", with("SuccessAction", json_string("poweroff")));

        assert_true(startswith(success, "refused: has SuccessAction=poweroff: "));
        assert_true(startswith(member, "refused: brings a.service, which has SuccessAction=poweroff: "));
        for (size_t i = 0; i < ELEMENTSOF(weak); i++) {
                _cleanup_free_ char *text = look("", with(weak[i], json_string("reboot"))), *begin = NULL;

                assert_true(asprintf(&begin, "weak: has %s=reboot: ", weak[i]) > 0);
                assert_true(startswith(text, begin));
        }
}

static void a_handler_without_a_lease_is_weak(void **state) {
        static const char *const all[] = { "OnFailure", "OnSuccess" };

        for (size_t i = 0; i < ELEMENTSOF(all); i++) {
                _cleanup_free_ char *text =
                                look("", with(all[i], json_pack("[ss]", "leased-own.service", "mail.service")));

                assert_non_null(strstr(text, "leasectl enable mail.service"));
                assert_null(strstr(text, "leased-own"));
        }
}

static void a_handler_that_isolates_is_weak(void **state) {
        json_t *unit = with("OnFailure", json_pack("[s]", "leased-own.target"));
        _cleanup_free_ char *text = NULL;

        assert_int_equal(json_object_set_new(unit, "OnFailureJobMode", json_string("isolate")), 0);
        text = look("", unit);
        assert_true(startswith(text, "weak: has OnFailureJobMode=isolate: "));
}

static void an_isolate_that_reaches_it_all_the_same_is_weak(void **state) {
        _cleanup_free_ char *text = look("", with("IgnoreOnIsolate", json_false()));

        assert_true(startswith(text, "weak: has IgnoreOnIsolate=no"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_plain_unit_has_nothing_to_be_said),
                cmocka_unit_test(what_forbids_what_leased_does_is_refused),
                cmocka_unit_test(a_name_that_leaves_no_room_for_leaseds_own_units_is_refused),
                cmocka_unit_test(an_action_at_every_stop_is_refused_and_one_at_a_failure_is_weak),
                cmocka_unit_test(a_handler_without_a_lease_is_weak),
                cmocka_unit_test(a_handler_that_isolates_is_weak),
                cmocka_unit_test(an_isolate_that_reaches_it_all_the_same_is_weak),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
