/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/record.h"
#include "util/macros.h"

/*
 * Metadata: words "key=value" by which a machine describes itself, and by which a unit says what it needs of a
 * machine. A key has letters, digits and "_.-". A value has no blanks, quotes, backslashes or control characters. A
 * list of such words is a text in which single spaces separate them.
 */

/* Gives the length of the key of a well-formed word, and 0 if the word is not well-formed. */
size_t metadata_key_length(const char *word);

/* Appends a word to a list in an array of size bytes, unless the list has the word already. Returns 0, or -E2BIG if
 * there is no room; the list is then as it was. */
int metadata_append(char *list, size_t size, const char *word);

/* Gives the next key of a list with all its values, separated by single spaces, so that each key comes once. The
 * caller sets *cursor to 0 before the first call; each call moves it. Words without a key are left out. Returns false
 * if there is no further key. */
bool metadata_next(
                const char *list, size_t *cursor, char key[static METADATA_SIZE], char values[static METADATA_SIZE]);
