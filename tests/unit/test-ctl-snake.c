/* SPDX-License-Identifier: Apache-2.0 */
/* How JSON calls what D-Bus calls otherwise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ctl/snake.h"

static void every_kind_of_name_becomes_words(void **state) {
        static const char *const names[][2] = {
                { "Version", "version" },
                { "MachineID", "machine_id" },
                { "LastErrorUSec", "last_error_usec" },
                { "TTLUSec", "ttl_usec" },
                { "RegistryUUID", "registry_uuid" },
                { "RegistryFoundUUID", "registry_found_uuid" },
                { "WhyNotCodes", "why_not_codes" },
                { "RegistrySinceUSec", "registry_since_usec" },
                { "InvocationID", "invocation_id" },
                { "UnitsError", "units_error" },
                { "DBusName", "d_bus_name" },
                { "", "" },
        };
        char buf[64];

        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                assert_string_equal(snake_name(buf, sizeof(buf), names[i][0]), names[i][1]);
}

static void a_name_that_is_too_long_is_cut(void **state) {
        char buf[8];

        assert_string_equal(snake_name(buf, sizeof(buf), "AbcdefGhi"), "abcde");
}

static void values_stay_as_they_are(void **state) {
        json_t *properties = json_pack("{s:s, s:{s:i}}", "BootID", "b", "Counters", "MovesNow", 3);
        json_t *expected = json_pack("{s:s, s:{s:i}}", "boot_id", "b", "counters", "MovesNow", 3);
        json_t *members = snake_members(properties);

        assert_true(json_equal(members, expected));
        json_decref(properties);
        json_decref(expected);
        json_decref(members);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_kind_of_name_becomes_words),
                cmocka_unit_test(a_name_that_is_too_long_is_cut),
                cmocka_unit_test(values_stay_as_they_are),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
