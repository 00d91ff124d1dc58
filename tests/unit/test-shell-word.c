/* SPDX-License-Identifier: Apache-2.0 */
/* How a name stands in a command that is printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "util/shell-word.h"

static void a_plain_name_is_left_as_it_is(void **state) {
        static const char *const names[] = { "web.service", "queue@1.service", "pool.service#2", "10.0.0.1", "a_b:c-d",
                "KEY=value", "/etc/x" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                assert_ptr_equal(SHELL_WORD(names[i]), names[i]);
}

static void what_a_shell_reads_is_quoted(void **state) {
        static const struct {
                const char *word, *quoted;
        } words[] = { { "job@*", "'job@*'" }, { "job@?", "'job@?'" }, { "job[@]1", "'job[@]1'" }, { "", "''" },
                { "a\\x2db.service", "'a\\x2db.service'" }, { "$(reboot)", "'$(reboot)'" }, { "be ta", "'be ta'" },
                { "beta;reboot", "'beta;reboot'" }, { "it's", "'it'\\''s'" }, { "#x", "'#x'" }, { "~", "'~'" } };

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                assert_string_equal(SHELL_WORD(words[i].word), words[i].quoted);
}

static void two_in_one_command_keep_apart(void **state) {
        char text[64];

        (void) snprintf(text, sizeof(text), "transfer %s %s", SHELL_WORD("a*"), SHELL_WORD("b*"));
        assert_string_equal(text, "transfer 'a*' 'b*'");
}

static void what_does_not_fit_is_left_as_it_is(void **state) {
        char word[SHELL_WORD_SIZE];

        memset(word, '*', sizeof(word) - 1);
        word[sizeof(word) - 1] = '\0';
        assert_ptr_equal(SHELL_WORD(word), word);
        word[255] = '\0';
        assert_int_equal(strlen(SHELL_WORD(word)), 257);
        memset(word, '\'', 255);
        assert_int_equal(strlen(SHELL_WORD(word)), 4 * 255 + 2);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_plain_name_is_left_as_it_is),
                cmocka_unit_test(what_a_shell_reads_is_quoted),
                cmocka_unit_test(two_in_one_command_keep_apart),
                cmocka_unit_test(what_does_not_fit_is_left_as_it_is),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
