/* SPDX-License-Identifier: Apache-2.0 */
/* What the journal of this machine says of a lease: all the time within a tenure in which its unit was down has a
 * reason. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/why.h"
#include "ctl/past.h"
#include "util/journal.h"
#include "util/macros.h"
#include "util/message-ids.h"

#define S USEC_PER_SEC

/* ---- a journal of entries that the test has written: the linker puts these in the place of libsystemd's ---- */

typedef struct Entry {
        const char *id;
        usec_t at;
        int index;
        const char *why;
        Why code;
} Entry;

static struct {
        const Entry *entries;
        size_t n, next;
        char ids[16][64]; /* that were asked for: MESSAGE_ID=... */
        size_t n_ids;
        char data[128];
} journal;

void __wrap_sd_journal_flush_matches(sd_journal *j);
int __wrap_sd_journal_add_match(sd_journal *j, const void *data, size_t size);
int __wrap_sd_journal_seek_head(sd_journal *j);
int __wrap_sd_journal_next(sd_journal *j);
int __wrap_sd_journal_get_data(sd_journal *j, const char *name, const void **data, size_t *size);

void __wrap_sd_journal_flush_matches(sd_journal *j) {
        journal.n_ids = 0;
}

int __wrap_sd_journal_add_match(sd_journal *j, const void *data, size_t size) {
        if (!startswith(data, "MESSAGE_ID="))
                return 0;
        assert_true(journal.n_ids < ELEMENTSOF(journal.ids));
        (void) snprintf(journal.ids[journal.n_ids++], sizeof(journal.ids[0]), "%s", (const char *) data);
        return 0;
}

int __wrap_sd_journal_seek_head(sd_journal *j) {
        journal.next = 0;
        return 0;
}

int __wrap_sd_journal_next(sd_journal *j) {
        while (journal.next < journal.n) {
                const Entry *e = journal.entries + journal.next++;

                for (size_t i = 0; i < journal.n_ids; i++)
                        if (streq(e->id, journal.ids[i] + strlen("MESSAGE_ID=")))
                                return 1;
        }
        return 0;
}

int __wrap_sd_journal_get_data(sd_journal *j, const char *name, const void **data, size_t *size) {
        const Entry *e = journal.entries + journal.next - 1;

        if (streq(name, "MESSAGE_ID"))
                (void) snprintf(journal.data, sizeof(journal.data), "%s=%s", name, e->id);
        else if (streq(name, JOURNAL_AT))
                (void) snprintf(journal.data, sizeof(journal.data), "%s=%" PRIu64, name, e->at);
        else if (streq(name, "LEASE_INDEX"))
                (void) snprintf(journal.data, sizeof(journal.data), "%s=%d", name, e->index);
        else if (streq(name, "REASON") && e->why)
                (void) snprintf(journal.data, sizeof(journal.data), "%s=%s", name, e->why);
        else if (streq(name, "REASON_CODE") && e->code != WHY_NONE)
                (void) snprintf(journal.data, sizeof(journal.data), "%s=%d", name, e->code);
        else
                return -ENOENT;
        *data = journal.data;
        *size = strlen(journal.data);
        return 0;
}

/* ---- the tests ---- */

static json_t *tenure_of(const char *machine_id, int index, usec_t from, usec_t to, Why code) {
        return json_pack("{s:s, s:s, s:i, s:I, s:o, s:s, s:i}", "lease", "a", "machine_id", machine_id, "index", index,
                        "from_usec", (json_int_t) from, "to_usec",
                        to > 0 ? json_integer((json_int_t) to) : json_null(), "why", why_word(code), "code", code);
}

static json_t *tenure(int index, usec_t from, usec_t to, Why code) {
        return tenure_of("0123", index, from, to, code);
}

/* Says the outages of all tenures: "INDEX: FROM-TO CODE", in tenths of a second. */
static void assert_outages(json_t *rows, const Entry *entries, size_t n, const char *expected) {
        char said[512] = "";
        json_t *row, *outage;
        size_t i, k;

        journal.entries = entries;
        journal.n = n;
        past_add((sd_journal *) &journal, "0123", "a", NULL, rows);
        json_array_foreach(rows, i, row) {
                json_array_foreach(json_object_get(row, "outages"), k, outage) {
                        size_t used = strlen(said);

                        (void) snprintf(said + used, sizeof(said) - used, "%s%d: %d-%d %s", used > 0 ? ", " : "",
                                        (int) json_integer_value(json_object_get(row, "index")),
                                        (int) (json_integer_value(json_object_get(outage, "from_usec")) * 10 /
                                                        (json_int_t) S),
                                        (int) (json_integer_value(json_object_get(outage, "to_usec")) * 10 /
                                                        (json_int_t) S),
                                        json_string_value(json_object_get(outage, "why")));
                }
        }
        assert_string_equal(said, expected);
        json_decref(rows);
}

static void a_stop_and_a_start_at_one_index_are_an_outage(void **state) {
        static const Entry entries[] = {
                { MESSAGE_STARTED, 10 * S, 3 },
                { MESSAGE_GUARD_STOPS, 20 * S, 3, "no beat came in time" },
                { MESSAGE_STOPPED, 21 * S, 3, "expired", WHY_EXPIRED },
                { MESSAGE_RESUMED, 22 * S, 3 },
                { MESSAGE_STARTED, 23 * S, 3 },
        };

        assert_outages(json_pack("[o]", tenure(3, 10 * S, 0, WHY_NONE)), entries, ELEMENTSOF(entries),
                        "3: 200-230 expired");
}

/* The start was asked for, and its guard was gone before leased heard that the unit ran. */
static void a_start_that_nobody_saw_ends_an_outage(void **state) {
        static const Entry entries[] = {
                { MESSAGE_STARTED, 10 * S, 3 },
                { MESSAGE_GUARD_STOPS, 20 * S, 3, "no beat came in time" },
                { MESSAGE_STOPPED, 21 * S, 3, "expired", WHY_EXPIRED },
                { MESSAGE_RESUMED, 22 * S, 3 },
                { MESSAGE_GUARD_STOPS, 24 * S, 3, "its lease is lost" },
                { MESSAGE_STOPPED, 25 * S, 3, "its guard was gone" },
                { MESSAGE_STARTED, 40 * S, 5 },
        };

        assert_outages(json_pack("[o,o]", tenure(3, 10 * S, 30 * S, WHY_RELEASED), tenure(5, 39 * S, 0, WHY_NONE)),
                        entries, ELEMENTSOF(entries), "3: 200-220 expired, 3: 240-300 its guard was gone");
}

static void a_stop_lasts_to_the_end_of_its_tenure_if_nobody_starts_the_unit(void **state) {
        static const Entry entries[] = {
                { MESSAGE_STARTED, 10 * S, 3 },
                { MESSAGE_BY_HAND, 20 * S, 3 },
                { MESSAGE_STOPPED, 80 * S, 3, "released", WHY_RELEASED },
                { MESSAGE_STARTED, 90 * S, 4 },
                { MESSAGE_BY_HAND, 95 * S, 4 },
        };

        assert_outages(json_pack("[o,o]", tenure(3, 10 * S, 80 * S, WHY_RELEASED),
                                       tenure(4, 90 * S, 99 * S, WHY_RELEASED)),
                        entries, ELEMENTSOF(entries), "3: 200-800 stopped by hand, 4: 950-990 stopped by hand");
}

/* leased was restarted before it could tell that the unit runs. */
static void a_start_that_was_not_told_ends_an_outage_of_a_tenure_that_is_over(void **state) {
        static const Entry entries[] = {
                { MESSAGE_STOPPED, 21 * S, 3, "expired", WHY_EXPIRED },
                { MESSAGE_RESUMED, 22 * S, 3 },
        };

        assert_outages(json_pack("[o]", tenure(3, 10 * S, 90 * S, WHY_FAILED)), entries, ELEMENTSOF(entries),
                        "3: 210-220 expired");
}

static void a_start_that_was_refused_ends_no_outage(void **state) {
        static const Entry entries[] = {
                { MESSAGE_STOPPED, 21 * S, 3, "expired", WHY_EXPIRED },
                { MESSAGE_RESUMED, 22 * S, 3 },
                { MESSAGE_NOT_STARTED, 23 * S, 3, "its gate was hidden" },
                { MESSAGE_STARTED, 30 * S, 3 },
        };

        assert_outages(json_pack("[o]", tenure(3, 10 * S, 0, WHY_NONE)), entries, ELEMENTSOF(entries),
                        "3: 210-300 expired");
}

/* A stray bears the Index of the lease's holder. */
static void a_stray_is_no_outage_of_another_machine(void **state) {
        static const Entry entries[] = {
                { MESSAGE_STOPPED, 60 * S, 7, "stray", WHY_STRAY },
                { MESSAGE_STARTED, 501 * S, 8 },
        };

        assert_outages(json_pack("[o,o]", tenure_of("4567", 7, 10 * S, 500 * S, WHY_RELEASED),
                                       tenure(8, 500 * S, 0, WHY_NONE)),
                        entries, ELEMENTSOF(entries), "");
}

/* Who starts such a unit again may be PID 1, which leased does not tell. */
static void a_stop_for_another_unit_is_not_known_to_last_to_the_end_of_its_tenure(void **state) {
        static const Entry entries[] = {
                { MESSAGE_PUT_ASIDE, 20 * S, 3 },
                { MESSAGE_STOPPED, 900 * S, 3, "released", WHY_RELEASED },
        };

        assert_outages(json_pack("[o]", tenure(3, 10 * S, 900 * S, WHY_RELEASED)), entries, ELEMENTSOF(entries), "");
}

static void the_first_reason_of_leased_counts(void **state) {
        static const Entry entries[] = {
                { MESSAGE_GUARD_STOPS, 20 * S, 3, "no beat came in time" },
                { MESSAGE_STOPPED, 21 * S, 3, "expired", WHY_EXPIRED },
                { MESSAGE_STOPPED, 60 * S, 3, "shutdown", WHY_SHUTDOWN },
                { MESSAGE_BY_HAND, 120 * S, 4 },
                { MESSAGE_GUARD_STOPS, 130 * S, 4, "no beat came in time" },
                { MESSAGE_STOPPED, 131 * S, 4, "expired", WHY_EXPIRED },
        };

        assert_outages(json_pack("[o,o]", tenure(3, 10 * S, 60 * S, WHY_SHUTDOWN),
                                       tenure(4, 110 * S, 200 * S, WHY_RELEASED)),
                        entries, ELEMENTSOF(entries), "3: 200-600 expired, 4: 1200-2000 stopped by hand");
}

/* journald stood still, and took what the guard had said only later. */
static void entries_count_by_their_time(void **state) {
        static const Entry entries[] = {
                { MESSAGE_STOPPED, 21 * S, 3, "expired", WHY_EXPIRED },
                { MESSAGE_RESUMED, 22 * S, 3 },
                { MESSAGE_STARTED, 23 * S, 3 },
                { MESSAGE_GUARD_STOPS, 20 * S, 3, "no beat came in time" },
        };

        assert_outages(json_pack("[o]", tenure(3, 10 * S, 0, WHY_NONE)), entries, ELEMENTSOF(entries),
                        "3: 200-230 expired");
}

static void only_a_unit_that_was_frozen_is_thawed(void **state) {
        static const Entry entries[] = {
                { MESSAGE_GUARD_FREEZES, 20 * S, 3, "frozen, no beat came in time" },
                { MESSAGE_GUARD_THAWS, 25 * S, 3 },
                { MESSAGE_BY_HAND, 30 * S, 3 },
                { MESSAGE_GUARD_FREEZES, 40 * S, 3, "frozen, no beat came in time" },
                { MESSAGE_GUARD_THAWS, 45 * S, 3 },
                { MESSAGE_STARTED, 50 * S, 3 },
        };

        assert_outages(json_pack("[o]", tenure(3, 10 * S, 0, WHY_NONE)), entries, ELEMENTSOF(entries),
                        "3: 200-250 frozen, no beat came in time, 3: 300-500 stopped by hand");
}

/* After a restart leased tells again of a unit that rests. Else the unit runs, whoever has started it meanwhile. */
static void a_unit_that_leased_finds_running_is_down_no_more(void **state) {
        static const Entry entries[] = {
                { MESSAGE_BY_HAND, 20 * S, 3 },
                { MESSAGE_ADOPTED, 45 * S, 3 },
                { MESSAGE_STOPPED, 200 * S, 3, "released", WHY_RELEASED },
                { MESSAGE_BY_HAND, 320 * S, 4 },
                { MESSAGE_ADOPTED, 345 * S, 4 },
                { MESSAGE_BY_HAND, 346 * S, 4 },
                { MESSAGE_STARTED, 400 * S, 4 },
        };

        assert_outages(json_pack("[o,o]", tenure(3, 10 * S, 200 * S, WHY_RELEASED), tenure(4, 310 * S, 0, WHY_NONE)),
                        entries, ELEMENTSOF(entries), "3: 200-450 stopped by hand, 4: 3200-4000 stopped by hand");
}

static void a_stop_that_ends_its_tenure_is_no_outage(void **state) {
        static const Entry entries[] = {
                { MESSAGE_STARTED, 10 * S, 3 },
                { MESSAGE_STOPPED, 30 * S - S / 10, 3, "released", WHY_RELEASED },
                { MESSAGE_STARTED, 40 * S, 4 },
                { MESSAGE_STOPPED, 50 * S - S / 10, 4, "released", WHY_RELEASED },
        };

        assert_outages(json_pack("[o,o]", tenure(3, 10 * S, 30 * S, WHY_RELEASED),
                                       tenure(4, 40 * S, 50 * S, WHY_RELEASED)),
                        entries, ELEMENTSOF(entries), "");
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_stop_and_a_start_at_one_index_are_an_outage),
                cmocka_unit_test(a_start_that_nobody_saw_ends_an_outage),
                cmocka_unit_test(a_stop_lasts_to_the_end_of_its_tenure_if_nobody_starts_the_unit),
                cmocka_unit_test(a_stop_that_ends_its_tenure_is_no_outage),
                cmocka_unit_test(a_start_that_was_not_told_ends_an_outage_of_a_tenure_that_is_over),
                cmocka_unit_test(a_start_that_was_refused_ends_no_outage),
                cmocka_unit_test(a_stray_is_no_outage_of_another_machine),
                cmocka_unit_test(a_stop_for_another_unit_is_not_known_to_last_to_the_end_of_its_tenure),
                cmocka_unit_test(the_first_reason_of_leased_counts),
                cmocka_unit_test(entries_count_by_their_time),
                cmocka_unit_test(only_a_unit_that_was_frozen_is_thawed),
                cmocka_unit_test(a_unit_that_leased_finds_running_is_down_no_more),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
