/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/record.h"
#include "util/macros.h"

/*
 * Metadata: what a machine says of itself and what a unit asks of a machine, as words "key=value". A key has letters,
 * digits and "_.-"; a value has no blanks, quotes, backslashes or control characters. A list is text, its words parted
 * by single spaces.
 */

/* The length of the key of a well-formed word; 0: the word is not well-formed. */
size_t metadata_key_length(const char *word);

/* Appends a word to a list in an array of size bytes, unless the list has it. 0, or -E2BIG: there is no room, and the
 * list is as it was. */
int metadata_append(char *list, size_t size, const char *word);

/* Gives the next key of a list with all its values, parted by single spaces, so that each key comes once. *cursor is 0
 * at first, and is moved. Words that are not well-formed are left out. false: there is no further key. */
bool metadata_next(
                const char *list, size_t *cursor, char key[static METADATA_SIZE], char values[static METADATA_SIZE]);
