/* SPDX-License-Identifier: Apache-2.0 */

/* What the guard lets in, and what it does not. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "guard/protocol.h"

static GuardMessage message(GuardMessageType type, const char *unit) {
        GuardMessage m = { .version = GUARD_PROTOCOL, .type = type };

        str_copy(m.unit, sizeof(m.unit), unit);
        return m;
}

static bool valid(GuardMessageType type, const char *unit) {
        GuardMessage m = message(type, unit);

        return guard_message_is_valid(&m, sizeof(m));
}

static void each_message_as_it_is_meant_is_valid(void **state) {
        static const GuardMessageType with[] = { GUARD_ARM, GUARD_LOSE, GUARD_DISARM, GUARD_OPEN, GUARD_CLOSE,
                GUARD_ENTRY };
        static const GuardMessageType without[] = { GUARD_BEAT, GUARD_HELLO, GUARD_SYNCED, GUARD_VERSION };

        for (size_t i = 0; i < ELEMENTSOF(with); i++) {
                assert_true(valid(with[i], "foo.service"));
                assert_false(valid(with[i], ""));
        }
        for (size_t i = 0; i < ELEMENTSOF(without); i++)
                assert_true(valid(without[i], ""));
}

static void a_unit_is_a_file_name_that_pid_one_knows(void **state) {
        static const char *const good[] = { "a.service", "foo@bar.timer", "dev-disk-by\\x2duuid.mount",
                "a:b_c.d-e.path" };
        static const char *const bad[] = { ".", "..", ".hidden.service", "../a.service", "a/b.service",
                "a service.service", "foo", "foo.", "foo@.service", "a\n.service", "a*.service" };

        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                assert_true(valid(GUARD_OPEN, good[i]));
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_false(valid(GUARD_OPEN, bad[i]));
}

static void a_name_that_is_too_long_or_has_no_end_is_not_valid(void **state) {
        GuardMessage m = message(GUARD_OPEN, "a.service");

        memset(m.unit, 'a', sizeof(m.unit));
        assert_false(guard_message_is_valid(&m, sizeof(m)));
        memset(m.unit, 'a', 256);
        memcpy(m.unit + 246, ".service\0", 9);
        assert_true(guard_message_is_valid(&m, sizeof(m)));
        memset(m.unit, 'a', 256);
        memcpy(m.unit + 250, ".path", 6);
        assert_true(guard_message_is_valid(&m, sizeof(m)));
        memset(m.unit, 'a', 257);
        memcpy(m.unit + 251, ".path", 6);
        assert_false(guard_message_is_valid(&m, sizeof(m)));
        m = message(GUARD_BEAT, "");
        memset(m.unit, 'a', sizeof(m.unit));
        assert_false(guard_message_is_valid(&m, sizeof(m)));
}

static void a_short_packet_is_not_valid_and_a_longer_one_is(void **state) {
        GuardMessage m = message(GUARD_BEAT, "");

        for (size_t n = 0; n < sizeof(m); n++)
                assert_false(guard_message_is_valid(&m, n));
        assert_true(guard_message_is_valid(&m, sizeof(m) + 100));
}

static void another_version_is_not_valid_and_an_unknown_type_is(void **state) {
        GuardMessage m = message(GUARD_BEAT, "");

        m.version++;
        assert_false(guard_message_is_valid(&m, sizeof(m)));
        assert_true(valid((GuardMessageType) 50, ""));
        assert_false(valid((GuardMessageType) 0, ""));
}

static void a_member_is_a_unit_or_a_template(void **state) {
        static const char *const good[] = { "a.service", "a@.service", "a@b.service", "-.mount", "x\\x2dy.path" };
        static const char *const bad[] = { "", ".service", "a", "a.", "a/b.service", "a b.service", GUARD_FENCE_REBOOT,
                GUARD_STOP_POST, GUARD_LEASE "a.service", "*.service" };
        char name[300];

        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                assert_true(guard_member_is_valid(good[i]));
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_false(guard_member_is_valid(bad[i]));
        memset(name, 'a', sizeof(name) - 1);
        memcpy(name + sizeof(name) - 9, ".service", 9);
        assert_false(guard_member_is_valid(name));
        assert_true(guard_member_is_valid(name + 44));
        assert_false(guard_member_is_valid(name + 43));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_member_is_a_unit_or_a_template),
                cmocka_unit_test(each_message_as_it_is_meant_is_valid),
                cmocka_unit_test(a_unit_is_a_file_name_that_pid_one_knows),
                cmocka_unit_test(a_name_that_is_too_long_or_has_no_end_is_not_valid),
                cmocka_unit_test(a_short_packet_is_not_valid_and_a_longer_one_is),
                cmocka_unit_test(another_version_is_not_valid_and_an_unknown_type_is),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
