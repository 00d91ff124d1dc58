/* SPDX-License-Identifier: Apache-2.0 */
/* Reasons: every number has its sentence, and none is another one than it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>

#include "core/leave.h"
#include "core/why.h"

/* In records and in what others wrote against D-Bus. A line here is only ever added. */
static const struct {
        Why why;
        unsigned number;
} numbers[] = {
        { WHY_NONE, 0 },
        { WHY_EXPIRED, 1 },
        { WHY_RELEASED, 2 },
        { WHY_TRANSFER, 3 },
        { WHY_FAILBACK, 4 },
        { WHY_UPGRADE, 5 },
        { WHY_PLACEMENT, 6 },
        { WHY_DRAIN, 7 },
        { WHY_DISABLED, 8 },
        { WHY_SHUTDOWN, 9 },
        { WHY_SLEEP, 10 },
        { WHY_DEPENDENCY, 11 },
        { WHY_DONE, 12 },
        { WHY_FAILED, 13 },
        { WHY_STRAY, 14 },
        { WHY_LOST, 15 },
        { WHY_STOLEN, 16 },
        { WHY_UNFIT, 17 },
        { WHY_ACQUIRED, 18 },
        { WHY_RENEWED, 19 },
        { WHY_CONFIRMED_DEAD, 20 },
        { WHY_SURPLUS, 21 },
        { WHY_CHECK_FAILED, 22 },
        { WHY_UNNEEDED, 23 },
        { WHY_STOPPING, 30 },
        { WHY_DRAINING, 38 },
        { WHY_REGISTRY_NAMELESS, 42 },
        { WHY_KEEPS, 201 },
        { WHY_MAY_BE_KEPT, 203 },
        { WHY_SAID, 50 },
        { WHY_STANDS_BACK, 70 },
        { WHY_OTHER_MACHINE, 80 },
        { WHY_METADATA, 81 },
        { WHY_CONFLICT, 82 },
        { WHY_NOT_TO_BE_HAD, 89 },
        { WHY_HELD_ELSEWHERE, 100 },
        { WHY_DEBTS_FULL, 114 },
        { WHY_STUCK, 120 },
        { WHY_HERE_ALREADY, 124 },
        { WHY_OUTSIDE, 126 },
        { WHY_PID1_REFUSES, 127 },
        { WHY_HOLDS, 130 },
        { WHY_SILENCE_UNKNOWN, 135 },
        { WHY_FILE_AHEAD, 240 },
        { WHY_FILE_NOT_VERIFIED, 242 },
};

static const char *text_of(Reason r) {
        static char text[WHY_TEXT_SIZE];

        return why_text(r, text);
}

static void a_number_never_becomes_another_one(void **state) {
        for (size_t i = 0; i < ELEMENTSOF(numbers); i++)
                assert_int_equal(numbers[i].why, numbers[i].number);
}

/* For whatever reason a unit leaves its machine, it is counted under the word for it (leased_moves_total). */
static void every_reason_for_which_a_unit_leaves_says_how_a_tenure_ends(void **state) {
        for (Leave leave = LEAVE_NONE; leave < _LEAVE_MAX; leave++)
                if (leave_why(leave) != WHY_NONE) {
                        assert_true(why_ends_tenure(leave_why(leave)));
                        assert_true(*why_word(leave_why(leave)));
                }
        assert_true(why_ends_tenure(WHY_UNFIT));
        assert_true(why_ends_tenure(WHY_STOLEN));
        assert_false(why_ends_tenure(WHY_NONE));
        assert_false(why_ends_tenure(WHY_ACQUIRED));
        assert_false(why_ends_tenure(WHY_RENEWED));
        assert_false(why_ends_tenure(WHY_DRAINING));
}

static void what_is_no_reason_has_no_sentence(void **state) {
        assert_string_equal(text_of(reason(WHY_NONE)), "");
        assert_string_equal(text_of(reason((Why) 29)), "");
        assert_string_equal(text_of(reason(_WHY_MAX)), "");
        assert_string_equal(text_of(reason((Why) 65535)), "");
        assert_string_equal(why_word((Why) 65535), "");
        assert_string_equal(why_word(WHY_DRAINING), "");
        assert_int_equal(why_from_word(""), WHY_NONE);
        assert_int_equal(why_from_word("renewed"), WHY_NONE); /* no tenure ends so */
}

static void a_sentence_names_what_its_reason_speaks_of(void **state) {
        Reason word = { .why = WHY_METADATA, .what = "region=eu disk=ssd", .length = 9 };

        assert_string_equal(text_of(reason_of(WHY_CONFLICT, "bar.service")), "conflict with bar.service");
        assert_string_equal(text_of(reason_of(WHY_NEED_ENDED, "db.service")),
                        "db.service, which it needs, has ended here");
        assert_string_equal(text_of(word), "missing metadata region=eu");
        assert_string_equal(text_of(reason_of(WHY_SAID, "50% of it")), "50% of it");
        assert_string_equal(text_of(reason(WHY_CONFLICT)), "conflict with ");
}

/* What follows in memory may look like the rest of a character. */
static void what_it_speaks_of_need_not_be_terminated(void **state) {
        static const char what[] = { 'v', 'm', '\x80' };
        Reason r = { .why = WHY_OUTRANKED, .length = 2, .what = what };
        char kept[8];

        assert_string_equal(WHY_TEXT(r), "vm comes first");
        r = reason_keep(r, kept, sizeof(kept));
        assert_string_equal(kept, "vm");
}

static void of_another_machine_it_is_told_as_such(void **state) {
        assert_string_equal(text_of(reason(WHY_DRAINING)), "this machine is draining");
        assert_string_equal(text_of(reason_there(reason(WHY_DRAINING))), "draining");
        assert_string_equal(text_of(reason_there(reason(WHY_MASKED))), "it is masked");
}

static void a_sentence_that_is_too_long_is_cut_between_characters(void **state) {
        char what[2 * WHY_TEXT_SIZE] = "";

        for (size_t n = 0; n < 4; n++) {
                memset(what, 'x', n);
                for (size_t i = n; i + 2 < sizeof(what); i += 2)
                        memcpy(what + i, "\xc3\xb6", 3);
                assert_in_range(strlen(text_of(reason_of(WHY_METADATA, what))), WHY_TEXT_SIZE - 2, WHY_TEXT_SIZE - 1);
                assert_string_equal(text_of(reason_of(WHY_METADATA, what)) +
                                                    strlen(text_of(reason_of(WHY_METADATA, what))) - 2,
                                "\xc3\xb6");
        }
        assert_int_equal(strlen(text_of(reason_of(WHY_NEED_STOPPED, what))),
                        strlen(text_of(reason_of(WHY_SAID, what))));
}

static void what_a_reason_speaks_of_can_be_kept(void **state) {
        char buf[8];
        Reason r = reason_keep(reason_of(WHY_CONFLICT, "a.service"), buf, sizeof(buf));

        assert_ptr_equal(r.what, buf);
        assert_string_equal(text_of(r), "conflict with a.servi");
        r = reason_keep(reason(WHY_DRAINING), buf, sizeof(buf));
        assert_null(r.what);
}

static const char *page_path; /* of leased-reasons(7) */

static char *read_page(void) {
        char *page = calloc(1, 64 * 1024);
        FILE *f = fopen(page_path, "re");

        assert_non_null(page);
        assert_non_null(f);
        assert_in_range(fread(page, 1, 64 * 1024 - 1, f), 1, 64 * 1024 - 2);
        (void) fclose(f);
        return page;
}

/* A '-' is written "\\-" there. */
static void write_roff(char *to, const char *from) {
        for (; *from; from++) {
                if (*from == '-')
                        *to++ = '\\';
                *to++ = *from;
        }
        *to = '\0';
}

static void every_number_is_in_the_manual_with_its_sentences(void **state) {
        char *page = read_page();
        size_t n = 0, listed = 0;

        for (Why why = 1; why < _WHY_MAX; why++) {
                const char *here = WHY_TEXT(reason_of(why, "%")), *there = WHY_TEXT(reason_there(reason_of(why, "%")));
                char both[2 * WHY_TEXT_SIZE + 2], roff[2 * sizeof(both)], entry[sizeof(roff) + 32];

                if (!*here)
                        continue;
                n++;
                (void) snprintf(both, sizeof(both), "%s%s%s", here, strcmp(here, there) != 0 ? "; " : "",
                                strcmp(here, there) != 0 ? there : "");
                write_roff(roff, both);
                (void) snprintf(entry, sizeof(entry), "\n.B %u\n%s\n", (unsigned) why, roff);
                if (!strstr(page, entry))
                        fail_msg("leased-reasons(7) does not have:%s", entry);
        }
        for (const char *p = page; (p = strstr(p, "\n.TP")); p++)
                listed++;
        assert_int_equal(listed, n);
        free(page);
}

int main(int argc, char **argv) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_number_never_becomes_another_one),
                cmocka_unit_test(every_reason_for_which_a_unit_leaves_says_how_a_tenure_ends),
                cmocka_unit_test(what_is_no_reason_has_no_sentence),
                cmocka_unit_test(a_sentence_names_what_its_reason_speaks_of),
                cmocka_unit_test(what_it_speaks_of_need_not_be_terminated),
                cmocka_unit_test(of_another_machine_it_is_told_as_such),
                cmocka_unit_test(a_sentence_that_is_too_long_is_cut_between_characters),
                cmocka_unit_test(what_a_reason_speaks_of_can_be_kept),
                cmocka_unit_test(every_number_is_in_the_manual_with_its_sentences),
        };

        page_path = argc > 1 ? argv[1] : "docs/man/leased-reasons.7";
        return cmocka_run_group_tests(tests, NULL, NULL);
}
