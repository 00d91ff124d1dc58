/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A record of a lease that somebody else has written, and that names our session on another machine. To all other
 * machines it looks sound, and our session beats: so nobody but us can end it (law 11).
 */

#include "core-world.h"

static void forge(World *w, uint64_t index) {
        LeaseRecord l = { .state = LEASE_HELD, .machine_id = THEM, .index = index };
        Record r = { .kind = RECORD_LEASE, .name = "a.service", .lease = &l };

        str_copy(l.session, sizeof(l.session), w->session);
        w->revision++;
        r.mod_revision = world_put(w, RECORD_LEASE, "a.service", &l)->revision;
        world_step(w, (Event){ .kind = EVENT_RECORDS,
                                      .answer = { .revision = w->revision, .records = &r, .n_records = 1 } });
        assert_int_equal(w->reports[REPORT_DAMAGED], 1);
}

/* Asserts that the lease is free a TTL later, at a higher Index, and that nobody may start its unit before the longest
 * TTL is over. */
static void assert_given_back(World *w, uint64_t index) {
        world_pass(w, TTL);
        assert_string_equal(world_lease(w)->machine_id, THEM); /* its holder, if there is one, may write it again */
        world_pass(w, TTL / 2);
        assert_int_equal(w->reports[REPORT_RETAKEN], 1);
        assert_int_equal(world_lease(w)->state, LEASE_FREE);
        assert_true(world_lease(w)->index > index);
        assert_int_equal(world_lease(w)->n_debts, 1);
        assert_int_equal(debt_ttl(world_lease(w)->debts[0].session), TTL_MAX);
}

static void a_lease_in_our_name_on_another_machine_is_given_back_where_no_unit_wants_it(void **state) {
        World *w = world_new();

        world_step(w, (Event){ .kind = EVENT_GUARD_UP });
        world_step(w, (Event){ .kind = EVENT_GUARD_SYNCED });
        world_pass(w, 15 * USEC_PER_SEC);
        forge(w, 7);
        assert_given_back(w, 7);
        world_free(w);
}

static void a_lease_in_our_name_on_another_machine_is_given_back_where_the_unit_may_not_run(void **state) {
        World *w = world_new();

        w->unit.gate_loaded = false;
        world_connect(w);
        world_pass(w, 15 * USEC_PER_SEC);
        forge(w, 7);
        assert_given_back(w, 7);
        assert_int_equal(w->done[ACTION_UNIT_START], 0);
        world_free(w);
}

static void a_lease_in_our_name_on_another_machine_is_ours_where_we_hold_it(void **state) {
        World *w = world_running();

        forge(w, 1);
        world_pass(w, 3 * TTL);
        assert_int_equal(w->reports[REPORT_RESTORED], 1);
        assert_string_equal(world_lease(w)->machine_id, US);
        assert_int_equal(world_lease(w)->index, 1);
        assert_int_equal(w->done[ACTION_UNIT_STOP], 0);
        world_free(w);
}

static void an_index_at_its_end_that_is_in_our_name_stays_for_the_operator(void **state) {
        World *w = world_new();
        LeaseRecord l = { .state = LEASE_FREE, .index = INDEX_MAX };

        world_put(w, RECORD_LEASE, "a.service", &l);
        world_step(w, (Event){ .kind = EVENT_GUARD_UP });
        world_step(w, (Event){ .kind = EVENT_GUARD_SYNCED });
        world_pass(w, 15 * USEC_PER_SEC);
        assert_int_equal(core_remembered(w->core, "a.service"), INDEX_MAX);
        forge(w, INDEX_MAX);
        world_pass(w, 3 * TTL);
        assert_int_equal(w->reports[REPORT_RETAKEN], 0);
        assert_string_equal(world_lease(w)->machine_id, THEM);
        world_free(w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_lease_in_our_name_on_another_machine_is_given_back_where_no_unit_wants_it),
                cmocka_unit_test(a_lease_in_our_name_on_another_machine_is_given_back_where_the_unit_may_not_run),
                cmocka_unit_test(a_lease_in_our_name_on_another_machine_is_ours_where_we_hold_it),
                cmocka_unit_test(an_index_at_its_end_that_is_in_our_name_stays_for_the_operator),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
