/* SPDX-License-Identifier: Apache-2.0 */

/* Check=: a unit is taken only where its check passes, and let go where the check fails. */

#include "core-world.h"

static void configure(World *w, bool holds) {
        world_step(w, (Event){ .kind = EVENT_CONFIGURE,
                                      .config = { .unit = "a.service",
                                                      .lease = "a.service",
                                                      .checked = true,
                                                      .hold_on_failure = holds,
                                                      .stop_grace = USEC_INFINITY,
                                                      .timeout_stop = 90 * USEC_PER_SEC,
                                                      .hold_down_release = 30 * USEC_PER_SEC,
                                                      .hold_down_failure = 60 * USEC_PER_SEC } });
}

static void check(World *w, bool passes) {
        world_step(w, (Event){ .kind = EVENT_CHECK, .unit = "a.service", .on = passes });
}

static World *running(bool holds) {
        World *w = world_running();

        configure(w, holds);
        check(w, true);
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_UNIT_STOP], 0);
        return w;
}

static bool is_held(World *w) {
        const Entry *e = world_find(w, RECORD_LEASE, "a.service");

        return e && e->revision > 0 && e->value.lease.state == LEASE_HELD;
}

static void nothing_is_taken_before_its_check_has_passed(void **state) {
        World *w = world_new();

        w->silent = true;
        world_connect(w);
        configure(w, false);
        w->silent = false;
        world_pass(w, 3 * TTL);
        assert_false(is_held(w));
        check(w, false);
        world_pass(w, 3 * TTL);
        assert_false(is_held(w));
        check(w, true);
        world_pass(w, TTL);
        assert_true(is_held(w) && w->guard.open);
        world_free(w);
}

static void what_fails_its_check_is_let_go_and_comes_back_when_it_passes_and_the_time_is_over(void **state) {
        World *w = running(false);

        check(w, false);
        assert_true(w->done[ACTION_UNIT_STOP] > 0);
        w->unit = (UnitReport){ .active = ACTIVE_INACTIVE, .empty = true, .gate_loaded = true, .run = w->unit.run };
        world_say_unit(w);
        world_pass(w, USEC_PER_SEC);
        assert_false(is_held(w));
        assert_int_equal(w->reports[REPORT_UNIT_FAILED], 1);
        assert_int_equal(tenure_why(lease_last_tenure(&world_find(w, RECORD_LEASE, "a.service")->value.lease)),
                        WHY_CHECK_FAILED);
        world_pass(w, 5 * USEC_PER_MINUTE);
        assert_false(is_held(w));
        check(w, true);
        world_pass(w, TTL);
        assert_true(is_held(w));
        world_free(w);
}

static void with_onfailure_hold_it_stays(void **state) {
        World *w = running(true);

        check(w, false);
        world_pass(w, TTL);
        assert_int_equal(w->done[ACTION_UNIT_STOP], 0);
        assert_true(is_held(w));
        world_free(w);
}

static void hear(World *w, RecordKind kind, const char *name) {
        const Entry *e = world_find(w, kind, name);
        Record r = { .kind = kind, .name = name, .mod_revision = e->revision, .value = &e->value };

        world_step(w, (Event){ .kind = EVENT_RECORDS,
                                      .answer = { .revision = w->revision, .records = &r, .n_records = 1 } });
}

/* They hold the unit's lease; the unit is down here. */
static World *beside_them(bool holds) {
        World *w = world_new();

        world_add_them(w);
        world_connect(w);
        configure(w, holds);
        world_say_unit(w);
        world_pass(w, USEC_PER_SEC);
        return w;
}

/* They hand us the lease. */
static void hand_over(World *w) {
        LeaseRecord l = *world_lease(w);

        lease_end_tenure(&l, 0, WHY_TRANSFER);
        str_copy(l.machine_id, sizeof(l.machine_id), US);
        str_copy(l.session, sizeof(l.session), w->session);
        l.index++;
        world_put(w, RECORD_LEASE, "a.service", &l);
        hear(w, RECORD_LEASE, "a.service");
        world_pass(w, USEC_PER_SEC);
}

static Why offered(World *w) {
        const Entry *e = world_find(w, RECORD_OFFER, US "/a.service");

        assert_non_null(e);
        return offer_reason(&e->value.offer).why;
}

static void nobody_is_offered_a_machine_where_the_check_fails_or_was_not_made(void **state) {
        World *w = beside_them(false);

        assert_int_equal(offered(w), WHY_CHECK_UNKNOWN);
        check(w, true);
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(offered(w), WHY_NONE);
        check(w, false);
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(offered(w), WHY_CHECK_FAILS);
        world_free(w);
}

/* The check has begun to fail while they stopped the unit. */
static void what_is_handed_to_where_its_check_fails_is_let_go_and_not_started(void **state) {
        World *w = beside_them(false);

        check(w, false);
        hand_over(w);
        assert_int_equal(w->done[ACTION_UNIT_START], 0);
        assert_false(is_held(w));
        assert_int_equal(tenure_why(lease_last_tenure(world_lease(w))), WHY_CHECK_FAILED);
        world_free(w);
}

static void with_onfailure_hold_it_is_started_where_it_was_handed(void **state) {
        World *w = beside_them(true);

        check(w, false);
        hand_over(w);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        assert_true(is_held(w));
        world_free(w);
}

/* In a pause nobody else could take it. */
static void in_a_pause_it_waits_with_its_lease_until_the_check_passes(void **state) {
        static const PauseRecord pause;
        World *w = beside_them(false);

        check(w, false);
        world_put(w, RECORD_PAUSE, "", &pause);
        hear(w, RECORD_PAUSE, "");
        hand_over(w);
        assert_int_equal(w->done[ACTION_UNIT_START], 0);
        assert_true(is_held(w));
        check(w, true);
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        world_free(w);
}

static void nothing_is_taken_by_force_where_its_check_fails(void **state) {
        World *w = beside_them(false);

        check(w, false);
        w->word_why = NULL;
        world_step(w, (Event){ .kind = EVENT_STEAL, .unit = "a.service", .id = 5 });
        assert_int_equal(w->word, WORD_UNABLE);
        assert_non_null(w->word_why);
        world_pass(w, USEC_PER_SEC);
        assert_string_equal(world_lease(w)->session, THEIR_SESSION);
        world_free(w);
}

/* Whether they have stopped is waited for, and meanwhile the check fails. */
static void what_was_taken_by_force_is_not_started_where_its_check_fails(void **state) {
        World *w = beside_them(false);

        check(w, true);
        world_step(w, (Event){ .kind = EVENT_STEAL, .unit = "a.service", .id = 5 });
        assert_int_equal(w->word, WORD_BEGUN);
        assert_string_equal(world_lease(w)->session, w->session);
        check(w, false);
        world_pass(w, 2 * TTL);
        assert_int_equal(w->done[ACTION_UNIT_START], 0);
        assert_int_equal(world_lease(w)->state, LEASE_FREE);
        world_free(w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(nothing_is_taken_before_its_check_has_passed),
                cmocka_unit_test(what_fails_its_check_is_let_go_and_comes_back_when_it_passes_and_the_time_is_over),
                cmocka_unit_test(with_onfailure_hold_it_stays),
                cmocka_unit_test(nobody_is_offered_a_machine_where_the_check_fails_or_was_not_made),
                cmocka_unit_test(what_is_handed_to_where_its_check_fails_is_let_go_and_not_started),
                cmocka_unit_test(with_onfailure_hold_it_is_started_where_it_was_handed),
                cmocka_unit_test(in_a_pause_it_waits_with_its_lease_until_the_check_passes),
                cmocka_unit_test(nothing_is_taken_by_force_where_its_check_fails),
                cmocka_unit_test(what_was_taken_by_force_is_not_started_where_its_check_fails),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
