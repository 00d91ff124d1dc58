/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Lists of strings: arrays that end with NULL. A list that is NULL is empty. */

#include "util/macros.h"

/* Frees a list with its strings. Accepts NULL, returns NULL. */
char **strv_free(char **l);
DEFINE_TRIVIAL_CLEANUP(char **, strv_free)
/* Whether the list has an equal string. */
bool strv_contains(char *const *l, const char *s);
/* Whether two lists have the same strings in the same order. */
bool strv_equal(char *const *a, char *const *b);
/* Gives what follows prefix in the first string that begins with it, borrowed. NULL: there is none. */
const char *strv_after(char *const *l, const char *prefix);
/* How many strings the list has. */
size_t strv_length(char *const *l);
/* Appends a copy of s, unless the list has an equal string. Returns 1; 0: the list had one; -ENOMEM: the list is as it
 * was. */
int strv_add(char ***l, const char *s);
/* Splits text at newlines; empty lines are left out, equal lines are kept. *ret is owned by the caller, who frees it
 * with strv_free(); NULL: there is no line. 0, or -ENOMEM. */
int strv_split_lines(const char *text, char ***ret);
