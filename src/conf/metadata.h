/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/record.h"
#include "util/macros.h"

/*
 * Metadata: what a machine says of itself, and what a unit asks of one; words "key=value". In a key are letters,
 * digits and "_.-", in a value no blanks, quotes, backslashes or control characters. Lists of them are text, parted by
 * single spaces.
 */

/* The length of the key of a well-formed word, or 0. */
size_t metadata_key_length(const char *word);

/* Appends a word, unless it is there, to a list in an array of size bytes. -E2BIG: it has no room, and the list is
 * what it was. */
int metadata_append(char *list, size_t size, const char *word);

/* The next key of a list, with all its values, parted by single spaces: for those who want each key once. *cursor is 0
 * at first. What is no word of the kind is left out. false: there are no more. */
bool metadata_next(
                const char *list, size_t *cursor, char key[static METADATA_SIZE], char values[static METADATA_SIZE]);
