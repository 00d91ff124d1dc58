/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <systemd/sd-bus.h>

#include "util/bus-error.h"
#include "util/names.h"

static void nobodys_answer_is_silence(void **state) {
        static const char *const names[] = { SD_BUS_ERROR_NO_REPLY, SD_BUS_ERROR_TIMEOUT, SD_BUS_ERROR_DISCONNECTED,
                SD_BUS_ERROR_IO_ERROR, SD_BUS_ERROR_SERVICE_UNKNOWN, SD_BUS_ERROR_NAME_HAS_NO_OWNER,
                SD_BUS_ERROR_LIMITS_EXCEEDED, "org.freedesktop.DBus.Error.TimedOut" };
        static const int errnos[] = { ETIMEDOUT, ECONNRESET, ENOTCONN };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                assert_true(bus_error_is_silence(names[i]));
        for (size_t i = 0; i < ELEMENTSOF(errnos); i++) {
                sd_bus_error e = SD_BUS_ERROR_NULL;

                (void) sd_bus_error_set_errno(&e, errnos[i]);
                assert_true(bus_error_is_silence(e.name));
                sd_bus_error_free(&e);
        }
}

static void an_answer_is_no_silence(void **state) {
        assert_false(bus_error_is_silence(NULL));
        assert_false(bus_error_is_silence(""));
        assert_false(bus_error_is_silence(PID1_ERROR("NoSuchUnit")));
        assert_false(bus_error_is_silence(PID1_ERROR("TransactionIsDestructive")));
        assert_false(bus_error_is_silence(SD_BUS_ERROR_ACCESS_DENIED));
        assert_false(bus_error_is_silence(SD_BUS_ERROR_NO_MEMORY));
        assert_false(bus_error_is_silence("org.freedesktop.DBus.Error.NoReplyAtAll"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(nobodys_answer_is_silence),
                cmocka_unit_test(an_answer_is_no_silence),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
