/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Lists of strings: NULL-terminated arrays, NULL being an empty one. */

#include "util/macros.h"

char **strv_free(char **l);
DEFINE_TRIVIAL_CLEANUP(char **, strv_free)
bool strv_contains(char *const *l, const char *s);
bool strv_equal(char *const *a, char *const *b);
size_t strv_length(char *const *l);
/* Appends a copy of s unless it is there: 1, or 0 if it was. -ENOMEM leaves the list as it was. */
int strv_add(char ***l, const char *s);
/* Splits text at newlines, empty lines left out. 0, or -ENOMEM; *ret is the caller's, to be freed by strv_free(). */
int strv_split_lines(const char *text, char ***ret);
