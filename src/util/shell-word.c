/* SPDX-License-Identifier: Apache-2.0 */
#include "util/shell-word.h"

/* Characters that every shell leaves alone. A '#' begins a comment only in front of a word. */
#define PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-#"

const char *shell_word(char buf[static SHELL_WORD_SIZE], const char *word) {
        static const char quote[] = "'\\''"; /* ends the quotes, has one by itself, and begins them again */
        size_t n = 0;

        if (*word && *word != '#' && !word[strspn(word, PLAIN)])
                return word;
        buf[n++] = '\'';
        for (const char *p = word; *p; p++) {
                if (n + sizeof(quote) + 1 > SHELL_WORD_SIZE)
                        return word;
                if (*p != '\'') {
                        buf[n++] = *p;
                        continue;
                }
                memcpy(buf + n, quote, sizeof(quote) - 1);
                n += sizeof(quote) - 1;
        }
        buf[n++] = '\'';
        buf[n] = '\0';
        return buf;
}
