/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A scheduler's own leases, row by row of what fleet's package lease did, and where leased differs on purpose.
 */

#include "core-world.h"

#define PERIOD (10 * USEC_PER_SEC)

static World *beating(void) {
        World *w = world_new();

        world_pass(w, USEC_PER_SEC);
        return w;
}

static CallResult call(World *w, CallKind kind, const char *machine, uint64_t index, usec_t period) {
        unsigned before = w->done[ACTION_CALL_DONE];

        world_step(w, (Event){ .kind = EVENT_CALL,
                                      .id = 77,
                                      .call = { .kind = kind,
                                                      .lease = "engine-leader",
                                                      .machine = machine,
                                                      .version = 1,
                                                      .index = index,
                                                      .period = period } });
        for (unsigned i = 0; i < 10 && w->done[ACTION_CALL_DONE] == before; i++)
                world_pass(w, USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_CALL_DONE], before + 1);
        return w->called;
}

static LeaseRecord *record(World *w) {
        return &world_find(w, RECORD_LEASE, "engine-leader")->value.lease;
}

static void acquiring_a_held_lease_is_an_outcome_also_for_its_holder(void **state) {
        World *w = beating();

        assert_int_equal(call(w, CALL_ACQUIRE, THEM, 0, PERIOD), CALL_DONE);
        assert_int_equal(w->called_index, 1);
        assert_int_equal(call(w, CALL_ACQUIRE, US, 0, PERIOD), CALL_NOT_ACQUIRED);
        assert_int_equal(call(w, CALL_ACQUIRE, THEM, 0, PERIOD), CALL_NOT_ACQUIRED);
        assert_string_equal(record(w)->machine_id, THEM);
        assert_string_equal(record(w)->session, "");
        world_free(w);
}

static void renewing_keeps_machine_version_and_tenure_and_raises_the_index(void **state) {
        World *w = beating();
        usec_t since;

        (void) call(w, CALL_ACQUIRE, THEM, 0, PERIOD);
        since = record(w)->since;
        world_pass(w, PERIOD / 2);
        assert_int_equal(call(w, CALL_RENEW, US, 1, 2 * PERIOD), CALL_DONE);
        assert_int_equal(w->called_index, 2);
        assert_string_equal(record(w)->machine_id, THEM);
        assert_int_equal(record(w)->version, 1);
        assert_int_equal(record(w)->period, 2 * PERIOD);
        assert_int_equal(record(w)->since, since);
        assert_int_equal(record(w)->n_tenures, 0);
        world_free(w);
}

static void renewing_with_an_index_of_before_is_lost_and_changes_nothing(void **state) {
        World *w = beating();

        (void) call(w, CALL_ACQUIRE, "", 0, PERIOD);
        (void) call(w, CALL_RENEW, "", 1, PERIOD);
        assert_int_equal(call(w, CALL_RENEW, "", 1, PERIOD), CALL_LEASE_LOST);
        assert_int_equal(record(w)->index, 2);
        world_free(w);
}

static void a_renewed_lease_is_held_for_ever_and_a_silent_one_only_for_its_period_with_margin(void **state) {
        World *w = beating();

        (void) call(w, CALL_ACQUIRE, THEM, 0, PERIOD);
        for (unsigned i = 1; i < 20; i++) {
                world_pass(w, PERIOD / 2);
                assert_int_equal(call(w, CALL_RENEW, "", i, PERIOD), CALL_DONE);
        }
        world_pass(w, PERIOD);
        assert_int_equal(call(w, CALL_ACQUIRE, US, 0, PERIOD), CALL_NOT_ACQUIRED);
        world_pass(w, PERIOD / 49 + 1000);
        assert_int_equal(call(w, CALL_ACQUIRE, US, 0, PERIOD), CALL_DONE);
        assert_int_equal(w->called_index, 21);
        world_free(w);
}

static void a_lease_past_its_period_is_not_renewed_by_its_holder(void **state) {
        World *w = beating();

        (void) call(w, CALL_ACQUIRE, "", 0, PERIOD);
        world_pass(w, PERIOD + 1000);
        assert_int_equal(call(w, CALL_RENEW, "", 1, PERIOD), CALL_LEASE_LOST);
        world_free(w);
}

static void stealing_takes_the_present_index_and_says_how_long_to_wait(void **state) {
        World *w = beating();

        (void) call(w, CALL_ACQUIRE, THEM, 0, PERIOD);
        assert_int_equal(call(w, CALL_STEAL, US, 5, PERIOD), CALL_INDEX_MISMATCH);
        assert_int_equal(w->called_index, 1);
        world_pass(w, 3 * USEC_PER_SEC);
        assert_int_equal(call(w, CALL_STEAL, US, 1, PERIOD), CALL_DONE);
        assert_int_equal(w->called_index, 2);
        assert_in_range(w->called_span, 7 * USEC_PER_SEC, 7500 * USEC_PER_MSEC);
        assert_int_equal(call(w, CALL_RENEW, "", 1, PERIOD), CALL_LEASE_LOST);
        assert_int_equal(call(w, CALL_RELEASE, "", 1, 0), CALL_LEASE_LOST);
        world_free(w);
}

static void a_thief_who_goes_early_leaves_the_robbed_ones_time_behind(void **state) {
        World *w = beating();

        (void) call(w, CALL_ACQUIRE, THEM, 0, 3 * PERIOD);
        assert_int_equal(call(w, CALL_STEAL, US, 1, PERIOD), CALL_DONE);
        assert_int_equal(call(w, CALL_RELEASE, "", 2, 0), CALL_DONE);
        assert_int_equal(call(w, CALL_ACQUIRE, US, 0, PERIOD), CALL_NOT_ACQUIRED);
        world_pass(w, 2 * PERIOD);
        assert_int_equal(call(w, CALL_ACQUIRE, US, 0, PERIOD), CALL_NOT_ACQUIRED);
        world_pass(w, PERIOD + PERIOD / 10);
        assert_int_equal(call(w, CALL_ACQUIRE, US, 0, PERIOD), CALL_DONE);
        assert_int_equal(record(w)->n_debts, 0);
        world_free(w);
}

static void stealing_at_index_0_or_a_missing_lease_is_refused(void **state) {
        World *w = beating();

        assert_int_equal(call(w, CALL_STEAL, US, 1, PERIOD), CALL_NO_SUCH_LEASE);
        (void) call(w, CALL_ACQUIRE, THEM, 0, PERIOD);
        assert_int_equal(call(w, CALL_STEAL, US, 0, PERIOD), CALL_INDEX_MISMATCH);
        assert_string_equal(record(w)->machine_id, THEM);
        world_free(w);
}

static void releasing_twice_is_lost_the_second_time_and_the_index_goes_on(void **state) {
        World *w = beating();

        (void) call(w, CALL_ACQUIRE, "", 0, PERIOD);
        assert_int_equal(call(w, CALL_RELEASE, "", 1, 0), CALL_DONE);
        assert_int_equal(call(w, CALL_RELEASE, "", 1, 0), CALL_LEASE_LOST);
        assert_int_equal(call(w, CALL_ACQUIRE, "", 0, PERIOD), CALL_DONE);
        assert_int_equal(w->called_index, 2);
        world_free(w);
}

static void periods_that_cannot_be_kept_and_names_that_are_none_are_refused(void **state) {
        World *w = beating();

        assert_int_equal(call(w, CALL_ACQUIRE, "", 0, 400 * USEC_PER_MSEC), CALL_INVALID_PERIOD);
        assert_int_equal(call(w, CALL_ACQUIRE, "", 0, 0), CALL_INVALID_PERIOD);
        world_step(w, (Event){ .kind = EVENT_CALL,
                                      .call = { .kind = CALL_ACQUIRE, .lease = "a/b", .period = PERIOD } });
        assert_int_equal(w->called, CALL_INVALID_NAME);
        world_step(w, (Event){ .kind = EVENT_CALL,
                                      .call = { .kind = CALL_ACQUIRE, .lease = "..", .period = PERIOD } });
        assert_int_equal(w->called, CALL_INVALID_NAME);
        world_free(w);
}

static void a_units_lease_is_not_for_schedulers(void **state) {
        World *w = beating();

        world_connect(w);
        world_pass(w, USEC_PER_SEC);
        world_step(w, (Event){ .kind = EVENT_CALL,
                                      .call = { .kind = CALL_STEAL,
                                                      .lease = "a.service",
                                                      .index = 1,
                                                      .period = PERIOD } });
        assert_int_equal(w->called, CALL_UNIT_LEASE);
        assert_string_equal(world_lease(w)->session, w->session);
        world_free(w);
}

static void a_call_without_an_answer_is_asked_again_and_recognises_itself(void **state) {
        World *w = beating();

        w->lose_replies = true;
        world_step(w, (Event){ .kind = EVENT_CALL,
                                      .call = { .kind = CALL_ACQUIRE, .lease = "engine-leader", .period = PERIOD } });
        w->lose_replies = false;
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(w->called, CALL_DONE);
        assert_int_equal(w->called_index, 1);
        assert_int_equal(record(w)->index, 1);
        world_free(w);
}

static void a_call_that_is_carried_out_twice_recognises_itself(void **state) {
        World *w = beating();

        w->twice = true;
        assert_int_equal(call(w, CALL_ACQUIRE, THEM, 0, PERIOD), CALL_DONE);
        assert_int_equal(call(w, CALL_RENEW, "", 1, PERIOD), CALL_DONE);
        assert_int_equal(call(w, CALL_STEAL, US, 2, PERIOD), CALL_DONE);
        assert_int_equal(call(w, CALL_RELEASE, "", 3, 0), CALL_DONE);
        assert_int_equal(record(w)->state, LEASE_FREE);
        world_free(w);
}

/* Of two that renew by one Index, the watch being late. */
static void a_renewal_that_another_was_faster_with_is_lost(void **state) {
        World *w = beating();

        (void) call(w, CALL_ACQUIRE, THEM, 0, PERIOD);
        w->revision++;
        record(w)->index = 2;
        record(w)->renewed = w->now.realtime - USEC_PER_MSEC;
        world_find(w, RECORD_LEASE, "engine-leader")->revision = w->revision;
        assert_int_equal(call(w, CALL_RENEW, "", 1, PERIOD), CALL_LEASE_LOST);
        assert_int_equal(record(w)->index, 2);
        world_free(w);
}

static void a_renewal_whose_answer_is_lost_recognises_itself_and_no_other(void **state) {
        World *w = beating();

        (void) call(w, CALL_ACQUIRE, THEM, 0, PERIOD);
        w->lose_replies = true;
        world_step(w, (Event){ .kind = EVENT_CALL,
                                      .call = { .kind = CALL_RENEW,
                                                      .lease = "engine-leader",
                                                      .index = 1,
                                                      .period = PERIOD } });
        w->lose_replies = false;
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(w->called, CALL_DONE);
        assert_int_equal(w->called_index, 2);
        w->lose = 1u << RECORD_LEASE;
        world_step(w, (Event){ .kind = EVENT_CALL,
                                      .call = { .kind = CALL_RENEW,
                                                      .lease = "engine-leader",
                                                      .index = 2,
                                                      .period = PERIOD } });
        w->lose = 0;
        w->revision++;
        record(w)->index = 3;
        record(w)->renewed = w->now.realtime - USEC_PER_MSEC;
        world_find(w, RECORD_LEASE, "engine-leader")->revision = w->revision;
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(w->called, CALL_LEASE_LOST);
        world_free(w);
}

static void a_registry_that_stays_silent_leaves_the_outcome_unknown(void **state) {
        World *w = beating();

        w->silent = true;
        assert_int_equal(call(w, CALL_ACQUIRE, "", 0, PERIOD), CALL_UNKNOWN);
        world_free(w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(acquiring_a_held_lease_is_an_outcome_also_for_its_holder),
                cmocka_unit_test(renewing_keeps_machine_version_and_tenure_and_raises_the_index),
                cmocka_unit_test(renewing_with_an_index_of_before_is_lost_and_changes_nothing),
                cmocka_unit_test(a_renewed_lease_is_held_for_ever_and_a_silent_one_only_for_its_period_with_margin),
                cmocka_unit_test(a_lease_past_its_period_is_not_renewed_by_its_holder),
                cmocka_unit_test(stealing_takes_the_present_index_and_says_how_long_to_wait),
                cmocka_unit_test(a_thief_who_goes_early_leaves_the_robbed_ones_time_behind),
                cmocka_unit_test(stealing_at_index_0_or_a_missing_lease_is_refused),
                cmocka_unit_test(releasing_twice_is_lost_the_second_time_and_the_index_goes_on),
                cmocka_unit_test(periods_that_cannot_be_kept_and_names_that_are_none_are_refused),
                cmocka_unit_test(a_units_lease_is_not_for_schedulers),
                cmocka_unit_test(a_call_without_an_answer_is_asked_again_and_recognises_itself),
                cmocka_unit_test(a_call_that_is_carried_out_twice_recognises_itself),
                cmocka_unit_test(a_renewal_that_another_was_faster_with_is_lost),
                cmocka_unit_test(a_renewal_whose_answer_is_lost_recognises_itself_and_no_other),
                cmocka_unit_test(a_registry_that_stays_silent_leaves_the_outcome_unknown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
