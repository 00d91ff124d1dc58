/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Names within a command that is printed for people, who give it to a shell. */

#include "util/macros.h"

enum {
        SHELL_WORD_SIZE = 1100, /* enough for 255 characters */
};

/* Gives word as a shell takes it, for one argument: as it is, or within quotes if it has a character that a shell
 * reads, as in 'queue@*'. The result is written into buf, or is word itself, also where buf is too small. */
const char *shell_word(char buf[static SHELL_WORD_SIZE], const char *word);
/* The same for an argument of a function that prints. */
#define SHELL_WORD(word) shell_word((char[SHELL_WORD_SIZE]){}, (word))
