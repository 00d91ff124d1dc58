/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a drop-in may take from the guard is told, each setting by itself, and nothing of a guard as it is shipped.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "ctl/finding.h"
#include "ctl/guard-settings.h"

#define TTL (10 * USEC_PER_SEC)

/* As PID 1 shows leased-guard.service; -1 is "infinity". */
static json_t *shipped(void) {
        return json_pack("{s:[[s, [s, s], b]], s:I, s:I, s:s, s:i, s:s, s:b, s:I, s:I, s:i, s:I, s:s, s:s, s:i}",
                        "ExecStopPost", "/usr/libexec/leased-guard", "/usr/libexec/leased-guard", "--wipe", 0,
                        "TimeoutStopUSec", (json_int_t) (90 * USEC_PER_SEC), "RuntimeMaxUSec", (json_int_t) -1,
                        "KillMode", "control-group", "WatchdogSignal", SIGKILL, "Restart", "no", "Delegate", 1,
                        "MemoryMax", (json_int_t) -1, "MemoryHigh", (json_int_t) -1, "TasksMax", 4915,
                        "CPUQuotaPerSecUSec", (json_int_t) -1, "ManagedOOMMemoryPressure", "auto", "ManagedOOMSwap",
                        "auto", "OOMScoreAdjust", -1000);
}

static char *look(json_t *service) {
        json_auto_t *findings = json_array();
        json_t *finding;
        char *text = NULL;
        size_t size, i;
        FILE *f = open_memstream(&text, &size);

        assert_non_null(service);
        guard_settings_examine(service, TTL, findings);
        json_array_foreach(findings, i, finding)
                (void) fprintf(f, "%s: %s\n", get_string(finding, "severity"), get_string(finding, "text"));
        assert_int_equal(fclose(f), 0);
        json_decref(service);
        return text;
}

static void a_guard_as_it_is_shipped_has_nothing_to_be_said(void **state) {
        _cleanup_free_ char *text = look(shipped());

        assert_string_equal(text, "");
}

static void whatever_takes_time_room_or_the_last_word_from_the_guard_is_told(void **state) {
        const struct {
                const char *property;
                json_t *value;
                const char *expected;
        } cases[] = {
                { "ExecStopPost", json_array(), "no ExecStopPost= with leased-guard --wipe" },
                { "ExecStopPost", json_pack("[[s, [s], b]]", "/bin/true", "/bin/true", 0), "no ExecStopPost=" },
                { "TimeoutStopUSec", json_integer((json_int_t) (TTL - 1)), "a TimeoutStopSec= below the TTL" },
                { "RuntimeMaxUSec", json_integer((json_int_t) USEC_PER_SEC), "RuntimeMaxSec=" },
                { "KillMode", json_string("none"), "KillMode=none" },
                { "KillMode", json_string("process"), "KillMode=process" },
                { "WatchdogSignal", json_integer(SIGABRT), "WatchdogSignal=" },
                { "StandardError", json_string("append"), "StandardError=" },
                { "StandardError", json_string("file:/var/log/all"), "StandardError=" },
                { "Restart", json_string("always"), "Restart=" },
                { "Delegate", json_false(), "Delegate=no" },
                { "MemoryMax", json_integer(1024 * 1024), "MemoryMax=" },
                { "MemoryHigh", json_integer(1024 * 1024), "MemoryHigh=" },
                { "TasksMax", json_integer(1), "TasksMax=" },
                { "CPUQuotaPerSecUSec", json_integer(200000), "CPUQuota=" },
                { "ManagedOOMSwap", json_string("kill"), "ManagedOOM*=kill" },
                { "ManagedOOMMemoryPressure", json_string("kill"), "ManagedOOM*=kill" },
                { "OOMScoreAdjust", json_integer(0), "OOMScoreAdjust=" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                json_t *service = shipped();
                _cleanup_free_ char *text = NULL;

                assert_int_equal(json_object_set_new(service, cases[i].property, cases[i].value), 0);
                text = look(service);
                if (!startswith(text, "weak: leased-guard.service has ") || !strstr(text, cases[i].expected) ||
                                strchr(text, '\n') != strrchr(text, '\n'))
                        fail_msg("%s: %s", cases[i].expected, text);
        }
}

static void what_takes_nothing_from_it_is_not_told(void **state) {
        json_t *service = shipped();
        _cleanup_free_ char *text = NULL;

        assert_int_equal(json_object_set_new(service, "TimeoutStopUSec", json_integer((json_int_t) TTL)), 0);
        assert_int_equal(json_object_set_new(service, "MemoryMax", json_integer(1024 * 1024 * 1024)), 0);
        assert_int_equal(json_object_set_new(service, "KillMode", json_string("mixed")), 0);
        assert_int_equal(json_object_set_new(service, "StandardError", json_string("journal")), 0);
        text = look(service);
        assert_string_equal(text, "");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_guard_as_it_is_shipped_has_nothing_to_be_said),
                cmocka_unit_test(whatever_takes_time_room_or_the_last_word_from_the_guard_is_told),
                cmocka_unit_test(what_takes_nothing_from_it_is_not_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
