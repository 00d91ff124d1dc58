/* SPDX-License-Identifier: Apache-2.0 */

/* What others wrote, as it is shown and as it is sent. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/log.h"
#include "util/text.h"

static void assert_clean(const char *text, const char *expected) {
        char buf[256];

        assert_string_equal(text_clean(buf, sizeof(buf), text), expected);
}

static void what_acts_is_written_out(void **state) {
        assert_clean("plain.service", "plain.service");
        assert_clean("inst@a\\x2db.service", "inst@a\\x2db.service");
        assert_clean("\x1b[2J\x1b]0;mine\x07", "\\x1b[2J\\x1b]0;mine\\x07");
        assert_clean("a\r\nb\tc\x7f", "a\\x0d\\x0ab\\x09c\\x7f");
        assert_clean("\xc2\x9b"
                     "31m",
                        "\\u009b31m");                                /* CSI of C1 */
        assert_clean("gnp.\u202ecod\u202c", "gnp.\\u202ecod\\u202c"); /* right to left */
        assert_clean("\u2066a\u2069\u200e\u061c", "\\u2066a\\u2069\\u200e\\u061c");
        assert_clean("db\u200b1\u2028\ufeff", "db\\u200b1\\u2028\\ufeff");
        assert_clean("\U000e0041\U0010fffd\uffff", "\\U000e0041\\U0010fffd\\uffff");
}

static void what_is_seen_stays(void **state) {
        assert_clean("Zürich köln \u65e5\u672c \U0001f600 e\u0301", "Zürich köln \u65e5\u672c \U0001f600 e\u0301");
        assert_clean("", "");
}

static void what_is_no_text_is_written_out(void **state) {
        assert_clean("\xff\xfe", "\\xff\\xfe");
        assert_clean("\xc0\xaf", "\\xc0\\xaf");          /* an overlong '/' */
        assert_clean("\xe0\x80\x9b", "\\xe0\\x80\\x9b"); /* an overlong CSI */
        assert_clean("\xed\xa0\x80", "\\xed\\xa0\\x80"); /* a surrogate */
        assert_clean("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
        assert_clean("a\xe6\x97", "a\\xe6\\x97"); /* cut */
        assert_clean("\x9b"
                     "31m",
                        "\\x9b31m"); /* CSI as one byte */
}

static void what_does_not_fit_is_cut_between_characters(void **state) {
        char buf[8];

        assert_string_equal(text_clean(buf, sizeof(buf), "abcdef\u00fc"), "abcdef");
        assert_string_equal(text_clean(buf, sizeof(buf), "abcde\u00fc"), "abcde\u00fc");
        assert_string_equal(text_clean(buf, sizeof(buf), "abcd\x1b"), "abcd");
        assert_string_equal(text_clean(buf, 1, "a"), "");
}

static void what_is_sent_is_utf8(void **state) {
        char text[] = "a\xff\u00fc\xe6\x97";

        assert_false(text_is_utf8(text));
        assert_string_equal(text_mend(text), "a?\u00fc??");
        assert_true(text_is_utf8(text));
        assert_true(text_is_utf8("\x1b[31m\u202e"));
}

/* A second line, or a level of one's own, would be the daemon's word to whoever reads the journal. */
static void a_log_line_is_one_line(void **state) {
        char line[256] = "";
        FILE *file = tmpfile();
        int saved = dup(STDERR_FILENO);

        assert_non_null(file);
        (void) dup2(fileno(file), STDERR_FILENO);
        log_notice("host %s", "a\n<0>b\x1b[31m");
        (void) dup2(saved, STDERR_FILENO);
        (void) close(saved);
        rewind(file);
        assert_non_null(fgets(line, sizeof(line), file));
        (void) fclose(file);
        assert_string_equal(line, "host a\\x0a<0>b\\x1b[31m\n");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_acts_is_written_out),
                cmocka_unit_test(what_is_seen_stays),
                cmocka_unit_test(what_is_no_text_is_written_out),
                cmocka_unit_test(what_does_not_fit_is_cut_between_characters),
                cmocka_unit_test(what_is_sent_is_utf8),
                cmocka_unit_test(a_log_line_is_one_line),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
