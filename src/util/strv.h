/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Lists of strings: arrays that end with NULL. A list that is NULL is empty. */

#include "util/macros.h"

/* Frees a list with its strings. Returns NULL. */
char **strv_free(char **l);
DEFINE_TRIVIAL_CLEANUP(char **, strv_free)
/* Whether the list has that very string. */
bool strv_contains(char *const *l, const char *s);
/* Whether two lists have the same strings in the same order. */
bool strv_equal(char *const *a, char *const *b);
size_t strv_length(char *const *l);
/* Appends a copy of s unless the list has it: 1, or 0 if it has. -ENOMEM: the list is as it was. */
int strv_add(char ***l, const char *s);
/* Splits text at newlines; empty lines are left out. 0, or -ENOMEM. *ret is owned by the caller, freed by strv_free().
 */
int strv_split_lines(const char *text, char ***ret);
