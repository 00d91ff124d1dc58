/* SPDX-License-Identifier: Apache-2.0 */

/* Several units of one machine with one Lease=: at no time does more than one of them run by it. */

#include "core-world.h"

static void configure(World *w, const char *unit, const char *lease) {
        world_step(w, (Event){ .kind = EVENT_CONFIGURE,
                                      .config = { .unit = unit,
                                                      .lease = lease,
                                                      .stop_grace = USEC_INFINITY,
                                                      .timeout_stop = 90 * USEC_PER_SEC } });
}

static void of_two_units_with_one_lease_only_one_holds_it(void **state) {
        World *w = world_running();
        UnitView view;

        configure(w, "b.service", "a.service");
        world_pass(w, 2 * TTL);
        assert_true(core_find_unit(w->core, w->now, "b.service", &view));
        assert_false(view.held_here);
        assert_int_equal(view.state, STATE_WAITING);
        assert_string_equal(WHY_TEXT(view.why_not), "another unit here has the same Lease=");
        assert_true(core_find_unit(w->core, w->now, "a.service", &view));
        assert_true(view.held_here);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        world_free(w);
}

static void say_that_b_is_down(World *w) {
        UnitReport down = { .known = true, .empty = true, .gate_loaded = true };

        for (unsigned i = 0; i < 30; i++) {
                world_pass(w, 100 * USEC_PER_MSEC);
                down.asked_at = w->now.boottime;
                world_step(w, (Event){ .kind = EVENT_UNIT, .unit = "b.service", .report = down });
        }
}

static void enable_b_with_the_lease_of_a(World *w) {
        configure(w, "b.service", "a.service");
        say_that_b_is_down(w);
}

static void a_unit_waits_for_one_with_its_lease_that_was_disabled_and_is_still_being_stopped(void **state) {
        World *w = world_running();
        UnitView view;

        world_step(w, (Event){ .kind = EVENT_FORGET, .unit = "a.service" });
        enable_b_with_the_lease_of_a(w);
        assert_true(core_find_unit(w->core, w->now, "a.service", &view));
        assert_int_equal(view.state, STATE_STOPPING);
        assert_int_equal(w->done[ACTION_GUARD_LOSE], 0);
        assert_int_equal(w->done[ACTION_GUARD_ARM], 1);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        w->unit.active = ACTIVE_INACTIVE;
        w->unit.empty = true;
        world_say_unit(w);
        say_that_b_is_down(w);
        assert_false(core_find_unit(w->core, w->now, "a.service", &view));
        assert_true(w->done[ACTION_UNIT_START] > 1);
        assert_int_equal(world_lease(w)->index, 2);
        world_free(w);
}

static void a_lease_whose_unit_is_disabled_goes_to_the_other_unit_that_has_it(void **state) {
        World *w = world_running();

        enable_b_with_the_lease_of_a(w);
        world_step(w, (Event){ .kind = EVENT_FORGET, .unit = "a.service" });
        w->unit.active = ACTIVE_INACTIVE;
        w->unit.empty = true;
        world_say_unit(w);
        say_that_b_is_down(w);
        assert_int_equal(world_lease(w)->index, 2);
        assert_true(w->done[ACTION_UNIT_START] > 1);
        world_free(w);
}

/* The daemon is started again; what had a.service's lease was old.service, which the guard tells of. The environment
 * file of old.service names a lease, at that Index; NULL: the file is not there. */
static void restart_with_file(World *w, const char *lease_of_old, const char *file, uint64_t file_index) {
        GuardReport old = { .index = 1, .open = true, .serial = UINT64_MAX };
        char session[SESSION_SIZE];
        UnitView view;

        str_copy(session, sizeof(session), w->session);
        world_restart(w, session);
        w->guard = (GuardReport){};
        w->unit = (UnitReport){ .empty = true, .gate_loaded = true };
        configure(w, "a.service", "a.service");
        if (lease_of_old)
                configure(w, "old.service", lease_of_old);
        world_step(w, (Event){ .kind = EVENT_GUARD_UP });
        world_step(w, (Event){ .kind = EVENT_GUARD,
                                      .unit = "old.service",
                                      .guard = old,
                                      .lease = file,
                                      .index = file_index });
        world_step(w, (Event){ .kind = EVENT_GUARD_SYNCED });
        world_say_unit(w);
        world_pass(w, 3 * USEC_PER_SEC);
        assert_true(core_find_unit(w->core, w->now, "old.service", &view));
        assert_string_equal(world_lease(w)->session, session);
        assert_int_equal(world_lease(w)->index, 1);
}

static void restart_with_old(World *w, const char *lease_of_old) {
        restart_with_file(w, lease_of_old, NULL, 0);
}

static void a_unit_waits_for_one_that_only_the_guard_tells_of_at_the_index_of_its_lease(void **state) {
        World *w = world_running();

        restart_with_old(w, NULL);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        world_free(w);
}

static void a_unit_waits_for_one_that_had_its_lease_before_the_daemon_was_restarted(void **state) {
        World *w = world_running();

        restart_with_old(w, "old.service");
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        world_free(w);
}

static void a_robbed_session_strikes_no_debt_while_what_ran_by_it_is_still_being_stopped(void **state) {
        World *w = world_running();

        world_add_them(w);
        world_find(w, RECORD_LEASE, "a.service")->value.lease =
                        (LeaseRecord){ .state = LEASE_HELD, .machine_id = US, .index = 1 };
        str_copy(world_lease(w)->session, SESSION_SIZE, w->session);
        world_step(w, (Event){ .kind = EVENT_FORGET, .unit = "a.service" });
        enable_b_with_the_lease_of_a(w);
        world_rob_us(w);
        say_that_b_is_down(w);
        assert_int_equal(world_lease(w)->index, 2);
        assert_int_equal(world_lease(w)->n_debts, 1);
        world_free(w);
}

/* ... which the guard alone tells of: the unit that has the lease now never ran. */
static void a_debt_stands_while_what_ran_before_the_restart_by_its_index_is_still_being_stopped(void **state) {
        World *w = world_running();

        restart_with_old(w, NULL);
        world_rob_us(w);
        world_pass(w, 3 * USEC_PER_SEC);
        assert_int_equal(world_lease(w)->index, 2);
        assert_int_equal(world_lease(w)->n_debts, 1);
        world_free(w);
}

static void hold_without_a_unit(World *w, const char *name, uint64_t index) {
        LeaseRecord l = { .state = LEASE_HELD, .machine_id = US, .index = index };
        Record r = { .kind = RECORD_LEASE, .name = name };

        str_copy(l.session, sizeof(l.session), w->session);
        w->revision++;
        world_put(w, RECORD_LEASE, name, &l);
        r.mod_revision = w->revision;
        r.value = &l;
        world_step(w, (Event){ .kind = EVENT_RECORDS,
                                      .answer = { .revision = w->revision, .records = &r, .n_records = 1 } });
}

/* Its processes cannot be killed: that is its own lease's matter. */
static void what_cannot_be_stopped_keeps_back_no_lease_by_which_it_did_not_run(void **state) {
        World *w = world_running();

        restart_with_old(w, NULL); /* at Index 1 */
        hold_without_a_unit(w, "other.service", 5);
        hold_without_a_unit(w, "same.service", 1);
        world_pass(w, 3 * USEC_PER_SEC);
        assert_int_equal(world_find(w, RECORD_LEASE, "other.service")->value.lease.state, LEASE_FREE);
        assert_int_equal(world_find(w, RECORD_LEASE, "same.service")->value.lease.state, LEASE_HELD);
        world_free(w);
}

/* Neither what is said later, nor a new connection to the guard when the file is gone, makes it forget its lease. */
static void what_cannot_be_stopped_keeps_back_the_lease_that_its_file_names_alone(void **state) {
        static const char *const leases[] = { "own", "old.service", "same.service" };

        for (size_t own = 0; own < 2; own++) {
                World *w = world_running();
                GuardReport old = { .index = 1, .open = true, .serial = UINT64_MAX };

                restart_with_file(w, own ? NULL : "own", leases[own], 1);
                assert_int_equal(w->done[ACTION_UNIT_START], 2); /* a.service, which has the same Index */
                world_step(w, (Event){ .kind = EVENT_GUARD, .unit = "old.service", .guard = old });
                world_step(w, (Event){ .kind = EVENT_GUARD_DOWN });
                world_step(w, (Event){ .kind = EVENT_GUARD_UP });
                world_step(w, (Event){ .kind = EVENT_GUARD, .unit = "a.service", .guard = w->guard });
                world_step(w, (Event){ .kind = EVENT_GUARD, .unit = "old.service", .guard = old });
                world_step(w, (Event){ .kind = EVENT_GUARD_SYNCED });
                for (size_t i = 0; i < ELEMENTSOF(leases); i++)
                        hold_without_a_unit(w, leases[i], 1);
                world_pass(w, 3 * USEC_PER_SEC);
                for (size_t i = 0; i < ELEMENTSOF(leases); i++)
                        assert_int_equal(world_find(w, RECORD_LEASE, leases[i])->value.lease.state,
                                        i == own ? LEASE_HELD : LEASE_FREE);
                world_free(w);
        }
}

static void a_file_of_another_index_says_nothing(void **state) {
        for (uint64_t index = 0; index <= 2; index += 2) {
                World *w = world_running();

                restart_with_file(w, NULL, "own", index);
                assert_int_equal(w->done[ACTION_UNIT_START], 1);
                hold_without_a_unit(w, "same.service", 1);
                world_pass(w, 3 * USEC_PER_SEC);
                assert_int_equal(world_find(w, RECORD_LEASE, "same.service")->value.lease.state, LEASE_HELD);
                world_free(w);
        }
}

/* Lease= was changed while no daemon looked, to one that this machine holds at the same Index. */
static void a_unit_that_runs_by_another_lease_than_its_own_is_stopped(void **state) {
        World *w = world_running();
        char session[SESSION_SIZE];

        str_copy(session, sizeof(session), w->session);
        world_restart(w, session);
        configure(w, "a.service", "a.service");
        world_step(w, (Event){ .kind = EVENT_GUARD_UP });
        world_step(w, (Event){ .kind = EVENT_GUARD,
                                      .unit = "a.service",
                                      .guard = w->guard,
                                      .lease = "former",
                                      .index = w->guard.index });
        world_step(w, (Event){ .kind = EVENT_GUARD_SYNCED });
        hold_without_a_unit(w, "former", 1);
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(w->reports[REPORT_ADOPTED], 0);
        assert_false(w->guard.open);
        assert_int_equal(world_find(w, RECORD_LEASE, "former")->value.lease.state, LEASE_HELD);
        w->unit.active = ACTIVE_INACTIVE;
        w->unit.empty = true;
        world_say_unit(w);
        world_pass(w, 3 * USEC_PER_SEC);
        assert_int_equal(world_find(w, RECORD_LEASE, "former")->value.lease.state, LEASE_FREE);
        assert_true(w->guard.open);
        world_free(w);
}

static void a_unit_that_runs_everywhere_keeps_no_lease_from_one_that_needs_it(void **state) {
        World *w = world_new();

        world_step(w, (Event){ .kind = EVENT_CONFIGURE,
                                      .config = { .unit = "g.service", .lease = "a.service", .global = true } });
        world_connect(w);
        world_step(w, (Event){ .kind = EVENT_UNIT,
                                      .unit = "g.service",
                                      .report = { .known = true, .asked_at = w->now.boottime, .empty = true } });
        world_pass(w, 3 * USEC_PER_SEC);
        world_connect(w); /* whatever it said of its units is said anew */
        world_pass(w, 3 * USEC_PER_SEC);
        assert_string_equal(world_lease(w)->session, w->session);
        world_free(w);
}

/* That unit is not to run on this machine, so nothing else happens to it. */
static void a_unit_that_will_run_everywhere_gives_up_its_lease_at_once(void **state) {
        static const Placement elsewhere = { .machine_id = THEM };
        World *w = world_new();
        UnitView view;

        configure(w, "a.service", "old.service");
        configure(w, "g.service", "a.service");
        world_connect(w); /* a.service is to have the lease a.service */
        world_pass(w, 3 * USEC_PER_SEC);
        assert_true(core_find_unit(w->core, w->now, "a.service", &view));
        assert_string_equal(WHY_TEXT(view.why_not), "another unit here has the same Lease=");
        world_step(w, (Event){ .kind = EVENT_CONFIGURE,
                                      .config = { .unit = "g.service",
                                                      .lease = "a.service",
                                                      .global = true,
                                                      .placement = &elsewhere } });
        world_pass(w, 20 * USEC_PER_MSEC);
        assert_true(core_find_unit(w->core, w->now, "a.service", &view));
        assert_true(view.held_here);
        world_free(w);
}

/* etcd carries out no Txn that writes a key twice, and so would hear nothing of this machine's units any more. */
static void an_offer_is_taken_back_once_after_a_silence_of_the_registry(void **state) {
        World *w = world_running();

        world_pass(w, TTL);
        assert_true(world_find(w, RECORD_OFFER, US "/a.service")->revision > 0);
        w->silent = true;
        world_step(w, (Event){ .kind = EVENT_CONFIGURE,
                                      .config = { .unit = "a.service", .lease = "a.service", .global = true } });
        world_pass(w, USEC_PER_SEC);
        w->silent = false;
        world_pass(w, 3 * USEC_PER_SEC);
        assert_int_equal(world_find(w, RECORD_OFFER, US "/a.service")->revision, 0);
        world_free(w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(of_two_units_with_one_lease_only_one_holds_it),
                cmocka_unit_test(a_lease_whose_unit_is_disabled_goes_to_the_other_unit_that_has_it),
                cmocka_unit_test(a_unit_waits_for_one_with_its_lease_that_was_disabled_and_is_still_being_stopped),
                cmocka_unit_test(a_unit_waits_for_one_that_only_the_guard_tells_of_at_the_index_of_its_lease),
                cmocka_unit_test(a_unit_waits_for_one_that_had_its_lease_before_the_daemon_was_restarted),
                cmocka_unit_test(a_robbed_session_strikes_no_debt_while_what_ran_by_it_is_still_being_stopped),
                cmocka_unit_test(a_debt_stands_while_what_ran_before_the_restart_by_its_index_is_still_being_stopped),
                cmocka_unit_test(what_cannot_be_stopped_keeps_back_no_lease_by_which_it_did_not_run),
                cmocka_unit_test(what_cannot_be_stopped_keeps_back_the_lease_that_its_file_names_alone),
                cmocka_unit_test(a_file_of_another_index_says_nothing),
                cmocka_unit_test(a_unit_that_runs_by_another_lease_than_its_own_is_stopped),
                cmocka_unit_test(a_unit_that_will_run_everywhere_gives_up_its_lease_at_once),
                cmocka_unit_test(a_unit_that_runs_everywhere_keeps_no_lease_from_one_that_needs_it),
                cmocka_unit_test(an_offer_is_taken_back_once_after_a_silence_of_the_registry),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
