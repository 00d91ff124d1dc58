/* SPDX-License-Identifier: Apache-2.0 */
/* Records and the timeline, linked with the core alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <malloc.h>
#include <stdio.h>

#include "core/record.h"
#include "core/timeline.h"

static const char session_a[] = "1f2e3d4c5b6a7988-10000", session_b[] = "0000000000000001-2000";

/* ---- names ---- */

static void a_slot_is_a_name_with_a_number(void **state) {
        static const char *const none[] = { "foo", "foo#", "foo#0", "foo#01", "foo#1a", "foo#100", "foo#-1",
                "foo#1#2" };
        char name[NAME_SIZE], longest[NAME_SIZE];

        for (unsigned i = 1; i < 100; i++) {
                lease_name_slot("foo.service", i, name);
                assert_int_equal(lease_slot(name), i);
                assert_true(lease_name_is_valid(name));
                lease_name_slot("foo.service#7", i, longest); /* of any slot of the same name */
                assert_string_equal(longest, name);
        }
        for (size_t i = 0; i < ELEMENTSOF(none); i++)
                assert_int_equal(lease_slot(none[i]), 0);
        assert_true(lease_slots_are_alike("foo#1", "foo#12"));
        assert_false(lease_slots_are_alike("foo#1", "fo#1"));
        assert_false(lease_slots_are_alike("foo#1", "foo"));
        memset(longest, 'a', sizeof(longest));
        longest[252] = '\0';
        assert_true(lease_has_room_for_slots(longest));
        lease_name_slot(longest, 64, name);
        assert_true(lease_name_is_valid(name));
        longest[252] = 'a';
        longest[253] = '\0';
        assert_false(lease_has_room_for_slots(longest));
}

static void a_session_tells_its_ttl(void **state) {
        static const usec_t ttls[] = { TTL_MIN, 2500 * USEC_PER_MSEC, 10 * USEC_PER_SEC, 12345 * USEC_PER_MSEC,
                TTL_MAX };

        assert_int_equal(session_ttl(session_a), 10 * USEC_PER_SEC);
        assert_int_equal(session_ttl(session_b), 2 * USEC_PER_SEC);
        for (size_t i = 0; i < ELEMENTSOF(ttls); i++) {
                char session[SESSION_SIZE];

                session_format(UINT64_MAX - i, ttls[i], session);
                assert_true(strlen(session) < SESSION_SIZE);
                assert_int_equal(session_ttl(session), ttls[i]);
        }
}

static void a_session_is_written_in_sixteen_digits(void **state) {
        char session[SESSION_SIZE];

        session_format(0x1f2e3d4c5b6a7988, 10 * USEC_PER_SEC, session);
        assert_string_equal(session, session_a);
        session_format(1, 2 * USEC_PER_SEC, session);
        assert_string_equal(session, session_b);
}

static void what_is_not_a_session_has_no_ttl(void **state) {
        static const char *const names[] = { "", "-", "10000", "1f2e3d4c5b6a7988", "1f2e3d4c5b6a7988-",
                "1f2e3d4c5b6a798-10000", "1f2e3d4c5b6a79881-10000", "1F2E3D4C5B6A7988-10000", "1f2e3d4c5b6a798g-10000",
                "1f2e3d4c5b6a7988-999", "1f2e3d4c5b6a7988-60001", "1f2e3d4c5b6a7988-10s", "1f2e3d4c5b6a7988--5000",
                "1f2e3d4c5b6a7988-+5000", "1f2e3d4c5b6a7988- 5000", "1f2e3d4c5b6a7988-9999999",
                "1f2e3d4c5b6a7988-99999999999999999999" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (session_ttl(names[i]) != 0)
                        fail_msg("%s has a TTL", names[i]);
}

static void lease_names_are_unit_names(void **state) {
        static const char *const good[] = { "a", "foo.service", "foo@bar.service", "foo-\\x2d.mount", "A:b_c.timer",
                "@", "-", "a#1" };
        static const char *const bad[] = { "", ".", "..", ".hidden", "a/b", "a b", "a\n", "\xc3\xa4", "a+b", "a%b",
                "a\x7f", "#1" };
        char longest[NAME_SIZE + 1];

        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                assert_true(lease_name_is_valid(good[i]));
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                if (lease_name_is_valid(bad[i]))
                        fail_msg("'%s' is taken for a lease's name", bad[i]);
        memset(longest, 'x', sizeof(longest) - 1);
        longest[NAME_SIZE] = '\0';
        assert_false(lease_name_is_valid(longest));
        longest[NAME_SIZE - 1] = '\0';
        assert_true(lease_name_is_valid(longest));
}

static void machine_ids_are_32_hex_digits(void **state) {
        assert_true(machine_id_is_valid("0123456789abcdef0123456789abcdef"));
        assert_false(machine_id_is_valid(""));
        assert_false(machine_id_is_valid("0123456789abcdef0123456789abcde"));
        assert_false(machine_id_is_valid("0123456789abcdef0123456789abcdef0"));
        assert_false(machine_id_is_valid("0123456789ABCDEF0123456789abcdef"));
        assert_false(machine_id_is_valid("01234567-89ab-cdef-0123-456789ab"));
}

/* ---- leases ---- */

static void only_its_session_holds_a_lease(void **state) {
        LeaseRecord l = { .state = LEASE_HELD };

        str_copy(l.session, sizeof(l.session), session_a);
        assert_true(lease_held_by(&l, session_a));
        assert_false(lease_held_by(&l, session_b));
        l.state = LEASE_FREE;
        assert_false(lease_held_by(&l, session_a));
        /* A lease of the D-Bus API has no session, and no session holds it. */
        l = (LeaseRecord){ .state = LEASE_HELD };
        assert_false(lease_held_by(&l, ""));
}

static void a_debt_is_a_session_and_an_index(void **state) {
        LeaseRecord l = {};

        assert_false(lease_has_debt(&l, session_a, 1));
        assert_true(lease_add_debt(&l, session_a, 1));
        assert_true(lease_add_debt(&l, session_a, 2));
        assert_true(lease_add_debt(&l, session_b, 1));
        assert_int_equal(l.n_debts, 3);
        assert_true(lease_add_debt(&l, session_a, 2)); /* it is there */
        assert_int_equal(l.n_debts, 3);
        lease_strike_debt(&l, session_b, 2); /* no such pair */
        assert_int_equal(l.n_debts, 3);
        lease_strike_debt(&l, session_a, 1);
        assert_int_equal(l.n_debts, 2);
        assert_false(lease_has_debt(&l, session_a, 1));
        assert_true(lease_has_debt(&l, session_a, 2));
        assert_true(lease_has_debt(&l, session_b, 1));
        lease_strike_debt(&l, session_b, 1);
        lease_strike_debt(&l, session_a, 2);
        assert_int_equal(l.n_debts, 0);
}

static void a_debt_of_no_readable_name_is_waited_out_for_the_longest_ttl(void **state) {
        static const char *const odd[] = { "period-", "period-5x", "period-0", "period-99999999999999", "period--1",
                "", "anybody", "0123456789abcdef-", "0123456789abcdef-1", "0123456789abcdef-99999" };
        char most[SESSION_SIZE];

        for (size_t i = 0; i < ELEMENTSOF(odd); i++)
                assert_int_equal(debt_ttl(odd[i]), TTL_MAX);
        assert_int_equal(debt_ttl("period-5000"), 5 * USEC_PER_SEC);
        assert_int_equal(debt_ttl("0123456789abcdef-5000"), 5 * USEC_PER_SEC);
        debt_format_period(PERIOD_MAX, most);
        assert_int_equal(debt_ttl(most), PERIOD_MAX + USEC_PER_MSEC);
}

static void no_debt_is_dropped_for_lack_of_room(void **state) {
        LeaseRecord l = {};

        for (uint64_t i = 1; i <= DEBTS_MAX; i++)
                assert_true(lease_add_debt(&l, session_a, i));
        assert_false(lease_add_debt(&l, session_b, 1));
        assert_true(lease_add_debt(&l, session_a, DEBTS_MAX)); /* it is there, so it needs no room */
        for (uint64_t i = 1; i <= DEBTS_MAX; i++)
                assert_true(lease_has_debt(&l, session_a, i));
        assert_false(lease_has_debt(&l, session_b, 1));
}

static void an_ended_tenure_is_remembered(void **state) {
        LeaseRecord l = { .state = LEASE_HELD, .machine_id = "m1", .index = 7, .since = 100 };

        lease_end_tenure(&l, 200, WHY_RELEASED);
        assert_int_equal(l.n_tenures, 1);
        assert_string_equal(l.tenures[0].machine_id, "m1");
        assert_int_equal(l.tenures[0].index, 7);
        assert_int_equal(l.tenures[0].from, 100);
        assert_int_equal(l.tenures[0].to, 200);
        assert_int_equal(l.tenures[0].code, WHY_RELEASED);
        assert_string_equal(l.tenures[0].why, "released");
}

static void the_word_of_every_end_is_written_whole(void **state) {
        for (Why why = WHY_EXPIRED; why <= WHY_UNFIT; why++) {
                LeaseRecord l = { .machine_id = "m1" };

                lease_end_tenure(&l, 200, why);
                assert_int_equal(tenure_why(l.tenures), why);
                assert_true(l.tenures[0].why[0]);
                assert_string_equal(l.tenures[0].why, why_word(why));
        }
}

static void a_tenure_that_has_only_a_word_is_understood(void **state) {
        Tenure t = { .why = "unfit" };

        assert_int_equal(tenure_why(&t), WHY_UNFIT);
        str_copy(t.why, sizeof(t.why), "transfer");
        assert_int_equal(tenure_why(&t), WHY_TRANSFER);
        str_copy(t.why, sizeof(t.why), "whatever");
        assert_int_equal(tenure_why(&t), WHY_NONE);
        t.code = WHY_DRAIN; /* a number goes before a word */
        assert_int_equal(tenure_why(&t), WHY_DRAIN);
}

static void of_many_tenures_the_newest_are_remembered(void **state) {
        LeaseRecord l = { .machine_id = "m1" };

        for (uint64_t i = 1; i <= 3 * TENURES_MAX; i++) {
                l.index = i;
                lease_end_tenure(&l, i, WHY_RELEASED);
        }
        assert_int_equal(l.n_tenures, TENURES_MAX);
        for (size_t i = 0; i < TENURES_MAX; i++)
                assert_int_equal(l.tenures[i].index, 2 * TENURES_MAX + i + 1);
}

static void a_fence_counts_all_names_and_keeps_the_newest(void **state) {
        FenceRecord f = {};
        char name[32];

        for (unsigned i = 0; i < FENCE_NAMES_MAX + 10; i++) {
                (void) snprintf(name, sizeof(name), "%u.service", i);
                fence_add_name(&f, name);
                assert_int_equal(f.counter, i + 1);
                assert_string_equal(f.names[f.n_names - 1], name);
        }
        assert_int_equal(f.n_names, FENCE_NAMES_MAX);
        assert_string_equal(f.names[0], "10.service");
}

static void a_fence_is_copied_with_all_of_its_names(void **state) {
        FenceRecord f = {}, copy;
        char name[32];

        memset(&copy, 0xff, sizeof(copy));
        for (unsigned i = 0; i <= FENCE_NAMES_MAX + 1; i++) {
                fence_copy(&copy, &f);
                assert_int_equal(copy.counter, f.counter);
                assert_int_equal(copy.n_names, f.n_names);
                assert_memory_equal(copy.names, f.names, f.n_names * sizeof(f.names[0]));
                (void) snprintf(name, sizeof(name), "%u.service", i);
                fence_add_name(&f, name);
        }
}

/* ---- the timeline ---- */

static void ten_seconds_are_as_documented(void **state) {
        Timeline t;

        assert_int_equal(timeline_compute(10 * USEC_PER_SEC, USEC_INFINITY, 90 * USEC_PER_SEC, &t), 0);
        assert_int_equal(t.round, 2 * USEC_PER_SEC);
        assert_int_equal(t.attempt, USEC_PER_SEC);
        assert_int_equal(t.kill, 9450 * USEC_PER_MSEC);
        assert_int_equal(t.stop, 6950 * USEC_PER_MSEC);
        assert_int_equal(t.stop_grace, 2500 * USEC_PER_MSEC);
        assert_true(t.take >= 10200 * USEC_PER_MSEC && t.take <= 10200 * USEC_PER_MSEC + 1);
}

/* The law itself, with both clocks as wrong as they may be: the one that is slow by 1 % counts 99 where the one that
 * is fast by 1 % counts 101. */
static void check_law(usec_t ttl) {
        Timeline t;

        (void) timeline_compute(ttl, 0, 0, &t);
        assert_true((t.kill + ttl_kill_slack(ttl)) * 101 <= t.take * 99);
        assert_true(t.stop <= t.kill && t.round < t.stop && t.attempt < t.round);
}

/* For every TTL below 2 s, where the slack hangs on the TTL, in steps of 1 us; above, of 1 ms. */
static void the_holder_is_killed_before_the_taker_may_come(void **state) {
        for (usec_t ttl = TTL_MIN; ttl <= 2 * USEC_PER_SEC; ttl++)
                check_law(ttl);
        for (usec_t ttl = 2 * USEC_PER_SEC; ttl <= TTL_MAX; ttl += USEC_PER_MSEC)
                check_law(ttl);
}

static void the_slack_is_a_part_of_a_short_ttl(void **state) {
        assert_int_equal(ttl_kill_slack(USEC_PER_SEC), 175 * USEC_PER_MSEC);
        assert_int_equal(ttl_kill_slack(2 * USEC_PER_SEC), 350 * USEC_PER_MSEC);
        assert_int_equal(ttl_kill_slack(TTL_MAX), 350 * USEC_PER_MSEC);
}

/* kill_at is 0.175 s before what it would be without slack, and the default leaves the registry two attempts. */
static void one_second_is_as_documented(void **state) {
        Timeline t;

        assert_int_equal(timeline_compute(USEC_PER_SEC, USEC_INFINITY, 90 * USEC_PER_SEC, &t), 0);
        assert_int_equal(t.round, 200 * USEC_PER_MSEC);
        assert_int_equal(t.kill, 805 * USEC_PER_MSEC);
        assert_int_equal(t.stop, 555 * USEC_PER_MSEC);
        assert_true(t.take >= 1020 * USEC_PER_MSEC && t.take <= 1020 * USEC_PER_MSEC + 1);
}

static void a_taker_is_never_early_by_rounding(void **state) {
        for (usec_t ttl = TTL_MIN; ttl < TTL_MIN + 1000; ttl++)
                assert_true(ttl_take_after(ttl) * 50 >= ttl * 51);
}

static void the_grace_is_what_was_asked_or_a_quarter(void **state) {
        Timeline t;

        assert_int_equal(timeline_compute(20 * USEC_PER_SEC, USEC_INFINITY, 3 * USEC_PER_SEC, &t), 0);
        assert_int_equal(t.stop_grace, 3 * USEC_PER_SEC); /* the unit needs less than a quarter */
        assert_int_equal(timeline_compute(20 * USEC_PER_SEC, USEC_INFINITY, USEC_INFINITY, &t), 0);
        assert_int_equal(t.stop_grace, 5 * USEC_PER_SEC);
        assert_int_equal(timeline_compute(20 * USEC_PER_SEC, 7 * USEC_PER_SEC, USEC_PER_SEC, &t), 0);
        assert_int_equal(t.stop_grace, 7 * USEC_PER_SEC);
        assert_int_equal(t.stop, t.kill - 7 * USEC_PER_SEC);
}

static void a_ttl_outside_the_range_is_refused(void **state) {
        Timeline t = { .round = 42 };

        assert_int_equal(timeline_compute(TTL_MIN - 1, USEC_INFINITY, 0, &t), -ERANGE);
        assert_int_equal(timeline_compute(TTL_MAX + 1, USEC_INFINITY, 0, &t), -ERANGE);
        assert_int_equal(timeline_compute(0, USEC_INFINITY, 0, &t), -ERANGE);
        assert_int_equal(timeline_compute(USEC_INFINITY, USEC_INFINITY, 0, &t), -ERANGE);
        assert_int_equal(t.round, 42);
}

static void a_grace_that_leaves_no_time_is_refused_with_its_numbers(void **state) {
        usec_t ttl = 10 * USEC_PER_SEC, most;
        Timeline t;

        assert_int_equal(timeline_compute(ttl, ttl, 0, &t), -EDOM);
        assert_int_equal(t.stop, 0);
        assert_int_equal(t.kill, 9450 * USEC_PER_MSEC);
        most = t.kill - t.round - 2 * t.attempt;
        assert_int_equal(timeline_compute(ttl, most, 0, &t), 0);
        assert_int_equal(timeline_compute(ttl, most + 1, 0, &t), -EDOM);
        assert_int_equal(timeline_compute(ttl, USEC_INFINITY - 1, 0, &t), -EDOM);
        assert_int_equal(t.stop, 0);
}

static void the_default_fits_every_ttl(void **state) {
        for (usec_t ttl = TTL_MIN; ttl <= TTL_MAX; ttl += 10 * USEC_PER_MSEC) {
                Timeline t;

                assert_int_equal(timeline_compute(ttl, USEC_INFINITY, 90 * USEC_PER_SEC, &t), 0);
        }
}

/* A lease with a history has no debts, as a rule, and there may be very many leases. */
static void what_is_kept_of_a_lease_has_room_for_what_it_says(void **state) {
        static const size_t debts[] = { 0, 0, 0, 1, 0, DEBTS_MAX, 1 },
                            tenures[] = { 0, 1, TENURES_MAX, 0, 2, TENURES_MAX, 1 };
        const size_t room = 32; /* which malloc() may add */
        LeaseRecord *kept = NULL;

        for (size_t i = 0; i < ELEMENTSOF(debts); i++) {
                LeaseRecord l = { .state = LEASE_HELD, .index = 7, .n_debts = debts[i], .n_tenures = tenures[i] },
                            whole;

                for (size_t n = 0; n < l.n_debts; n++)
                        l.debts[n].index = n + 1;
                for (size_t n = 0; n < l.n_tenures; n++)
                        l.tenures[n].index = n + 100;
                kept = lease_keep(kept, &l);
                assert_non_null(kept);
                whole = lease_copy(kept);
                assert_memory_equal(&whole, &l, sizeof(l));
                if (l.n_debts == 0)
                        assert_in_range(malloc_usable_size(kept), 0,
                                        sizeof(l) - sizeof(l.debts) - (TENURES_MAX - l.n_tenures) * sizeof(Tenure) +
                                                        room);
        }
        free(kept);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_kept_of_a_lease_has_room_for_what_it_says),
                cmocka_unit_test(a_slot_is_a_name_with_a_number),
                cmocka_unit_test(a_session_tells_its_ttl),
                cmocka_unit_test(a_session_is_written_in_sixteen_digits),
                cmocka_unit_test(what_is_not_a_session_has_no_ttl),
                cmocka_unit_test(lease_names_are_unit_names),
                cmocka_unit_test(machine_ids_are_32_hex_digits),
                cmocka_unit_test(only_its_session_holds_a_lease),
                cmocka_unit_test(a_debt_is_a_session_and_an_index),
                cmocka_unit_test(a_debt_of_no_readable_name_is_waited_out_for_the_longest_ttl),
                cmocka_unit_test(no_debt_is_dropped_for_lack_of_room),
                cmocka_unit_test(an_ended_tenure_is_remembered),
                cmocka_unit_test(the_word_of_every_end_is_written_whole),
                cmocka_unit_test(a_tenure_that_has_only_a_word_is_understood),
                cmocka_unit_test(of_many_tenures_the_newest_are_remembered),
                cmocka_unit_test(a_fence_counts_all_names_and_keeps_the_newest),
                cmocka_unit_test(a_fence_is_copied_with_all_of_its_names),
                cmocka_unit_test(ten_seconds_are_as_documented),
                cmocka_unit_test(the_holder_is_killed_before_the_taker_may_come),
                cmocka_unit_test(the_slack_is_a_part_of_a_short_ttl),
                cmocka_unit_test(one_second_is_as_documented),
                cmocka_unit_test(a_taker_is_never_early_by_rounding),
                cmocka_unit_test(the_grace_is_what_was_asked_or_a_quarter),
                cmocka_unit_test(a_ttl_outside_the_range_is_refused),
                cmocka_unit_test(a_grace_that_leaves_no_time_is_refused_with_its_numbers),
                cmocka_unit_test(the_default_fits_every_ttl),
        };

        return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
