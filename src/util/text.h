/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Text that others wrote: host names, metadata, reasons and versions from records, what a registry's server answers,
 * lines of files. Such text may be anything. Two questions are kept apart:
 *
 * - What may be shown to a person, on a terminal or in the journal: text_clean(). This function keeps every character
 *   that can be seen, and writes the others as escapes: control characters (ESC, CR and LF among them, and those of
 * C1), marks that turn the direction of writing, and invisible characters, which could make two different names look
 * alike.
 * - What D-Bus and JSON can carry: valid UTF-8, text_mend(). The bus disconnects a program that sends anything else.
 */

#include "util/macros.h"

/* Gives the code point with which s begins, in UTF-8 (the shortest form, no surrogates, up to U+10FFFF). Returns its
 * length in bytes; 0: s begins with no code point, or is at its end, and *ret is unchanged. */
size_t text_decode(const char *s, uint32_t *ret);

/* Whether a character can be seen, takes a place on the line (or is part of the character before it), and does nothing
 * else, such as to turn the direction of writing. */
bool text_is_shown(uint32_t c);

enum {
        TEXT_PIECE_SIZE = 12,
};

/* Writes the character with which src begins, or the byte if there is no character, into piece as text_clean() would.
 * Returns how many bytes of src were taken. src must not be at its end. */
size_t text_piece(const char *src, char piece[static TEXT_PIECE_SIZE]);

/* Copies src into dst of size bytes (at least 1), as one line that can be shown. Characters that must not be shown are
 * written as \x1b, \u202e or \U000e0041, bytes that are no UTF-8 as \xff. If the text does not fit, it is cut, neither
 * within a character nor within an escape. Returns dst. */
char *text_clean(char *dst, size_t size, const char *src);

/* Puts '?' in the place of each byte of s that is no UTF-8. Returns s. */
char *text_mend(char *s);
/* Whether s is valid UTF-8. */
bool text_is_utf8(const char *s);

/* Like asprintf(), but returns the new string, owned by the caller; NULL: out of memory. */
char *text_format(const char *format, ...) _printf_(1, 2);
