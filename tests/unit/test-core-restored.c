/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A store that was put back to a moment ago, and has grown since beyond all that this machine has seen (law 16); and
 * one that was replaced by another.
 */

#include "core-world.h"

/* The watch tells of b.service's lease, as a single change or as the list of all leases. */
static void show(World *w, const Entry *e, unsigned complete) {
        Record r = { .kind = RECORD_LEASE, .name = "b.service", .value = &e->value, .mod_revision = e->revision };

        world_step(w, (Event){ .kind = EVENT_RECORDS,
                                      .answer = { .revision = w->revision,
                                                      .complete = complete,
                                                      .records = &r,
                                                      .n_records = 1 } });
}

/* Another lease was seen to change since our last beat. */
static Entry *changed_elsewhere(World *w) {
        LeaseRecord l = { .state = LEASE_FREE, .index = 4 };
        Entry *e = world_put(w, RECORD_LEASE, "b.service", &l);

        show(w, e, 0);
        world_pass(w, TTL / 2);
        w->revision++;
        l.index++;
        e = world_put(w, RECORD_LEASE, "b.service", &l);
        show(w, e, 0);
        return e;
}

/* The store has that lease as it was before, and has grown since beyond all that we had seen. */
static void put_back(World *w, Entry *e) {
        e->revision--;
        w->revision += 100;
}

static void a_store_that_was_put_back_is_found_by_the_next_beat_whatever_its_revision(void **state) {
        World *w = world_running();

        put_back(w, changed_elsewhere(w));
        world_pass(w, TTL / 4);
        assert_int_equal(w->reports[REPORT_REGISTRY_FELL_BACK], 1);
        assert_true(w->guard.expired && w->beat_at > w->lost_at); /* that beat has not covered the unit */
        world_free(w);
}

static void a_list_of_the_watch_that_shows_an_older_record_tells_of_a_store_that_was_put_back(void **state) {
        World *w = world_running();
        Entry *e = changed_elsewhere(w);

        put_back(w, e);
        w->silent = true; /* it does not come to a beat */
        show(w, e, 0);
        assert_int_equal(w->reports[REPORT_REGISTRY_FELL_BACK], 0); /* a change that is told late */
        show(w, e, 1u << RECORD_LEASE);
        assert_int_equal(w->reports[REPORT_REGISTRY_FELL_BACK], 1);
        world_free(w);
}

static void a_lease_that_changes_again_before_the_beat_costs_one_attempt_and_nothing_else(void **state) {
        World *w = world_running();
        Entry *e = changed_elsewhere(w);
        uint64_t beats = w->done[ACTION_GUARD_BEAT];
        unsigned txns;

        e->revision = ++w->revision;
        txns = w->done[ACTION_TXN];
        world_pass(w, TTL / 4);
        assert_int_equal(w->done[ACTION_GUARD_BEAT], beats + 1);
        assert_int_equal(w->done[ACTION_TXN], txns + 2);
        world_pass(w, TTL / 5);
        assert_int_equal(w->done[ACTION_TXN], txns + 3);
        assert_int_equal(w->reports[REPORT_REGISTRY_FELL_BACK], 0);
        world_free(w);
}

/* There may have been another registry before, by which units run elsewhere. */
static void who_remembers_no_registry_takes_no_lease_for_a_ttl_however_often_it_is_restarted(void **state) {
        World *w = world_new();

        w->newcomer = true;
        world_restart(w, NULL);
        w->newcomer = false; /* from now on it is remembered */
        world_connect(w);
        world_pass(w, TTL / 2);
        assert_true(core_memory(w->core)->newcomer);
        world_restart(w, w->session);
        world_connect(w);
        world_pass(w, TTL);
        assert_int_equal(w->done[ACTION_UNIT_START], 0);
        assert_true(core_memory(w->core)->newcomer);
        world_pass(w, TTL / 20);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        assert_false(core_memory(w->core)->newcomer);
        world_restart(w, w->session);
        assert_false(core_memory(w->core)->newcomer); /* once is enough */
        world_free(w);
}

/* A machine on which nothing is enabled yet takes any registry for its first, but need not wait for one that it knows.
 */
static void a_registry_known_before_anything_depended_on_it_is_not_waited_for_twice(void **state) {
        static const FormerRegistry formers[] = {
                { .uuid = "u", .store = "store", .revision = 1 },
                { .uuid = "u", .store = "store", .revision = 1000 }, /* it fell back */
                { .uuid = "u", .store = "another", .revision = 1 },
                { .uuid = "v", .store = "store", .revision = 1 },
        };

        for (size_t i = 0; i < ELEMENTSOF(formers); i++) {
                World *w = world_new();

                w->newcomer = true;
                w->former = formers[i];
                world_restart(w, NULL);
                assert_string_equal(core_memory(w->core)->uuid, formers[i].uuid); /* a restart does not lose it */
                world_connect(w);
                world_pass(w, TTL);
                assert_int_equal(w->done[ACTION_UNIT_START], i == 0);
                world_pass(w, TTL / 20);
                assert_int_equal(w->done[ACTION_UNIT_START], 1);
                world_free(w);
        }
}

/* ---- another registry ---- */

/* The registry has this uuid, and nothing else is in it. */
static void replace_registry(World *w, const char *uuid, uint64_t revision) {
        MetaRecord meta = { .format = 1 };

        str_copy(meta.uuid, sizeof(meta.uuid), uuid);
        for (size_t i = 0; i < w->n_entries; i++)
                w->entries[i].revision = 0;
        w->revision = revision;
        world_put(w, RECORD_META, "", &meta);
}

/* Another registry, of uuid "v", has taken the place of the one by which the unit ran. Gives how that was; NULL:
 * nobody wants it. */
static World *running_until_it_is_replaced(World *ret_former) {
        World *w = world_running();

        if (ret_former)
                memcpy(ret_former, w, sizeof(*w));
        replace_registry(w, "v", 2);
        world_pass(w, 5 * USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_GUARD_LOSE], 1);
        return w;
}

static void a_replaced_registry_stops_everything_until_it_is_accepted(void **state) {
        World *w = running_until_it_is_replaced(NULL);

        w->unit.active = ACTIVE_INACTIVE;
        w->unit.empty = true;
        world_say_unit(w);
        world_pass(w, 200 * USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        assert_int_equal(world_find(w, RECORD_LEASE, "a.service")->revision, 0);
        world_step(w, (Event){ .kind = EVENT_ACCEPT, .uuid = "v" });
        world_pass(w, 100 * USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_UNIT_START], 2);
        assert_true(world_lease(w)->index > 1000000); /* the floor was raised to the wall clock */
        world_free(w);
}

/* A verb acts at once or is refused, and never strikes when our own registry is long back. */
static void a_registry_that_is_accepted_while_it_does_not_answer_is_not_accepted_when_it_does(void **state) {
        static World former;
        World *w = running_until_it_is_replaced(&former);

        w->unit.active = ACTIVE_INACTIVE;
        w->unit.empty = true;
        world_say_unit(w);
        w->silent = true;
        world_pass(w, 5 * USEC_PER_SEC);
        world_step(w, (Event){ .kind = EVENT_ACCEPT, .uuid = "v" });
        world_pass(w, 5 * USEC_PER_SEC);
        w->silent = false;
        memcpy(w->entries, former.entries, sizeof(w->entries));
        w->n_entries = former.n_entries;
        w->revision = former.revision;
        world_pass(w, 100 * USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_UNIT_START], 2); /* by our own registry, which is back */
        replace_registry(w, "v", 3);
        world_pass(w, 100 * USEC_PER_SEC);
        assert_int_equal(w->reports[REPORT_REGISTRY_FOREIGN], 2);
        assert_int_equal(w->reports[REPORT_REGISTRY_ACCEPTED], 0);
        world_step(w, (Event){ .kind = EVENT_ACCEPT, .uuid = "v" }); /* and now it answers */
        assert_int_equal(w->reports[REPORT_REGISTRY_ACCEPTED], 1);
        world_free(w);
}

static void a_registry_is_not_accepted_for_the_records_of_another_store(void **state) {
        World *w = running_until_it_is_replaced(NULL);

        assert_true(core_may_accept(w->core, "v"));
        assert_false(core_may_accept(w->core, "u") || core_may_accept(w->core, ""));
        world_step(w, (Event){ .kind = EVENT_RECORDS, .answer = { .revision = 3, .store = "third" } });
        assert_false(core_may_accept(w->core, "v"));
        world_pass(w, 5 * USEC_PER_SEC);
        assert_true(core_may_accept(w->core, "v"));
        world_free(w);
}

static void a_foreign_registry_that_is_emptied_and_slow_to_take_a_name_lets_the_core_rest(void **state) {
        World *w = running_until_it_is_replaced(NULL);

        world_find(w, RECORD_META, "")->revision = 0;
        w->hang = true;
        for (unsigned i = 0; i < 10; i++) {
                w->hanging = 0;
                while (!w->hanging)
                        world_pass(w, 100 * USEC_PER_MSEC);
                world_pass(w, 1500 * USEC_PER_MSEC); /* the list and the Txn have both been slow */
                world_step(w, (Event){ .kind = EVENT_TXN,
                                              .id = w->hanging,
                                              .answer = { .outcome = OUTCOME_UNKNOWN } });
        }
        world_free(w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_registry_known_before_anything_depended_on_it_is_not_waited_for_twice),
                cmocka_unit_test(who_remembers_no_registry_takes_no_lease_for_a_ttl_however_often_it_is_restarted),
                cmocka_unit_test(a_store_that_was_put_back_is_found_by_the_next_beat_whatever_its_revision),
                cmocka_unit_test(a_list_of_the_watch_that_shows_an_older_record_tells_of_a_store_that_was_put_back),
                cmocka_unit_test(a_lease_that_changes_again_before_the_beat_costs_one_attempt_and_nothing_else),
                cmocka_unit_test(a_replaced_registry_stops_everything_until_it_is_accepted),
                cmocka_unit_test(a_registry_that_is_accepted_while_it_does_not_answer_is_not_accepted_when_it_does),
                cmocka_unit_test(a_registry_is_not_accepted_for_the_records_of_another_store),
                cmocka_unit_test(a_foreign_registry_that_is_emptied_and_slow_to_take_a_name_lets_the_core_rest),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
