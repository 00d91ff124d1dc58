/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Between core and registry: every action ends in one event, and nothing that a record says is lost or made up on the
 * way. The registry is a puppet of this test: it notes what it is asked, and answers when told. So is the clock.
 */

#include "registry-puppet.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "registry/record-json.h"

static void assert_put_has(const Fixture *f, const char *member, uint64_t index) {
        json_t *root = json_loads(f->puppet.put, 0, NULL);
        RecordValue value;

        assert_non_null(root);
        assert_int_equal(json_is_object(json_object_get(root, member)), 1);
        assert_int_equal(json_array_size(json_object_get(json_object_get(root, member), "deep")), 2);
        json_decref(root);
        assert_int_equal(record_decode(RECORD_LEASE, f->puppet.put, strlen(f->puppet.put), &value, NULL), 0);
        assert_int_equal(value.lease.index, index);
}

/* ---- the promises ---- */

static void members_that_we_do_not_know_survive_a_rewrite(void **state) {
        _cleanup_free_ char *text = lease_text(4, "colour");
        Fixture *f = *state;

        watch(f, true, 10, "leases/a.service", text, 9, false);
        put_lease(f, 1, 9, 5);
        assert_put_has(f, "colour", 5);
        puppet_answer(&f->puppet,
                        &(RegistryAnswer){ .outcome = REGISTRY_COMMITTED, .revision = 11, .store = "store" });

        /* Once more: now it is our own text that is rewritten. */
        put_lease(f, 2, 11, 6);
        assert_put_has(f, "colour", 6);
        puppet_answer(&f->puppet,
                        &(RegistryAnswer){ .outcome = REGISTRY_COMMITTED, .revision = 12, .store = "store" });
}

static void members_learnt_from_a_refusal_survive_too(void **state) {
        _cleanup_free_ char *text = lease_text(5, "taste");
        Fixture *f = *state;

        put_lease(f, 1, 0, 5);
        puppet_answer(&f->puppet, &(RegistryAnswer){
                                                  .outcome = REGISTRY_REFUSED,
                                                  .revision = 20,
                                                  .store = "store",
                                                  .records = &(RegistryRecord){ .key = "leases/a.service",
                                                                  .value = text,
                                                                  .size = strlen(text),
                                                                  .mod_revision = 19 },
                                                  .n_records = 1,
                                  });
        put_lease(f, 2, 19, 6);
        assert_put_has(f, "taste", 6);
        puppet_answer(&f->puppet, &(RegistryAnswer){ .outcome = REGISTRY_UNKNOWN, .error = "gone" });
}

static void an_older_text_does_not_replace_a_newer_one(void **state) {
        _cleanup_free_ char *newer = lease_text(6, "newer"), *older = lease_text(5, "older");
        Fixture *f = *state;

        watch(f, false, 30, "leases/a.service", newer, 30, false);
        watch(f, false, 29, "leases/a.service", older, 29, false);
        put_lease(f, 1, 30, 7);
        assert_put_has(f, "newer", 7);
        puppet_answer(&f->puppet, &(RegistryAnswer){ .outcome = REGISTRY_UNKNOWN });
}

/* The newer text has no unknown members, so nothing of it is kept. The older text is kept when it comes, and is not
 * used, since it is not of the revision that is compared. */
static void an_older_text_brings_back_no_members(void **state) {
        _cleanup_free_ char *newer = lease_text(6, NULL), *older = lease_text(5, "older");
        Fixture *f = *state;

        watch(f, false, 30, "leases/a.service", newer, 30, false);
        watch(f, false, 29, "leases/a.service", older, 29, false);
        put_lease(f, 1, 30, 7);
        assert_null(strstr(f->puppet.put, "older"));
        puppet_answer(&f->puppet, &(RegistryAnswer){ .outcome = REGISTRY_UNKNOWN });
}

static void what_was_deleted_leaves_no_members_behind(void **state) {
        _cleanup_free_ char *text = lease_text(6, "ghost");
        Fixture *f = *state;

        watch(f, false, 30, "leases/a.service", text, 30, false);
        watch(f, false, 31, "leases/a.service", NULL, 31, true);
        assert_int_equal(f->seen.n_records, 1);
        assert_int_equal(f->seen.records[0].mod_revision, 0); /* absent, as of the change's revision */
        assert_int_equal(f->seen.revision, 31);
        put_lease(f, 1, 0, 7);
        assert_null(strstr(f->puppet.put, "ghost"));
        puppet_answer(&f->puppet, &(RegistryAnswer){ .outcome = REGISTRY_UNKNOWN });

        /* A whole listing without it says the same. */
        watch(f, false, 40, "leases/a.service", text, 40, false);
        watch(f, true, 41, NULL, NULL, 0, false);
        put_lease(f, 2, 0, 8);
        assert_null(strstr(f->puppet.put, "ghost"));
        puppet_answer(&f->puppet, &(RegistryAnswer){ .outcome = REGISTRY_UNKNOWN });
}

static void a_record_that_cannot_be_read_is_damaged_and_not_absent(void **state) {
        static const char *const texts[] = { "", "{", "[]", "{\"state\":\"held\"}", "{\"state\":42}" };
        Fixture *f = *state;

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                watch(f, false, 50 + i, "leases/a.service", texts[i], 50 + i, false);
                assert_int_equal(f->seen.n_records, 1);
                assert_true(f->seen.records[0].damaged);
                assert_false(f->seen.records[0].value);
                assert_int_equal(f->seen.records[0].mod_revision, 50 + i);
                assert_non_null(registry_port_damage(f->registry_port, RECORD_LEASE, "a.service"));
        }
        assert_null(registry_port_damage(f->registry_port, RECORD_LEASE, "b.service"));
}

static void a_listing_is_complete_and_leaves_out_what_is_not_ours(void **state) {
        _cleanup_free_ char *text = lease_text(4, NULL);
        Fixture *f = *state;
        const RegistryRecord records[] = {
                { .key = "leases/a.service", .value = text, .size = strlen(text), .mod_revision = 9 },
                { .key = "notes/of/somebody", .value = "hello", .size = 5, .mod_revision = 8 },
                { .key = "leases", .value = "hello", .size = 5, .mod_revision = 7 },
        };

        f->puppet.change(&(RegistryChange){ .listed = true,
                                         .revision = 10,
                                         .store = "store",
                                         .records = records,
                                         .n_records = ELEMENTSOF(records) },
                        f->puppet.change_userdata);
        assert_int_equal(f->seen.kind, EVENT_RECORDS);
        assert_int_equal(f->seen.complete, RECORD_ALL);
        assert_string_equal(f->seen.store, "store");
        assert_int_equal(f->seen.n_records, 1);
        assert_string_equal(f->seen.records[0].name, "a.service");
        assert_int_equal(f->seen.records[0].index, 4);
}

static void a_transaction_asks_for_what_it_compares(void **state) {
        Fixture *f = *state;
        BeatRecord beat = { .machine_id = MACHINE, .nonce = "0123456789abcdef-1" };
        const Key compares[] = {
                { .kind = RECORD_BEAT, .name = SESSION, .mod_revision = 7 },
                { .kind = RECORD_META, .name = "", .mod_revision = 0 },
        };
        const Key deletes[] = { { .kind = RECORD_OFFER, .name = "m/a.service" } };
        const Record put = { .kind = RECORD_BEAT, .name = SESSION, .beat = &beat };

        registry_port_txn(f->registry_port, &(Action){
                                                            .kind = ACTION_TXN,
                                                            .id = 77,
                                                            .timeout = TIMEOUT,
                                                            .txn = { .compares = compares,
                                                                            .n_compares = 2,
                                                                            .puts = &put,
                                                                            .n_puts = 1,
                                                                            .deletes = deletes,
                                                                            .n_deletes = 1 },
                                            });
        assert_string_equal(f->puppet.asked, "compare beats/" SESSION " 7;compare meta 0;put beats/" SESSION
                                             ";delete offers/m/a.service;read beats/" SESSION ";read meta;");
        assert_int_equal(f->puppet.timeout, TIMEOUT);
        puppet_answer(&f->puppet, &(RegistryAnswer){ .outcome = REGISTRY_COMMITTED, .revision = 8, .store = "store" });
        assert_int_equal(f->seen.events, 1);
        assert_int_equal(f->seen.kind, EVENT_TXN);
        assert_int_equal(f->seen.id, 77);
        assert_int_equal(f->seen.outcome, OUTCOME_COMMITTED);
        assert_int_equal(f->seen.revision, 8);
        assert_int_equal(f->seen.complete, 0);
}

static void no_answer_is_unknown(void **state) {
        Fixture *f = *state;

        put_lease(f, 5, 0, 1);
        puppet_answer(&f->puppet, &(RegistryAnswer){ .outcome = REGISTRY_UNKNOWN, .error = "no answer in 0.5 s" });
        assert_int_equal(f->seen.events, 1);
        assert_int_equal(f->seen.id, 5);
        assert_int_equal(f->seen.outcome, OUTCOME_UNKNOWN);
}

static void a_request_that_cannot_be_made_is_unknown_too(void **state) {
        Fixture *f = *state;

        f->puppet.refuse = -ENOMEM;
        put_lease(f, 5, 0, 1);
        registry_port_read(f->registry_port, &(Action){ .kind = ACTION_READ, .id = 6, .list_kinds = RECORD_ALL });
        assert_int_equal(f->seen.events, 2);
        assert_int_equal(f->seen.kind, EVENT_READ);
        assert_int_equal(f->seen.id, 6);
        assert_int_equal(f->seen.outcome, OUTCOME_UNKNOWN);
}

static void single_keys_are_got_and_absence_is_reported(void **state) {
        const Key keys[] = { { .kind = RECORD_LEASE, .name = "a.service" },
                { .kind = RECORD_FENCE, .name = SESSION } };
        Fixture *f = *state;
        const RegistryRecord records[] = { { .key = "leases/a.service" }, { .key = "fences/" SESSION } };

        registry_port_read(f->registry_port,
                        &(Action){ .kind = ACTION_READ, .id = 9, .timeout = TIMEOUT, .keys = keys, .n_keys = 2 });
        assert_string_equal(f->puppet.asked, "get leases/a.service;get fences/" SESSION ";");
        puppet_answer(&f->puppet, &(RegistryAnswer){ .outcome = REGISTRY_COMMITTED,
                                                  .revision = 60,
                                                  .store = "store",
                                                  .records = records,
                                                  .n_records = 2 });
        assert_int_equal(f->seen.kind, EVENT_READ);
        assert_int_equal(f->seen.complete, 0);
        assert_int_equal(f->seen.n_records, 2);
        assert_int_equal(f->seen.records[0].mod_revision, 0);
        assert_false(f->seen.records[0].damaged);
        assert_int_equal(f->seen.records[1].kind, RECORD_FENCE);
}

static void a_kind_is_listed_by_its_prefix(void **state) {
        _cleanup_free_ char *text = lease_text(4, NULL);
        const RegistryRecord records[] = {
                { .key = "beats/" SESSION, .value = "{}", .size = 2, .mod_revision = 3 },
                { .key = "leases/a.service", .value = text, .size = strlen(text), .mod_revision = 4 },
        };
        Fixture *f = *state;

        registry_port_read(
                        f->registry_port, &(Action){ .kind = ACTION_READ, .id = 9, .list_kinds = 1u << RECORD_BEAT });
        assert_string_equal(f->puppet.asked, "list beats/;");
        puppet_answer(&f->puppet, &(RegistryAnswer){ .outcome = REGISTRY_COMMITTED,
                                                  .revision = 5,
                                                  .records = records,
                                                  .n_records = 1 });
        assert_int_equal(f->seen.complete, 1u << RECORD_BEAT);
        assert_int_equal(f->seen.n_records, 1);

        /* Several kinds: one listing, one revision, and only what was asked for. */
        registry_port_read(f->registry_port, &(Action){ .kind = ACTION_READ,
                                                             .id = 10,
                                                             .list_kinds = 1u << RECORD_LEASE | 1u << RECORD_FENCE });
        assert_string_equal(f->puppet.asked, "list ;");
        puppet_answer(&f->puppet, &(RegistryAnswer){ .outcome = REGISTRY_COMMITTED,
                                                  .revision = 5,
                                                  .records = records,
                                                  .n_records = 2 });
        assert_int_equal(f->seen.complete, 1u << RECORD_LEASE | 1u << RECORD_FENCE);
        assert_int_equal(f->seen.n_records, 1);
        assert_int_equal(f->seen.records[0].kind, RECORD_LEASE);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(members_that_we_do_not_know_survive_a_rewrite, setup, teardown),
                cmocka_unit_test_setup_teardown(members_learnt_from_a_refusal_survive_too, setup, teardown),
                cmocka_unit_test_setup_teardown(an_older_text_does_not_replace_a_newer_one, setup, teardown),
                cmocka_unit_test_setup_teardown(an_older_text_brings_back_no_members, setup, teardown),
                cmocka_unit_test_setup_teardown(what_was_deleted_leaves_no_members_behind, setup, teardown),
                cmocka_unit_test_setup_teardown(
                                a_record_that_cannot_be_read_is_damaged_and_not_absent, setup, teardown),
                cmocka_unit_test_setup_teardown(
                                a_listing_is_complete_and_leaves_out_what_is_not_ours, setup, teardown),
                cmocka_unit_test_setup_teardown(a_transaction_asks_for_what_it_compares, setup, teardown),
                cmocka_unit_test_setup_teardown(no_answer_is_unknown, setup, teardown),
                cmocka_unit_test_setup_teardown(a_request_that_cannot_be_made_is_unknown_too, setup, teardown),
                cmocka_unit_test_setup_teardown(single_keys_are_got_and_absence_is_reported, setup, teardown),
                cmocka_unit_test_setup_teardown(a_kind_is_listed_by_its_prefix, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
