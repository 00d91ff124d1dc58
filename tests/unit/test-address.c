/* SPDX-License-Identifier: Apache-2.0 */
/* leased-address: which addresses it takes, and how long the kernel may keep them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "address/address.h"
#include "address/life.h"
#include "guard/gate.h"
#include "util/file-util.h"

#define UNIT "web.service"
#define SEC USEC_PER_SEC

/* ---- addresses ---- */

static void addresses_are_read_and_written(void **state) {
        static const char *const texts[] = { "eth0/10.0.0.100/32", "br-lan/192.168.7.1/24", "eth0.7/2001:db8::1/64",
                "e/2001:db8:0:1::/0", "enp0s31f6/fe80::1/128",
                "abcdefghijklmno/2001:db8:1111:2222:3333:4444:5555:6666/128" };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                char text[ADDRESS_TEXT_SIZE];
                Address a;

                assert_int_equal(address_parse(texts[i], &a), 0);
                assert_string_equal(address_text(&a, text), texts[i]);
        }
}

static void what_is_no_address_of_one_machine_is_refused(void **state) {
        static const char *const texts[] = { "", "eth0", "eth0/10.0.0.1", "10.0.0.1/24", "/10.0.0.1/24", "eth0//24",
                "eth0/10.0.0.1/", "eth0/10.0.0.1/33", "eth0/10.0.0.1/+1", "eth0/10.0.0.1/024x", "eth0/10.0.0.1/0032",
                "eth0/10.0.0.1/24/24", "eth0/10.0.0/24", "eth0/ 10.0.0.1/24", "eth0/2001:db8::1/129",
                "eth0/2001:db8::1%eth0/64", "eth0/0.0.0.0/0", "eth0/127.0.0.1/8", "eth0/224.0.0.1/4",
                "eth0/255.255.255.255/32", "eth0/::/0", "eth0/::1/128", "eth0/ff02::1/128",
                "abcdefghijklmnop/10.0.0.1/24" };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                Address a;

                assert_int_equal(address_parse(texts[i], &a), -EINVAL);
        }
}

/* ---- lifetimes ---- */

static void a_lifetime_is_over_by_kill_at_whenever_it_begins_and_if_the_kernel_is_late(void **state) {
        for (usec_t left = 0; left < 12 * SEC; left += 977) {
                usec_t now = 1234567890, latest = 0;
                unsigned seconds = life_seconds(now + left, now, &latest);

                if (seconds == 0) {
                        assert_true(left < LIFE_LATE + LIFE_SEND + SEC);
                        continue;
                }
                assert_true(latest >= now + LIFE_SEND);
                assert_true(latest + seconds * SEC + LIFE_LATE <= now + left);
                /* No second is given away. */
                assert_true(latest + seconds * SEC + LIFE_LATE > now + left - SEC);
                assert_true(latest < now + LIFE_SEND + SEC);
        }
}

static void a_time_that_is_over_gives_no_lifetime(void **state) {
        usec_t latest;

        assert_int_equal(life_seconds(0, 100 * SEC, &latest), 0);
        assert_int_equal(life_seconds(0, 0, &latest), 0);
        assert_int_equal(life_seconds(99 * SEC, 100 * SEC, &latest), 0);
        assert_int_equal(life_seconds(100 * SEC + LIFE_LATE, 100 * SEC, &latest), 0);
}

/* kill_at is 0.98 TTL - 350 ms after a beat. */
static void a_ttl_of_three_seconds_suffices(void **state) {
        assert_false(life_suffices(2 * SEC * 98 / 100 - 350000));
        assert_true(life_suffices(3 * SEC * 98 / 100 - 350000));
}

/* ---- the guard's files ---- */

typedef struct Fixture {
        char directory[32], beat[64], mark[64];
        Gates *gates;
} Fixture;

static int set_up(void **state) {
        Fixture *f = calloc(1, sizeof(Fixture));

        (void) snprintf(f->directory, sizeof(f->directory), "/tmp/test-address-XXXXXX");
        if (!mkdtemp(f->directory) || gates_new(f->directory, &f->gates) < 0)
                return -1;
        (void) snprintf(f->beat, sizeof(f->beat), "%s/guard.beat", f->directory);
        (void) snprintf(f->mark, sizeof(f->mark), "%s/guard/" UNIT, f->directory);
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        Fixture *f = *state;
        char command[64];

        gates_free(f->gates);
        (void) snprintf(command, sizeof(command), "rm -rf %s", f->directory);
        free(f);
        return system(command);
}

static usec_t kill_at(const Fixture *f) {
        Life life = {};

        return life_read(f->directory, UNIT, 7, &life) < 0 ? 0 : life.kill_at;
}

static void a_beat_moves_the_time_of_a_live_lease(void **state) {
        Fixture *f = *state;
        Mark mark = { .index = 7, .kill_at = 100 * SEC, .kill_offset = 9 * SEC };

        assert_int_equal(kill_at(f), 0);
        assert_int_equal(gates_mark(f->gates, UNIT, &mark), 0);
        assert_int_equal(kill_at(f), 100 * SEC);
        assert_int_equal(gates_beat(f->gates, 90 * SEC), 0);
        assert_int_equal(kill_at(f), 100 * SEC); /* a beat never shortens */
        assert_int_equal(gates_beat(f->gates, 95 * SEC), 0);
        assert_int_equal(kill_at(f), 104 * SEC);
}

static void no_beat_moves_the_time_of_a_lost_lease(void **state) {
        Fixture *f = *state;
        Mark mark = { .index = 7, .kill_at = 100 * SEC, .kill_offset = 9 * SEC, .ended = true };

        assert_int_equal(gates_beat(f->gates, 95 * SEC), 0);
        assert_int_equal(gates_mark(f->gates, UNIT, &mark), 0);
        assert_int_equal(kill_at(f), 100 * SEC);
}

static void another_tenure_says_nothing(void **state) {
        Fixture *f = *state;
        Mark mark = { .index = 8, .kill_at = 100 * SEC, .kill_offset = 9 * SEC };
        Life life = { .kill_at = 5 };

        assert_int_equal(gates_mark(f->gates, UNIT, &mark), 0);
        assert_int_equal(life_read(f->directory, UNIT, 7, &life), -ESTALE);
        assert_int_equal(life.kill_at, 5);
}

static void damaged_files_say_nothing(void **state) {
        Fixture *f = *state;
        Mark mark = { .index = 7, .kill_at = 100 * SEC, .kill_offset = 9 * SEC };

        assert_int_equal(gates_mark(f->gates, UNIT, &mark), 0);
        assert_int_equal(truncate(f->beat, 3), 0);
        assert_int_equal(kill_at(f), 100 * SEC); /* the mark counts alone */
        assert_int_equal(truncate(f->mark, 10), 0);
        assert_int_equal(kill_at(f), 0);
        assert_int_equal(gates_unmark(f->gates, UNIT), 0);
        assert_int_equal(kill_at(f), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(addresses_are_read_and_written),
                cmocka_unit_test(what_is_no_address_of_one_machine_is_refused),
                cmocka_unit_test(a_lifetime_is_over_by_kill_at_whenever_it_begins_and_if_the_kernel_is_late),
                cmocka_unit_test(a_time_that_is_over_gives_no_lifetime),
                cmocka_unit_test(a_ttl_of_three_seconds_suffices),
                cmocka_unit_test_setup_teardown(a_beat_moves_the_time_of_a_live_lease, set_up, tear_down),
                cmocka_unit_test_setup_teardown(no_beat_moves_the_time_of_a_lost_lease, set_up, tear_down),
                cmocka_unit_test_setup_teardown(another_tenure_says_nothing, set_up, tear_down),
                cmocka_unit_test_setup_teardown(damaged_files_say_nothing, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
