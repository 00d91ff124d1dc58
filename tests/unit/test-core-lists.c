/* SPDX-License-Identifier: Apache-2.0 */

/* Long lists, which come in parts. */

#include "core-world.h"

#include "core/mirror.h"

/* The watch lists the registry's records from one number to another, as a part of that list. */
static void say_part(World *w, uint32_t list, size_t from, size_t to, bool goes_on) {
        static Record records[RECORDS_MAX];
        size_t n = 0;

        for (size_t i = from; i < MIN(to, w->n_entries); i++)
                if (w->entries[i].revision > 0)
                        records[n++] = (Record){ .kind = w->entries[i].kind,
                                .name = w->entries[i].name,
                                .mod_revision = w->entries[i].revision,
                                .value = &w->entries[i].value };
        world_step(w, (Event){ .kind = EVENT_RECORDS,
                                      .answer = { .revision = w->revision,
                                                      .store = "store",
                                                      .complete = RECORD_ALL,
                                                      .list = list,
                                                      .begins = from == 0,
                                                      .goes_on = goes_on,
                                                      .records = records,
                                                      .n_records = n } });
}

/* A world in which a record has been seen that is gone since, and the watch has begun to list all. */
static World *missing_one_of_a_list(void) {
        const LeaseRecord l = { .state = LEASE_FREE, .index = 1 };
        World *w = world_running();

        world_put(w, RECORD_LEASE, "b.service", &l);
        say_part(w, 1, 0, RECORDS_MAX, false);
        assert_true(mirror_find_lease(w->core, "b.service")->seen.revision > 0);
        world_delete(w, RECORD_LEASE, "b.service");
        say_part(w, 2, 0, 3, true);
        return w;
}

static void a_list_in_parts_is_complete_with_its_last_part(void **state) {
        World *w = missing_one_of_a_list();
        const Entry *named = w->entries + 1;
        const Record again = {
                .kind = named->kind, .name = named->name, .mod_revision = named->revision, .value = &named->value
        };

        assert_true(mirror_find_lease(w->core, "b.service")->seen.revision > 0);
        world_step(w, (Event){ .kind = EVENT_RECORDS,
                                      .answer = { .revision = w->revision, .records = &again, .n_records = 1 } });
        say_part(w, 2, 3, RECORDS_MAX, false);
        assert_int_equal(mirror_find_lease(w->core, "b.service")->seen.revision, 0);
        assert_true(mirror_find_lease(w->core, "a.service")->seen.revision > 0);
        world_pass(w, TTL);
        assert_int_equal(w->done[ACTION_UNIT_STOP], 0);
        assert_int_equal(w->done[ACTION_UNIT_START], 1);
        world_free(w);
}

static void the_rest_of_a_list_alone_is_not_taken_and_all_is_asked_for(void **state) {
        World *w = missing_one_of_a_list();

        w->silent = true;
        say_part(w, 3, 0, 3, true);
        say_part(w, 2, 3, RECORDS_MAX, false);
        assert_true(mirror_find_lease(w->core, "b.service")->seen.revision > 0);
        w->silent = false;
        world_pass(w, TTL / 2);
        assert_int_equal(mirror_find_lease(w->core, "b.service")->seen.revision, 0);
        assert_int_equal(w->done[ACTION_UNIT_STOP], 0);
        world_free(w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_list_in_parts_is_complete_with_its_last_part),
                cmocka_unit_test(the_rest_of_a_list_alone_is_not_taken_and_all_is_asked_for),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
