/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Between core and registry: however long a list is, however many changes come and whatever is in a record, no turn of
 * the loop takes long, and the memory is bounded.
 */

#include "registry-puppet.h"

#include <stdio.h>

/* A lease's text of that size, with a member that this version does not know. */
static char *long_lease(size_t size) {
        _cleanup_free_ char *text = lease_text(4, NULL);
        char *grown = malloc(size + 1);
        int n;

        assert_non_null(grown);
        n = snprintf(grown, size + 1, "%.*s,\"colour\":\"", (int) strlen(text) - 1, text);
        memset(grown + n, 'x', size - (size_t) n);
        memcpy(grown + size - 2, "\"}", 3);
        return grown;
}

/* Whoever can write to the registry can write a record that takes leased long to read, and much memory to keep. */
static void a_record_that_is_too_long_is_damaged_and_not_kept(void **state) {
        _cleanup_free_ char *text = long_lease(300 * 1024);
        Fixture *f = *state;

        watch(f, false, 9, "leases/a.service", text, 9, false);
        assert_int_equal(f->seen.events, 1);
        assert_true(f->seen.records[0].damaged);
        assert_int_equal(f->seen.records[0].mod_revision, 9);
        assert_string_equal(registry_port_damage(f->registry_port, RECORD_LEASE, "a.service"),
                        "it is too long, or has too many values");
        put_lease(f, 1, 9, 5); /* law 11: it can be put anew */
        assert_null(strstr(f->puppet.put, "colour"));
        puppet_answer(&f->puppet, &(RegistryAnswer){ .outcome = REGISTRY_UNKNOWN });
}

static void a_record_of_too_many_values_is_damaged_and_not_kept(void **state) {
        enum { N = 100000 };
        _cleanup_free_ char *text = malloc(2 * N + 40);
        Fixture *f = *state;
        char *p;

        assert_non_null(text);
        p = stpcpy(text, "{\"colour\":[1");
        for (size_t i = 0; i < N; i++)
                p = stpcpy(p, ",1");
        (void) stpcpy(p, "]}");
        watch(f, false, 9, "leases/a.service", text, 9, false);
        assert_int_equal(f->seen.events, 0); /* so long a text waits for a turn of its own */
        (void) sd_event_run(f->event, 0);
        assert_true(f->seen.events == 1 && f->seen.records[0].damaged);
        put_lease(f, 1, 9, 5);
        assert_null(strstr(f->puppet.put, "colour"));
        puppet_answer(&f->puppet, &(RegistryAnswer){ .outcome = REGISTRY_UNKNOWN });
}

enum { MANY = 2000 };

static void change_many(Fixture *f, uint64_t revision) {
        static char keys[MANY][32];
        static RegistryRecord records[MANY];
        _cleanup_free_ char *text = lease_text(4, NULL);

        for (unsigned i = 0; i < MANY; i++) {
                (void) snprintf(keys[i], sizeof(keys[i]), "leases/%04u", i);
                records[i] = (RegistryRecord){
                        .key = keys[i], .value = text, .size = strlen(text), .mod_revision = 5
                };
        }
        f->puppet.change(&(RegistryChange){ .listed = true,
                                         .revision = revision,
                                         .store = "store",
                                         .records = records,
                                         .n_records = MANY },
                        f->puppet.change_userdata);
}

/* Lets the loop run until all parts of the list have come, in as many turns. Returns how many records they have. */
static size_t take_parts(Fixture *f, uint32_t list) {
        unsigned before = f->seen.events, turns = 0;
        size_t n = 0;

        do {
                (void) sd_event_run(f->event, 0);
                assert_int_equal(f->seen.events, before + ++turns);
                assert_int_equal(f->seen.list, list);
                assert_int_equal(f->seen.begins, turns == 1);
                assert_int_equal(f->seen.complete, RECORD_ALL);
                assert_string_equal(f->seen.store, "store");
                assert_in_range(f->seen.n_records, 1, 300);
                n += f->seen.n_records;
        } while (f->seen.goes_on && turns < MANY);
        assert_in_range(turns, 8, 20);
        return n;
}

/* What comes after the list waits for it; a list that comes after it takes its place. */
static void a_long_list_takes_many_turns_of_the_loop(void **state) {
        _cleanup_free_ char *text = lease_text(4, NULL);
        Fixture *f = *state;

        change_many(f, 10);
        watch(f, false, 11, "leases/0001", text, 11, false);
        assert_int_equal(f->seen.events, 0);
        (void) sd_event_run(f->event, 0);
        assert_int_equal(f->seen.events, 1);
        assert_true(f->seen.list == 1 && f->seen.begins && f->seen.goes_on);
        change_many(f, 12);
        watch(f, false, 13, "leases/0001", text, 13, false);
        assert_int_equal(take_parts(f, 2), MANY);
        assert_int_equal(f->seen.revision, 12);
        (void) sd_event_run(f->event, 0);
        assert_int_equal(f->seen.revision, 13);
        assert_int_equal(f->seen.n_records, 1);
        assert_int_equal(f->seen.list, 0);
        watch(f, false, 14, "leases/0001", text, 14, false);
        assert_int_equal(f->seen.revision, 14);
        change_many(f, 15); /* the port is freed with it */
}

/* However long each of its records takes. */
static void a_turn_that_takes_long_ends_before_it_has_all_of_its_records(void **state) {
        Fixture *f = *state;
        size_t n = 0;

        look_takes = USEC_PER_MSEC;
        change_many(f, 10);
        do {
                unsigned before = f->seen.events;

                (void) sd_event_run(f->event, 0);
                assert_int_equal(f->seen.events, before + 1);
                assert_in_range(f->seen.n_records, 1, 10);
                assert_int_equal(f->seen.begins, n == 0);
                n += f->seen.n_records;
        } while (f->seen.goes_on && n < MANY);
        assert_int_equal(n, MANY);
        assert_false(f->seen.goes_on);
}

/* Few records may take long, too: whole they are told of all the same. */
static void few_long_records_wait_for_turns_of_their_own(void **state) {
        enum { FEW = 100 };
        _cleanup_free_ char *text = long_lease(20000);
        RegistryRecord records[FEW];
        Fixture *f = *state;
        unsigned turns = 0;

        for (unsigned i = 0; i < FEW; i++)
                records[i] = (RegistryRecord){
                        .key = "leases/a.service", .value = text, .size = strlen(text), .mod_revision = 5
                };
        look_takes = USEC_PER_MSEC;
        registry_port_read(f->registry_port, &(Action){ .kind = ACTION_READ, .id = 9, .list_kinds = RECORD_ALL });
        puppet_answer(&f->puppet, &(RegistryAnswer){ .outcome = REGISTRY_COMMITTED,
                                                  .revision = 5,
                                                  .store = "store",
                                                  .records = records,
                                                  .n_records = FEW });
        for (; f->seen.events == 0 && turns < FEW; turns++)
                (void) sd_event_run(f->event, 0);
        assert_in_range(turns, FEW / 10, FEW);
        assert_int_equal(f->seen.events, 1);
        assert_true(f->seen.kind == EVENT_READ && f->seen.id == 9 && f->seen.complete == RECORD_ALL);
        assert_int_equal(f->seen.n_records, FEW);
        assert_true(!f->seen.list && !f->seen.goes_on);
}

/* A server that sends changes faster than they are taken does not fill the memory with them. */
static void changes_that_are_not_taken_in_time_are_dropped_and_listed_anew(void **state) {
        _cleanup_free_ char *text = long_lease(200000), *one = lease_text(4, NULL);
        Fixture *f = *state;
        uint64_t revision = 11;

        change_many(f, 10);
        for (; f->puppet.relists == 0 && revision < 1000; revision++)
                watch(f, false, revision, "leases/a.service", text, revision, false);
        assert_int_equal(f->puppet.relists, 1);
        assert_in_range(revision, 100, 300); /* 32 MiB */
        assert_int_equal(take_parts(f, 1), MANY);
        for (unsigned i = 0; i < 3; i++)
                (void) sd_event_run(f->event, 0);
        assert_int_equal(f->seen.revision, 10); /* nothing of the changes */
        change_many(f, revision);
        watch(f, false, revision + 1, "leases/0001", one, revision + 1, false);
        assert_int_equal(take_parts(f, 2), MANY);
        (void) sd_event_run(f->event, 0);
        assert_true(f->seen.revision == revision + 1 && f->seen.n_records == 1);
        assert_int_equal(f->puppet.relists, 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_record_that_is_too_long_is_damaged_and_not_kept, setup, teardown),
                cmocka_unit_test_setup_teardown(a_record_of_too_many_values_is_damaged_and_not_kept, setup, teardown),
                cmocka_unit_test_setup_teardown(a_long_list_takes_many_turns_of_the_loop, setup, teardown),
                cmocka_unit_test_setup_teardown(
                                a_turn_that_takes_long_ends_before_it_has_all_of_its_records, setup, teardown),
                cmocka_unit_test_setup_teardown(few_long_records_wait_for_turns_of_their_own, setup, teardown),
                cmocka_unit_test_setup_teardown(
                                changes_that_are_not_taken_in_time_are_dropped_and_listed_anew, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
