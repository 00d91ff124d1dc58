/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Writes to stdout and stderr. No other file of leasectl does (tests/house looks for others).
 *
 * A line may contain text of others: a host name, a reason, the error of a server. It is written as one line that can
 * be shown (util/text.h). Colours are written only if stdout is a terminal.
 */

#include "util/macros.h"

typedef enum Colour {
        COLOUR_NONE,
        COLOUR_GREEN,
        COLOUR_YELLOW,
        COLOUR_RED,
        COLOUR_GREY,
        COLOUR_BOLD,
} Colour;

/* Give the marks that begin and end a colour in a text for the functions below. A mark is no escape sequence and no
 * valid UTF-8, so text of others cannot hold one. Static strings. */
const char *colour_on(Colour c);
const char *colour_off(void);
/* Decides whether colours are written. To be called before a pager takes the place of stdout; otherwise the first
 * line with a colour decides. */
void say_decide_colours(void);

/* Prints one line on stdout; format is as for printf(3). */
void say(const char *format, ...) _printf_(1, 2);
/* Prints text on stdout, in as many lines as the terminal's width (80 if there is no terminal) needs: a line ends
 * between two words, and each further line begins with so many spaces. Words wider than the terminal are cut in two.
 */
void say_wrapped(size_t indent, const char *format, ...) _printf_(2, 3);
/* Takes the whole terminal, stdout: what is said between say_screen_clear() and say_screen_show() replaces what was
 * there, by one write; lines that do not fit are left out. say_screen_end() gives back the terminal as it was. */
void say_screen_begin(void);
void say_screen_clear(void);
void say_screen_show(void);
void say_screen_end(void);
/* Prints a JSON text, of one line or several, on stdout. Characters that cannot be shown are written as JSON
 * escapes, so that the value stays exact. */
void say_json(const char *json);
/* Writes a line on stderr in place of the line that this function wrote before. stderr must be a terminal. NULL
 * takes the line away. */
void say_over(const char *text);
/* Prints one line on stderr, without "leasectl: " in front. */
void say_progress(const char *text);

/* Prints one line on stderr, "leasectl: …". What was printed on stdout before is flushed first, so that the lines
 * appear in this order. */
void complain(const char *format, ...) _printf_(1, 2);
/* From this call on, complain() never waits for stderr: a line that stderr cannot take at once is lost. For a verb
 * that has a deadline to keep. */
void complain_without_waiting(void);
