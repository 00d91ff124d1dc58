/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/time.h>

#include "conf/ini-edit.h"
#include "conf/ini.h"

#include "conf-fixture.h"

typedef struct Target {
        char *name;
        int64_t number;
        char **words;
        usec_t span;
} Target;

static const IniOption options[] = {
        { "Name", ini_parse_string, offsetof(Target, name), "a name" },
        { "Number", ini_parse_int64, offsetof(Target, number), "a whole number, e.g. 7" },
        { "Words", ini_parse_words, offsetof(Target, words), "words" },
        { "Span", ini_parse_span, offsetof(Target, span), "a time span, e.g. 3s" },
        { "Path", ini_parse_path, offsetof(Target, name), "an absolute path" },
};

static void parse(const char *text, bool foreign, Target *ret, char **where, Messages *m) {
        IniTable table = {
                .section = "Ours",
                .foreign = foreign,
                .options = options,
                .n_options = ELEMENTSOF(options),
                .target = ret,
                .where = where,
        };
        ini_parse_text("f", text, strlen(text), &table, m);
        ini_where_done(&table);
}

static void target_done(Target *t) {
        free(t->name);
        strv_free(t->words);
}

static void good_lines_are_read(void **state) {
        static const char text[] = "\xef\xbb\xbf# comment\n"
                                   "\n"
                                   "  [Ours]  \r\n"
                                   "; another comment\n"
                                   " Name = two words \n"
                                   "Number=-12\n"
                                   "Words=one \\\n"
                                   "# a comment between continued lines\n"
                                   "   \"two three\" fo'u'r 'fi\\ve' s\\ ix\n"
                                   "Span=1min 30s";
        _cleanup_(messages_done) Messages m = {};
        _cleanup_(target_done) Target t = {};
        char *where[ELEMENTSOF(options)] = {};

        parse(text, false, &t, where, &m);
        assert_messages(&m, NULL);
        assert_string_equal(t.name, "two words");
        assert_int_equal(t.number, -12);
        assert_string_equal(t.words[0], "one");
        assert_string_equal(t.words[1], "two three");
        assert_string_equal(t.words[2], "four");
        assert_string_equal(t.words[3], "fi\\ve");
        assert_string_equal(t.words[4], "s ix");
        assert_null(t.words[5]);
        assert_true(t.span == 90 * USEC_PER_SEC);
}

static void quotes_around_a_string_are_dropped(void **state) {
        _cleanup_(messages_done) Messages m = {};
        _cleanup_(target_done) Target t = {};
        char *where[ELEMENTSOF(options)] = {};

        parse("[Ours]\nPath=\"/with a space\"\n", false, &t, where, &m);
        assert_messages(&m, NULL);
        assert_string_equal(t.name, "/with a space");
        parse("[Ours]\nName=\"one\" and \"two\"\n", false, &t, where, &m);
        assert_messages(&m, NULL);
        assert_string_equal(t.name, "\"one\" and \"two\"");
}

static void a_later_line_wins_and_an_empty_one_resets(void **state) {
        _cleanup_(messages_done) Messages m = {};
        _cleanup_(target_done) Target t = {};
        char *where[ELEMENTSOF(options)] = {};

        parse("[Ours]\nNumber=1\nNumber=2\nName=a\nName=\nSpan=1s\nSpan=\nWords=a\nWords=\n", false, &t, where, &m);
        assert_messages(&m, NULL);
        assert_int_equal(t.number, 2);
        assert_null(t.name);
        assert_null(t.words);
        assert_true(t.span == USEC_INFINITY);
}

static void every_bad_line_is_named_with_what_would_be_right(void **state) {
        static const char text[] = "Early=1\n"
                                   "[Theirs]\n"
                                   "Any=thing\n"
                                   "[Broken\n"
                                   "[Ours]\n"
                                   "no equals sign\n"
                                   "=value\n"
                                   "Number=twelve\n"
                                   "Number= 99999999999999999999\n"
                                   "number=3\n"
                                   "Colour=red\n"
                                   "Words=\"open\n"
                                   "Span=soon\n"
                                   "Span=infinity\n"
                                   "Path=relative\n"
                                   "Number=\\\n"
                                   "\\\n"
                                   "x\n"
                                   "Number=5\n";
        _cleanup_(messages_done) Messages m = {};
        _cleanup_(target_done) Target t = {};
        char *where[ELEMENTSOF(options)] = {};

        parse(text, false, &t, where, &m);
        assert_messages(&m, "f:1: Early=1: this stands before any section, put a line [Ours] above it",
                        "f:2: [Theirs]: unknown section, only [Ours] is read here",
                        "f:4: [Broken: a section is written [Ours]",
                        "f:6: no equals sign: a line is written Key=value", "f:7: =value: a line is written Key=value",
                        "f:8: Number=twelve: expected is a whole number, e.g. 7",
                        "f:9: Number=99999999999999999999: expected is a whole number, e.g. 7",
                        "f:10: number=: unknown option, write it Number=",
                        "f:11: Colour=: unknown option in [Ours], known are Name=, Number=, Words=, Span=, Path=",
                        "f:12: Words=\"open: expected is words", "f:13: Span=soon: expected is a time span, e.g. 3s",
                        "f:14: Span=infinity: expected is a time span, e.g. 3s",
                        "f:15: Path=relative: expected is an absolute path",
                        "f:16: Number=x: expected is a whole number, e.g. 7", NULL);
        assert_int_equal(t.number, 5);
        assert_null(t.words);
}

static void sections_of_others_are_skipped_unread(void **state) {
        _cleanup_(messages_done) Messages m = {};
        _cleanup_(target_done) Target t = {};
        char *where[ELEMENTSOF(options)] = {};

        parse("odd\n[Unit]\nNumber=1\nnonsense\n[Broken\n[Ours]\nNumber=2\n[Service]\nNumber=3\n", true, &t, where,
                        &m);
        assert_messages(&m, NULL);
        assert_int_equal(t.number, 2);
}

static void a_file_that_ends_in_a_backslash_is_read_to_its_end(void **state) {
        _cleanup_(messages_done) Messages m = {};
        _cleanup_(target_done) Target t = {};
        char *where[ELEMENTSOF(options)] = {};

        parse("[Ours]\nNumber=4\\", false, &t, where, &m);
        assert_messages(&m, NULL);
        assert_int_equal(t.number, 4);
}

static void any_bytes_make_printable_messages(void **state) {
        _cleanup_(messages_done) Messages m = {};
        _cleanup_(target_done) Target t = {};
        char *where[ELEMENTSOF(options)] = {}, text[4096] = "[Ours]\nNumber=";

        memset(text + strlen(text), 'x', 3000);
        parse(text, false, &t, where, &m);
        assert_int_equal(m.n, 1);
        assert_true(strlen(m.lines[0]) < 250);
        messages_done(&m);

        parse("[Ours]\nNumber=\x1b[31m\xff\xc3\xa9\xc3(\xed\xa0\x80\n", false, &t, where, &m);
        assert_messages(&m, "f:2: Number=?[31m?\xc3\xa9?(???: expected is a whole number, e.g. 7", NULL);
        messages_done(&m);

        IniTable table = {
                .section = "Ours", .options = options, .n_options = ELEMENTSOF(options), .target = &t, .where = where
        };
        ini_parse_text("f", "[Ours]\nNum\0ber=1\n", 17, &table, &m);
        assert_messages(&m, "f: not a text file, it has a NUL byte in it", NULL);
        ini_where_done(&table);
}

static void odd_white_space_is_part_of_a_word(void **state) {
        _cleanup_(strv_freep) char **words = NULL;

        assert_int_equal(ini_split_words("a \f\v=b\t\r c", &words), 0);
        assert_string_equal(words[0], "a");
        assert_string_equal(words[1], "\f\v=b");
        assert_string_equal(words[2], "c");
        assert_null(words[3]);
}

static void in_names_of_units_a_backslash_stays(void **state) {
        _cleanup_(strv_freep) char **names = NULL;

        assert_int_equal(ini_split_names("\"a\\x2db.service\" 'c' d\\", &names), 0);
        assert_string_equal(names[0], "a\\x2db.service");
        assert_string_equal(names[1], "c");
        assert_string_equal(names[2], "d\\");
        assert_null(names[3]);
        assert_int_equal(ini_split_names("\"a", &names), -EINVAL);
}

static void the_last_value_that_made_no_sense_is_remembered(void **state) {
        static const char good[] = "[Ours]\nNumber=7\nPath=a\n", bad[] = "[Ours]\nNumber=x\n";
        _cleanup_(messages_done) Messages m = {};
        bool unread[ELEMENTSOF(options)] = {};
        char *where[ELEMENTSOF(options)] = {};
        Target t = {};
        IniTable table = { .section = "Ours",
                .options = options,
                .n_options = ELEMENTSOF(options),
                .target = &t,
                .where = where,
                .unread = unread };

        ini_parse_text("f", bad, strlen(bad), &table, &m);
        assert_int_equal(m.n, 1);
        for (size_t i = 0; i < ELEMENTSOF(options); i++)
                assert_int_equal(unread[i], streq(options[i].key, "Number"));
        ini_parse_text("f", good, strlen(good), &table, &m);
        for (size_t i = 0; i < ELEMENTSOF(options); i++)
                assert_int_equal(unread[i], streq(options[i].key, "Path"));
        ini_where_done(&table);
}

/* A mebibyte of this, in chunks of the text. A timer of the processor's time ends the test where
 * each line costs as much as the rest of the file. */
static void parse_much(const char *chunk, Target *ret, Messages *m) {
        enum { SIZE = 1024 * 1024 };
        _cleanup_free_ char *text = malloc(SIZE + 32);
        char *where[ELEMENTSOF(options)] = {};
        size_t n = (size_t) sprintf(text, "[Ours]\n");

        assert_non_null(text);
        for (; n + strlen(chunk) < SIZE; n += strlen(chunk))
                memcpy(text + n, chunk, strlen(chunk));
        strcpy(text + n, "\nNumber=7\n");
        assert_int_equal(setitimer(ITIMER_VIRTUAL, &(struct itimerval){ .it_value.tv_sec = 10 }, NULL), 0);
        parse(text, false, ret, where, m);
        assert_int_equal(setitimer(ITIMER_VIRTUAL, &(struct itimerval){}, NULL), 0);
}

static void no_way_to_cut_a_file_into_lines_makes_it_slow(void **state) {
        static const char *const chunks[] = { "\n", "\r\n", " \n", "\\\n", "#\n", "x\n", "Words=a\\\n" };

        for (size_t i = 0; i < ELEMENTSOF(chunks); i++) {
                _cleanup_(messages_done) Messages m = {};
                Target t = {};

                parse_much(chunks[i], &t, &m);
                if (!strchr(chunks[i], '\\'))
                        assert_int_equal(t.number, 7);
                target_done(&t);
        }
}

static void messages_have_an_end(void **state) {
        _cleanup_(messages_done) Messages m = {};
        Target t = {};

        parse_much("Unknown=1\n", &t, &m);
        assert_int_equal(m.n, 201);
        assert_string_equal(m.lines[200], "further messages are left out");
        target_done(&t);
}

static void bytes_that_end_anywhere_are_read_no_further(void **state) {
        static const char text[] = "\xef\xbb\xbf[Ours]\nName=a\\\n b\n;\nNumber=1\n";
        char *where[ELEMENTSOF(options)] = {};

        for (size_t n = 0; n < sizeof(text); n++) {
                _cleanup_(messages_done) Messages m = {};
                _cleanup_free_ char *copy = malloc(n + (n == 0));
                Target t = {};
                IniTable table = { .section = "Ours",
                        .options = options,
                        .n_options = ELEMENTSOF(options),
                        .target = &t,
                        .where = where };

                assert_non_null(copy);
                memcpy(copy, text, n);
                ini_parse_text("f", copy, n, &table, &m);
                ini_where_done(&table);
                target_done(&t);
        }
}

/* ---- changing a text ---- */

static void assert_set(const char *text, const char *const settings[], const char *expected) {
        _cleanup_free_ char *changed = NULL;
        size_t n = 0;

        while (settings[n])
                n++;
        assert_int_equal(ini_edit_set(text, "Ours", n, settings, &changed), 0);
        assert_string_equal(changed, expected);
}

static void a_setting_takes_the_place_of_the_lines_with_its_key(void **state) {
        static const char *const one[] = { "Number=2", NULL };

        assert_set("[Ours]\nNumber=1\nName=x\n", one, "[Ours]\nNumber=2\nName=x\n");
        assert_set("# top\n[Ours]\n Number = 1 \\\n# in between\n  0\n# kept\nName=x\nNumber=3\n", one,
                        "# top\n[Ours]\nNumber=2\n# kept\nName=x\n");
        assert_set("[Ours]\n#Number=1\n", one, "[Ours]\nNumber=2\n#Number=1\n");
        assert_set("[Ours]\nNumber=1", one, "[Ours]\nNumber=2\n");
        assert_set("\xef\xbb\xbf[Ours]\r\nNumber=1\r\n", one, "[Ours]\r\nNumber=2\n");
}

static void a_new_setting_stands_at_the_end_of_its_section(void **state) {
        static const char *const two[] = { "Words=a", "Name=n", "Words=b", NULL };

        assert_set("", two, "[Ours]\nWords=a\nWords=b\nName=n\n");
        assert_set("# nothing", two, "# nothing\n[Ours]\nWords=a\nWords=b\nName=n\n");
        assert_set("[Ours]\nNumber=1\n\n# last\n", two, "[Ours]\nNumber=1\nWords=a\nWords=b\nName=n\n\n# last\n");
        assert_set("[Ours]\nName=x\n[Other]\nName=y\n", two, "[Ours]\nName=n\nWords=a\nWords=b\n[Other]\nName=y\n");
        assert_set("[Ours]\nName=x", two, "[Ours]\nName=n\nWords=a\nWords=b\n");
}

static void a_key_alone_is_taken_out(void **state) {
        static const char *const one[] = { "Number", NULL };

        assert_set("[Ours]\nName=x\nNumber=1\n# end\n", one, "[Ours]\nName=x\n# end\n");
        assert_set("[Ours]\nName=x\n", one, "[Ours]\nName=x\n");
}

static void a_line_that_goes_on_is_one_line(void **state) {
        static const char *const one[] = { "Number=2", NULL };

        assert_set("[Ours]\nName=a \\\nNumber=1\n", one, "[Ours]\nName=a \\\nNumber=1\nNumber=2\n");
        assert_set("[Ours]\nName=a \\\n[Other]\n", one, "[Ours]\nName=a \\\n[Other]\nNumber=2\n");
        assert_set("[Ours]\n# no \\\nNumber=1\n", one, "[Ours]\n# no \\\nNumber=2\n");
}

static void sections_are_found(void **state) {
        static const char *const both[] = { "Ours", "Theirs", NULL };
        static const char text[] = "# top\n[Unit]\nA=1 \\\n[Ours]\n[Theirs]\nB=1\n# c\n[Service]\nC=1\n[Ours]\nD=1";
        _cleanup_free_ char *part = NULL, *none = NULL;

        assert_int_equal(ini_edit_extract(text, both, &part), 0);
        assert_string_equal(part, "[Theirs]\nB=1\n# c\n[Ours]\nD=1");
        assert_int_equal(ini_edit_extract("[Unit]\nA=1\n", both, &none), 0);
        assert_string_equal(none, "");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(good_lines_are_read),
                cmocka_unit_test(quotes_around_a_string_are_dropped),
                cmocka_unit_test(a_later_line_wins_and_an_empty_one_resets),
                cmocka_unit_test(every_bad_line_is_named_with_what_would_be_right),
                cmocka_unit_test(sections_of_others_are_skipped_unread),
                cmocka_unit_test(a_file_that_ends_in_a_backslash_is_read_to_its_end),
                cmocka_unit_test(odd_white_space_is_part_of_a_word),
                cmocka_unit_test(any_bytes_make_printable_messages),
                cmocka_unit_test(in_names_of_units_a_backslash_stays),
                cmocka_unit_test(the_last_value_that_made_no_sense_is_remembered),
                cmocka_unit_test(no_way_to_cut_a_file_into_lines_makes_it_slow),
                cmocka_unit_test(messages_have_an_end),
                cmocka_unit_test(bytes_that_end_anywhere_are_read_no_further),
                cmocka_unit_test(a_setting_takes_the_place_of_the_lines_with_its_key),
                cmocka_unit_test(a_new_setting_stands_at_the_end_of_its_section),
                cmocka_unit_test(a_key_alone_is_taken_out),
                cmocka_unit_test(a_line_that_goes_on_is_one_line),
                cmocka_unit_test(sections_are_found),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
