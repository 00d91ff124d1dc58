/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Reads the words of a command line, of which only the program itself knows which are options. The argument valued of
 * these functions lists the options that take the next word as their value, separated by spaces: "-u --user". Letters
 * may stand together behind one "-", and the value of a letter in the same word.
 */

#include "util/macros.h"

/* Whether a list of words that are separated by spaces has the word. The list may be NULL. */
bool argv_list_has(const char *list, const char *word);

/* Whether a word stands between a and end, which may be NULL for the end of the words. */
bool argv_has(char *const *a, char *const *end, const char *word);
/* Gives the value of an option in "--name=value" or "--name value", between a and end (or NULL); the last one counts.
 * NULL if the option is not given. */
const char *argv_value(char *const *a, char *const *end, const char *name);

/* Whether a word is an option: neither "-", which mostly stands for a file, nor "--". */
bool argv_is_option(const char *word);
/* Whether a word has the letter as an option. What follows a letter with a value is that value. */
bool argv_has_letter(const char *word, char letter, const char *valued);
/* Gives the value of the option at a, if it is the one with this letter ('\0': there is none) or this name; NULL if it
 * is another one, or the value is missing. */
const char *argv_option_value(char *const *a, char letter, const char *name, const char *valued);
/* Gives the place behind the option at a, and behind its value. */
char *const *argv_after_option(char *const *a, const char *valued);
/* Gives where the options end: at "--", or at the first word that is neither an option nor the value of one. */
char *const *argv_options_end(char *const *a, const char *valued);
