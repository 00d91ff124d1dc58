/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Text that others wrote: host names, metadata, reasons and versions from records, what a registry's server answers,
 * lines of files. Anything may be in it. Two questions are kept apart:
 *
 * - What may be shown to a person, on a terminal or in the journal: text_clean(). It keeps every character that is
 *   seen, and writes the others as an escape: control characters, among them ESC, CR and LF, those of C1, marks that
 *   turn the direction of writing, and characters that cannot be seen at all, so that two names that look alike are
 *   alike.
 * - What D-Bus and JSON can carry: valid UTF-8, text_mend(). The bus disconnects a program that sends anything else.
 */

#include "util/macros.h"

/* Gives the code point with which s begins, as UTF-8 (the shortest form, no surrogates, up to U+10FFFF). Returns how
 * many bytes it has; 0: there is none, or s is at its end. */
size_t text_decode(const char *s, uint32_t *ret);

/* Whether a character is seen, takes a place on the line (or is part of the character before it), and does nothing
 * else. */
bool text_is_shown(uint32_t c);

enum {
        TEXT_PIECE_SIZE = 12,
};

/* Writes the character with which src begins, or else the byte, as text_clean() does. Returns how many bytes of src
 * that was. src must not be at its end. */
size_t text_piece(const char *src, char piece[static TEXT_PIECE_SIZE]);

/* Copies src into dst of size bytes, as one line that can be shown. Other characters are written as \x1b, \u202e or
 * \U000e0041, bytes that are no UTF-8 as \xff. The text is cut where it does not fit, neither within a character nor
 * within an escape. Returns dst. */
char *text_clean(char *dst, size_t size, const char *src);

/* Puts '?' in the place of each byte of s that is no UTF-8. Returns s. */
char *text_mend(char *s);
/* Whether s is valid UTF-8. */
bool text_is_utf8(const char *s);

/* asprintf() as a value: a new string, owned by the caller; NULL: out of memory. */
char *text_format(const char *format, ...) _printf_(1, 2);
